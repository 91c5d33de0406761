"""What a preset may say: every field with its meaning, unit and bounds."""

import tomllib
from importlib import resources
from typing import Any, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from pipelines.checks.settings import ChecksConfig
from pipelines.cost.settings import CostSettings
from pipelines.errors import PipelineError
from pipelines.images.lock import image_names, read_lock
from pipelines.images.settings import ImagesConfig
from pipelines.machines import MachinesConfig
from pipelines.section import Section
from pipelines.stack.settings import NetworkConfig, StackConfig
from steps.audit.settings import AuditSettings
from steps.catalog.settings import CatalogSettings
from steps.contract import explain
from steps.deploy.settings import DeploySettings
from steps.evaluate.settings import EvaluateSettings
from steps.explore.settings import ExploreSettings
from steps.gate.settings import GateSettings
from steps.ingest.settings import IngestSettings
from steps.register.settings import RegisterSettings
from steps.survey.settings import SurveySettings
from steps.train.settings import TrainSettings
from steps.tune.settings import TuneSettings


class Config(Section):
    """One pipeline: where it lives, what it runs on, and what each step is told.

    In texts, `{account}`, `{region}`, `{partition}` and `{bucket}` stand for where the pipeline is put, `{name}` for
    its name.
    """

    name: str = Field(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}$", description="the pipeline's name")
    description: str = Field("", max_length=3072, description="shown beside the name")
    bucket: str = Field("{name}-{account}-{region}", description="bucket for step code and outputs")
    role: str = Field(
        "arn:{partition}:iam::{account}:role/{name}-pipeline",
        description="role of the pipeline, which creates the jobs",
    )
    jobs_role: str = Field("arn:{partition}:iam::{account}:role/{name}-jobs", description="role of the jobs and models")
    kms_key: str = Field("", description="ARN of the key for outputs and disks; empty: AWS's own keys")
    network: NetworkConfig = NetworkConfig()
    stack: StackConfig = StackConfig()
    cache_expires_after: str = Field(
        "P1D",
        pattern=r"^P(\d+D|T\d+H)$",
        description="ISO 8601 age, days or hours, up to which a step's result is reused; the cache compares the URI of "
        "the source, not what lies there, so that new photos are noticed after this time at the latest",
    )
    initial_weights: str = Field(
        "",
        pattern=r"^(s3://[^/]+/.+)?$",
        description="S3 folder of one *.safetensors or *.pth file that training starts from; empty: random weights",
    )
    tags: dict[str, str] = Field(
        {"pipeline": "{name}"},
        max_length=50,
        description="tags of jobs and models; cost reports tell by keys that are activated as cost allocation tags",
    )
    images: ImagesConfig = ImagesConfig()
    machines: MachinesConfig = MachinesConfig()
    catalog: CatalogSettings
    ingest: IngestSettings = IngestSettings()
    explore: ExploreSettings = ExploreSettings()
    train: TrainSettings = TrainSettings()
    tune: TuneSettings | None = Field(None, description="without it there is no tuning: train's own values are taken")
    evaluate: EvaluateSettings = EvaluateSettings()
    gate: GateSettings = Field(GateSettings(), validate_default=True)
    register_: RegisterSettings = Field(RegisterSettings(), alias="register")
    deploy: DeploySettings | None = Field(None, description="without it approved models are deployed by nobody")
    survey: SurveySettings = SurveySettings()
    audit: AuditSettings = AuditSettings()
    cost: CostSettings = CostSettings()
    checks: ChecksConfig = ChecksConfig()

    @field_validator("train")
    @classmethod
    def _a_head_stands_on_weights(cls, train: TrainSettings, info: ValidationInfo) -> TrainSettings:
        if train.trainable == "head" and not info.data.get("initial_weights", "wrong itself, which is then told"):
            raise ValueError("trainable is 'head', but initial_weights name none for the rest of the network")
        return train

    @field_validator("tune")
    @classmethod
    def _tries_what_train_takes(cls, tune: TuneSettings | None, info: ValidationInfo) -> TuneSettings | None:
        train = info.data.get("train")  # absent where it is wrong itself, which is then told
        if tune and train:
            for name in tune.tuned:
                for value in getattr(tune, name):
                    try:
                        TrainSettings.model_validate({**train.model_dump(), name: value})
                    except ValidationError as error:
                        raise ValueError(explain(error, TrainSettings, "tried value of")) from None
        return tune

    @field_validator("gate")
    @classmethod
    def _names_are_no_counts(cls, gate: GateSettings, info: ValidationInfo) -> GateSettings:
        catalog, train, tune = (info.data.get(name) for name in ("catalog", "train", "tune"))
        if catalog and catalog.layout == "folders" and gate.maximum_rmse is None:
            told = "folders are named classes unless gate.maximum_rmse is given, and names have no error in items"
            if train and train.label_softness:
                raise ValueError(f"{told}: set train.label_softness to 0")
            if tune and tune.objective == "validation:rmse":
                raise ValueError(f"{told}: set tune.objective to 'validation:accuracy'")
        return gate

    def placed(self, account: str, region: str, partition: str = "aws") -> Self:
        """This configuration with account, region, partition and bucket filled in.

        Raises:
            PipelineError: a text has a placeholder that is not known, or is not allowed once it is filled in; or the
                source holds what the pipeline writes.
        """
        where: dict[str, Any] = {"account": account, "region": region, "partition": partition, "name": self.name}
        where["bucket"] = _fill(self.bucket, where)
        where["images"] = image_names(account, region, partition, read_lock())
        try:
            placed = type(self).model_validate(_fill_all(self.model_dump(mode="json", by_alias=True), where))
        except ValidationError as error:  # what is right with a placeholder may be too long with the pipeline's name
            raise PipelineError(f"pipeline {self.name}: {explain(error, Config, 'field')}") from None
        written, read = f"s3://{placed.bucket}/{placed.name}/", f"{placed.catalog.source.rstrip('/')}/"
        if written.startswith(read):
            raise PipelineError(
                f"pipeline {self.name} writes to {written}, which is part of its source {read}: its next execution "
                "would take reports and models for photos; choose another source, such as s3://{bucket}/photos"
            )
        return placed


