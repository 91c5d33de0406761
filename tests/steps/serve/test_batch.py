"""In a transform job one photo that cannot be read fails nothing but itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def batch(start: Callable[..., Any], model: Path) -> Any:
    return start(model, SAGEMAKER_BATCH="true")


def test_a_photo_that_cannot_be_read_is_answered_with_its_reason(batch: Any) -> None:
    answer = batch.ask(b"no photo", "application/x-image")
    assert answer.status_code == 200
    assert set(answer.json()) == {"error"}
    row = batch.ask(b"no photo", "application/x-image", Accept="text/csv")
    assert row.text.startswith("error,")


def test_what_is_wrong_with_the_request_itself_is_refused_all_the_same(batch: Any) -> None:
    assert batch.ask(b"no photo", "text/plain").status_code == 415
