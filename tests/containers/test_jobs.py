"""Photos to a model, each step in its image as SageMaker runs it, on a root filesystem that is read-only."""

import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from PIL import Image

from pipelines.code import read_bundle

pytestmark = [pytest.mark.slow, pytest.mark.images, pytest.mark.timeout(3600)]

NOBODY = 65534
BUCKET = "photos"
HYPERPARAMETERS = {"architecture": "baseline", "epochs": "1", "batch_size": "16"}


@dataclass(frozen=True)
class Ended:
    """A job that has ended: its exit code, what it printed, and what was its /opt/ml."""

    code: int
    log: str
    opt_ml: Path

    def output(self, name: str) -> Path:
        """A processing job's output."""
        assert self.code == 0, self.log
        return self.opt_ml / "processing" / "output" / name


@pytest.fixture(scope="module")
def aws() -> Iterator[dict[str, str]]:
    """The variables that lead to an S3 with 60 photos of bins of 0 to 5 items, and to an empty model registry."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for number in range(60):
            photo = io.BytesIO()
            Image.new("RGB", (64, 48), (number * 4, 90, 30)).save(photo, "JPEG")
            told = {"EXPECTED_QUANTITY": number % 6, "BIN_FCSKU_DATA": {f"A{number}": {"asin": f"A{number}"}}}
            s3.put_object(Bucket=BUCKET, Key=f"bin-images/{number:05d}.jpg", Body=photo.getvalue())
            s3.put_object(Bucket=BUCKET, Key=f"metadata/{number:05d}.json", Body=json.dumps(told))
        yield variables
    server.stop()


@pytest.fixture(scope="module")
def process(
    container: Callable[[str], Any], aws: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Ended]:
    """Run a step in the processing image."""

    def run(step: str, *arguments: str, inputs: dict[str, Path], outputs: tuple[str, ...], user: int = 0) -> Ended:
        opt_ml = tmp_path_factory.mktemp(step) / "ml"
        places = {name: opt_ml / "processing" / "input" / name for name in inputs}
        for name, folder in inputs.items():
            shutil.copytree(folder, places[name])
        unbundle(step, opt_ml / "processing" / "input" / "code")
        given = [{"InputName": name, "S3Input": {"LocalPath": f"/opt/ml/processing/input/{name}"}} for name in inputs]
        wanted = [
            {"OutputName": name, "S3Output": {"LocalPath": f"/opt/ml/processing/output/{name}"}} for name in outputs
        ]
        config = {"ProcessingInputs": given, "ProcessingOutputConfig": {"Outputs": wanted}}
        write_json(opt_ml / "config" / "processingjobconfig.json", {"ProcessingJobName": f"{step}-1", **config})
        write_json(opt_ml / "config" / "resourceconfig.json", {"current_host": "algo-1", "hosts": ["algo-1"]})
        code = {"PYTHONPATH": "/opt/ml/processing/input/code", "PYTHONSAFEPATH": "1"}
        words = ["python3", "-m", f"steps.{step}", *arguments]
        return Ended(*container("processing").run(words, opt_ml, user, **code, **aws), opt_ml)

    return run


@pytest.fixture(scope="module")
def catalog(process: Callable[..., Ended]) -> Ended:
    return process("catalog", "--source", f"s3://{BUCKET}", "--max-count", "5", inputs={}, outputs=("catalog",))


@pytest.fixture(scope="module")
def ingested(process: Callable[..., Ended], catalog: Ended) -> Ended:
    outputs = ("train", "validation", "test", "report")
    return process("ingest", "--size", "32", inputs={"catalog": catalog.output("catalog")}, outputs=outputs)


@pytest.fixture(scope="module")
def training_folder(ingested: Ended, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Lay out what SageMaker gives to one host of a training job."""

    def lay_out(settings: dict[str, str], host: str = "algo-1", hosts: tuple[str, ...] = ("algo-1",)) -> Path:
        opt_ml = tmp_path_factory.mktemp("train") / "ml"
        data = opt_ml / "input" / "data"
        unbundle("train", data / "code")
        for channel in ("train", "validation"):
            shutil.copytree(ingested.output(channel), data / channel)
        config = opt_ml / "input" / "config"
        write_json(config / "hyperparameters.json", settings)
        write_json(config / "inputdataconfig.json", {"code": {}, "train": {}, "validation": {}})
        resources = {"current_host": host, "hosts": hosts, "network_interface_name": "lo"}
        write_json(config / "resourceconfig.json", resources)
        return opt_ml

    return lay_out


