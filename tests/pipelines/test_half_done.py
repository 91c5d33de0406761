"""What a verb had done when AWS refused the rest."""

from typing import Any

import boto3
import pytest

from pipelines.errors import PipelineError
from pipelines.target import told_what_was_done


def test_what_was_done_before_a_failure_is_listed_with_it(answers: Any) -> None:
    answers.refuse("ValidationException", "no")
    said: list[str] = []

    def create() -> None:
        with told_what_was_done(said.append) as report:
            report("created a")
            report("created b")
            boto3.client("sagemaker").list_models()

    with pytest.raises(PipelineError, match=r"no; done before that, and still there: created a, created b"):
        create()
    assert said == ["created a", "created b"]


def test_a_failure_before_anything_was_done_lists_nothing() -> None:
    with pytest.raises(PipelineError, match=r"^just that$"), told_what_was_done(print):
        raise PipelineError("just that")
