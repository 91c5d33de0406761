"""From an approval to answers, and back: commands and boto3 in other processes, real functions, real serving."""

import io
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from pipelines import endpoints, operations
from pipelines.config import Config, load_preset
from pipelines.errors import PipelineError
from pipelines.stack.deploy import deploy_stack
from pipelines.target import Target
from pipelines.teardown import teardown

REJECT = """
import boto3, sys
boto3.client("sagemaker").update_model_package(ModelPackageArn=sys.argv[1], ModelApprovalStatus="Rejected")
"""


@pytest.fixture(scope="module")
def config(stacked: Callable[[Config], Config]) -> Config:
    return stacked(load_preset("demo"))


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pixels = np.random.default_rng(7).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    file = tmp_path_factory.mktemp("photo") / "bin.jpg"
    file.write_bytes(buffer.getvalue())
    return file


@pytest.mark.slow
def test_from_an_approval_to_an_answer_and_to_nothing_that_costs(
    target: Target,
    config: Config,
    photo: Path,
    register_model: Callable[..., str],
    command: Callable[..., str],
    until_live: Callable[[Config, int], None],
) -> None:
    group = config.register_.group
    assert "there is no endpoint bin-counter-demo" in command("endpoint")
    assert "there is no endpoint bin-counter-demo yet: approve a model" in command("invoke", str(photo), fails=True)
    register_model(config, seed=1)
    assert "version 1 is Approved" in command("approve", "--comment", "looks right")
    until_live(config, 1)
    assert "100% of the requests go to version 1 (serverless, 2048 MB, 10 at once)" in command("endpoint")
    assert "live" in command("models")
    answer = endpoints.invoke(target, endpoints.endpoint_name(config), photo, None)
    assert f"{answer['count']}, with a confidence of {answer['confidence']:.1%}" in command("invoke", str(photo))
    expected = command("invoke", str(photo), "--expect", "3")
    assert f"probability of 3: {answer['probabilities']['3']:.1%}" in expected
    notes = photo.with_name("notes.txt")
    notes.write_text("no photo at all")
    assert "bin-counter-demo refuses the photo: " in command("invoke", str(notes), fails=True)
    removed = command("teardown")
    assert "removed the endpoint bin-counter-demo (serverless, 2048 MB, 10 at once)" in removed
    assert "removed the model bin-counter-demo-v1-" in removed
    assert target.sagemaker.list_models()["Models"] == []
    assert target.sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert "nothing of it costs money" in command("teardown")
    assert operations.list_models(target, group)[0].status == "Approved"
    operations.decide(target, group, 1, "Rejected", "")


def wait_for_scaling(target: Target) -> None:
    autoscaling = target.client("application-autoscaling")
    deadline = time.monotonic() + 60
    while not autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.slow
def test_a_second_version_is_approved_under_load_and_rejected_again_without_a_failed_request(
    target: Target,
    config: Config,
    photo: Path,
    register_model: Callable[..., str],
    environment: dict[str, str],
    until_live: Callable[[Config, int], None],
    load_of: Callable[[str, Path], Any],
) -> None:
    assert config.deploy
    guarded = {"hosting": "instance", "traffic": "canary", "minimum_instances": 2, "bake_seconds": 2}
    deploy = config.deploy.model_copy(update=guarded)
    deploy_stack(target, config.model_copy(update={"deploy": deploy}), Console(quiet=True))
    group, name = config.register_.group, endpoints.endpoint_name(config)
    packages = [register_model(config, seed) for seed in (11, 12)]
    first, second = (int(arn.rpartition("/")[2]) for arn in packages)
    operations.decide(target, group, first, "Approved", "")
    until_live(config, first)
    before = endpoints.invoke(target, name, photo, None)["confidence"]
    with load_of(name, photo) as load:
        operations.decide(target, group, second, "Approved", "")
        until_live(config, second)
        after = endpoints.invoke(target, name, photo, None)["confidence"]
        subprocess.run([sys.executable, "-c", REJECT, packages[1]], env=environment, check=True, timeout=120)
        until_live(config, first)
        again = endpoints.invoke(target, name, photo, None)["confidence"]
    assert load.failures == []
    assert before == again != after
    assert set(load.answers) == {before, after}
    assert len(load.answers) > 8
    wait_for_scaling(target)  # set when the function hears that the endpoint rests
    said: list[str] = []
    teardown(target, name, said.append)
    assert {f"removed {what}" for what in ("its autoscaling", f"the alarm {name}-errors")} < set(said)
    assert f"removed the endpoint {name} (2 instances)" in said


def test_a_preset_that_deploys_nothing_says_so(config: Config) -> None:
    with pytest.raises(PipelineError, match=r"pipeline bin-counter-demo deploys nothing: give its preset a section"):
        endpoints.endpoint_name(config.model_copy(update={"deploy": None}))
