"""An embedded SageMaker with this project's containers, and clients that find it as users' programs do."""

import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config as ClientConfig

from pipelines import endpoints
from pipelines.config import Config
from pipelines.local import EmbeddedSageMaker
from pipelines.stack.code import HANDLERS, archive, function_files
from pipelines.target import Target, connect

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a second process needs to reach the server, and nothing else of AWS."""
    state = tmp_path_factory.mktemp("sagemaker")
    with EmbeddedSageMaker(state=state, containers=REPOSITORY / "containers") as server:
        others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        yield {**others, **server.environment()}


@pytest.fixture(scope="module")
def target(environment: dict[str, str]) -> Iterator[Target]:
    """The clients of our own commands, in the environment of this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        yield connect()


@pytest.fixture(scope="module")
def register_model(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Register a small model of random weights, as the pipeline registers a trained one; returns the package's ARN."""
    import numpy as np
    import torch

    from steps.decision import Decision
    from steps.preprocessing import Preprocessing
    from steps.signature import Signature
    from steps.train.export import export
    from steps.train.networks.network import MEAN, STD, Classifier

    def register(config: Config, seed: int) -> str:
        folder = tmp_path_factory.mktemp("model")
        torch.manual_seed(seed)
        classes = tuple("012345")
        signature = Signature(
            classes=classes,
            preprocessing=Preprocessing(size=32, resize="pad"),
            mean=MEAN,
            std=STD,
            architecture="baseline",
            training_job="none",
            decision=Decision(temperature=1.0, mirrored=False),
        )
        images = np.random.default_rng(seed).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
        export(Classifier("baseline", len(classes)).eval(), signature, images, folder)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            for file in sorted(folder.iterdir()):
                tar.add(file, file.name)
        key = f"models/{seed}/model.tar.gz"
        target.s3.put_object(Bucket=config.bucket, Key=key, Body=archive.getvalue())
        package: Any = {
            "InferenceSpecification": {
                "Containers": [{"Image": config.images.serving, "ModelDataUrl": f"s3://{config.bucket}/{key}"}],
                "SupportedContentTypes": ["image/jpeg"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        }
        group = config.register_.group
        known = target.sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]
        if not known:
            target.sagemaker.create_model_package_group(ModelPackageGroupName=group)
        return target.sagemaker.create_model_package(
            ModelPackageGroupName=group, ModelApprovalStatus="PendingManualApproval", **package
        )["ModelPackageArn"]

    return register


@pytest.fixture(scope="module")
def stack_function(target: Target) -> Callable[..., str]:
    """Create a function as the stack does, given which and its environment; returns its name."""

    def create(which: str, name: str, **variables: str) -> str:
        functions, iam = target.client("lambda"), target.client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        functions.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler=HANDLERS[which],
            Role=role,
            Code={"ZipFile": archive(function_files())},
            Timeout=60,
            MemorySize=256,
            Environment={"Variables": variables},
        )
        return name

    return create


@pytest.fixture
def call_function(target: Target) -> Callable[..., dict[str, Any]]:
    """Call a function with an event; returns what it answered, or its error."""

    def call(name: str, event: Any) -> dict[str, Any]:
        answer = target.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        found: dict[str, Any] = json.loads(answer["Payload"].read())
        return found

    return call


@pytest.fixture
def command(environment: dict[str, str]) -> Callable[..., str]:
    """Run a command of ours in another process; returns what it printed."""

    def run(*words: str, fails: bool = False) -> str:
        line = [sys.executable, "-m", "pipelines", *words, "--preset", "demo"]
        done = subprocess.run(line, capture_output=True, text=True, env=environment, timeout=120)
        assert (done.returncode != 0) == fails, done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def until_live(target: Target) -> Callable[[Config, int], None]:
    """Wait until a version, and no other, answers at the endpoint of a configuration."""

    def wait(config: Config, version: int) -> None:
        deadline = time.monotonic() + 120
        while True:
            found = endpoints.describe_endpoint(target, endpoints.endpoint_name(config))
            if found and (found.status, [each.version for each in found.variants]) == ("InService", [version]):
                return
            assert time.monotonic() < deadline, found
            time.sleep(0.2)

    return wait


class Load:
    """Eight clients that ask about one photo again and again.

    Attributes:
        answers: the confidences that were answered.
        failures: what was raised instead.
    """

    def __init__(self, runtime: Any, endpoint: str, photo: Path) -> None:
        self.answers: list[float] = []
        self.failures: list[Exception] = []
        self._ended = threading.Event()
        body = photo.read_bytes()
        self._ask = lambda: runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="image/jpeg")
        self._clients = [threading.Thread(target=self._work) for _ in range(8)]

    def _work(self) -> None:
        while not self._ended.wait(0.02):
            try:
                self.answers.append(json.loads(self._ask()["Body"].read())["confidence"])
            except Exception as error:
                self.failures.append(error)

    def __enter__(self) -> "Load":
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._ended.set()
        for client in self._clients:
            client.join()


@pytest.fixture
def load_of(target: Target) -> Callable[[str, Path], Load]:
    """Load on an endpoint with a photo, for as long as its block lasts; nothing is tried a second time."""
    once = ClientConfig(retries={"total_max_attempts": 1}, max_pool_connections=8)
    runtime = boto3.Session().client("sagemaker-runtime", config=once)
    return lambda endpoint, photo: Load(runtime, endpoint, photo)
