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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config as ClientConfig
from rich.console import Console

from pipelines import endpoints
from pipelines.config import Config
from pipelines.local import EmbeddedSageMaker
from pipelines.stack.code import HANDLERS, archive, function_files
from pipelines.stack.deploy import deploy_stack
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
def stacked(target: Target) -> Callable[[Config], Config]:
    """Put a preset's stack up, and answer the preset placed in it."""
    return lambda preset: deploy_stack(target, target.place_unstacked(preset), Console(quiet=True))


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


@pytest.fixture(scope="session")
def draw_photo() -> Callable[[Path, float, int], None]:
    """Draw a JPEG file of clouds in a hue, 0 to 1: photos of a class look alike, and are no copies of each other."""
    import cv2
    import numpy as np

    def draw(file: Path, hue: float, seed: int) -> None:
        generator = np.random.default_rng(seed)
        clouds = cv2.resize(generator.random((21, 27)), (108, 84), interpolation=cv2.INTER_CUBIC).clip(0, 1)
        colour = np.broadcast_to(np.float32([360 * hue, 0.8, 1]), (84, 108, 3)).copy()
        colour[..., 2] = 0.2 + 0.8 * clouds
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), (255 * cv2.cvtColor(colour, cv2.COLOR_HSV2BGR)).astype(np.uint8))

    return draw


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


class Answers:
    """A server that stands in for AWS: it gives one answer to whatever is asked, or one to each action.

    Attributes:
        url: where it listens.
        asked: how many questions it has had.
        by_action: JSON answers by the last part of `X-Amz-Target`; a list is given out one by one.
        silent: while set, it reads questions and answers nothing.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.by_action: dict[str, Any] = {}
        self.silent = threading.Event()
        self.say(200, "text/plain", b"")
        self._ended = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def say(self, status: int, kind: str, body: bytes) -> None:
        self._status, self._kind, self._body = status, kind, body

    def refuse(self, code: str, message: str, status: int = 400) -> None:
        """As services with the JSON protocol do."""
        body = json.dumps({"__type": code, "message": message}).encode()
        self.say(status, "application/x-amz-json-1.1", body)

    def refuse_as_s3(self, code: str, message: str, status: int) -> None:
        text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        self.say(status, "application/xml", text.encode())

    def refuse_as_sts(self, code: str, message: str) -> None:
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        self.say(403, "text/xml", f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode())

    def close(self) -> None:
        self._ended.set()
        self.server.shutdown()
        self.server.server_close()

    def _answer(self, action: str) -> tuple[int, str, bytes]:
        answer = self.by_action.get(action)
        if answer is None:
            return self._status, self._kind, self._body
        found = answer.pop(0) if isinstance(answer, list) else answer
        return 200, "application/x-amz-json-1.1", json.dumps(found).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answers = self

        def answer(handler: BaseHTTPRequestHandler) -> None:
            answers.asked += 1
            handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
            if answers.silent.is_set():
                answers._ended.wait(30)
                return
            status, kind, body = answers._answer(handler.headers.get("X-Amz-Target", "").rpartition(".")[2])
            handler.send_response(status)
            handler.send_header("Content-Type", kind)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            if handler.command != "HEAD":
                handler.wfile.write(body)

        methods = {f"do_{method}": answer for method in ("GET", "POST", "PUT", "HEAD")}
        return type("Handler", (BaseHTTPRequestHandler,), {**methods, "log_message": lambda *_: None})


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Answers]:
    """A stand-in for AWS, and an environment that points at it and at nothing else."""
    server = Answers()
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "some",
        "AWS_SECRET_ACCESS_KEY": "some",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }.items():
        monkeypatch.setenv(name, value)
    yield server
    server.close()
