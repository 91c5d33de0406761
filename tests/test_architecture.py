"""The arrows of the code base run one way, and compiling stays light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
SDK_FILES = {"step.py", "declaration.py", "definition.py", "sdk.py"}
SOURCES = sorted(
    file for package in ("pipelines", "steps") for file in (REPOSITORY / package).rglob("*.py") if file.is_file()
)


def imported_modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} uses a relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_below(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def step_folders() -> list[str]:
    return sorted(folder.name for folder in (REPOSITORY / "steps").iterdir() if (folder / "__init__.py").is_file())


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.relative_to(REPOSITORY).as_posix())
def test_only_declarations_import_the_sagemaker_sdk(file: Path) -> None:
    if file.name not in SDK_FILES:
        assert not [module for module in imported_modules(file) if is_below(module, "sagemaker")]


def test_openvino_is_imported_in_one_place_that_keeps_it_from_reporting_to_its_makers() -> None:
    wrong = [file for file in SOURCES if "openvino" in imported_modules(file) and file.name != "runtime.py"]
    assert not wrong
    program = (
        "import sys; started = []; watched = ('socket.', 'os.fork', 'os.posix_spawn', 'subprocess.');"
        "sys.addaudithook(lambda event, _: started.append(event) if event.startswith(watched) else None);"
        "import steps.runtime; print(started)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("step", step_folders())
def test_a_step_imports_itself_and_the_shared_files_only(step: str) -> None:
    others = [f"steps.{other}" for other in step_folders() if other != step]
    for file in (REPOSITORY / "steps" / step).rglob("*.py"):
        wrong = [
            module for module in imported_modules(file) if any(is_below(module, to) for to in ("pipelines", *others))
        ]
        assert not wrong, f"{file} imports {wrong}"


def test_shared_step_files_import_no_step_and_no_pipeline() -> None:
    forbidden = ("pipelines", *(f"steps.{step}" for step in step_folders()))
    for file in (REPOSITORY / "steps").glob("*.py"):
        assert not [module for module in imported_modules(file) if any(is_below(module, to) for to in forbidden)], file


def test_the_embedded_sagemaker_knows_nothing_of_this_project() -> None:
    for file in (REPOSITORY / "pipelines" / "local").rglob("*.py"):
        own = [
            module for module in imported_modules(file) if is_below(module, "steps") or is_below(module, "pipelines")
        ]
        assert all(is_below(module, "pipelines.local") for module in own if module != "pipelines"), (file, own)


def test_the_definition_compiles_without_what_only_containers_need() -> None:
    program = (
        "import sys; import pipelines.definition;"
        "heavy = {'torch', 'torchvision', 'onnx', 'openvino', 'sklearn', 'matplotlib', 'obstore', 'moto', 'cv2'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
