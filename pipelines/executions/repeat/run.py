"""Run a step of an execution again, in a process on this machine."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pipelines.errors import PipelineError
from pipelines.executions.jobs import Job, describe_step, jobs_of
from pipelines.executions.repeat.code import check_code, code_folders
from pipelines.executions.repeat.fetch import fetch
from pipelines.executions.repeat.recipe import Recipe, placed, processing_recipe, training_recipe
from pipelines.target import Target

PROJECT = Path(__file__).resolve().parents[3]
WORDS_BYTES = 8 * 1024  # of what a job wrote about its failure
_JOBS_FOLDERS = ("model", "output", "processing/output", "checkpoints", "config", "input/config", "tmp")
"""Below the base folder: what belongs to one run. Inputs lie elsewhere, and stay."""


def repeat(
    target: Target, execution: str, step: str, folder: Path, report: Callable[[str], None], own_code: bool = False
) -> Path:
    """Run the job of a step again; its output goes to the terminal.

    Of a search, a trial that failed is repeated, or the best one. A job of several instances is repeated on one that
    reads all of the data. Jobs that had a network have the user's own credentials here, others have none.

    Args:
        target: where the execution is.
        execution: its ARN.
        step: the step's name.
        folder: where the job's folder is made; inputs that are there from before are used again.
        report: told in a line what is done.
        own_code: run the code of this checkout instead of the job's, to try a change.

    Returns:
        what `/opt/ml` was to the job; its outputs lie there.

    Raises:
        PipelineError: the step has no job that can be repeated, its inputs are gone, or the program failed again.
    """
    recipe = _recipe(target, _job(target, execution, step))
    base = (folder / step).resolve()
    base.mkdir(parents=True, exist_ok=True)
    for name in _JOBS_FOLDERS:
        shutil.rmtree(base / name, ignore_errors=True)
    fetch(target, recipe.inputs, base, report)
    check_code(recipe, base)
    _lay_out(recipe, base)
    if recipe.instances > 1:
        report(f"it ran on {recipe.instances} instances; here one does the work of all")
    report(f"running {recipe.name} in {base}")
    command = _found([placed(word, str(base)) for word in recipe.command], recipe)
    environment = _environment(recipe, base, own_code)
    ended = subprocess.run(command, env=environment, cwd=base, check=False)  # noqa: S603 - its code has been checked
    if ended.returncode:
        raise PipelineError(f"{step} failed here too, with exit code {ended.returncode}{_own_words(base)}")
    return base


def _job(target: Target, execution: str, step: str) -> Job:
    described = describe_step(target, execution, step)
    if described is None:
        raise PipelineError(f"step {step} has not started in {execution}: there is nothing to repeat")
    jobs = [job for job in jobs_of(target, described) if job.kind != "TransformJob"]
    if not jobs:
        raise PipelineError(f"step {step} made no processing or training job: there is nothing to run here")
    return jobs[0]


def _recipe(target: Target, job: Job) -> Recipe:
    if job.kind == "ProcessingJob":
        return processing_recipe(target.sagemaker.describe_processing_job(ProcessingJobName=job.name))
    return training_recipe(target.sagemaker.describe_training_job(TrainingJobName=job.name))


def _lay_out(recipe: Recipe, base: Path) -> None:
    for name in (*recipe.outputs, "output", "tmp"):
        (base / name).mkdir(parents=True, exist_ok=True)
    for name, content in recipe.files.items():
        file = base / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content), encoding="utf-8")


def _found(command: list[str], recipe: Recipe) -> list[str]:
    """The command with its program as this machine has it: this Python, or the `train` of the image's folder."""
    program, *arguments = command
    if re.fullmatch(r"python[\d.]*", program):
        return [sys.executable, *arguments]
    repository = recipe.image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    own = PROJECT / "containers" / repository / "bin" / program
    path = str(own) if own.is_file() else shutil.which(program)
    if path is None:
        raise PipelineError(f"{recipe.name} runs {program!r}, which neither {own.parent} nor this machine has")
    return [path, *arguments]


def _environment(recipe: Recipe, base: Path, own_code: bool) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not (recipe.isolated and name.startswith("AWS_"))}
    own = {name: placed(value, str(base)) for name, value in recipe.environment.items()}
    if own_code:
        for code in code_folders(recipe):
            own = {name: value.replace(placed(code, str(base)), str(PROJECT)) for name, value in own.items()}
    return {
        **kept,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "SAGEMAKER_BASE_DIR": str(base),
        "TMPDIR": str(base / "tmp"),
        **own,
    }


def _own_words(base: Path) -> str:
    """What the program wrote of its failure, where the container contract has it written."""
    for name in ("message", "failure"):
        file = base / "output" / name
        if file.is_file():
            with file.open("rb") as content:
                return f": {content.read(WORDS_BYTES).decode(errors='replace').strip()}"
    return ""
