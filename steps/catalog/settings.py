"""What can be set of the catalog step."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from steps.contract import StepSettings

SPLITS = ("train", "validation", "test")

Layout = Literal["abid", "file_list", "folders"]


class CatalogSettings(StepSettings):
    """Which images are taken, and how they are split."""

    source: str = Field(
        pattern=r"^(s3|file)://.+",
        description="where the images lie, s3:// or file:// URI; aft-vbi-pds is read anonymously",
    )
    layout: Layout = Field(
        "abid",
        description="abid: bin-images/ beside metadata/; file_list: those of them that file_list names; folders: one "
        "folder per class, with or without train, valid, val, validation and test folders above",
    )
    file_list: str = Field(
        "",
        pattern=r"^((s3|file)://.+)?$",
        description="for the layout file_list, URI of the JSON that lists metadata files by count",
    )
    min_count: int = Field(0, ge=0, le=99, description="bins with fewer items are left out; folders have no counts")
    max_count: int = Field(5, ge=1, le=100, description="bins with more items are left out; folders have no counts")
    sample_fraction: float = Field(
        1.0, gt=0, le=1, description="share of the images taken, chosen by their ids: a larger sample holds a smaller"
    )
    previous: str = Field(
        "",
        pattern=r"^((s3|file)://.+)?$",
        description="URI of an earlier catalog.parquet, if there is one: its groups keep their split",
    )
    max_bad_fraction: float = Field(
        0.02, ge=0, le=1, description="share of quarantined images, among these and the used ones, that is still good"
    )
    validation_fraction: float = Field(0.1, gt=0, lt=1, description="share of the images used to choose a model")
    test_fraction: float = Field(0.1, gt=0, lt=1, description="share of the images used to judge the chosen model")
    seed: int = Field(0, ge=0, description="decides which groups of images go to which split")
    concurrency: int = Field(64, ge=1, le=1024, description="files read from S3 at the same time")

    @field_validator("source")
    @classmethod
    def _without_last_slash(cls, source: str) -> str:
        return source.rstrip("/")

    @model_validator(mode="after")
    def _leave_images_to_train_on(self) -> Self:
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError(
                "validation_fraction and test_fraction leave nothing to train on: their sum must be below 1"
            )
        return self

    @model_validator(mode="after")
    def _leave_two_classes(self) -> Self:
        if self.min_count >= self.max_count:
            raise ValueError("min_count and max_count leave less than two classes: min_count must be below max_count")
        return self

    @model_validator(mode="after")
    def _have_the_list_that_the_layout_needs(self) -> Self:
        if (self.layout == "file_list") != bool(self.file_list):
            raise ValueError("the layout file_list and the URI file_list go together: set both or neither")
        return self
