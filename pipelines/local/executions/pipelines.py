"""The calls of AWS's API about pipelines and their versions; those about executions are in `control`."""

from __future__ import annotations

from pipelines.local.aws import Action, Json, invalid, page, select
from pipelines.local.deadline import Deadline
from pipelines.local.definitions.definition import parse
from pipelines.local.definitions.validation import validate
from pipelines.local.executions.cache import StepCache
from pipelines.local.executions.control import Executions
from pipelines.local.executions.library import Library
from pipelines.local.executions.turns import Services
from pipelines.local.executions.versions import Pipeline
from pipelines.local.s3 import Storage, TransferError
from pipelines.local.store import Store

_NAMES = {"PipelineVersionDisplayName": "display_name", "PipelineVersionDescription": "description"}


class Pipelines:
    """Keeps pipelines and their executions, and answers the calls about them.

    Args:
        services: what steps work with.
        store: where everything is kept.
    """

    def __init__(self, services: Services, store: Store) -> None:
        self._storage = Storage(services.connection.s3)
        self._cache = StepCache(store, self._storage)
        self._library = Library(store, services.announcements)
        self._executions = Executions(self._library, services, self._cache)

    def actions(self) -> dict[str, Action]:
        """The calls that this answers, by name."""
        return {
            "CreatePipeline": self._create,
            "UpdatePipeline": self._update,
            "UpdatePipelineVersion": self._update_version,
            "DescribePipeline": self._describe,
            "DeletePipeline": self._delete,
            "ListPipelines": self._list,
            "ListPipelineVersions": self._list_versions,
            **self._executions.actions(),
        }

    def tags(self) -> dict[str, list[Json]]:
        """The tags with which each pipeline was created, by its ARN."""
        return {each.arn: each.settings.get("Tags", []) for each in self._library.pipelines()}

    def mend(self) -> None:
        """Have the executions that ran when an earlier server died fail, and tell of it."""
        for execution in self._library.executions():
            execution.mend()

    def stop(self) -> None:
        """Ask every execution to end."""
        for execution in self._library.executions():
            execution.stop()

    def close(self, timeout_seconds: float) -> None:
        """Wait until every execution has ended."""
        deadline = Deadline(timeout_seconds)
        for execution in self._library.executions():
            execution.ended.wait(deadline.remaining_seconds)

    def _create(self, request: Json) -> Json:
        text = self._definition(request)
        if text is None:
            raise invalid("A pipeline needs a PipelineDefinition or a PipelineDefinitionS3Location.")
        name, token = request["PipelineName"], request["ClientRequestToken"]
        with self._library.lock:
            present = self._library.find(name)
            if present is not None and present.token == token:
                return {"PipelineArn": present.arn}
            if present is not None:
                # The SageMaker SDK's upsert looks for these very words.
                raise invalid(
                    "Pipeline names must be unique within an AWS account and region. "
                    f"Pipeline with name ({name}) already exists."
                )
            pipeline = Pipeline({}, token)
            pipeline.set(request)
            pipeline.add_version(text, request.get("PipelineVersionAliases", []))
            self._library.keep(pipeline)
            return {"PipelineArn": pipeline.arn}

    def _update(self, request: Json) -> Json:
        """Change a pipeline; a definition that is not the latest one makes a new version."""
        text = self._definition(request)
        aliases = request.get("PipelineVersionAliases", [])
        with self._library.lock:
            pipeline = self._library.pipeline(request["PipelineName"])
            latest = pipeline.version({})
            if text is not None and text != latest.text:
                latest = pipeline.add_version(text, aliases)
            else:
                pipeline.name_version(latest, aliases)
            pipeline.set(request)
            self._library.keep(pipeline)
            return {"PipelineArn": pipeline.arn, "PipelineVersionId": latest.number}

    def _update_version(self, request: Json) -> Json:
        operations = request.get("PipelineVersionAliasOperations", {})
        with self._library.lock:
            pipeline = self._library.pipeline(request["PipelineArn"])
            version = pipeline.version({"PipelineVersionId": request["PipelineVersionId"]})
            for field, attribute in _NAMES.items():
                if field in request:
                    setattr(version, attribute, request[field])
            version.aliases = [each for each in version.aliases if each not in operations.get("Remove", [])]
            pipeline.name_version(version, operations.get("Add", []))
            self._library.keep(pipeline)
            return {"PipelineArn": pipeline.arn, "PipelineVersionId": version.number}

    def _describe(self, request: Json) -> Json:
        with self._library.lock:
            pipeline = self._library.pipeline(request["PipelineName"])
            return pipeline.describe(pipeline.version(request))

    def _delete(self, request: Json) -> Json:
        with self._library.lock:
            pipeline = self._library.pipeline(request["PipelineName"])
            self._library.remove(pipeline)
            self._cache.forget(pipeline.arn)
            return {"PipelineArn": pipeline.arn}

    def _list(self, request: Json) -> Json:
        lines = [pipeline.summary() for pipeline in self._library.pipelines()]
        return page(select(lines, request, name="PipelineName"), request, "PipelineSummaries")

    def _list_versions(self, request: Json) -> Json:
        with self._library.lock:
            pipeline = self._library.pipeline(request["PipelineName"])
            lines = [version.summary(pipeline.arn) for version in pipeline.versions.values()]
        return page(select(lines, request, name="PipelineArn"), request, "PipelineVersionSummaries")

    def _definition(self, request: Json) -> str | None:
        """The definition of a create or update call, checked, where it has one."""
        text, location = request.get("PipelineDefinition"), request.get("PipelineDefinitionS3Location")
        if text is not None and location is not None:
            raise invalid("Give PipelineDefinition or PipelineDefinitionS3Location, not both.")
        if location is not None:
            try:
                text = self._storage.read(f"s3://{location['Bucket']}/{location['ObjectKey']}").decode()
            except (TransferError, UnicodeDecodeError) as error:
                raise invalid(f"PipelineDefinitionS3Location cannot be read: {error}") from error
        if text is not None:
            validate(parse(text))
        return text
