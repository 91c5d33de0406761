"""What a change of an execution or of a step is announced as."""

from __future__ import annotations

from pipelines.local.announcements import Announcement
from pipelines.local.executions.facts import Facts
from pipelines.local.executions.runs import StepRun

_EXECUTION_CHANGED = "SageMaker Model Building Pipeline Execution Status Change"
_STEP_CHANGED = "SageMaker Model Building Pipeline Execution Step Status Change"


def execution_changed(facts: Facts, before: str | None) -> Announcement:
    """An execution has another status than `before`; None where it has just been started."""
    return Announcement(_EXECUTION_CHANGED, facts.arn, facts.detail(before))


def step_changed(facts: Facts, run: StepRun, before: str) -> Announcement:
    """A step of the execution of these facts has another status than `before`."""
    arns = {"pipelineArn": facts.pipeline_arn, "pipelineExecutionArn": facts.arn}
    return Announcement(_STEP_CHANGED, facts.arn, {**run.detail(before), **arns})
