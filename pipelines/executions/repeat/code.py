"""Step code that was fetched to run on this machine: it must be what its address says."""

import re
from pathlib import Path

from pipelines.code import Bundle
from pipelines.errors import PipelineError
from pipelines.executions.repeat.recipe import Input, Recipe

_ADDRESS = re.compile(r"s3://[^/]+/code/(?P<step>[^/]+)/(?P<digest>[0-9a-f]{64})/?")


def check_code(recipe: Recipe, base: Path) -> None:
    """Compare the fetched code with the hash in its URI, so that nobody who can write to the bucket runs code here.

    Raises:
        PipelineError: some of it is not what was uploaded, or the job's code has no hash in its URI.
    """
    addressed = [(each, found) for each in recipe.inputs if (found := _ADDRESS.fullmatch(each.uri))]
    if not addressed:
        raise PipelineError(f"{recipe.name} runs no code that this project has uploaded: it is not run here")
    for code, found in addressed:
        if _digest(code, found["step"], base) != found["digest"]:
            raise PipelineError(f"the code at {code.uri} is not what was uploaded there: it is not run here")


def code_folders(recipe: Recipe) -> list[str]:
    """Container paths of the folders that hold the job's code."""
    return [f"/opt/ml/{each.folder}" for each in recipe.inputs if _ADDRESS.fullmatch(each.uri)]


def _digest(code: Input, step: str, base: Path) -> str:
    folder = base / code.folder
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return Bundle(
        step, tuple(sorted((each.relative_to(folder).as_posix(), each.read_bytes()) for each in files))
    ).digest