def preset_names() -> list[str]:
    """Names of the presets that come with the project."""
    return sorted(file.name.removesuffix(".toml") for file in _presets().iterdir() if file.name.endswith(".toml"))


def load_preset(name: str) -> Config:
    """Read a preset by name.

    Raises:
        PipelineError: there is no such preset, it is no TOML in UTF-8, or it holds an unknown field or a value that is
            not allowed.
    """
    if name not in preset_names():
        raise PipelineError(f"there is no preset {name!r}; presets are {', '.join(preset_names())}")
    return parse_config(_presets().joinpath(f"{name}.toml").read_bytes(), f"preset {name}")


def parse_config(content: bytes, origin: str) -> Config:
    """Read a configuration from TOML.

    Raises:
        PipelineError: it is no TOML in UTF-8, or it holds an unknown field or a value not allowed; `origin` is named.
    """
    try:
        return Config.model_validate(tomllib.loads(content.decode()))
    except UnicodeDecodeError as error:
        raise PipelineError(f"{origin} is not UTF-8: {error.reason} at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise PipelineError(f"{origin} is not TOML: {error}") from None
    except ValidationError as error:
        raise PipelineError(f"{origin}: {explain(error, Config, 'field')}") from None


def _presets() -> Any:
    return resources.files("pipelines").joinpath("presets")


def _fill_all(value: Any, where: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _fill_all(item, where) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill_all(item, where) for item in value]
    return _fill(value, where) if isinstance(value, str) else value


def _fill(text: str, where: dict[str, Any]) -> str:
    try:
        return text.format_map(where)
    except (KeyError, ValueError, IndexError, AttributeError):
        known = ", ".join(f"{{{name}}}" for name in where)
        raise PipelineError(f"{text!r} has a placeholder that is not known; known are {known}") from None
