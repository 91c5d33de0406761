"""The SageMaker container contract: where a job finds its settings, inputs and outputs, and how it says why it failed.

Sources: "How Amazon SageMaker Processing Runs Your Processing Container Image" and "How Amazon SageMaker Provides
Training Information" in the SageMaker developer guide. Everything lies under `/opt/ml`, or under `SAGEMAKER_BASE_DIR`
when that is set, the variable AWS's own training toolkit honours.
"""

import argparse
import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

OPT_ML = Path("/opt/ml")


class StepError(Exception):
    """Something the user can put right; its text is one sentence that says what was wrong and what to do."""


class StepSettings(BaseModel):
    """Base of every step's settings: flat, immutable, and closed to names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Settings = TypeVar("Settings", bound=StepSettings)


@dataclass(frozen=True)
class Hosts:
    """The instances of a job, as `resourceconfig.json` tells them.

    Attributes:
        current: name of this instance.
        names: names of all instances, in order.
        instance_type: SageMaker's type of this instance; empty where it is none of SageMaker's machines.
        network_interface: over which the instances reach each other, such as `eth0`; empty where it is not told.
    """

    current: str
    names: tuple[str, ...]
    instance_type: str = ""
    network_interface: str = ""

    @property
    def index(self) -> int:
        """Position of this instance, from 0."""
        return self.names.index(self.current)

    @property
    def count(self) -> int:
        """How many instances the job has."""
        return len(self.names)


@dataclass(frozen=True)
class ProcessingJob(Generic[Settings]):
    """What a processing job was given.

    Attributes:
        settings: the step's settings, read from the container's arguments.
        hosts: the instances this job runs on.
        inputs: folder of each input, by name.
        outputs: folder of each output, by name; it exists.
    """

    settings: Settings
    hosts: Hosts
    inputs: Mapping[str, Path]
    outputs: Mapping[str, Path]

    def input(self, name: str) -> Path:
        """Folder that holds the input `name`.

        Raises:
            StepError: the job has no such input.
        """
        return _named(self.inputs, name, "processing input")

    def output(self, name: str) -> Path:
        """Folder whose files SageMaker uploads as the output `name`.

        Raises:
            StepError: the job has no such output.
        """
        return _named(self.outputs, name, "processing output")


@dataclass(frozen=True)
class TrainingJob(Generic[Settings]):
    """What a training job was given.

    Attributes:
        settings: the step's settings, read from the hyperparameters.
        hosts: the instances this job runs on.
        channels: folder of each input channel, by name.
        model: folder that becomes `model.tar.gz`.
        output_data: folder that becomes `output.tar.gz`.
        checkpoints: folder that SageMaker keeps in step with S3 while the job runs.
        failure: file whose text SageMaker shows as the job's failure reason; the block's errors go there by themselves.
        name: the training job's name.
    """

    settings: Settings
    hosts: Hosts
    channels: Mapping[str, Path]
    model: Path
    output_data: Path
    checkpoints: Path
    failure: Path
    name: str

    def channel(self, name: str) -> Path:
        """Folder that holds the input channel `name`.

        Raises:
            StepError: the job has no such channel.
        """
        return _named(self.channels, name, "input channel")


@contextmanager
def processing_job(
    settings: type[Settings], arguments: Sequence[str] | None = None
) -> Iterator[ProcessingJob[Settings]]:
    """Bind a block to the processing job this process runs in; what it raises ends the process with exit code 1.

    The reason goes to `/opt/ml/output/message`, which SageMaker shows as the job's exit message.

    Args:
        settings: the model that the container's arguments, `--field-name value`, must satisfy.
        arguments: the arguments; the process's own by default.
    """
    base = base_folder()
    _log_to_stdout()
    with _failure_reported_in(base / "output" / "message"):
        values = parse_arguments(settings, sys.argv[1:] if arguments is None else arguments)
        config = _read_json(base / "config" / "processingjobconfig.json")
        outputs = config.get("ProcessingOutputConfig", {}).get("Outputs", [])
        job = ProcessingJob(
            settings=read_settings(settings, values, "argument"),
            hosts=_read_hosts(base / "config" / "resourceconfig.json"),
            inputs={
                entry["InputName"]: _below(base, entry["S3Input"]["LocalPath"])
                for entry in config.get("ProcessingInputs", [])
                if "S3Input" in entry
            },
            outputs={
                entry["OutputName"]: _below(base, entry["S3Output"]["LocalPath"])
                for entry in outputs
                if "S3Output" in entry
            },
        )
        for folder in job.outputs.values():
            folder.mkdir(parents=True, exist_ok=True)
        yield job


@contextmanager
def training_job(settings: type[Settings]) -> Iterator[TrainingJob[Settings]]:
    """Bind a block to the training job this process runs in; what it raises ends the process with exit code 1.

    The reason goes to `/opt/ml/output/failure`, which SageMaker shows as the job's failure reason.

    Args:
        settings: the model that the hyperparameters, all of them strings, must satisfy.
    """
    base = base_folder()
    _log_to_stdout()
    failure = base / "output" / "failure"
    with _failure_reported_in(failure):
        config = base / "input" / "config"
        values = _own_hyperparameters(_read_json(config / "hyperparameters.json"))
        channels = _read_json(config / "inputdataconfig.json")
        job = TrainingJob(
            settings=read_settings(settings, values, "hyperparameter"),
            hosts=_read_hosts(config / "resourceconfig.json"),
            channels={name: base / "input" / "data" / name for name in channels},
            model=base / "model",
            output_data=base / "output" / "data",
            checkpoints=base / "checkpoints",
            failure=failure,
            name=os.environ.get("TRAINING_JOB_NAME", "unnamed"),
        )
        for folder in (job.model, job.output_data, job.checkpoints):
            folder.mkdir(parents=True, exist_ok=True)
        yield job


def base_folder() -> Path:
    """The folder that stands for `/opt/ml`: `SAGEMAKER_BASE_DIR` when that is set."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR", OPT_ML))


