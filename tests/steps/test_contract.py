"""The container contract, kept by real processes: settings in, folders, exit code, failure file."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from steps.contract import StepError, StepSettings, parse_arguments, read_settings

PROGRAM = """
import json, sys
from pydantic import Field
from steps.contract import StepError, StepSettings, processing_job, training_job

class Settings(StepSettings):
    size: int = Field(8, gt=0, le=100, description="pixels")
    rate: float = Field(0.5, description="share")
    kind: str = Field("plain", description="name")

{body}
"""

TRAIN = """
with training_job(Settings) as job:
    (job.model / "m").write_text("model")
    (job.output_data / "o").write_text("output")
    (job.checkpoints / "c").write_text("checkpoint")
    print(json.dumps([job.settings.model_dump(), job.name, job.hosts.index, job.hosts.count,
                      str(job.channel("train")), sorted(job.channels), job.hosts.instance_type]))
"""

PROCESS = """
with processing_job(Settings) as job:
    (job.output("report") / "r").write_text("report")
    print(json.dumps([job.settings.model_dump(), job.hosts.current, str(job.input("catalog"))]))
"""


class Base:
    """A stand-in for /opt/ml with a program to run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("config/resourceconfig.json", {"current_host": "algo-2", "hosts": ["algo-2", "algo-1"]})
        self.write(
            "input/config/resourceconfig.json",
            {"current_host": "algo-2", "hosts": ["algo-2", "algo-1"], "current_instance_type": "ml.m5.xlarge"},
        )
        self.write("input/config/inputdataconfig.json", {"train": {}, "validation": {}})
        self.write("input/config/hyperparameters.json", {})
        self.write(
            "config/processingjobconfig.json",
            {
                "ProcessingInputs": [
                    {"InputName": "catalog", "S3Input": {"LocalPath": "/opt/ml/processing/input/catalog"}},
                    {"InputName": "dataset", "DatasetDefinition": {}},
                ],
                "ProcessingOutputConfig": {
                    "Outputs": [{"OutputName": "report", "S3Output": {"LocalPath": "/opt/ml/processing/report"}}]
                },
            },
        )

    def write(self, name: str, content: Any) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))

    def run(self, body: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM.format(body=body), *arguments],
            env=os.environ | {"SAGEMAKER_BASE_DIR": str(self.folder), "TRAINING_JOB_NAME": "job-7"},
            capture_output=True,
            text=True,
            check=False,
        )

    def fails(self, body: str, *arguments: str) -> str:
        """Run, see the process fail, and give the reason it left for SageMaker."""
        done = self.run(body, *arguments)
        file = self.folder / "output" / ("failure" if "training_job(" in body else "message")
        assert done.returncode == 1, done.stdout + done.stderr
        reason = file.read_text()
        assert f"error: {reason[:200]}" in done.stderr
        return reason


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return Base(tmp_path / "ml")


def test_a_training_job_is_given_its_settings_hosts_channels_and_folders(base: Base) -> None:
    base.write(
        "input/config/hyperparameters.json",
        {"size": "16", "rate": "1e-3", "_tuning_objective_metric": "x", "sagemaker_region": "eu-west-1"},
    )
    done = base.run(TRAIN)
    assert done.returncode == 0, done.stderr
    train = str(base.folder / "input" / "data" / "train")
    settings = {"size": 16, "rate": 0.001, "kind": "plain"}
    assert json.loads(done.stdout) == [settings, "job-7", 1, 2, train, ["train", "validation"], "ml.m5.xlarge"]
    for file in ("model/m", "output/data/o", "checkpoints/c"):
        assert (base.folder / file).exists()
    assert not (base.folder / "output" / "failure").exists()


def test_tuned_values_are_read_with_and_without_the_quotes_of_framework_estimators(base: Base) -> None:
    base.write("input/config/hyperparameters.json", {"size": '"16"', "kind": '"fancy"', "rate": "0.25"})
    done = base.run(TRAIN)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0] == {"size": 16, "rate": 0.25, "kind": "fancy"}


