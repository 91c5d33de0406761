"""Where the expressions of one execution find their values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pipelines.local.definitions.expressions import ExpressionError
from pipelines.local.definitions.paths import PathError, look_up
from pipelines.local.executions.records import Execution
from pipelines.local.s3 import Storage, TransferError


class ExecutionScope:
    """The values of an execution; an implementation of `expressions.Scope`.

    Args:
        execution: whose parameters and step runs are meant.
        storage: reads property files.
    """

    def __init__(self, execution: Execution, storage: Storage) -> None:
        self._execution = execution
        self._storage = storage

    def parameter(self, name: str) -> Any:
        """The value of a parameter."""
        if name not in self._execution.parameters:
            raise ExpressionError(f"The parameter '{name}' is not declared.")
        return self._execution.parameters[name]

    def execution(self, name: str) -> str:
        """The value of an execution variable; times in ISO 8601."""
        return {
            "PipelineExecutionId": self._execution.identity,
            "PipelineExecutionArn": self._execution.arn,
            "PipelineName": self._execution.pipeline_name,
            "PipelineArn": self._execution.pipeline_arn,
            "StartDateTime": _iso(datetime.fromtimestamp(self._execution.created, UTC)),
            "CurrentDateTime": _iso(datetime.now(UTC)),
        }[name]

    def properties(self, step: str) -> Any:
        """What the step's Describe call answered when it succeeded."""
        run = self._execution.runs.get(step)
        if run is None or run.properties is None:
            raise ExpressionError(f"The step '{step}' has no properties: it has not run to its end.")
        return run.properties

    def property_file(self, step: str, name: str) -> bytes:
        """The content of a property file of a processing step."""
        files = {file.name: file for file in self._execution.definition.steps[step].property_files}
        file = files[name]
        try:
            root = look_up(self.properties(step), f"ProcessingOutputConfig.Outputs['{file.output}'].S3Output.S3Uri")
        except PathError as error:
            raise ExpressionError(f"The property file '{name}' of step '{step}': {error}") from error
        return self.document(f"{root.rstrip('/')}/{file.path}")

    def document(self, uri: str) -> bytes:
        """The content of a small object in S3."""
        try:
            return self._storage.read(uri)
        except TransferError as error:
            raise ExpressionError(str(error)) from error


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
