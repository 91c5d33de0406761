"""One step of one execution: its state, what is kept of it on disk, and how AWS's calls and events describe it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from pipelines.local.aws import Json, iso_time, now, present, shorten
from pipelines.local.definitions.definition import Step

_LONGEST_REASON = 1024  # characters, as in AWS's model
_KEPT = ("status", "started", "ended", "failure_reason", "attempts", "outcome", "cached_from", "reused_from")


class Stoppable(Protocol):
    """What a step has running, to be stopped together with the execution."""

    def stop(self) -> None:
        """Ask it to end."""


@dataclass
class StepRun:
    """One step of one execution, from its start on.

    Attributes:
        attempts: how often it was started, by its retry policies.
        properties: what references to the step see once it has succeeded.
        outcome: of a condition step.
        cached_from: the ARN of the execution whose result the cache gave, if it did.
        reused_from: the ARN of the execution whose result a selective execution builds on, if this is such a step.
    """

    step: Step
    status: str = "Executing"
    started: float = field(default_factory=now)
    ended: float | None = None
    failure_reason: str | None = None
    attempts: int = 1
    metadata: Json = field(default_factory=dict)
    properties: Any = None
    outcome: bool | None = None
    cached_from: str | None = None
    reused_from: str | None = None

    def finish(self, status: str, reason: str | None = None) -> None:
        """Note how the step ended."""
        self.failure_reason = None if reason is None else shorten(reason, _LONGEST_REASON)
        self.ended = now()
        self.status = status

    def result_of(self, earlier: Json) -> None:
        """Take over what an earlier run came to, from its `result`."""
        self.metadata, self.properties, self.outcome = (earlier[key] for key in ("metadata", "properties", "outcome"))

    def result(self) -> Json:
        """What the step came to, as JSON."""
        result = {"metadata": self.metadata, "properties": self.properties, "outcome": self.outcome}
        plain: Json = json.loads(json.dumps(result, default=str))
        return plain

    def document(self) -> Json:
        """What is kept on disk, but for the step itself, which is in the definition."""
        return {"step": self.step.name, **{name: getattr(self, name) for name in _KEPT}, **self.result()}

    @classmethod
    def read(cls, step: Step, document: Json) -> Self:
        """The run that a document describes."""
        fields = (*_KEPT, "metadata", "properties")
        return cls(step, **{name: document[name] for name in fields})

    def summary(self) -> Json:
        """Its line in ListPipelineExecutionSteps."""
        line: Json = {
            "StepName": self.step.name,
            "StepDisplayName": self.step.display_name,
            "StepDescription": self.step.description,
            "StartTime": self.started,
            "EndTime": self.ended,
            "StepStatus": self.status,
            "FailureReason": self.failure_reason,
            "Metadata": self.metadata,
            "AttemptCount": self.attempts,
            "CacheHitResult": self.cached_from and {"SourcePipelineExecutionArn": self.cached_from},
            "SelectiveExecutionResult": self.reused_from and {"SourcePipelineExecutionArn": self.reused_from},
        }
        return {key: value for key, value in line.items() if value is not None}

    def detail(self, before: str) -> Json:
        """The detail of its event, but for the ARNs of pipeline and execution; as AWS documents it.

        Args:
            before: its status before this change.
        """
        detail: Json = {
            "metadata": _camel(self.metadata),
            "stepStartTime": iso_time(self.started),
            "stepEndTime": None if self.ended is None else iso_time(self.ended),
            "stepName": self.step.name,
            "stepType": self.step.type,
            "previousStepStatus": before,
            "currentStepStatus": self.status,
            "failureReason": self.failure_reason,
            "cacheHitResult": self.cached_from and {"sourcePipelineExecutionArn": self.cached_from},
        }
        return present(detail)


def _camel(value: Any) -> Any:
    """API fields in the spelling of events: `ProcessingJob` becomes `processingJob`."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _camel(item) for key, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value