def test_a_processing_job_is_given_its_settings_hosts_inputs_and_outputs(base: Base) -> None:
    done = base.run(PROCESS, "--size", "16", "--kind", "fancy")
    assert done.returncode == 0, done.stderr
    catalog = str(base.folder / "processing" / "input" / "catalog")
    assert json.loads(done.stdout) == [{"size": 16, "rate": 0.5, "kind": "fancy"}, "algo-2", catalog]
    assert (base.folder / "processing" / "report" / "r").read_text() == "report"
    assert not (base.folder / "output" / "message").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--size", "0"), "argument 'size' is '0': Input should be greater than 0"),
        (("--size", "big"), "argument 'size' is 'big': Input should be a valid integer"),
        (("--sise", "4"), "unrecognized arguments: --sise 4; known arguments are --size, --rate, --kind"),
        (("--size",), "argument --size: expected one argument"),
        (("--si", "4"), "unrecognized arguments: --si 4"),
    ],
)
def test_a_bad_argument_is_named_in_the_message_file(base: Base, arguments: tuple[str, ...], reason: str) -> None:
    assert base.fails(PROCESS, *arguments).startswith(reason)


@pytest.mark.parametrize(
    ("values", "reasons"),
    [
        ({"size": "200"}, ["hyperparameter 'size' is '200': Input should be less than or equal to 100"]),
        ({"sise": "4"}, ["unknown hyperparameter 'sise': known are kind, rate, size"]),
        ({"size": "-1", "rate": "x"}, ["hyperparameter 'size' is '-1'", "; hyperparameter 'rate' is 'x'"]),
    ],
)
def test_a_bad_hyperparameter_is_named_in_the_failure_file(
    base: Base, values: dict[str, str], reasons: list[str]
) -> None:
    base.write("input/config/hyperparameters.json", values)
    failure = base.fails(TRAIN)
    assert all(reason in failure for reason in reasons)


def test_a_step_error_is_the_reason_without_a_traceback(base: Base) -> None:
    body = TRAIN + "    raise StepError('no image in the channel train; add some')"
    assert base.fails(body) == "no image in the channel train; add some"
    assert "Traceback" not in base.run(body).stderr


def test_any_other_error_is_the_reason_with_its_kind_and_a_traceback_in_the_log(base: Base) -> None:
    body = PROCESS + "    1 / 0"
    assert base.fails(body) == "ZeroDivisionError: division by zero"
    assert "Traceback" in base.run(body).stderr


def test_a_job_that_is_told_to_stop_leaves_at_once_even_as_the_first_process_of_a_container(base: Base) -> None:
    first = "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"  # as Linux has it for process 1
    stop = "    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(60)\n"
    assert base.run(first + PROCESS + stop).returncode == 128 + 15
    assert not (base.folder / "output" / "message").exists()


def test_the_reason_is_cut_to_what_sagemaker_keeps(base: Base) -> None:
    assert base.fails(TRAIN + "    raise StepError('x' * 5000)") == "x" * 1024


def test_a_channel_input_or_output_the_job_lacks_is_named_with_those_it_has(base: Base) -> None:
    assert base.fails(TRAIN + "    job.channel('test')") == (
        "the job has no input channel 'test'; it has train, validation"
    )
    assert base.fails(PROCESS + "    job.input('model')") == ("the job has no processing input 'model'; it has catalog")
    assert base.fails(PROCESS + "    job.output('x')") == "the job has no processing output 'x'; it has report"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "does not exist: this program runs inside"), ("{", "is not JSON"), ("[]", "holds a list, not a JSON obj")],
)
def test_a_missing_or_broken_configuration_file_is_named(base: Base, content: str | None, reason: str) -> None:
    file = "input/config/hyperparameters.json"
    base.write(file, content or "")
    if content is None:
        (base.folder / file).unlink()
    failure = base.fails(TRAIN)
    assert reason in failure
    assert file in failure


def test_what_a_step_logs_is_on_standard_output_and_what_libraries_tell_is_not(base: Base) -> None:
    body = PROCESS + (
        "    import logging\n"
        "    logging.getLogger('steps.x').info('half way')\n"
        "    logging.getLogger('botocore').info('found credentials')\n"
        "    logging.getLogger('botocore').warning('slow')\n"
    )
    assert base.run(body).stdout.splitlines()[1:] == ["half way", "slow"]


class Sample(StepSettings):
    """Settings with one field of each kind of trouble."""

    size: int = Field(gt=0, description="pixels")
    long_name: str = Field("x", description="name")


def test_arguments_are_dashed_names_and_values_stay_texts() -> None:
    assert parse_arguments(Sample, ["--long-name", "a b", "--size", "3"]) == {"long_name": "a b", "size": "3"}
    assert parse_arguments(Sample, []) == {}


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(StepError, match=r"^argument 'size' is missing$"):
        read_settings(Sample, {}, "argument")


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = read_settings(Sample, {"size": "3"}, "argument")
    with pytest.raises(ValueError, match="frozen"):
        settings.size = 4
