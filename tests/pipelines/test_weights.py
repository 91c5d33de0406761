"""Published weights are put where training can start from them."""

import hashlib
import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import load

from pipelines import results
from pipelines.config import load_preset, parse_config
from pipelines.errors import PipelineError
from pipelines.weights import PUBLISHED, put_weights
from steps.train.networks.network import Classifier
from steps.train.networks.weights import load_weights

NAME = "mobilenet_v3_small"
NOWHERE = "http://127.0.0.1:9"
"""The port `discard`, where nothing listens."""


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Random weights of a network for 1,000 classes, as a file named after its hash, served over HTTP."""
    folder = tmp_path_factory.mktemp("published")
    file = folder / "weights.pth"
    torch.save(torchvision.models.get_model(NAME, weights=None).state_dict(), file)
    name = f"{NAME}-{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}.pth"
    file.rename(folder / name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", name, folder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def publish(monkeypatch, tmp_path):
    """Let torchvision's catalogue of weights name another address, with an empty cache of downloads."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    weights = torchvision.models.get_model_weights(NAME).DEFAULT
    return partial(monkeypatch.setattr, weights.value, "url")


@pytest.fixture
def config(stacked):
    return stacked(load_preset("demo"))


def test_fetched_weights_are_in_the_bucket_and_start_a_training(target, config, published, publish, tmp_path):
    server, name, folder = published
    publish(f"{server}/{name}")
    said: list[str] = []
    uri = put_weights(target, config, NAME, said.append)
    assert uri == f"s3://{config.bucket}/weights/{NAME}"
    content = results.download(target, f"{uri}/model.safetensors")
    (tmp_path / "model.safetensors").write_bytes(content)
    model = Classifier(NAME, 6)
    load_weights(model, tmp_path)
    original = torch.load(folder / name, weights_only=True)
    assert load(content).keys() == original.keys()
    assert torch.equal(model.network.features[0][0].weight, original["features.0.0.weight"])
    line = said[-1].partition(": ")[2]
    text = f'name = "{config.name}"\n{line}\n[images]\nprocessing = "p"\ntraining = "t"\nserving = "s"'
    text += '\n[catalog]\nsource = "s3://a/b"'
    text += '\n[register]\ngroup = "x"\n'
    assert target.place(parse_config(text.encode(), "x")).initial_weights == uri


def test_a_download_that_is_not_what_its_name_says_is_refused(target, config, published, publish):
    server, name, folder = published
    (folder / f"{NAME}-00000000.pth").write_bytes((folder / name).read_bytes())
    publish(f"{server}/{NAME}-00000000.pth")
    with pytest.raises(PipelineError, match=r"-00000000\.pth cannot be fetched \(invalid hash value"):
        put_weights(target, config, NAME, lambda _: None)


@pytest.mark.parametrize("missing", ["/absent-00000000.pth", NOWHERE])
def test_weights_that_cannot_be_fetched_are_one_sentence(target, config, published, publish, missing):
    publish(missing if missing.startswith("http") else published[0] + missing)
    with pytest.raises(PipelineError, match=r"cannot be fetched .*: run this where there is internet, or put") as told:
        put_weights(target, config, NAME, lambda _: None)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("architecture", ["baseline", "resnet35"])
def test_an_architecture_without_published_weights_is_refused(target, config, architecture):
    with pytest.raises(PipelineError, match=f"'{architecture}' has no published weights; those are of resnet18, "):
        put_weights(target, config, architecture, lambda _: None)


def test_torchvision_has_weights_for_every_architecture_that_is_offered():
    for name in PUBLISHED:
        assert torchvision.models.get_model_weights(name).DEFAULT.url.startswith("https://")


def test_the_command_says_in_one_line_that_there_is_no_internet(environment, tmp_path):
    proxies = dict.fromkeys(("https_proxy", "HTTPS_PROXY"), NOWHERE)
    done = subprocess.run(
        [sys.executable, "-m", "pipelines", "weights", "resnet34", "--preset", "demo"],
        capture_output=True,
        text=True,
        env={**environment, **proxies, "TORCH_HOME": str(tmp_path), "no_proxy": "127.0.0.1"},
        timeout=120,
    )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("error: https://download.pytorch.org/models/resnet34-")


def test_the_command_says_in_one_line_that_torchvision_is_missing(environment, tmp_path):
    (tmp_path / "torchvision.py").write_text("raise ModuleNotFoundError('No module named torchvision')")
    path = os.pathsep.join([str(tmp_path), str(Path.cwd())])
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pipelines", "weights", "resnet34", "--preset", "demo"],
        capture_output=True,
        text=True,
        env={**environment, "PYTHONPATH": path},
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith("install the extra `training`"), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
