"""The code of the stack's Lambda functions: one ZIP file for all of them, the same bytes whoever makes it, and when."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pipelines.code import read_bundle

HANDLERS = {
    "deploy": "steps.deploy.handler.handler",
    "retrain": "pipelines.stack.functions.retrain.handler",
    "ask": "pipelines.stack.functions.ask.handler",
    "authorize": "pipelines.stack.functions.authorize.handler",
}
REPOSITORY = Path(__file__).resolve().parents[2]
LEFT_OUT = {"settings.py"}  # of the deploying function: what checks presets needs pydantic, which Lambda does not have
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a ZIP file can hold


def function_files() -> dict[str, bytes]:
    """The files of all functions, by their names in the ZIP file."""
    own = (REPOSITORY / "pipelines" / "stack" / "functions").glob("*.py")
    packages = (REPOSITORY / folder / "__init__.py" for folder in ("pipelines", "pipelines/stack"))
    files = {file.relative_to(REPOSITORY).as_posix(): file.read_bytes() for file in (*packages, *own)}
    return {**files, **_deploying()}


def archive(files: Mapping[str, bytes]) -> bytes:
    """A ZIP file of `files`, by name: the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16  # readable to the user that Lambda runs it as
            file.writestr(entry, files[name])
    return buffer.getvalue()


def _deploying() -> dict[str, bytes]:
    named = dict(read_bundle("deploy").files)
    own = {name for name in named if name.startswith("steps/deploy/") and name.rpartition("/")[2] not in LEFT_OUT}
    return {name: named[name] for name in (*own, "steps/__init__.py")}
