"""The code of the stack's functions, as Lambda gets it."""

import ast
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.stack.code import HANDLERS, archive, function_files

BROUGHT_BY_LAMBDA = {"boto3", "botocore"}


def test_the_archive_is_the_same_bytes_each_time_whatever_the_order_of_its_files() -> None:
    files = function_files()
    assert archive(files) == archive(dict(reversed(files.items()))) == archive(function_files())
    with zipfile.ZipFile(io.BytesIO(archive(files))) as file:
        assert {name: file.read(name) for name in file.namelist()} == files
        assert {entry.external_attr >> 16 for entry in file.infolist()} == {0o644}


def test_a_changed_file_changes_the_archive() -> None:
    files = function_files()
    name = next(iter(files))
    assert archive({**files, name: files[name] + b"\n"}) != archive(files)


def test_the_archive_holds_what_functions_need_and_no_declaration() -> None:
    names = set(function_files())
    assert {"steps/deploy/handler.py", "pipelines/stack/functions/retrain.py"} < names
    assert not {"steps/deploy/settings.py", "steps/deploy/step.py", "pipelines/config.py"} & names


def test_functions_import_the_standard_library_boto3_and_one_another_at_most() -> None:
    files = function_files()
    for name, content in files.items():
        for module in imported_at_run_time(ast.parse(content)):
            path = module.replace(".", "/")
            own = {f"{path}.py", f"{path}/__init__.py"} & set(files)
            assert own or module.partition(".")[0] in sys.stdlib_module_names | BROUGHT_BY_LAMBDA, (name, module)


def imported_at_run_time(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from imported_at_run_time(node)


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
def test_a_handler_is_found_in_the_unpacked_archive_alone(handler: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive(function_files()))) as file:
        file.extractall(tmp_path)
    module, _, name = handler.rpartition(".")
    program = f"import {module} as found; print(found.__file__, callable(found.{name}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"{tmp_path}/{module.replace('.', '/')}.py", "True"]
