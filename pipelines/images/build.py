"""Builds the images whose inputs have changed."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pipelines.images.engine import Engine
from pipelines.images.pip import pip_secrets
from pipelines.images.recipe import REPOSITORY, Recipe


def build_images(
    recipes: Iterable[Recipe], engine: Engine, report: Callable[[str], None], options: Sequence[str] = ()
) -> None:
    """Build what the engine does not hold yet; the tag `latest` then means what the recipes say.

    Args:
        recipes: what to build.
        engine: what builds.
        report: is told what was done.
        options: further words for the engine's `build`.

    Raises:
        PipelineError: the engine failed.
    """
    for recipe in recipes:
        if engine.has(recipe.name):
            report(f"{recipe.name} is there: its inputs have not changed")
        else:
            started = time.monotonic()
            _build(recipe, engine, options)
            report(f"built {recipe.name} in {time.monotonic() - started:.0f} s")
        engine.tag(recipe.name, f"{recipe.repository}:latest")


def _build(recipe: Recipe, engine: Engine, options: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:  # for this user's eyes alone
        context, private = Path(folder, "context"), Path(folder, "private")
        private.mkdir()
        recipe.write(context)
        engine.build(recipe, context, labels(recipe), pip_secrets(private), options)


def labels(recipe: Recipe) -> dict[str, str]:
    """What an image says of its origin, beside what its Dockerfile says: version, commit and the hash of its inputs."""
    return {
        "org.opencontainers.image.version": recipe.project_version,
        "org.opencontainers.image.revision": _commit(),
        "bin-counter.inputs": recipe.inputs,
    }


def _commit() -> str:
    """The commit of this checkout, with a plus sign where files differ from it; `unknown` outside of one."""
    if not shutil.which("git"):
        return "unknown"
    done = subprocess.run(
        ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"],  # noqa: S607 - the user's own git
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
