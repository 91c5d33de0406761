"""IAM's evaluation of policies, and what each recorded call needs by AWS's service authorisation reference."""

import fnmatch
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipelines.local import EmbeddedSageMaker

REPOSITORY = Path(__file__).resolve().parents[3]
HERE = "us-east-1:123456789012"

# S3's operations whose permission has another name, and those that are about the bucket instead of an object.
S3_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListObjects": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjectsV2": "ListBucket",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
}
SAGEMAKER_TYPES = {
    "EndpointConfigName": "endpoint-config",
    "EndpointName": "endpoint",
    "ExperimentName": "experiment",
    "HyperParameterTuningJobName": "hyper-parameter-tuning-job",
    "ModelName": "model",
    "ModelPackageGroupName": "model-package-group",
    "PipelineName": "pipeline",
    "ProcessingJobName": "processing-job",
    "TrainingJobName": "training-job",
    "TransformJobName": "transform-job",
    "TrialComponentName": "experiment-trial-component",
}
TAKES_NO_RESOURCE = {"sagemaker:ListModelPackages"}
NEEDS_NOTHING = {"sts:GetCallerIdentity"}
BUDGETS = {"CreateBudget": "ModifyBudget", "DeleteBudget": "ModifyBudget", "DescribeBudget": "ViewBudget"}
PASSED_TO = {"events": "events", "lambda": "lambda", "sagemaker": "sagemaker", "scheduler": "scheduler"}


@dataclass(frozen=True)
class Need:
    """What a call asks IAM for.

    Attributes:
        action: as in policies.
        resource: its ARN; None where the record does not tell.
        context: the condition keys that the call sets.
    """

    action: str
    resource: str | None
    context: dict[str, str] = field(default_factory=dict, hash=False)


class Policies:
    """Policy documents that hold together.

    A Deny that applies wins, else an Allow has to; a condition whose key the call does not set does not hold.
    """

    def __init__(self, *documents: dict[str, Any]) -> None:
        self.statements = [each for document in documents for each in _listed(document["Statement"])]

    def allow(self, need: Need) -> bool:
        applying = [each["Effect"] for each in self.statements if _applies(each, need)]
        return "Allow" in applying and "Deny" not in applying

    def allowed_actions(self) -> set[str]:
        return {action for each in self.statements if each["Effect"] == "Allow" for action in _listed(each["Action"])}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _applies(statement: dict[str, Any], need: Need) -> bool:
    named = any(_like(need.action.lower(), each.lower()) for each in _listed(statement["Action"]))
    return named and _covers(statement, need.resource) and _holds(statement.get("Condition", {}), need.context)


def _covers(statement: dict[str, Any], resource: str | None) -> bool:
    if resource is None:
        return True
    return any(_like(resource, each) for each in _listed(statement["Resource"]))


def _like(value: str, pattern: str) -> bool:
    """IAM's wildcards; a bracket is a letter like any other to it."""
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


def _holds(condition: dict[str, Any], context: dict[str, str]) -> bool:
    for operator, tests in condition.items():
        for key, wanted in tests.items():
            if key not in context:
                return False
            matches = _like if operator in ("StringLike", "ArnLike") else str.__eq__
            if not any(matches(context[key], str(each)) for each in _listed(wanted)):
                return False
    return True


def needs_of(call: dict[str, Any]) -> Iterator[Need]:
    """What a recorded call needs, with the roles that it hands over."""
    service, operation, named = call["service"], call["operation"], call["resources"]
    yield from _NEEDS.get(service, _other)(service, operation, named)
    for role in call["roles"]:
        if service in PASSED_TO and operation.startswith(("Create", "Put", "Update", "Start")):
            receiver = f"{PASSED_TO[service]}.amazonaws.com"
            yield Need("iam:PassRole", role, {"iam:PassedToService": receiver})


def _of_s3(_: str, operation: str, named: dict[str, str]) -> Iterator[Need]:
    action = f"s3:{S3_ACTIONS.get(operation, operation)}"
    bucket, key = named.get("Bucket"), named.get("Key")
    if operation == "DeleteObjects":
        key = "*"
    context = {"s3:prefix": named["prefix"]} if "prefix" in named else {}
    if bucket is None:
        yield Need(action, None)
    else:
        yield Need(action, f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}", context)