def parse_arguments(settings: type[StepSettings], arguments: Sequence[str]) -> dict[str, str]:
    """Split `--field-name value ...` into texts by field name.

    Raises:
        StepError: an argument is no field of `settings`, or lacks its value.
    """
    parser = _Parser(prog=settings.__name__, add_help=False, allow_abbrev=False)
    for name in settings.model_fields:
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, default=argparse.SUPPRESS)
    return vars(parser.parse_args(list(arguments)))


def read_settings(settings: type[Settings], values: Mapping[str, Any], kind: str) -> Settings:
    """Build `settings` from texts.

    Raises:
        StepError: a value is not allowed; the text names each such field, its value and what is allowed.
    """
    try:
        return settings.model_validate(dict(values))
    except ValidationError as error:
        raise StepError(explain(error, settings, kind)) from error


def explain(error: ValidationError, settings: type[BaseModel], kind: str) -> str:
    """Say in one line which values are not allowed and what would be.

    Args:
        error: what pydantic found.
        settings: the model that was being filled.
        kind: what a value is called where it came from, such as `hyperparameter`.
    """
    return "; ".join(_explain_one(detail, settings, kind) for detail in error.errors())


def _explain_one(detail: Mapping[str, Any], settings: type[BaseModel], kind: str) -> str:
    path = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"unknown {kind} {path!r}: known are {', '.join(known_fields(settings, detail['loc'][:-1]))}"
    if detail["type"] == "missing":
        return f"{kind} {path!r} is missing"
    what = f"{kind} {path!r}" if path else kind
    return f"{what} is {detail['input']!r}: {detail['msg']}"


def known_fields(settings: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """Names of the fields of the model that lies at `path` inside `settings`."""
    model: Any = settings
    for part in path:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            break
        model = field.annotation
    return sorted(field.alias or name for name, field in model.model_fields.items())


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of ending the process, so that the failure file is written."""

    def error(self, message: str) -> NoReturn:
        known = ", ".join(action.option_strings[0] for action in self._actions)
        raise StepError(f"{message}; known arguments are {known}")


def _log_to_stdout() -> None:
    """Show what the steps log, and only warnings of the libraries; the container's log is its standard output."""
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    logging.getLogger("steps").setLevel(logging.INFO)


@contextmanager
def _failure_reported_in(file: Path) -> Iterator[None]:
    # The first process of a container ignores SIGTERM unless it says otherwise, and is killed two minutes later.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    except StepError as error:
        _report_failure(file, str(error))
        raise SystemExit(1) from None
    except Exception as error:
        traceback.print_exc()
        _report_failure(file, f"{type(error).__name__}: {error}")
        raise SystemExit(1) from None


def _report_failure(file: Path, reason: str) -> None:
    print(f"error: {reason}", file=sys.stderr, flush=True)  # noqa: T201 - the container's log is its standard error
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(reason[:1024], encoding="utf-8")  # SageMaker keeps the first 1,024 characters


def _own_hyperparameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what SageMaker itself adds, such as `_tuning_objective_metric` and `sagemaker_region`."""
    return {name: value for name, value in values.items() if not name.startswith(("_", "sagemaker_"))}


def _read_hosts(file: Path) -> Hosts:
    config = _read_json(file)
    return Hosts(
        current=config["current_host"],
        names=tuple(sorted(config["hosts"])),
        instance_type=config.get("current_instance_type", ""),
        network_interface=config.get("network_interface_name", ""),
    )


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StepError(f"{file} does not exist: this program runs inside a SageMaker job") from None
    except json.JSONDecodeError as error:
        raise StepError(f"{file} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise StepError(f"{file} holds a {type(content).__name__}, not a JSON object")
    return content


def _below(base: Path, local_path: str) -> Path:
    """Place a container path such as `/opt/ml/processing/input/x` under the base folder."""
    path = Path(local_path)
    return base / path.relative_to(OPT_ML) if path.is_relative_to(OPT_ML) else path


def _named(folders: Mapping[str, Path], name: str, kind: str) -> Path:
    if name not in folders:
        raise StepError(f"the job has no {kind} {name!r}; it has {', '.join(sorted(folders)) or 'none'}")
    return folders[name]
