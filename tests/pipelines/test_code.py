import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.code import BUNDLED, STEPS, read_bundle


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    copy = tmp_path / "elsewhere" / "steps"
    shutil.copytree(STEPS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.mark.parametrize("step", BUNDLED)
def test_another_checkout_has_the_same_hash(step: str, steps: Path) -> None:
    (steps / "__pycache__").mkdir()
    (steps / "__pycache__" / "contract.cpython-311.pyc").write_bytes(b"compiled")
    assert read_bundle(step, steps).digest == read_bundle(step).digest


def test_a_bundle_holds_the_step_and_what_it_imports_but_no_declaration_and_no_other_step() -> None:
    names = {name for name, _ in read_bundle("train").files}
    assert {"steps/__init__.py", "steps/train/__main__.py", "steps/train/settings.py"} <= names
    assert {"steps/contract.py", "steps/shards.py", "steps/metrics.py", "steps/signature.py"} <= names
    assert not {"steps/declaration.py", "steps/train/step.py", "steps/catalog/__init__.py"} & names
    assert "steps/storage.py" not in names
    assert {"steps/train/diagnostics/training.html", "steps/page.html"} <= names
    assert "steps/page.html" not in {name for name, _ in read_bundle("ingest").files}


@pytest.mark.parametrize("step", BUNDLED)
def test_a_bundle_is_enough_to_import_the_step(step: str, tmp_path: Path) -> None:
    for name, content in read_bundle(step).files:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    modules = [
        name.removesuffix(".py").replace("/", ".") for name, _ in read_bundle(step).files if name.endswith(".py")
    ]
    program = f"import importlib, steps; print(steps.__file__); [importlib.import_module(m) for m in {modules!r}]"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))


def test_a_shared_file_changes_the_steps_that_import_it_and_no_other(steps: Path) -> None:
    before = {step: read_bundle(step, steps).digest for step in BUNDLED}
    with (steps / "catalog_files.py").open("a") as file:
        file.write("# changed\n")
    after = {step: read_bundle(step, steps).digest for step in BUNDLED}
    assert {step for step in BUNDLED if before[step] != after[step]} == set(BUNDLED) - {"train"}


def test_changing_a_declaration_changes_no_hash(steps: Path) -> None:
    before = read_bundle("train", steps).digest
    with (steps / "train" / "step.py").open("a") as file:
        file.write("# another machine\n")
    assert read_bundle("train", steps).digest == before


def test_changing_a_step_changes_its_hash_and_no_other(steps: Path) -> None:
    before = {step: read_bundle(step, steps).digest for step in BUNDLED}
    with (steps / "evaluate" / "__main__.py").open("a") as file:
        file.write("# changed\n")
    after = {step: read_bundle(step, steps).digest for step in BUNDLED}
    assert {step for step in BUNDLED if before[step] != after[step]} == {"evaluate"}


def test_renaming_a_file_changes_the_hash(steps: Path) -> None:
    before = read_bundle("train", steps).digest
    (steps / "train" / "settings.py").rename(steps / "train" / "options.py")
    assert read_bundle("train", steps).digest != before