def _of_sagemaker(_: str, operation: str, named: dict[str, str]) -> Iterator[Need]:
    action = f"sagemaker:{operation}"
    arns = [value for value in named.values() if value.startswith("arn:aws:sagemaker:")]
    arns += [
        f"arn:aws:sagemaker:{HERE}:{SAGEMAKER_TYPES[name]}/{value}"
        for name, value in named.items()
        if name in SAGEMAKER_TYPES and not value.startswith("arn:")
    ]
    if action in TAKES_NO_RESOURCE or not arns:
        arns = ["*"]
    yield from (Need(action, arn) for arn in arns)


def _of_lambda(_: str, operation: str, named: dict[str, str]) -> Iterator[Need]:
    action = "lambda:InvokeFunction" if operation == "Invoke" else f"lambda:{operation}"
    name = named.get("FunctionName", "").removeprefix(f"arn:aws:lambda:{HERE}:function:").partition(":")[0]
    yield Need(re.sub(r"\d{8}(v\d)?$", "", action), f"arn:aws:lambda:{HERE}:function:{name}" if name else None)


def _of_logs(_: str, operation: str, named: dict[str, str]) -> Iterator[Need]:
    group, stream = named.get("logGroupName"), named.get("logStreamName")
    of_stream = f":log-stream:{stream}" if stream else ""
    yield Need(f"logs:{operation}", f"arn:aws:logs:{HERE}:log-group:{group}{of_stream}" if group else None)


def _of_stacks(_: str, operation: str, named: dict[str, str]) -> Iterator[Need]:
    """Change sets are allowed by their stack."""
    stack = named.get("StackName")
    if stack is not None and not stack.startswith("arn:"):
        stack = f"arn:aws:cloudformation:{HERE}:stack/{stack}/1"
    yield Need(f"cloudformation:{operation}", stack)


def _of_iam(_: str, operation: str, named: dict[str, str]) -> Iterator[Need]:
    role = named.get("RoleName")
    yield Need(f"iam:{operation}", f"arn:aws:iam::123456789012:role/{role}" if role else None)


def _of_http(_: str, operation: str, named: dict[str, str]) -> Iterator[Need]:
    """Permissions for API Gateway are by the method of HTTP."""
    verbs = {"Create": "POST", "Update": "PATCH", "Delete": "DELETE"}
    verb = next((method for word, method in verbs.items() if operation.startswith(word)), "GET")
    yield Need(f"apigateway:{verb}", None)


def _other(service: str, operation: str, named: dict[str, str]) -> Iterator[Need]:
    action = f"{service}:{BUDGETS.get(operation, operation)}"
    if action not in NEEDS_NOTHING:
        arns = [value for value in named.values() if value.startswith("arn:")]
        yield Need(action, arns[0] if arns else None)


_NEEDS: dict[str, Callable[[str, str, dict[str, str]], Iterator[Need]]] = {
    "apigatewayv2": _of_http,
    "cloudformation": _of_stacks,
    "iam": _of_iam,
    "lambda": _of_lambda,
    "logs": _of_logs,
    "s3": _of_s3,
    "sagemaker": _of_sagemaker,
}


@pytest.fixture(scope="session")
def policies() -> type[Policies]:
    """Evaluates policy documents together."""
    return Policies


@pytest.fixture(scope="session")
def need() -> type[Need]:
    """What a call asks IAM for."""
    return Need


@pytest.fixture(scope="session")
def needs() -> Callable[[dict[str, Any]], Iterator[Need]]:
    """Tell what a recorded call needs."""
    return needs_of


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server writes down what it is called for."""
    return tmp_path_factory.mktemp("record") / "calls.jsonl"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, record: Path) -> Iterator[dict[str, str]]:
    """What a second process needs to reach a server that records."""
    state = tmp_path_factory.mktemp("sagemaker")
    with EmbeddedSageMaker(state=state, containers=REPOSITORY / "containers", record=record) as server:
        others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        yield {**others, **server.environment()}
