"""Which engine runs images, by which name it holds them, and what is said when none does."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.local.jobs.engine import ContainerEngine, EngineError

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
TAG = "team/training:latest"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a program on an otherwise empty PATH; it is in order or not, and holds some images."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(name: str, works: bool = True, images: tuple[str, ...] = ()) -> None:
        lines = [
            f"#!{sys.executable}",
            "import sys",
            f"known = {images!r}",
            f"sys.exit(0 if {works} and (sys.argv[1] == 'info' or sys.argv[-1] in known) else 1)",
        ]
        (tmp_path / name).write_text("\n".join(lines))
        (tmp_path / name).chmod(0o755)

    return put


def test_an_engine_whose_daemon_does_not_answer_is_passed_over(install: Callable[..., None]) -> None:
    install("docker", works=False)
    install("podman")
    assert ContainerEngine.find() == ContainerEngine("podman")


def test_without_an_engine_the_server_does_not_start_and_says_why(install: Callable[..., None], tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"neither `docker info` nor `podman info` succeeds"):
        ContainerEngine.find()
    words = [sys.executable, "-m", "pipelines.local", "--runtime", "container", "--port", "0", "--state", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "Images cannot be run here: neither `docker info` nor `podman info` succeeds.\n"


@pytest.mark.parametrize(
    "image",
    [
        f"{REGISTRY}/{TAG}",
        f"{REGISTRY}/team/training@sha256:{'0' * 64}",
        "localhost:5000/team/training:3",
        "team/training",
    ],
)
def test_an_image_of_a_registry_is_here_under_the_name_it_was_built_by(
    install: Callable[..., None], image: str
) -> None:
    install("docker", images=(TAG,))
    assert ContainerEngine("docker").local_name(image) == TAG


def test_an_image_that_is_here_by_its_full_name_is_the_one(install: Callable[..., None]) -> None:
    full = f"{REGISTRY}/team/training:7"
    install("docker", images=(TAG, full))
    assert ContainerEngine("docker").local_name(full) == full
    assert ContainerEngine("docker").missing(full) is None


def test_an_image_that_is_not_here_is_named_both_ways(install: Callable[..., None]) -> None:
    install("docker")
    missing = ContainerEngine("docker").missing(f"{REGISTRY}/team/training:7")
    assert missing == (
        f"ClientError: docker holds neither the image {REGISTRY}/team/training:7 nor {TAG} on this machine: "
        "build or pull it first."
    )
