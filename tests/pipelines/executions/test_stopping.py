from typing import Any

import pytest

from pipelines.errors import PipelineError
from pipelines.executions.stopping import running_execution, stop
from pipelines.target import Target

LONG = "import time; print('begun', flush=True); time.sleep(60)"


def test_stopping_waits_for_the_end_and_says_what_was_stopped(target: Target, tiny: Any) -> None:
    execution = tiny.start(tiny.processing("Quick", "print()"), tiny.processing("Long", LONG))
    pipeline = execution.split("/")[1]
    tiny.until(lambda: "begun" in tiny.log(execution, "Long"))
    assert running_execution(target, pipeline) == execution
    said: list[str] = []
    ended = stop(target, execution, said.append, interval_seconds=0.2)
    assert ended.status == tiny.status(execution) == "Stopped"
    assert said[0] == f"stopping {execution} ..."
    assert [line.split()[1] for line in said[1:-1]] == ["Long"]
    assert ":processing-job/" in said[1]
    assert said[-1] == f"Stopped {execution}"
    assert running_execution(target, pipeline) is None


def test_an_execution_that_has_ended_is_left_alone(target: Target, tiny: Any) -> None:
    execution = tiny.run(tiny.processing("Quick", "print()"))
    said: list[str] = []
    assert stop(target, execution, said.append).status == "Succeeded"
    assert said == [f"nothing to stop: {execution} has ended as Succeeded"]


def test_a_pipeline_that_is_not_there_cannot_be_stopped(target: Target) -> None:
    with pytest.raises(PipelineError, match="there is no pipeline never-made in account"):
        running_execution(target, "never-made")
