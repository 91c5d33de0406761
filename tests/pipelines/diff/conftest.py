"""A compiled definition to edit."""

import json
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parents[1] / "golden" / "demo.json"
SOME_CODE = "0" * 64


@pytest.fixture
def compiled() -> dict[str, Any]:
    """The demo's definition, with the same hash for the code of every step."""
    definition: dict[str, Any] = json.loads(GOLDEN.read_text().replace("<sha256>", SOME_CODE))
    return definition
