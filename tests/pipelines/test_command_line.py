"""The commands as a user runs them: in another process, judged by what is printed and by the exit code."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
WITHOUT_AWS = {
    **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
    "HOME": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
}
SOME_KEY = {"AWS_ACCESS_KEY_ID": "some", "AWS_SECRET_ACCESS_KEY": "some", "AWS_DEFAULT_REGION": "us-east-1"}


def pipelines(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def assert_one_clear_sentence(done: subprocess.CompletedProcess[str], pattern: str) -> None:
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert re.fullmatch(f"error: {pattern}", done.stderr.strip()), done.stderr


@pytest.mark.parametrize("verb", ["compile", "upsert-pipeline", "start", "watch", "status", "models", "approve"])
def test_an_unknown_preset_is_one_sentence(verb: str) -> None:
    done = pipelines(verb, "--preset", "adib", environment=WITHOUT_AWS)
    assert_one_clear_sentence(done, "there is no preset 'adib'; presets are abid, .*demo, .*")


@pytest.mark.parametrize("verb", ["upsert-pipeline", "start", "models"])
def test_missing_credentials_are_one_sentence_that_says_what_to_do(verb: str) -> None:
    done = pipelines(verb, environment={**WITHOUT_AWS, "AWS_DEFAULT_REGION": "us-east-1"})
    assert_one_clear_sentence(done, "no complete AWS credentials were found: set AWS_PROFILE, .* `make local` .*")


def test_a_missing_region_is_one_sentence() -> None:
    keys = {name: value for name, value in SOME_KEY.items() if "KEY" in name}
    done = pipelines("models", environment={**WITHOUT_AWS, **keys})
    assert_one_clear_sentence(done, "no AWS region is set: set AWS_DEFAULT_REGION, .*")


def test_an_endpoint_where_nothing_answers_is_one_sentence() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        done = pipelines("models", environment={**WITHOUT_AWS, **SOME_KEY, "AWS_ENDPOINT_URL": url})
    assert_one_clear_sentence(done, f'nothing answers: .*"{url}/.*Check AWS_ENDPOINT_URL and the network')


def test_a_pipeline_that_was_never_put_up_cannot_be_started(environment: dict[str, str]) -> None:
    done = pipelines("start", "--preset", "abid", environment=environment)
    assert_one_clear_sentence(done, r"there is no pipeline bin-counter-abid in account \d+, region .*upsert-pipeline`")


def test_a_parameter_without_a_value_is_one_sentence(environment: dict[str, str]) -> None:
    done = pipelines("start", "-p", "MaxCount", environment=environment)
    assert_one_clear_sentence(done, "parameter 'MaxCount' is not of the form Name=value")


def test_a_parameter_given_twice_is_one_sentence(environment: dict[str, str]) -> None:
    done = pipelines("start", "-p", "MaxCount=5", "-p", "MaxCount=6", environment=environment)
    assert_one_clear_sentence(done, "parameter MaxCount is given twice, as '5' and as '6': give it once")


@pytest.mark.parametrize("data", ["s3://", "s3:///photos/", "https://host/photos", "file://photos"])
def test_a_place_that_cannot_be_read_from_is_named_as_it_was_given(data: str, tmp_path: Path) -> None:
    done = pipelines("demo", "--data", data, "--folder", str(tmp_path / "demo"), environment=WITHOUT_AWS)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: '{data}' is not a place to read from: write s3://bucket/prefix or file:///absolute/path"
    ]


def test_demo_data_that_is_no_bucket_of_bin_photos_is_one_sentence(tmp_path: Path) -> None:
    for data in (tmp_path, tmp_path / "missing"):
        done = pipelines("demo", "--data", str(data), "--folder", str(tmp_path / "out"), environment=WITHOUT_AWS)
        assert done.returncode == 1
        assert done.stderr.strip().startswith(f"error: {data} holds no metadata/*.json beside bin-images/*.jpg")


def test_commands_work_on_whatever_the_environment_points_at(environment: dict[str, str], tmp_path: Path) -> None:
    assert_one_clear_sentence(
        pipelines("upsert-pipeline", "--preset", "demo", environment=environment),
        "bucket .* does not exist: `make deploy-stack` makes it.*",
    )
    assert pipelines("deploy-stack", "--preset", "demo", environment=environment).returncode == 0
    put = pipelines("upsert-pipeline", "--preset", "demo", environment=environment)
    assert put.returncode == 0, put.stderr
    assert "created arn:aws:sagemaker:us-east-1:123456789012:pipeline/bin-counter-demo" in put.stdout
    listed = pipelines("models", "--preset", "demo", environment=environment)
    assert listed.stdout == "model group bin-counter-demo holds no model yet\n"
    assert_one_clear_sentence(
        pipelines("approve", "--preset", "demo", environment=environment), "model group .* holds no model yet"
    )
    started = pipelines("start", "--preset", "demo", environment=environment)
    assert started.returncode == 0, started.stderr
    watched = pipelines("watch", "--preset", "demo", environment=environment)
    assert watched.returncode == 1  # nothing was put into the bucket
    assert "Catalog" in watched.stdout
    assert "demo/simulated-2000" in watched.stderr
    hint = re.search(r"to repeat it on this machine: python -m pipelines (repeat Catalog .*)", watched.stdout)
    assert hint
    repeated = pipelines(*hint[1].split(), "--folder", str(tmp_path), environment=environment)
    assert repeated.returncode == 1
    assert re.fullmatch("error: Catalog failed here too, .*demo/simulated-2000.*", repeated.stderr.splitlines()[-1])
    logged = pipelines("logs", "Catalog", "-f", "--preset", "demo", environment=environment)
    assert (logged.returncode, logged.stderr) == (0, "")
    assert "demo/simulated-2000" in logged.stdout
    stopped = pipelines("stop", "--preset", "demo", environment=environment)
    assert stopped.stdout == "nothing to stop: no execution of bin-counter-demo is running\n"
    examined = pipelines("doctor", "--preset", "demo", environment=environment)
    assert examined.returncode == 1
    assert "nothing lies at s3://" in examined.stdout
    assert re.search(r"^ok +pipeline +bin-counter-demo is as this checkout declares it$", examined.stdout, re.MULTILINE)


def test_compile_prints_the_definition(tmp_path: Path) -> None:
    done = pipelines("compile", "--preset", "demo", "--account", "111122223333", environment=WITHOUT_AWS)
    assert json.loads(done.stdout)["Version"] == "2020-12-01"
    assert "111122223333" in done.stdout


def test_make_prints_every_target_with_a_line() -> None:
    # Inside `make test`, make would tell its sub-makes to announce the folders they enter.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(["make"], cwd=REPOSITORY, capture_output=True, text=True, check=True, env=outside)
    phony = next(line for line in (REPOSITORY / "Makefile").read_text().splitlines() if line.startswith(".PHONY"))
    printed = {line.split()[1] for line in done.stdout.splitlines()}
    assert printed == set(phony.removeprefix(".PHONY:").split())
