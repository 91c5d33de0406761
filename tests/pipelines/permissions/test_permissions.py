"""The stack's roles allow what a run from deployment to audit calls, and nothing that no run has a use for."""

import base64
import io
import json
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from pipelines import endpoints, operations, schedule
from pipelines.audit.run import run_audit
from pipelines.config import Config, load_preset
from pipelines.definition import compile_definition
from pipelines.demo.photos import simulated_photos, transfer_progress
from pipelines.policies.placing import place_policy
from pipelines.progress import watch
from pipelines.stack.delete import delete_stack
from pipelines.stack.deploy import deploy_stack
from pipelines.target import Target
from pipelines.teardown import teardown
from steps.tune.settings import TuneSettings

pytestmark = pytest.mark.slow

PHOTOS = 150
OPERATOR = "arn:aws:iam::123456789012:user/operator"
# Of a stack with an HTTP API and a budget; CloudFormation puts the stack's tag on all it makes, and names it then.
POLICIES = {"deployer": ("deployer", "deployer-functions", "deployer-options"), "operator": ("operator",)}
TAGS = ("aws:RequestTag/pipeline", "aws:ResourceTag/pipeline")
# What this test does itself, in the place of a training or of the HTTP API.
BY_THE_TEST = {"lambda:InvokeFunction", "sagemaker:CreateModelPackage"}

# What the server does itself, so that no call is recorded.
BY_THE_SERVICE = "SageMaker follows and stops jobs, tags them and keeps their experiment by itself"
BY_THE_KEY = "encryption happens within the services, which ask for the key in the role's name"
UNUSED = {
    "pipeline": {
        "sagemaker:AddTags": BY_THE_SERVICE,
        "sagemaker:AssociateTrialComponent": BY_THE_SERVICE,
        "sagemaker:CreateExperiment": BY_THE_SERVICE,
        "sagemaker:CreateTrial": BY_THE_SERVICE,
        "sagemaker:DescribeHyperParameterTuningJob": BY_THE_SERVICE,
        "sagemaker:DescribeProcessingJob": BY_THE_SERVICE,
        "sagemaker:DescribeTrainingJob": BY_THE_SERVICE,
        "sagemaker:DescribeTransformJob": BY_THE_SERVICE,
        "sagemaker:StopHyperParameterTuningJob": BY_THE_SERVICE,
        "sagemaker:StopProcessingJob": BY_THE_SERVICE,
        "sagemaker:StopTrainingJob": BY_THE_SERVICE,
        "sagemaker:StopTransformJob": BY_THE_SERVICE,
        "kms:CreateGrant": BY_THE_KEY,
        "kms:Decrypt": BY_THE_KEY,
        "kms:DescribeKey": BY_THE_KEY,
    },
    "jobs": {
        "cloudwatch:PutMetricData": "the metrics of instances are made by AWS's agent on them",
        "cloudwatch:DescribeAlarms": "SageMaker may look by the models' role at the alarms that roll back",
        "ecr:BatchCheckLayerAvailability": "images are not fetched here",
        "ecr:BatchGetImage": "images are not fetched here",
        "ecr:GetAuthorizationToken": "images are not fetched here",
        "ecr:GetDownloadUrlForLayer": "images are not fetched here",
        "kms:CreateGrant": BY_THE_KEY,
        "kms:Decrypt": BY_THE_KEY,
        "kms:DescribeKey": BY_THE_KEY,
        "kms:Encrypt": BY_THE_KEY,
        "kms:GenerateDataKey": BY_THE_KEY,
        "logs:DescribeLogStreams": "AWS's agent looks for the stream before it writes; the server knows it",
        "s3:AbortMultipartUpload": "of an upload that fails half way",
        "s3:DeleteObject": "of the checkpoints of a training that has ended; the demo keeps none",
        "s3:GetBucketLocation": "AWS's agent asks where the bucket is; the server has one region",
    },
    "deploy": {
        "application-autoscaling:DeregisterScalableTarget": "SageMaker does so by the caller of DeleteEndpoint",
        "application-autoscaling:PutScalingPolicy": "for endpoints on instances; the demo's is serverless",
        "application-autoscaling:RegisterScalableTarget": "for endpoints on instances; the demo's is serverless",
        "cloudwatch:DeleteAlarms": "for endpoints on instances; the demo's is serverless",
        "cloudwatch:DescribeAlarms": "for endpoints on instances; the demo's is serverless",
        "cloudwatch:PutMetricAlarm": "for endpoints on instances; the demo's is serverless",
        "sagemaker:DescribeEndpointConfig": "Application Auto Scaling asks in the name of its caller",
        "iam:CreateServiceLinkedRole": "Application Auto Scaling asks for it the first time in an account",
        "kms:CreateGrant": BY_THE_KEY,
        "kms:Decrypt": BY_THE_KEY,
        "kms:DescribeKey": BY_THE_KEY,
        "sagemaker:DeleteEndpoint": "where the only approved model is rejected, or a creation has failed",
        "sagemaker:UpdateEndpointWeightsAndCapacities": "for endpoints on instances; the demo's is serverless",
        "sqs:SendMessage": "of an event that the function fails on three times",
    },
    "retrain": {"sqs:SendMessage": "of an event that the function fails on three times"},
    "scheduler": {"sqs:SendMessage": "of a schedule that reaches no function"},
    "ask": {},
    "authorize": {},
}
ROLES = tuple(UNUSED)
# Lambda makes a function's log group where it may; the stack has made it before, so the refusal changes nothing.
FUNCTIONS = ("ask", "authorize", "deploy", "retrain")
REFUSED_WELL = {name: {"logs:CreateLogGroup"} for name in FUNCTIONS}


