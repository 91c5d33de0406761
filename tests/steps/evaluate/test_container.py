"""`python -m steps.evaluate` as SageMaker runs it, with the registry of a real server."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest


@pytest.fixture
def run_job(
    tmp_path: Path, model: Path, split: Path, catalog: Path, bucket
) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run it with `tmp_path`/ml in place of /opt/ml."""
        base = tmp_path / "ml"
        (base / "config").mkdir(parents=True)
        inputs = base / "processing" / "input"
        inputs.mkdir(parents=True)
        for name, folder in (("model", model), ("test", split), ("catalog", catalog)):
            folder.rename(inputs / name)
        (base / "config" / "resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1"]}')
        config = {
            "ProcessingJobName": "evaluate-5",
            "ProcessingInputs": [
                {"InputName": name, "S3Input": {"LocalPath": f"/opt/ml/processing/input/{name}"}}
                for name in ("model", "test", "catalog")
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {"OutputName": "evaluation", "S3Output": {"LocalPath": "/opt/ml/processing/output/evaluation"}}
                ]
            },
        }
        (base / "config" / "processingjobconfig.json").write_text(json.dumps(config))
        return subprocess.run(
            [sys.executable, "-m", "steps.evaluate", *arguments],
            env=os.environ | {"SAGEMAKER_BASE_DIR": str(base), "AWS_MAX_ATTEMPTS": "1"} | environment,
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "ml" / "processing" / "output" / "evaluation"


def test_the_container_writes_both_files_and_logs_its_figures_to_the_jobs_trial_component(run_job, output):
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_trial_component(TrialComponentName="evaluate-5-aws-processing-job")
    finished = run_job("--batch-size", "4", "--gallery", "3", "--champion-group", "nobody")
    assert finished.returncode == 0, finished.stderr
    assert {file.name for file in output.iterdir()} == {"evaluation.json", "report.html"}
    assert re.search(r"^scoring: 10 of 10 images", finished.stdout, re.MULTILINE)
    last = finished.stdout.splitlines()[-1]
    assert re.search(r"accuracy [\d.]+% and RMSE [\d.]+ items on 10 images of the test split$", last)
    logged = sagemaker.describe_trial_component(TrialComponentName="evaluate-5-aws-processing-job")["Parameters"]
    evaluation = json.loads((output / "evaluation.json").read_text())
    assert logged["test:accuracy"]["NumberValue"] == evaluation["detail"]["accuracy"]["value"]
    assert logged["test:rmse"]["NumberValue"] == evaluation["regression_metrics"]["rmse"]["value"]
    assert {"test:mae", "test:within_one", "test:expected_rmse", "test:calibration_error"} < set(logged)


def test_figures_that_cannot_be_logged_fail_nothing_and_are_said_in_a_line(run_job, output):
    finished = run_job(AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert finished.returncode == 0, finished.stderr
    assert (output / "evaluation.json").exists()
    assert "the figures were not logged to SageMaker Experiments: Could not connect" in finished.stdout


def test_a_registry_that_cannot_be_asked_fails_the_evaluation_with_what_to_allow(run_job, output, tmp_path):
    finished = run_job("--champion-group", "some-group", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert finished.returncode == 1
    reason = (tmp_path / "ml" / "output" / "message").read_text()
    assert "the registry cannot be asked for the approved models of group some-group" in reason
    assert not (output / "evaluation.json").exists()


def test_the_container_says_why_it_failed(run_job, tmp_path):
    finished = run_job("--batch-size", "0")
    assert finished.returncode == 1
    assert "argument 'batch_size' is '0'" in (tmp_path / "ml" / "output" / "message").read_text()
