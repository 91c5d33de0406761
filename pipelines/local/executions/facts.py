"""What is kept of an execution, but for its steps, and how AWS's calls and events describe it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pipelines.local.aws import Json, arn, iso_time, now, present, shorten
from pipelines.local.definitions.expressions import as_text
from pipelines.local.definitions.parameters import Value

_LONGEST_REASON = 1300  # characters, as in AWS's model


@dataclass
class Facts:
    """An execution without its steps.

    Attributes:
        identity: the last part of its ARN.
        version: of the pipeline's definition.
        parameters: a value for each declared parameter.
        tokens: of the call that started it and those that retried it.
        selection: the SelectiveExecutionConfig, where it runs some of the steps only.
    """

    identity: str
    pipeline_name: str
    version: int
    role_arn: str
    display_name: str
    parameters: dict[str, Value]
    tokens: list[str]
    description: str | None = None
    parallelism: Json | None = None
    selection: Json | None = None
    status: str = "Executing"
    failure_reason: str | None = None
    created: float = field(default_factory=now)
    modified: float = field(default_factory=now)

    @property
    def pipeline_arn(self) -> str:
        """The ARN of its pipeline."""
        return arn(f"pipeline/{self.pipeline_name}")

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"{self.pipeline_arn}/execution/{self.identity}"

    def become(self, status: str, reason: str | None = None) -> None:
        """Change its status."""
        self.status, self.modified = status, now()
        self.failure_reason = None if reason is None else shorten(reason, _LONGEST_REASON)

    def retried(self, token: str, parallelism: Json | None) -> Facts:
        """What they are once the call of this token has the execution go on."""
        tokens, parallelism = [*self.tokens, token], parallelism or self.parallelism
        retried = replace(self, tokens=tokens, parallelism=parallelism)
        retried.become("Executing")
        return retried

    def updated(self, request: Json) -> Facts:
        """What they are after UpdatePipelineExecution."""
        return replace(
            self,
            display_name=request.get("PipelineExecutionDisplayName", self.display_name),
            description=request.get("PipelineExecutionDescription", self.description),
            parallelism=request.get("ParallelismConfiguration", self.parallelism),
            modified=now(),
        )

    def describe(self) -> Json:
        """The answer of DescribePipelineExecution."""
        return present(
            {
                "PipelineExecutionDescription": self.description,
                "PipelineExecutionDisplayName": self.display_name,
                "PipelineArn": self.pipeline_arn,
                "PipelineExecutionArn": self.arn,
                "PipelineExecutionStatus": self.status,
                "FailureReason": self.failure_reason,
                "CreationTime": self.created,
                "LastModifiedTime": self.modified,
                "ParallelismConfiguration": self.parallelism,
                "SelectiveExecutionConfig": self.selection,
                "PipelineVersionId": self.version,
                "RoleArn": self.role_arn,
            }
        )

    def summary(self) -> Json:
        """Its line in ListPipelineExecutions."""
        return present(
            {
                "PipelineExecutionDescription": self.description,
                "PipelineExecutionDisplayName": self.display_name,
                "PipelineExecutionArn": self.arn,
                "StartTime": self.created,
                "PipelineExecutionStatus": self.status,
                "PipelineExecutionFailureReason": self.failure_reason,
            }
        )

    def bound_parameters(self) -> list[Json]:
        """The lines of ListPipelineParametersForExecution."""
        return [{"Name": name, "Value": as_text(value)} for name, value in self.parameters.items()]

    def detail(self, before: str | None) -> Json:
        """The detail of its event, as AWS documents it.

        Args:
            before: its status before this change; None where this is its start.
        """
        ended = self.status not in ("Executing", "Stopping")
        return present(
            {
                "pipelineExecutionDescription": self.description,
                "pipelineExecutionDisplayName": self.display_name,
                "currentPipelineExecutionStatus": self.status,
                "previousPipelineExecutionStatus": before,
                "executionStartTime": iso_time(self.created),
                "executionEndTime": iso_time(self.modified) if ended else None,
                "pipelineArn": self.pipeline_arn,
                "pipelineExecutionArn": self.arn,
            }
        )
