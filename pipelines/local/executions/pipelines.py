"""The calls of AWS's API about pipelines and their executions."""

from __future__ import annotations

import secrets
import string
import threading

from pipelines.local.aws import Action, Json, invalid, not_found, now, page, select
from pipelines.local.definitions.definition import Definition, parse
from pipelines.local.definitions.parameters import bind
from pipelines.local.definitions.validation import validate
from pipelines.local.executions import engine
from pipelines.local.executions.records import Execution, Pipeline
from pipelines.local.executions.turns import Services
from pipelines.local.s3 import Storage, TransferError

_IDENTITY = string.ascii_lowercase + string.digits
_ON_AWS_ONLY = ("SelectiveExecutionConfig", "PipelineVersionId", "PipelineVersionAlias", "MlflowExperimentName")


class Pipelines:
    """Keeps pipelines and their executions, and answers the calls about them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._storage = Storage(services.connection.s3)
        self._pipelines: dict[str, Pipeline] = {}
        self._executions: dict[str, Execution] = {}
        self._tokens: dict[tuple[str, str], Execution] = {}
        self._lock = threading.RLock()

    def actions(self) -> dict[str, Action]:
        """The calls that this answers, by name."""
        return {
            "CreatePipeline": self._create,
            "UpdatePipeline": self._update,
            "DescribePipeline": self._describe,
            "DeletePipeline": self._delete,
            "ListPipelines": self._list,
            "StartPipelineExecution": self._start,
            "StopPipelineExecution": self._stop,
            "DescribePipelineExecution": lambda request: self._execution(request).describe(),
            "ListPipelineExecutions": self._list_executions,
            "ListPipelineExecutionSteps": self._list_steps,
            "ListPipelineParametersForExecution": self._list_parameters,
            "DescribePipelineDefinitionForExecution": self._describe_definition,
        }

    def tags(self) -> dict[str, list[Json]]:
        """The tags with which each pipeline was created, by its ARN."""
        with self._lock:
            return {each.arn: each.request.get("Tags", []) for each in self._pipelines.values()}

    def close(self, timeout_seconds: float) -> None:
        """Stop every execution and wait until all have ended."""
        with self._lock:
            executions = list(self._executions.values())
        for execution in executions:
            execution.stop()
        for execution in executions:
            execution.ended.wait(timeout_seconds)

    def _create(self, request: Json) -> Json:
        definition = self._definition(request)
        if definition is None:
            raise invalid("A pipeline needs a PipelineDefinition or a PipelineDefinitionS3Location.")
        name = request["PipelineName"]
        with self._lock:
            if name in self._pipelines:
                # The SageMaker SDK's upsert looks for these very words.
                raise invalid(
                    "Pipeline names must be unique within an AWS account and region. "
                    f"Pipeline with name ({name}) already exists."
                )
            self._pipelines[name] = Pipeline(request, definition)
            return {"PipelineArn": self._pipelines[name].arn}

    def _update(self, request: Json) -> Json:
        definition = self._definition(request)
        with self._lock:
            pipeline = self._pipeline(request)
            changed = Pipeline({**pipeline.request, **request}, definition or pipeline.definition)
            changed.request["PipelineName"] = pipeline.name
            changed.created, changed.last_run = pipeline.created, pipeline.last_run
            self._pipelines[pipeline.name] = changed
            return {"PipelineArn": changed.arn}

    def _describe(self, request: Json) -> Json:
        return self._pipeline(request).describe()

    def _delete(self, request: Json) -> Json:
        with self._lock:
            return {"PipelineArn": self._pipelines.pop(self._pipeline(request).name).arn}

    def _list(self, request: Json) -> Json:
        with self._lock:
            lines = [pipeline.summary() for pipeline in self._pipelines.values()]
        return page(select(lines, request, name="PipelineName"), request, "PipelineSummaries")

    def _start(self, request: Json) -> Json:
        refused = [field for field in _ON_AWS_ONLY if field in request]
        if refused:
            raise invalid(f"The embedded SageMaker does not support {', '.join(refused)}.")
        with self._lock:
            pipeline = self._pipeline(request)
            token = (pipeline.name, request.get("ClientRequestToken", secrets.token_hex(16)))
            if token not in self._tokens:
                values = bind(pipeline.definition.parameters, request.get("PipelineParameters", []))
                execution = Execution(_new_identity(), pipeline, values, request)
                self._tokens[token] = self._executions[execution.arn] = execution
                pipeline.last_run = now()
                engine.start(execution, self._services)
            return {"PipelineExecutionArn": self._tokens[token].arn}

    def _stop(self, request: Json) -> Json:
        execution = self._execution(request)
        if execution.ended.is_set():
            raise invalid(f"The execution {execution.arn} cannot be stopped: it is {execution.status} already.")
        execution.stop()
        return {"PipelineExecutionArn": execution.arn}

    def _list_executions(self, request: Json) -> Json:
        pipeline = self._pipeline(request)
        with self._lock:
            executions = list(self._executions.values())
        lines = [each.summary() for each in executions if each.pipeline_name == pipeline.name]
        kept = select(lines, request, name="PipelineExecutionArn", created="StartTime")
        return page(kept, request, "PipelineExecutionSummaries")

    def _list_steps(self, request: Json) -> Json:
        lines = self._execution(request).steps()
        if request.get("SortOrder", "Descending") == "Descending":
            lines.reverse()
        return page(lines, request, "PipelineExecutionSteps")

    def _list_parameters(self, request: Json) -> Json:
        return page(self._execution(request).bound_parameters(), request, "PipelineParameters")

    def _describe_definition(self, request: Json) -> Json:
        execution = self._execution(request)
        return {"PipelineDefinition": execution.definition.text, "CreationTime": execution.created}

    def _definition(self, request: Json) -> Definition | None:
        """The definition that a request brings, checked; None where it brings none."""
        location = request.get("PipelineDefinitionS3Location")
        text = request.get("PipelineDefinition")
        if location is not None and text is not None:
            raise invalid("Give either PipelineDefinition or PipelineDefinitionS3Location, not both.")
        if location is not None:
            try:
                text = self._storage.read(f"s3://{location['Bucket']}/{location['ObjectKey']}").decode()
            except (TransferError, UnicodeDecodeError) as error:
                raise invalid(f"PipelineDefinitionS3Location cannot be read: {error}") from error
        if text is None:
            return None
        definition = parse(text)
        validate(definition)
        return definition

    def _pipeline(self, request: Json) -> Pipeline:
        """The pipeline that a request names, by name or by ARN."""
        name = request["PipelineName"].rsplit("pipeline/", 1)[-1]
        with self._lock:
            if name not in self._pipelines:
                raise not_found(f"Pipeline '{name}' does not exist.")
            return self._pipelines[name]

    def _execution(self, request: Json) -> Execution:
        with self._lock:
            execution = self._executions.get(request["PipelineExecutionArn"])
        if execution is None:
            raise not_found(f"Pipeline execution '{request['PipelineExecutionArn']}' does not exist.")
        return execution


def _new_identity() -> str:
    """Twelve characters, as AWS gives them."""
    return "".join(secrets.choice(_IDENTITY) for _ in range(12))
