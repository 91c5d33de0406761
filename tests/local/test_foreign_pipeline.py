"""A pipeline of somebody else's, written with the SageMaker SDK, runs end to end; the second time from cache."""

import importlib.util
import json
import time
import warnings
from pathlib import Path

import boto3
import numpy as np
import pytest

from pipelines.local import EmbeddedSageMaker

FOREIGN = Path(__file__).parent / "foreign"
ROLE = "arn:aws:iam::123456789012:role/prices"
BUCKET = "prices-bucket"
EXECUTED = {
    "Prepare",
    "Tune",
    "Train",
    "Evaluate",
    "Gate",
    "Register-RegisterModel",
    "Create-CreateModel",
    "Transform",
    "Announce",
    "Configure",
    "Serve",
}
CACHED = {
    "Prepare",
    "Tune",
    "Train",
    "Evaluate",
    "Announce",
}  # as on AWS: a new model has a new name, so Transform runs again


class Account:
    """Somebody's account: clients, a bucket with rows of prices, and the pipeline."""

    def __init__(self):
        self.boto = boto3.Session()
        self.s3, self.sagemaker, self.runtime = map(self.boto.client, ("s3", "sagemaker", "sagemaker-runtime"))

    def fill(self):
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        self.boto.client("iam").create_role(RoleName="prices", AssumeRolePolicyDocument=policy)
        self.s3.create_bucket(Bucket=BUCKET)
        random = np.random.default_rng(0)
        inputs = random.normal(size=(200, 3))
        prices = 5 + inputs @ [2.0, -1.0, 0.5] + random.normal(scale=0.1, size=200)
        lines = [",".join(f"{value:.6f}" for value in row) for row in np.column_stack([prices, inputs])]
        self.s3.put_object(Bucket=BUCKET, Key="prices/rows.csv", Body="\n".join(lines).encode())

    def pipeline(self):
        from sagemaker.workflow.pipeline_context import PipelineSession

        session = PipelineSession(
            boto_session=self.boto,
            sagemaker_client=self.sagemaker,
            default_bucket=BUCKET,
            sagemaker_config={
                "SchemaVersion": "1.0",
                "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
            },
        )
        return load("pipeline").build(session, ROLE, BUCKET)

    def finish(self, execution, seconds=240):
        arn = execution.arn
        deadline = time.monotonic() + seconds
        while True:
            described = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            if described["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
                break
            assert time.monotonic() < deadline, self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
            time.sleep(0.1)
        steps = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        assert described["PipelineExecutionStatus"] == "Succeeded", (described.get("FailureReason"), steps)
        return {step["StepName"]: step for step in steps}


def load(name):
    spec = importlib.util.spec_from_file_location(f"foreign_{name}", FOREIGN / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def account_of(monkeypatch):
    """Point everything that speaks to AWS at a server, as its users do: by environment variables."""

    def make(server):
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        warnings.simplefilter("ignore")
        return Account()

    with warnings.catch_warnings():
        yield make


def test_a_foreign_pipeline_runs_end_to_end_then_from_cache_also_after_a_restart(tmp_path, account_of):
    with EmbeddedSageMaker(state=tmp_path, containers=FOREIGN / "containers") as server:
        account = account_of(server)
        account.fill()
        pipeline = account.pipeline()
        pipeline.upsert(role_arn=ROLE)
        first = account.finish(pipeline.start())
        assert set(first) == EXECUTED
        assert not any("CacheHitResult" in step for step in first.values())
        check_answers(account)
        check_outputs(account, first)
        start = time.monotonic()
        assert_cached(account.finish(pipeline.start()))
        print(f"from cache in {time.monotonic() - start:.1f} s")
    with EmbeddedSageMaker(state=tmp_path, containers=FOREIGN / "containers") as server:
        account = account_of(server)
        waiter = account.sagemaker.get_waiter("endpoint_in_service")  # the endpoint comes back by itself
        waiter.wait(EndpointName="prices", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        check_answers(account)
        assert_cached(account.finish(account.pipeline().start()))
        versions = account.sagemaker.list_model_packages(ModelPackageGroupName="prices", SortOrder="Descending")[
            "ModelPackageSummaryList"
        ]
        assert [version["ModelPackageVersion"] for version in versions] == [3, 2, 1]


def assert_cached(steps):
    assert set(steps) == EXECUTED
    assert {name for name, step in steps.items() if "CacheHitResult" in step} == CACHED


def check_answers(account):
    answer = account.runtime.invoke_endpoint(
        EndpointName="prices", ContentType="text/csv", Body=b"0,0,0\n1,0,0\n0,1,0\n"
    )
    base, one, two = map(float, answer["Body"].read().split())
    assert base == pytest.approx(5, abs=0.5)
    assert one - base == pytest.approx(2, abs=0.3)
    assert two - base == pytest.approx(-1, abs=0.3)


def check_outputs(account, steps):
    tuned = account.sagemaker.describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=steps["Tune"]["Metadata"]["TuningJob"]["Arn"].rsplit("/", 1)[-1]
    )
    assert tuned["TrainingJobStatusCounters"]["Completed"] == 3
    trained = account.sagemaker.describe_training_job(
        TrainingJobName=steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rsplit("/", 1)[-1]
    )
    best = tuned["BestTrainingJob"]["TunedHyperParameters"]["alpha"]
    assert trained["HyperParameters"]["alpha"] == best
    outputs = {item["OutputName"]: item["OutputValue"] for item in lambda_outputs(steps)}
    assert outputs["note"].startswith("prices-announce saw a model of some bytes, rmse 0.")
    listing = account.s3.list_objects_v2(Bucket=BUCKET, Prefix="prices/answers/")["Contents"]
    assert [item["Key"] for item in listing] == ["prices/answers/batch.csv.out"]
    body = account.s3.get_object(Bucket=BUCKET, Key=listing[0]["Key"])["Body"].read().decode()
    assert len([float(line) for line in body.splitlines()]) == 50


def lambda_outputs(steps):
    return [
        {"OutputName": item["Name"], "OutputValue": item["Value"]}
        for item in steps["Announce"]["Metadata"]["Lambda"]["OutputParameters"]
    ]
