"""The train step as SageMaker runs it: the container's `train` program under the container contract."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from steps.train.networks.network import Classifier

REPOSITORY = Path(__file__).parents[3]
PROGRAM = REPOSITORY / "containers" / "training" / "bin" / "train"


@pytest.fixture
def base(tmp_path, shards):
    """A folder that stands for /opt/ml, with both channels filled."""
    write_config(tmp_path, "inputdataconfig", {"train": {}, "validation": {}, "code": {}})
    write_config(tmp_path, "resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})
    write_config(tmp_path, "hyperparameters", {"architecture": "resnet18", "epochs": "1", "batch_size": "64"})
    shutil.copytree(shards, tmp_path / "input" / "data")
    return tmp_path


def write_config(base, name, content):
    file = base / "input" / "config" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def run(base):
    environment = {
        "SAGEMAKER_BASE_DIR": str(base),
        "TRAINING_JOB_NAME": "count-squares",
        "PYTHONPATH": str(REPOSITORY),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run([PROGRAM, "train"], env=environment, capture_output=True, text=True, timeout=300)


def failure(base):
    finished = run(base)
    assert finished.returncode == 1
    reason = (base / "output" / "failure").read_text()
    assert reason in finished.stderr
    assert "Traceback" not in finished.stderr
    assert list((base / "model").glob("*")) == []
    return reason


def test_a_training_job_leaves_its_model_and_its_name_in_it(base):
    finished = run(base)
    assert finished.returncode == 0, finished.stderr
    assert "epoch=1/1; train:loss=" in finished.stdout
    assert not (base / "output" / "failure").exists()
    assert {file.name for file in (base / "model").iterdir()} == {"model.onnx", "model.safetensors", "signature.json"}
    assert json.loads((base / "model" / "signature.json").read_text())["training_job"] == "count-squares"
    diagnosis = json.loads((base / "output" / "data" / "diagnostics.json").read_text())
    assert diagnosis["training_job"] == "count-squares"
    assert {"conv1", "layer4.1.conv2", "fc"} <= set(diagnosis["looks"]["gradient_norms"])
    assert "count-squares" in (base / "output" / "data" / "training.html").read_text()


def test_a_training_job_starts_from_the_weights_of_its_channel(base):
    write_config(base, "inputdataconfig", {"train": {}, "validation": {}, "code": {}, "weights": {}})
    write_config(base, "hyperparameters", {"architecture": "baseline", "epochs": "1", "objective": "rmse"})
    weights = base / "input" / "data" / "weights"
    weights.mkdir()
    torch.manual_seed(0)
    torch.save(Classifier("baseline", 1000).network.state_dict(), weights / "imagenet.pth")
    finished = run(base)
    assert finished.returncode == 0, finished.stderr
    assert "imagenet.pth: fc.weight is [1000, 256], so the head starts from random weights" in finished.stdout
    decision = json.loads((base / "model" / "signature.json").read_text())["decision"]
    assert decision["mirrored"] is True
    assert f"the model answers the {decision['rule']}, for the objective rmse" in finished.stdout


def test_weights_of_another_network_fail_the_job_naming_what_does_not_fit(base):
    write_config(base, "inputdataconfig", {"train": {}, "validation": {}, "code": {}, "weights": {}})
    weights = base / "input" / "data" / "weights"
    weights.mkdir()
    torch.save(Classifier("baseline", 4).network.state_dict(), weights / "model.pth")
    assert "model.pth does not fit the network: it lacks conv1.weight, bn1.weight, bn1.bias and" in failure(base)


def test_a_truncated_shard_fails_the_job_naming_the_file(base):
    file = base / "input" / "data" / "train" / "algo-1-00050" / "images.npy"
    file.write_bytes(file.read_bytes()[:5000])
    assert f"{file} cannot be read as an array" in failure(base)


def test_a_bad_hyperparameter_fails_the_job_naming_it_and_its_bounds(base):
    write_config(base, "hyperparameters", {"learning_rate": "7"})
    assert failure(base) == "hyperparameter 'learning_rate' is '7': Input should be less than or equal to 1"
