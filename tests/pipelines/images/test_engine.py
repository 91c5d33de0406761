"""Which engine is taken, and what it is told: programs of these names stand on PATH and write down their words."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import PipelineError
from pipelines.images.build import build_images
from pipelines.images.engine import ENGINES, Engine, find_engine
from pipelines.images.lock import Locked, read_lock
from pipelines.images.push import push_images
from pipelines.images.recipe import Recipe, read_recipe
from pipelines.target import Target

# It holds what it has built; what it pushes appears in ECR.
PROGRAM = """#!{python}
import json, pathlib, sys
import boto3

folder = pathlib.Path({folder!r})
words = sys.argv[1:]
with (folder / "words").open("a") as file:
    file.write(json.dumps(words) + "\\n")
if words[0] == "info":
    sys.exit({info})
if "inspect" in words:
    sys.exit(0 if (folder / words[-1].replace("/", "_")).exists() else 1)
if words[0] == "build":
    name = next(word.removeprefix("--tag=") for word in words if word.startswith("--tag="))
    (folder / name.replace("/", "_")).touch()
    sys.exit({build})
if words[0] == "login":
    (folder / "password").write_text(sys.stdin.read())
if words[0] == "push":
    repository, tag = words[1].partition("/")[2].split(":")
    layer = {{"mediaType": "application/vnd.docker.container.image.v1+json", "size": 2, "digest": "sha256:" + "0" * 64}}
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({{"schemaVersion": 2, "mediaType": kind, "config": layer, "layers": []}})
    boto3.client("ecr").put_image(repositoryName=repository, imageTag=tag, imageManifest=manifest)
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put an engine on a PATH on which nothing else is."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))

    def put(name: str, info: int = 0, build: int = 0) -> None:
        text = PROGRAM.format(python=sys.executable, folder=str(tmp_path), info=info, build=build)
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)

    return put


@pytest.fixture
def words(tmp_path: Path) -> Callable[[str], list[list[str]]]:
    """What the engine was told by commands that begin with a word."""

    def told(command: str) -> list[list[str]]:
        lines = [json.loads(line) for line in (tmp_path / "words").read_text().splitlines()]
        return [line for line in lines if line[0] == command]

    return told


@pytest.fixture
def serving() -> Recipe:
    return read_recipe("serving", base="debian", instead="numpy==2.4.6")


def test_the_first_engine_that_works_is_taken(install: Callable[..., None]) -> None:
    install("docker", info=1)
    install("podman")
    install("buildah")
    assert find_engine() == Engine("podman")
    assert find_engine("buildah") == Engine("buildah")


def test_without_an_engine_it_is_said_what_was_tried(install: Callable[..., None]) -> None:
    install("docker", info=1)
    with pytest.raises(PipelineError, match=r"`docker info` fails, podman is not installed, buildah is not installed"):
        find_engine()
    with pytest.raises(PipelineError, match=r"there is no engine 'kaniko'; engines are docker, podman, buildah"):
        find_engine("kaniko")


@pytest.mark.parametrize("program", ENGINES)
def test_an_image_is_built_once(
    program: str, install: Callable[..., None], words: Callable[[str], list[list[str]]], serving: Recipe
) -> None:
    install(program)
    said: list[str] = []
    for _ in range(2):
        build_images([serving], Engine(program), said.append, ["--network=host"])
    assert said[0].startswith(f"built {serving.name} in ")
    assert said[1:] == [f"{serving.name} is there: its inputs have not changed"]
    (told,) = words("build")
    assert {"--platform=linux/amd64", f"--tag={serving.name}", "--network=host"} < set(told)
    assert {"--build-arg=BASE=debian", "--build-arg=INSTEAD=numpy==2.4.6"} < set(told)
    assert f"--label=bin-counter.inputs={serving.inputs}" in told


def test_pip_is_told_in_the_build_what_it_is_told_here(
    install: Callable[..., None],
    words: Callable[[str], list[list[str]]],
    serving: Recipe,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    install("docker")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.delenv("PIP_CERT", raising=False)
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://me:secret@example.org/simple\ncert = /own.pem\n")
    build_images([serving], Engine("docker"), print)
    (told,) = words("build")
    assert "--secret=id=certificates,src=/own.pem" in told
    assert [word for word in told if word.startswith("--secret=id=pip.conf,src=")]
    assert "me:secret" not in " ".join(told)


def test_a_build_that_fails_is_told_in_a_sentence(install: Callable[..., None], serving: Recipe) -> None:
    install("podman", build=1)
    with pytest.raises(
        PipelineError, match=r"^podman could not build the image serving, for the reason it gives above$"
    ):
        build_images([serving], Engine("podman"), print)


def test_a_push_makes_the_repository_and_locks_the_digest_and_the_next_pushes_nothing(
    target: Target,
    install: Callable[..., None],
    words: Callable[[str], list[list[str]]],
    serving: Recipe,
    tmp_path: Path,
) -> None:
    install("docker")
    lock = tmp_path / "images.lock"
    said: list[str] = []
    for _ in range(2):
        push_images(target, [serving], Engine("docker"), said.append, lock)
    ecr: Any = target.client("ecr")
    (pushed,) = ecr.describe_images(repositoryName=serving.repository)["imageDetails"]
    assert read_lock(lock) == {"serving": Locked(digest=pushed["imageDigest"], inputs=serving.inputs)}
    assert said == [
        "made the repository bin-counter/serving",
        f"pushed {serving.name} as {pushed['imageDigest']}",
        f"{serving.name} is in the registry as {pushed['imageDigest']}",
    ]
    registry = f"{target.account}.dkr.ecr.{target.region}.amazonaws.com"
    assert words("push") == [["push", f"{registry}/{serving.name}"]]
    assert words("login") == [["login", "--username=AWS", "--password-stdin", registry]]
    assert (tmp_path / "password").read_text().strip()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["images", "sewing"], "there is no image 'sewing'; images are processing, training, serving"),
        (["images"], "no engine builds images here (docker is not installed, podman is not installed, buildah is not"),
    ],
)
def test_a_command_that_cannot_build_says_why(words: list[str], reason: str, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "pipelines", *words]
    done = subprocess.run(line, capture_output=True, text=True, env={"PATH": str(tmp_path)}, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {reason}")
