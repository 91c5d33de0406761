"""An embedded SageMaker with a tiny serving image, a registry to put versions into, and the deployer at work."""

import io
import json
import os
import tarfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from pipelines.local import EmbeddedSageMaker
from steps.deploy.handler import Deployer, Outcome
from steps.deploy.occasion import PACKAGE, Occasion
from steps.deploy.wishes import Wishes

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tiny/speaker:1"
BUCKET = "speaker"

# Answers with the text of its model; a model that is "sick" never becomes healthy.
SERVE = """#!/usr/bin/env python3
import http.server, os, pathlib
text = (pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"]) / "model" / "text").read_text()
if text == "sick":
    raise SystemExit("this model is sick")
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    def do_GET(self):
        self.reply(b"")
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(text.encode())
    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[boto3.Session]:
    containers = tmp_path_factory.mktemp("containers")
    serve = containers / "speaker" / "bin" / "serve"
    serve.parent.mkdir(parents=True)
    serve.write_text(SERVE)
    serve.chmod(0o755)
    with (
        EmbeddedSageMaker(state=tmp_path_factory.mktemp("state"), containers=containers) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in server.environment().items():
            patch.setenv(name, value)
        session = boto3.Session()
        session.client("s3").create_bucket(Bucket=BUCKET)
        yield session


class Stage:
    """One group, one endpoint, and what happens to them."""

    def __init__(self, session: boto3.Session, name: str, wishes: dict[str, Any]) -> None:
        self.name = name
        self.session = session
        self.sagemaker: Any = session.client("sagemaker")
        self._runtime: Any = session.client("sagemaker-runtime")
        self.wishes = Wishes(**wishes)
        self.sagemaker.create_model_package_group(ModelPackageGroupName=name)

    def register(self, text: str, status: str = "Approved", **more: Any) -> str:
        """Register a version whose answer is `text`; returns its ARN."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            member = tarfile.TarInfo("text")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
        key = f"{self.name}/{text}.tar.gz"
        self.session.client("s3").put_object(Bucket=BUCKET, Key=key, Body=archive.getvalue())
        specification = {
            "Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/{key}"}],
            "SupportedContentTypes": ["text/plain"],
            "SupportedResponseMIMETypes": ["text/plain"],
        }
        return self.sagemaker.create_model_package(
            ModelPackageGroupName=self.name,
            ModelApprovalStatus=status,
            InferenceSpecification=specification,
            **more,
        )["ModelPackageArn"]

    def decide(self, package: str, status: str) -> Outcome:
        """Approve or reject, and have the deployer hear of it as EventBridge tells."""
        self.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus=status)
        return self.tell({"detail": {PACKAGE: package, "ModelApprovalStatus": status}})

    def rest(self) -> Outcome:
        """The event of an endpoint that has come to rest."""
        return self.tell({"detail": {"EndpointName": self.name, "EndpointStatus": "IN_SERVICE"}})

    def tell(self, event: Any) -> Outcome:
        return Deployer(self.wishes, self.session).act(Occasion.of(event))

    def put_live(self, package: str) -> None:
        assert self.tell({PACKAGE: package}).State == "deploying"
        assert self.settled()["EndpointStatus"] == "InService"

    def describe(self) -> Any:
        return self.sagemaker.describe_endpoint(EndpointName=self.name)

    def settled(self) -> Any:
        """The endpoint once nothing is being done to it."""
        self.until(lambda: self.describe()["EndpointStatus"] in ("InService", "Failed"))
        return self.describe()

    def until(self, holds: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def answer(self) -> str:
        body: bytes = self._runtime.invoke_endpoint(EndpointName=self.name, Body=b"say")["Body"].read()
        return body.decode()

    def names(self) -> tuple[list[str], list[str]]:
        """Models and endpoint configurations that were made."""
        models = self.sagemaker.list_models(NameContains=f"{self.name}-v")["Models"]
        configs = self.sagemaker.list_endpoint_configs(NameContains=f"{self.name}-v")["EndpointConfigs"]
        return [each["ModelName"] for each in models], [each["EndpointConfigName"] for each in configs]

    def tags(self, arn: str) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.sagemaker.list_tags(ResourceArn=arn)["Tags"]}

    def figures(self, accuracy: float) -> dict[str, Any]:
        """The ModelMetrics of a package whose evaluation is in the bucket."""
        figures = {"multiclass_classification_metrics": {"accuracy": {"value": accuracy}}}
        body = json.dumps(figures).encode()
        self.session.client("s3").put_object(Bucket=BUCKET, Key=f"{self.name}/evaluation.json", Body=body)
        place = {"ContentType": "application/json", "S3Uri": f"s3://{BUCKET}/{self.name}/evaluation.json"}
        return {"ModelQuality": {"Statistics": place}}


@pytest.fixture(scope="module")
def count() -> Iterator[int]:
    return iter(range(1, 1000))


@pytest.fixture
def told(count: Iterator[int]) -> dict[str, Any]:
    """What a deployer is told: instances, all at once, no waiting."""
    name = f"speaker-{next(count)}"
    return {
        "group": name,
        "endpoint": name,
        "model_role": "arn:aws:iam::123456789012:role/models",
        "capture_uri": f"s3://{BUCKET}/captured",
        "hosting": "instance",
        "memory_mb": 2048,
        "concurrency": 5,
        "instance_type": "ml.c7i.large",
        "minimum_instances": 1,
        "maximum_instances": 3,
        "requests_per_instance": 600,
        "traffic": "all_at_once",
        "traffic_percent": 50,
        "bake_seconds": 0,
        "most_errors": 5,
        "most_latency_milliseconds": 1000,
        "capture_percent": 0,
        "kms_key": "",
    }


@pytest.fixture
def make_stage(session: boto3.Session, told: dict[str, Any]) -> Iterator[Callable[..., Stage]]:
    made: list[Stage] = []

    def make(**wishes: Any) -> Stage:
        made.append(Stage(session, told["endpoint"], {**told, **wishes}))
        return made[-1]

    yield make
    for stage in made:
        if stage.name in {each["EndpointName"] for each in stage.sagemaker.list_endpoints()["Endpoints"]}:
            stage.settled()
            stage.sagemaker.delete_endpoint(EndpointName=stage.name)


@pytest.fixture
def stage(make_stage: Callable[..., Stage]) -> Stage:
    return make_stage()
