"""Writes what an image needs: the requirements of an extra of pyproject.toml, and the constraints that hold them.

`requirements.py EXTRA INSTEAD` reads pyproject.toml and constraints.txt in its folder and writes requirements.txt and
versions.txt beside them. INSTEAD, often empty, is a list of requirements that take the place of the constraints on the
same packages, such as "torch==2.13.0+cpu torchvision==0.28.0+cpu".
"""

import re
import sys
import tomllib
from pathlib import Path

_NAME = re.compile(r"^[A-Za-z0-9._-]+")


def main(folder: Path, extra: str, instead: str) -> None:
    """Write both files."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    wanted = project["optional-dependencies"][extra]
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in wanted))

    others = instead.split()
    replaced = {_package(line) for line in others}
    lines = (folder / "constraints.txt").read_text().splitlines()
    kept = [line for line in lines if _package(line) not in replaced]
    (folder / "versions.txt").write_text("".join(f"{line}\n" for line in [*kept, *others]))


def _package(line: str) -> str | None:
    """The package that a requirement is about, as pip compares names; None for a comment."""
    found = _NAME.match(line)
    return found and re.sub(r"[-_.]+", "-", found[0]).lower()


main(Path(__file__).resolve().parent, sys.argv[1], sys.argv[2])