@dataclass(frozen=True)
class Run:
    """What was called.

    Attributes:
        calls: by the caller's ARN.
        roles: the policy documents of each of the stack's roles, by the end of its name.
        people: what people called, by the name of who does so; CloudFormation calls in the name of who deploys.
        config: the configuration, placed.
    """

    calls: dict[str, list[dict[str, Any]]]
    roles: dict[str, list[dict[str, Any]]]
    people: dict[str, list[dict[str, Any]]]
    config: Config

    def of(self, role: str) -> list[dict[str, Any]]:
        """The calls of a role, by the end of its name."""
        return [call for arn, calls in self.calls.items() if arn.endswith(f"-{role}") for call in calls]


@pytest.fixture(scope="module")
def preset() -> Config:
    """The demo, with the smallest training there is."""
    demo = load_preset("demo")
    tune = TuneSettings(
        jobs=2,
        parallel_jobs=2,
        trial_epochs=1,
        learning_rate=(1e-4, 1e-2),
        batch_size=(16, 32),
        early_stopping=False,
    )
    small = {
        "ingest": demo.ingest.model_copy(update={"size": 32}),
        "train": demo.train.model_copy(update={"epochs": 1}),
        "tune": tune,
    }
    options = demo.stack.model_copy(update={"api": "key", "monthly_budget_usd": 50, "alarm_email": "a@example.com"})
    return demo.model_copy(update={**small, "stack": options})


@pytest.fixture(scope="module")
def bins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with transfer_progress() as progress:
        return simulated_photos(tmp_path_factory.mktemp("photos"), PHOTOS, progress).folder


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pixels = np.random.default_rng(7).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    file = tmp_path_factory.mktemp("photo") / "bin.jpg"
    file.write_bytes(buffer.getvalue())
    return file


@pytest.fixture(scope="module")
def run(
    target: Target,
    preset: Config,
    bins: Path,
    photo: Path,
    record: Path,
    register_model: Callable[..., str],
    tmp_path_factory: pytest.TempPathFactory,
    environment: dict[str, str],
) -> Run:
    """Deploy, train, approve twice, ask, reject, audit, retrain by schedule, and take everything away."""
    console, quiet = Console(quiet=True), lambda _: None
    config = deploy_stack(target, target.place_unstacked(preset), console)
    roles = _policies(target, config.name)
    deployed = len(_recorded(record))
    operations.upsert(target, config, compile_definition(config, target.region), quiet)
    for file in bins.rglob("*.*"):
        target.s3.upload_file(str(file), config.bucket, f"bins/{file.relative_to(bins).as_posix()}")
    given = {"SourceUri": f"s3://{config.bucket}/bins", "MinimumAccuracy": "0", "MaximumRmse": "9"}
    ended = watch(target, operations.start(target, config.name, given), console)
    assert ended.status == "Succeeded", ended.reason
    group = config.register_.group
    operations.decide(target, group, 1, "Approved", "looks right")
    _until_live(target, config, 1)
    assert "count" in endpoints.invoke(target, endpoints.endpoint_name(config), photo, 3)
    _ask(target, config, photo)
    register_model(config, seed=2)
    operations.decide(target, group, 2, "Approved", "")
    _until_live(target, config, 2)
    operations.decide(target, group, 2, "Rejected", "")
    _until_live(target, config, 1)
    run_audit(target, config, str(bins), tmp_path_factory.mktemp("audit"), console)
    before = operations.latest_execution(target, config.name)
    schedule.set_schedule(target, config, schedule.read_times("rate(1 hour)", "UTC"), quiet)
    _advance(environment, 3700)
    started = _until_another(target, config, before)
    target.sagemaker.stop_pipeline_execution(PipelineExecutionArn=started)
    watch(target, started, console)
    schedule.unset_schedule(target, config, quiet)
    teardown(target, endpoints.endpoint_name(config), quiet)
    torn_down = len(_recorded(record))
    delete_stack(target, config, console)
    recorded = _recorded(record)
    calls: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for call in recorded:
        calls[call["caller"]].append(call)
    people = {
        "deployer": [call for call in recorded[:deployed] + recorded[torn_down:] if call["caller"] == OPERATOR],
        "operator": [call for call in recorded[deployed:torn_down] if call["caller"] == OPERATOR],
    }
    return Run(calls, roles, people, config)


