"""Runs inside a training job in the place of AWS's framework images: fetches the user's code and becomes its program.

The contract is that of the SageMaker Training Toolkit (its README and ENVIRONMENT_VARIABLES.md): hyperparameters are
command line arguments, and `SM_` variables say where everything lies. The toolkit itself is not used: its installation
needs a C compiler, it waits for minutes for names such as `algo-1` in the DNS, and installs a job's requirements into
the Python that it runs with.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tarfile
import venv
from pathlib import Path
from typing import Any, NoReturn

import boto3

Values = dict[str, Any]
_NOT_OWN = ("sagemaker_", "_tuning_objective_metric")  # what SageMaker adds to the user's hyperparameters


class ScriptError(Exception):
    """The user's program cannot be started; the message says why."""


def main() -> None:
    """Become the user's program, or leave the reason in the job's failure file."""
    base = Path(os.environ["SAGEMAKER_BASE_DIR"])
    try:
        _start(base, {name: _value(text) for name, text in _config(base, "hyperparameters").items()})
    except ScriptError as error:
        (base / "output" / "failure").write_text(str(error), encoding="utf-8")
        sys.exit(str(error))


def _start(base: Path, parameters: Values) -> NoReturn:
    for name, value in parameters.items():
        if name.startswith("sagemaker_") and name.endswith("_enabled") and value:
            raise ScriptError(
                f"The embedded SageMaker does not support a distribution ({name}): give the estimator none, "
                "and let the program start its own workers from SM_HOSTS and SM_CURRENT_HOST."
            )
    code = base / "code"
    _fetch(str(parameters.get("sagemaker_submit_directory", "")), code)
    program = str(parameters["sagemaker_program"])
    if not (code / program).is_file():
        raise ScriptError(f"The entry point {program} is not in the source that the estimator has uploaded.")
    own = {name: value for name, value in parameters.items() if not name.startswith(_NOT_OWN)}
    python = _with_requirements(base, code / "requirements.txt")
    words = [*(["/bin/sh"] if program.endswith(".sh") else [python]), program, *_arguments(own)]
    os.chdir(code)
    os.execve(words[0], words, {**os.environ, **_variables(base, program, parameters, own)})  # noqa: S606 - the purpose


def _value(text: str) -> Any:
    """The SDK writes hyperparameters of estimators with an entry point as JSON; others are texts."""
    with contextlib.suppress(ValueError):
        return json.loads(text)
    return text


def _fetch(source: str, code: Path) -> None:
    scheme, _, rest = source.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not key:
        raise ScriptError(f"sagemaker_submit_directory should be an archive in S3, not '{source}'.")
    code.mkdir(exist_ok=True)
    archive = code.with_name("sourcedir.tar.gz")
    try:
        boto3.client("s3").download_file(bucket, key, str(archive))
        with tarfile.open(archive) as tar:
            tar.extractall(code, filter="data")  # of the user's own; Python has this filter from 3.11.4 on
    except Exception as error:  # of S3, of the network, of the archive: the job ends with any of them
        raise ScriptError(f"The source {source} could not be fetched: {error}") from error
    archive.unlink()


def _with_requirements(base: Path, requirements: Path) -> str:
    """A Python that has what the program requires beside all that this one has, and leaves this one as it is."""
    if not requirements.is_file():
        return sys.executable
    layer = base / "python"
    venv.create(layer, with_pip=False, symlinks=True)
    python = str(layer / "bin" / "python")
    packages = layer / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (packages / "beside.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
    install = [python, "-m", "pip", "install", "--disable-pip-version-check", "-r", str(requirements)]
    code = subprocess.run(install, check=False).returncode  # noqa: S603 - a list of words, no shell
    if code != 0:
        raise ScriptError(f"The requirements.txt of the source could not be installed (pip's exit code {code}).")
    return python


def _arguments(own: Values) -> list[str]:
    words: list[str] = []
    for name, value in sorted(own.items()):
        words += [f"--{name}" if len(name) > 1 else f"-{name}", _text(value)]
    return words


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _variables(base: Path, program: str, parameters: Values, own: Values) -> dict[str, str]:
    resources = _config(base, "resourceconfig")
    channels = _config(base, "inputdataconfig")
    code, data, output = str(base / "code"), base / "input" / "data", base / "output"
    variables = {
        "MODEL_DIR": str(base / "model"),
        "INPUT_DIR": str(base / "input"),
        "INPUT_CONFIG_DIR": str(base / "input" / "config"),
        "OUTPUT_DIR": str(output),
        "OUTPUT_DATA_DIR": str(output / "data"),
        "OUTPUT_INTERMEDIATE_DIR": str(output / "intermediate"),
        "MODULE_DIR": str(parameters["sagemaker_submit_directory"]),
        "MODULE_NAME": Path(program).stem,
        "USER_ENTRY_POINT": program,
        "USER_ARGS": json.dumps(_arguments(own)),
        "HPS": json.dumps(own),
        "CHANNELS": json.dumps(sorted(channels)),
        "INPUT_DATA_CONFIG": json.dumps(channels),
        "RESOURCE_CONFIG": json.dumps(resources),
        "CURRENT_HOST": resources["current_host"],
        "HOSTS": json.dumps(resources["hosts"]),
        "NETWORK_INTERFACE_NAME": resources["network_interface_name"],
        "NUM_CPUS": str(len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()),
        "NUM_GPUS": str(len(list(Path("/dev").glob("nvidia[0-9]*")))),
        "LOG_LEVEL": str(parameters.get("sagemaker_container_log_level", 20)),
        **{f"CHANNEL_{name.upper()}": str(data / name) for name in channels},
        **{f"HP_{name.upper().replace('-', '_')}": _text(value) for name, value in own.items()},
    }
    path = os.pathsep.join(filter(None, [code, os.environ.get("PYTHONPATH")]))
    return {**{f"SM_{name}": value for name, value in variables.items()}, "PYTHONPATH": path}


def _config(base: Path, name: str) -> Values:
    content: Values = json.loads((base / "input" / "config" / f"{name}.json").read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    main()
