"""The pipelines of one server and their executions: found by name or ARN, and kept across restarts."""

from __future__ import annotations

import threading

from pipelines.local.announcements import Announcements
from pipelines.local.aws import ApiError, Json, not_found
from pipelines.local.executions.disk import Disk
from pipelines.local.executions.facts import Facts
from pipelines.local.executions.records import Execution
from pipelines.local.executions.runs import StepRun
from pipelines.local.executions.versions import Pipeline, Version
from pipelines.local.store import Store

_PIPELINES, _VERSIONS = "pipeline", "pipeline-version"  # kinds of documents in the store


class Library:
    """Holds pipelines and executions. Hold `lock` while looking something up and changing it.

    Args:
        store: where they are kept; those that are there already are read.
        announcements: are told of each change of an execution.
    """

    def __init__(self, store: Store, announcements: Announcements) -> None:
        self.lock = threading.RLock()
        self._store = store
        self._disk = Disk(store)
        self._announcements = announcements
        self._pipelines: dict[str, Pipeline] = {}
        self._executions: dict[str, Execution] = {}
        self._read()

    def pipelines(self) -> list[Pipeline]:
        """Every pipeline, the oldest first."""
        with self.lock:
            return list(self._pipelines.values())

    def executions(self, pipeline: Pipeline | None = None) -> list[Execution]:
        """Every execution, or every one of a pipeline, the oldest first."""
        with self.lock:
            found = list(self._executions.values())
        return [each for each in found if pipeline is None or each.pipeline_name == pipeline.name]

    def find(self, name: str) -> Pipeline | None:
        """The pipeline of this name, if there is one."""
        with self.lock:
            return self._pipelines.get(name)

    def pipeline(self, name_or_arn: str) -> Pipeline:
        """The pipeline of this name or ARN.

        Raises:
            ApiError: there is none.
        """
        name = name_or_arn.rsplit("pipeline/", 1)[-1]
        pipeline = self.find(name)
        if pipeline is None:
            raise not_found(f"Pipeline '{name}' does not exist.")
        return pipeline

    def execution(self, request: Json) -> Execution:
        """The execution that a request names.

        Raises:
            ApiError: there is none.
        """
        with self.lock:
            execution = self._executions.get(request["PipelineExecutionArn"])
        if execution is None:
            raise not_found(f"Pipeline execution '{request['PipelineExecutionArn']}' does not exist.")
        return execution

    def keep(self, pipeline: Pipeline) -> None:
        """Keep a pipeline that is new or has changed, with its versions."""
        with self.lock:
            for version in pipeline.versions.values():  # first, so that none on disk is without a version
                self._store.put(_VERSIONS, f"{pipeline.name}/{version.number}", version.document(pipeline.name))
            self._store.put(_PIPELINES, pipeline.name, pipeline.document())
            self._pipelines[pipeline.name] = pipeline

    def enter(self, facts: Facts, version: Version) -> Execution:
        """Make an execution. It is on disk once it is opened."""
        with self.lock:
            execution = Execution(facts, version.definition, self._disk, self._announcements)
            self._executions[execution.arn] = execution
            return execution

    def drop(self, execution: Execution) -> None:
        """Forget an execution that could not be opened."""
        with self.lock:
            del self._executions[execution.arn]

    def remove(self, pipeline: Pipeline) -> None:
        """Forget a pipeline with its versions and executions.

        Raises:
            ApiError: one of its executions has not ended.
        """
        with self.lock:
            executions = self.executions(pipeline)
            running = [each.arn for each in executions if not each.ended.is_set()]
            if running:
                raise ApiError(
                    "ConflictException", f"The pipeline '{pipeline.name}' cannot be deleted: {running[0]} still runs."
                )
            for execution in executions:
                execution.forget()
                del self._executions[execution.arn]
            self._store.remove(_PIPELINES, pipeline.name)
            for number in pipeline.versions:
                self._store.remove(_VERSIONS, f"{pipeline.name}/{number}")
            del self._pipelines[pipeline.name]

    def _read(self) -> None:
        for document in self._store.all(_PIPELINES):
            pipeline = Pipeline(**document)
            self._pipelines[pipeline.name] = pipeline
        for document in self._store.all(_VERSIONS):
            name = document.pop("pipeline")
            version = Version(**document)
            if name in self._pipelines:
                self._pipelines[name].versions[version.number] = version
        for facts, runs in self._disk.read():
            execution = self.enter(facts, self._pipelines[facts.pipeline_name].versions[facts.version])
            steps = execution.definition.steps
            execution.resume({each["step"]: StepRun.read(steps[each["step"]], each) for each in runs})
