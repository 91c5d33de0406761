"""The calls of AWS's API about executions of pipelines: start, stop, retry, update, describe, list."""

from __future__ import annotations

import secrets
import sqlite3
import string

from pipelines.local.aws import Action, Json, invalid, now, page, select
from pipelines.local.definitions.expressions import resolve
from pipelines.local.definitions.parameters import bind
from pipelines.local.executions import engine
from pipelines.local.executions.cache import StepCache
from pipelines.local.executions.facts import Facts
from pipelines.local.executions.library import Library
from pipelines.local.executions.records import Execution
from pipelines.local.executions.scope import ExecutionScope
from pipelines.local.executions.selection import check_selection, reused_runs
from pipelines.local.executions.turns import Services
from pipelines.local.executions.versions import Pipeline, Version
from pipelines.local.s3 import Storage

_IDENTITY = string.ascii_lowercase + string.digits


class Executions:
    """Answers the calls about executions.

    Args:
        library: where pipelines and executions are found.
        services: what steps work with.
        cache: the results of earlier steps.
    """

    def __init__(self, library: Library, services: Services, cache: StepCache) -> None:
        self._library = library
        self._services = services
        self._storage = Storage(services.connection.s3)
        self._cache = cache

    def actions(self) -> dict[str, Action]:
        """The calls that this answers, by name."""
        return {
            "StartPipelineExecution": self._start,
            "StopPipelineExecution": self._stop,
            "RetryPipelineExecution": self._retry,
            "UpdatePipelineExecution": self._update,
            "DescribePipelineExecution": self._describe,
            "ListPipelineExecutions": self._list,
            "ListPipelineExecutionSteps": self._list_steps,
            "ListPipelineParametersForExecution": self._list_parameters,
            "DescribePipelineDefinitionForExecution": self._describe_definition,
        }

    def _start(self, request: Json) -> Json:
        if "MlflowExperimentName" in request:
            raise invalid("The embedded SageMaker does not support MlflowExperimentName.")
        with self._library.lock:
            pipeline = self._library.pipeline(request["PipelineName"])
            token = request["ClientRequestToken"]
            for present in self._library.executions(pipeline):
                if token == present.token:
                    return {"PipelineExecutionArn": present.arn}
            execution = self._enter(pipeline, pipeline.version(request), request)
            version = pipeline.versions[execution.version]
            version.last_execution, pipeline.last_run = execution.arn, now()
            try:
                self._library.keep(pipeline)
                execution.open()
            except sqlite3.Error:
                self._library.drop(execution)
                raise
        engine.start(execution, self._services, self._cache)
        return {"PipelineExecutionArn": execution.arn}

    def _enter(self, pipeline: Pipeline, version: Version, request: Json) -> Execution:
        definition = version.definition
        parameters = bind(definition.parameters, request.get("PipelineParameters", []))
        selection = request.get("SelectiveExecutionConfig")
        source = None
        if selection is not None:
            source = self._source(pipeline, selection)
            check_selection(definition, selection, source)
        created = now()
        facts = Facts(
            _new_identity(),
            pipeline.name,
            version.number,
            role_arn=request.get("RoleArn") or pipeline.settings["RoleArn"],
            display_name=request.get("PipelineExecutionDisplayName") or f"execution-{int(created * 1000)}",
            parameters=parameters,
            tokens=[request["ClientRequestToken"]],
            description=request.get("PipelineExecutionDescription"),
            parallelism=request.get("ParallelismConfiguration", pipeline.settings.get("ParallelismConfiguration")),
            selection=selection,
            created=created,
        )
        execution = self._library.enter(facts, version)
        if source is not None:
            execution.runs.update(reused_runs(execution, source))
        return execution

    def _source(self, pipeline: Pipeline, selection: Json) -> Execution | None:
        arn = selection.get("SourcePipelineExecutionArn")
        if arn is None:
            return None
        source = next((each for each in self._library.executions(pipeline) if each.arn == arn), None)
        if source is None:
            raise invalid(
                f"Invalid SourcePipelineExecutionArn: {arn}. It is no execution of the pipeline '{pipeline.name}'."
            )
        return source

    def _stop(self, request: Json) -> Json:
        execution = self._library.execution(request)
        if execution.ended.is_set():
            raise invalid(f"The execution {execution.arn} cannot be stopped: it is {execution.status} already.")
        execution.stop()
        return {"PipelineExecutionArn": execution.arn}

    def _retry(self, request: Json) -> Json:
        execution = self._library.execution(request)
        if execution.reopen(request["ClientRequestToken"], request.get("ParallelismConfiguration")):
            engine.start(execution, self._services, self._cache)
        return {"PipelineExecutionArn": execution.arn}

    def _update(self, request: Json) -> Json:
        execution = self._library.execution(request)
        execution.update(request)
        return {"PipelineExecutionArn": execution.arn}

    def _describe(self, request: Json) -> Json:
        execution = self._library.execution(request)
        aliases, experiment = self._version(execution).aliases, execution.definition.experiment
        answer = execution.describe()
        if aliases:
            answer["PipelineVersionAliases"] = aliases
        if experiment:
            answer["PipelineExperimentConfig"] = resolve(experiment, ExecutionScope(execution, self._storage))
        return answer

    def _list(self, request: Json) -> Json:
        pipeline = self._library.pipeline(request["PipelineName"])
        lines = [each.summary() for each in self._library.executions(pipeline)]
        kept = select(lines, request, name="PipelineExecutionArn", created="StartTime")
        return page(kept, request, "PipelineExecutionSummaries")

    def _list_steps(self, request: Json) -> Json:
        lines = self._library.execution(request).steps()
        if request.get("SortOrder", "Descending") == "Descending":
            lines.reverse()
        return page(lines, request, "PipelineExecutionSteps")

    def _list_parameters(self, request: Json) -> Json:
        return page(self._library.execution(request).bound_parameters(), request, "PipelineParameters")

    def _describe_definition(self, request: Json) -> Json:
        execution = self._library.execution(request)
        return {"PipelineDefinition": execution.definition.text, "CreationTime": self._version(execution).created}

    def _version(self, execution: Execution) -> Version:
        return self._library.pipeline(execution.pipeline_name).versions[execution.version]


def _new_identity() -> str:
    """Twelve characters, as AWS gives them."""
    return "".join(secrets.choice(_IDENTITY) for _ in range(12))