def _recorded(record: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in record.read_text().splitlines()]


def _ask(target: Target, config: Config, photo: Path) -> None:
    """Send a photo through the functions behind the HTTP API, which does not answer here itself."""
    functions = target.client("lambda")
    body = base64.b64encode(photo.read_bytes()).decode()
    headers = {"content-type": "image/jpeg", "accept": "audio/mpeg", "x-api-key": "wrong"}
    request = {"http": {"method": "POST", "path": "/", "protocol": "HTTP/1.1"}}
    event = {"version": "2.0", "headers": headers, "body": body, "isBase64Encoded": True, "requestContext": request}
    for name in ("authorize", "ask"):
        answer = functions.invoke(FunctionName=f"{config.name}-{name}", Payload=json.dumps(event).encode())
        assert "FunctionError" not in answer, answer["Payload"].read()


def _until_live(target: Target, config: Config, version: int) -> None:
    deadline = time.monotonic() + 120
    while True:
        found = endpoints.describe_endpoint(target, endpoints.endpoint_name(config))
        if found and (found.status, [each.version for each in found.variants]) == ("InService", [version]):
            return
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def _advance(environment: dict[str, str], seconds: float) -> None:
    body = json.dumps({"advance_seconds": seconds}).encode()
    url = f"{environment['AWS_ENDPOINT_URL']}/embedded/clock"
    with urllib.request.urlopen(url, body, timeout=60) as answer:  # noqa: S310 - our server's
        assert answer.status == 200


def _until_another(target: Target, config: Config, before: str) -> str:
    deadline = time.monotonic() + 60
    while (found := operations.latest_execution(target, config.name)) == before:
        assert time.monotonic() < deadline, "the schedule did not start an execution"
        time.sleep(0.2)
    return found


def _policies(target: Target, stack: str) -> dict[str, list[dict[str, Any]]]:
    iam, formation = target.client("iam"), target.client("cloudformation")
    found = {}
    for resource in formation.describe_stack_resources(StackName=stack)["StackResources"]:
        if resource["ResourceType"] == "AWS::IAM::Role":
            role = resource["PhysicalResourceId"]
            names = iam.list_role_policies(RoleName=role)["PolicyNames"]
            documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
            found[role.removeprefix(f"{stack}-")] = documents
    return found


@pytest.mark.parametrize("role", ROLES)
def test_every_call_of_a_role_is_allowed(run: Run, policies: Any, needs: Any, role: str) -> None:
    allowed = policies(*run.roles[role])
    assert run.of(role)
    missing = {
        (need.action, need.resource)
        for call in run.of(role)
        for need in needs(call)
        if need.action not in REFUSED_WELL.get(role, set()) and not allowed.allow(need)
    }
    assert missing == set()


@pytest.mark.parametrize("role", ROLES)
def test_every_permission_of_a_role_is_used_or_explained(run: Run, policies: Any, needs: Any, role: str) -> None:
    used = {need.action for call in run.of(role) for need in needs(call)}
    assert policies(*run.roles[role]).allowed_actions() == used - REFUSED_WELL.get(role, set()) | set(UNUSED[role])


def test_nobody_else_calls_but_the_operator(run: Run) -> None:
    others = {arn for arn in run.calls if arn.rpartition("-")[2] not in run.roles}
    assert others == {OPERATOR}


@pytest.mark.parametrize("who", POLICIES)
def test_the_policies_of_who_deploys_or_operates_allow_what_that_takes(
    run: Run, policies: Any, needs: Any, who: str
) -> None:
    allowed = policies(*(json.loads(place_policy(name, run.config, "aws")) for name in POLICIES[who]))
    tags = dict.fromkeys(TAGS, run.config.name)
    assert run.people[who]
    missing = {
        (need.action, need.resource)
        for call in run.people[who]
        for need in needs(call)
        if need.action not in BY_THE_TEST and not allowed.allow(replace(need, context={**need.context, **tags}))
    }
    assert missing == set()
