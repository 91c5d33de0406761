"""The Dockerfiles as texts: a linter's view, and what must be the same in all of them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted((REPOSITORY / "containers").glob("*/Dockerfile"))


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.parent.name)
def test_hadolint_has_nothing_to_say(file: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    said = subprocess.run([hadolint, file], capture_output=True, text=True)
    assert (said.returncode, said.stdout) == (0, "")


def test_all_images_have_one_base_held_by_its_digest() -> None:
    bases = {re.findall(r"^ARG BASE=(.*)$", file.read_text(), re.MULTILINE)[0] for file in DOCKERFILES}
    assert len(bases) == 1
    assert re.fullmatch(r"docker\.io/library/python:3\.11[\d.]*-slim-bookworm@sha256:[0-9a-f]{64}", bases.pop())


def test_every_stage_stands_on_the_base_or_on_another_stage() -> None:
    for file in DOCKERFILES:
        assert set(re.findall(r"^FROM (\S+)", file.read_text(), re.MULTILINE)) == {"${BASE}", "installed"}, file


@pytest.mark.parametrize("program", ["training/bin/train", "serving/bin/serve"])
def test_programs_can_be_run(program: str) -> None:
    assert (REPOSITORY / "containers" / program).stat().st_mode & 0o111 == 0o111
