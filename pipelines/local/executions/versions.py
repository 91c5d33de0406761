"""A pipeline and the versions of its definition: what is kept of them, and how AWS's calls describe them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property

from pipelines.local.aws import Json, arn, invalid, not_found, now
from pipelines.local.definitions.definition import Definition, parse

_FIELDS = ("PipelineName", "PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration", "Tags")


@dataclass
class Version:
    """A definition that a pipeline has or had.

    Attributes:
        number: its PipelineVersionId, counted from 1.
        text: the definition's JSON.
    """

    number: int
    text: str
    created: float = field(default_factory=now)
    display_name: str | None = None
    description: str | None = None
    aliases: list[str] = field(default_factory=list)
    last_execution: str | None = None

    @cached_property
    def definition(self) -> Definition:
        """The definition, parsed."""
        return parse(self.text)

    def names(self) -> Json:
        """What people have called it, in the spelling of the API."""
        names: Json = {
            "PipelineVersionDisplayName": self.display_name,
            "PipelineVersionDescription": self.description,
            "PipelineVersionAliases": self.aliases or None,
        }
        return {key: value for key, value in names.items() if value is not None}

    def summary(self, pipeline_arn: str) -> Json:
        """Its line in ListPipelineVersions."""
        last = {} if self.last_execution is None else {"LastExecutionPipelineExecutionArn": self.last_execution}
        return {
            "PipelineArn": pipeline_arn,
            "PipelineVersionId": self.number,
            "CreationTime": self.created,
            **self.names(),
            **last,
        }

    def document(self, pipeline: str) -> Json:
        """What is kept on disk."""
        return {"pipeline": pipeline, **asdict(self)}


@dataclass
class Pipeline:
    """A pipeline, with every definition that it has had.

    Attributes:
        settings: what it was last created or updated with, but for the definition.
        token: of the call that created it.
        versions: by number, the oldest first.
    """

    settings: Json
    token: str
    created: float = field(default_factory=now)
    modified: float = field(default_factory=now)
    last_run: float | None = None
    versions: dict[int, Version] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name."""
        name: str = self.settings["PipelineName"]
        return name

    @property
    def arn(self) -> str:
        """Its ARN."""
        return arn(f"pipeline/{self.name}")

    def set(self, request: Json) -> None:
        """Take over what a create or update call says, but for the definition."""
        self.settings.update({name: request[name] for name in _FIELDS if name in request})
        self.modified = now()

    def add_version(self, text: str, aliases: Iterable[str]) -> Version:
        """Make a definition the latest one; an alias that another version has moves to it."""
        version = Version(max(self.versions, default=0) + 1, text)
        self.versions[version.number] = version
        self.name_version(version, aliases)
        return version

    def name_version(self, version: Version, aliases: Iterable[str]) -> None:
        """Give a version aliases; those that another version has move to it."""
        for alias in aliases:
            for other in self.versions.values():
                if alias in other.aliases:
                    other.aliases.remove(alias)
            version.aliases.append(alias)

    def version(self, request: Json) -> Version:
        """The version that a request names by PipelineVersionId or PipelineVersionAlias; the latest if by neither.

        Raises:
            ApiError: there is none, or the request names it twice.
        """
        number, alias = request.get("PipelineVersionId"), request.get("PipelineVersionAlias")
        if number is not None and alias is not None:
            raise invalid("Give PipelineVersionId or PipelineVersionAlias, not both.")
        if alias is not None:
            number = next((each.number for each in self.versions.values() if alias in each.aliases), None)
        elif number is None:
            number = max(self.versions)
        if number not in self.versions:
            called = f"alias '{alias}'" if alias is not None else f"id {request['PipelineVersionId']}"
            raise not_found(f"The pipeline '{self.name}' has no version with the {called}.")
        return self.versions[number]

    def describe(self, version: Version) -> Json:
        """The answer of DescribePipeline."""
        return {
            **{key: value for key, value in self.settings.items() if key != "Tags"},
            "PipelineArn": self.arn,
            "PipelineDefinition": version.text,
            "PipelineStatus": "Active",
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            **({} if self.last_run is None else {"LastRunTime": self.last_run}),
            **version.names(),
        }

    def summary(self) -> Json:
        """Its line in ListPipelines."""
        kept = ("PipelineName", "PipelineDisplayName", "PipelineDescription", "RoleArn")
        return {
            **{key: value for key, value in self.settings.items() if key in kept},
            "PipelineArn": self.arn,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            **({} if self.last_run is None else {"LastExecutionTime": self.last_run}),
        }

    def document(self) -> Json:
        """What is kept on disk, but for the versions."""
        return {name: getattr(self, name) for name in ("settings", "token", "created", "modified", "last_run")}