def training_environment() -> dict[str, str]:
    code = {"PYTHONPATH": "/opt/ml/input/data/code", "PYTHONSAFEPATH": "1"}
    return {"TRAINING_JOB_NAME": "count", "OMP_NUM_THREADS": "1", **code}


@pytest.fixture(scope="module")
def trained(container: Callable[[str], Any], training_folder: Callable[..., Path]) -> Ended:
    opt_ml = training_folder(HYPERPARAMETERS)
    return Ended(*container("training").run(["train"], opt_ml, **training_environment()), opt_ml)


def test_photos_in_s3_are_catalogued_and_packed(catalog: Ended, ingested: Ended) -> None:
    assert "read 60 of 60 labels" in catalog.log
    assert "packed 60 of 60 images" in ingested.log
    assert list(ingested.output("train").glob("*"))


def test_the_data_report_is_drawn_by_a_user_who_is_not_root(
    process: Callable[..., Ended], catalog: Ended, ingested: Ended
) -> None:
    inputs = {name: ingested.output(name) for name in ("train", "validation", "test", "report")}
    inputs["catalog"] = catalog.output("catalog")
    explored = process("explore", inputs=inputs, outputs=("explore",), user=NOBODY)
    assert (explored.output("explore") / "explore.html").stat().st_uid == NOBODY


def test_a_training_job_leaves_a_model(trained: Ended) -> None:
    assert trained.code == 0, trained.log
    assert "epoch=1/1; train:loss=" in trained.log
    written = {file.name for file in (trained.opt_ml / "model").iterdir()}
    assert written == {"model.onnx", "model.safetensors", "signature.json"}
    assert (trained.opt_ml / "output" / "data" / "training.html").is_file()


def test_a_user_who_is_not_root_trains_as_well_and_in_int8(
    container: Callable[[str], Any], training_folder: Callable[..., Path]
) -> None:
    opt_ml = training_folder({**HYPERPARAMETERS, "precision": "int8", "largest_int8_loss": "1"})
    code, log = container("training").run(["train"], opt_ml, NOBODY, **training_environment())
    assert code == 0, log
    assert "int8" in log
    assert (opt_ml / "model" / "model.onnx").stat().st_uid == NOBODY


def test_two_hosts_train_one_model(container: Callable[[str], Any], training_folder: Callable[..., Path]) -> None:
    hosts = ("algo-1", "algo-2")
    folders = [training_folder(HYPERPARAMETERS, host, hosts) for host in hosts]
    running = [container("training").start(["train"], folder, **training_environment()) for folder in folders]
    logs = [process.communicate(timeout=600)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], logs
    assert (folders[0] / "model" / "model.onnx").is_file()


def test_the_model_is_evaluated_by_the_serving_runtime(
    process: Callable[..., Ended], catalog: Ended, ingested: Ended, trained: Ended, tmp_path: Path
) -> None:
    artifact = tmp_path / "artifact"
    artifact.mkdir()
    with tarfile.open(artifact / "model.tar.gz", "w:gz") as tar:
        tar.add(trained.opt_ml / "model", ".")
    inputs = {"model": artifact, "test": ingested.output("test"), "catalog": catalog.output("catalog")}
    evaluated = process("evaluate", "--champion-group", "nobody", inputs=inputs, outputs=("evaluation",))
    report = json.loads((evaluated.output("evaluation") / "evaluation.json").read_text())
    assert 0 <= report["detail"]["accuracy"]["value"] <= 1


def test_a_training_job_that_fails_says_why_where_sagemaker_looks(
    container: Callable[[str], Any], training_folder: Callable[..., Path]
) -> None:
    opt_ml = training_folder({**HYPERPARAMETERS, "epochs": "many"})
    code, log = container("training").run(["train"], opt_ml, **training_environment())
    reason = (opt_ml / "output" / "failure").read_text()
    assert code == 1
    assert reason.startswith("hyperparameter 'epochs' is 'many'")
    assert f"error: {reason}" in log


def test_a_processing_job_that_fails_says_why_where_sagemaker_looks(process: Callable[..., Ended]) -> None:
    failed = process("catalog", "--source", "s3://no-such-bucket", inputs={}, outputs=("catalog",))
    reason = (failed.opt_ml / "output" / "message").read_text()
    assert failed.code == 1
    assert "no-such-bucket" in reason
    assert f"error: {reason}" in failed.log


def unbundle(step: str, folder: Path) -> None:
    """Put a step's code where its job gets it."""
    for name, content in read_bundle(step).files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def write_json(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))
