from typing import Any

import pytest

from pipelines.errors import PipelineError
from pipelines.executions.chosen import chosen_execution
from pipelines.target import Target


def test_an_execution_is_found_by_its_arn_the_last_part_of_it_or_as_the_latest(target: Target, tiny: Any) -> None:
    execution = tiny.run(tiny.processing("Quick", "print()"))
    pipeline, last_part = execution.split("/")[1], execution.rpartition("/")[2]
    for given in ("", "latest", last_part, execution):
        assert chosen_execution(target, pipeline, given) == execution
    assert chosen_execution(target, "another", execution) == execution
    for wrong in ("nonsense", execution[:-1], "arn:nonsense", f"{execution}/x"):
        with pytest.raises(PipelineError, match=f"no execution '{wrong}' of .*: give latest, or one of {last_part}"):
            chosen_execution(target, pipeline, wrong)


@pytest.mark.parametrize("given", ["", "latest", "some", "arn:nonsense"])
def test_of_a_pipeline_that_is_not_there_that_is_told(target: Target, given: str) -> None:
    with pytest.raises(PipelineError, match="there is no pipeline never-made in account"):
        chosen_execution(target, "never-made", given)
