"""What the images hold, and what they must not."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.code import read_bundle
from pipelines.images.recipe import IMAGES, Recipe

pytestmark = [pytest.mark.slow, pytest.mark.images, pytest.mark.timeout(3600)]

COMPILERS = re.compile(
    r"(.*-)?(cc|gcc|g\+\+|c\+\+|cpp|clang|clang\+\+|ld|as|make|cmake|ninja|rustc|cargo|go|nvcc)(-[\d.]+)?"
)
SECRETS = re.compile(r"pip\.conf|\.netrc|\.pypirc|\.npmrc|\.env|id_(rsa|ed25519|ecdsa)|credentials|.*\.(key|p12|pfx)")
LISTING = """
import importlib.metadata, json
print(json.dumps({each.name: each.version for each in importlib.metadata.distributions()}))
"""


@pytest.fixture(params=IMAGES)
def image(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def files(image: str, container: Callable[[str], Any]) -> list[Path]:
    """Everything in the image, relative to its root; of the kernel's file systems nothing is in it."""
    root = container(image).root
    return [path.relative_to(root) for path in root.rglob("*") if path.is_symlink() or not path.is_dir()]


@pytest.fixture
def packages(container: Callable[[str], Any], tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Versions of the Python packages in an image."""

    def listed(image: str) -> dict[str, str]:
        opt_ml = tmp_path / "ml"
        opt_ml.mkdir()
        code, log = container(image).run(["python3", "-c", LISTING], opt_ml)
        assert code == 0, log
        found: dict[str, str] = json.loads(log)
        return found

    return listed


def test_no_image_holds_a_compiler(files: list[Path]) -> None:
    assert [path for path in files if path.parent.name in ("bin", "sbin") and COMPILERS.fullmatch(path.name)] == []


def test_no_image_holds_a_test(files: list[Path]) -> None:
    ours = [path for path in files if path.parts[0] == "opt"]
    assert [path for path in ours if "tests" in path.parts or path.name == "conftest.py"] == []


def test_no_image_holds_a_repository_or_a_secret(
    files: list[Path], image: str, container: Callable[[str], Any]
) -> None:
    assert [path for path in files if ".git" in path.parts] == []
    root = container(image).root
    suspects = [path for path in files if SECRETS.fullmatch(path.name) and path.suffix != ".py"]
    assert [path for path in suspects if (root / path).is_file() and (root / path).stat().st_size] == []
    assert [path for path in files if path.is_relative_to("run/secrets") and (root / path).stat().st_size] == []


def test_an_image_holds_the_packages_of_its_extra_in_the_versions_of_the_constraints(
    image: str,
    packages: Callable[[str], dict[str, str]],
    recipes: dict[str, Recipe],
    container: Callable[[str], Any],
) -> None:
    found = {normal(name): version for name, version in packages(image).items()}
    holds = ", ".join(f"{name} {version}" for name, version in sorted(found.items()))
    print(f"\n{image}, {container(image).size}: {holds}")
    lines = dict(recipes[image].files)["constraints.txt"].decode().splitlines() + recipes[image].instead.split()
    held = {normal(name): version for name, version in (line.split("==") for line in lines if "==" in line)}
    assert found.items() <= held.items()
    assert ("torch" in found) == (image == "training")
    assert not {"pip", "setuptools", "openvino-telemetry", "sagemaker", "pytest"} & found.keys()


def test_an_image_holds_the_bill_of_its_materials(
    image: str, container: Callable[[str], Any], packages: Callable[[str], dict[str, str]]
) -> None:
    bill = json.loads((container(image).root / "opt" / "bill-of-materials.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert {each["name"]: each["version"] for each in bill["components"]} == packages(image)


def test_the_serving_image_alone_carries_code_and_no_more_than_serving_needs(container: Callable[[str], Any]) -> None:
    program = container("serving").root / "opt" / "program"
    found = {path.relative_to(program).as_posix() for path in program.rglob("*.py")}
    assert found == {name for name, _ in read_bundle("serve").files}
    for image in ("processing", "training"):
        assert not list((container(image).root / "opt").rglob("steps/contract.py"))


def test_an_image_tells_its_version_its_commit_and_its_inputs(
    image: str, container: Callable[[str], Any], recipes: dict[str, Recipe]
) -> None:
    labels = container(image).labels
    assert labels["bin-counter.inputs"] == recipes[image].inputs
    assert labels["org.opencontainers.image.version"] == recipes[image].project_version
    assert re.fullmatch(r"[0-9a-f]{40}\+?", labels["org.opencontainers.image.revision"])


def test_an_image_whose_inputs_have_not_changed_is_not_built_again(
    image: str, container: Callable[[str], Any], recipes: dict[str, Recipe], build: Callable[[Recipe], list[str]]
) -> None:
    container(image)
    assert build(recipes[image]) == [f"{recipes[image].name} is there: its inputs have not changed"]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
