"""The embedded SageMaker with images instead of processes: jobs and an endpoint in real containers, by podman."""

import io
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from PIL import Image

from pipelines.images.recipe import Recipe
from pipelines.local import ContainerEngine, EmbeddedSageMaker

pytestmark = [pytest.mark.slow, pytest.mark.images, pytest.mark.timeout(3600)]

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
ROLE = "arn:aws:iam::123456789012:role/any"
BUCKET = "results"


@pytest.fixture(scope="module")
def sagemaker(container: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a server that runs images; there is no folder of programs that could stand in for them."""
    for image in ("processing", "serving"):
        container(image)
    state = tmp_path_factory.mktemp("sagemaker")
    engine = ContainerEngine("podman")
    with (
        EmbeddedSageMaker(state, containers=state / "none", engine=engine) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in server.environment().items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield boto3.client("sagemaker")


@pytest.fixture
def process(sagemaker: Any) -> Callable[..., str]:
    """Start a Python program as a processing job; returns the job's name."""

    def start(name: str, program: str, image: str = f"{REGISTRY}/bin-counter/processing@sha256:{'0' * 64}") -> str:
        output = {
            "S3Uri": f"s3://{BUCKET}/{name}",
            "LocalPath": "/opt/ml/processing/output",
            "S3UploadMode": "EndOfJob",
        }
        sagemaker.create_processing_job(
            ProcessingJobName=name,
            RoleArn=ROLE,
            AppSpecification={
                "ImageUri": image,
                "ContainerEntrypoint": ["python3", "-c"],
                "ContainerArguments": [program],
            },
            ProcessingOutputConfig={"Outputs": [{"OutputName": "told", "S3Output": output}]},
            ProcessingResources={
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
            },
        )
        return name

    return start


@pytest.fixture
def ended(sagemaker: Any) -> Callable[[str], dict[str, Any]]:
    """Wait for the end of a processing job; returns its description."""

    def wait(name: str) -> dict[str, Any]:
        def over() -> dict[str, Any] | None:
            job: dict[str, Any] = sagemaker.describe_processing_job(ProcessingJobName=name)
            return None if job["ProcessingJobStatus"] in ("InProgress", "Stopping") else job

        return until(over)

    return wait


def test_a_job_runs_in_its_image(process: Callable[..., str], ended: Callable[[str], dict[str, Any]]) -> None:
    tell = "import sys, sklearn; open('/opt/ml/processing/output/prefix', 'w').write(sys.prefix)"
    job = ended(process("tells", tell))
    assert job["ProcessingJobStatus"] == "Completed", job
    told = boto3.client("s3").get_object(Bucket=BUCKET, Key="tells/prefix")["Body"].read()
    assert told == b"/opt/venv"


def test_a_job_that_fails_in_its_image_gives_its_own_reason(
    process: Callable[..., str], ended: Callable[[str], dict[str, Any]]
) -> None:
    fail = "open('/opt/ml/output/message', 'w').write('no photos'); raise SystemExit(3)"
    job = ended(process("fails", fail))
    assert (job["ProcessingJobStatus"], job["ExitMessage"]) == ("Failed", "no photos")
    assert job["FailureReason"] == "AlgorithmError: no photos, exit code: 3"


def test_a_job_that_is_stopped_leaves_no_container(
    sagemaker: Any, process: Callable[..., str], ended: Callable[[str], dict[str, Any]]
) -> None:
    wait = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit()); time.sleep(600)"
    name = process("waits", wait)
    until(lambda: containers() or None)
    sagemaker.stop_processing_job(ProcessingJobName=name)
    assert ended(name)["ProcessingJobStatus"] == "Stopped"
    assert containers() == []


def test_an_image_that_is_not_here_fails_the_job_with_what_to_do(
    process: Callable[..., str], ended: Callable[[str], dict[str, Any]]
) -> None:
    job = ended(process("lacks", "", f"{REGISTRY}/team/other:7"))
    assert job["ProcessingJobStatus"] == "Failed"
    here = f"podman holds neither the image {REGISTRY}/team/other:7 nor team/other:latest on this machine"
    assert job["FailureReason"] == f"ClientError: {here}: build or pull it first."


def test_an_endpoint_answers_from_its_image(sagemaker: Any, model: Path, recipes: dict[str, Recipe]) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for file in model.iterdir():
            tar.add(file, file.name)
    boto3.client("s3").put_object(Bucket=BUCKET, Key="model.tar.gz", Body=archive.getvalue())
    primary = {"Image": f"{REGISTRY}/bin-counter/serving:latest", "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
    sagemaker.create_model(ModelName="counter", PrimaryContainer=primary, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "all", "ModelName": "counter", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="counter", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="counter", EndpointConfigName="counter")

    def settled() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_endpoint(EndpointName="counter")
        return None if found["EndpointStatus"] == "Creating" else found

    assert until(settled)["EndpointStatus"] == "InService"
    photo = io.BytesIO()
    Image.new("RGB", (300, 200), (90, 120, 30)).save(photo, "JPEG")
    answer = boto3.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="counter", ContentType="image/jpeg", Body=photo.getvalue()
    )
    assert b'"count"' in answer["Body"].read()
    assert len(containers()) == 1
    sagemaker.delete_endpoint(EndpointName="counter")
    until(lambda: None if containers() else "gone")


def containers() -> list[str]:
    """Names of the server's containers, running or not."""
    words = ["podman", "ps", "--all", "--format={{.Names}}", "--filter=name=embedded-sagemaker"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


def until(found: Callable[[], Any]) -> Any:
    """Wait for what is not None."""
    deadline = time.monotonic() + 120
    while (it := found()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return it
