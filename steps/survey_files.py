"""The survey's files: written by survey, read by the transform job and by audit.

survey.parquet       one row per bin that is audited: id, uri, recorded
quarantine.parquet   one row per bin that cannot be audited: id, uri, reason
manifest.json        the photos of the former, in SageMaker's form of a manifest
survey.json          the summary: where the bins are, and which model counts them
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steps.catalog_files import QuarantinedImage, read_quarantine, write_quarantine
from steps.contract import StepError

MANIFEST = "manifest.json"
SUMMARY = "survey.json"
_BINS = "survey.parquet"
_QUARANTINE = "quarantine.parquet"
_SCHEMA = pa.schema([("id", pa.string()), ("uri", pa.string()), ("recorded", pa.int64())])


@dataclass(frozen=True, slots=True)
class SurveyedBin:
    """A bin that is audited.

    Attributes:
        id: unique in the source.
        uri: where its photo lies.
        recorded: the quantity that the records say it holds, items.
    """

    id: str
    uri: str
    recorded: int


class SurveySummary(BaseModel):
    """What is audited, and with what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(description="URI of the folder that holds photos and records")
    package: str = Field(description="ARN of the model package that counts")
    version: int = Field(description="its version in the group")


def write_survey(
    folder: Path, bins: Sequence[SurveyedBin], quarantine: Sequence[QuarantinedImage], summary: SurveySummary
) -> None:
    """Write the four files into `folder`, which is made when absent; the summary last."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = {name: [getattr(row, name) for row in bins] for name in _SCHEMA.names}
    pq.write_table(pa.table(columns, schema=_SCHEMA), folder / _BINS)
    write_quarantine(folder / _QUARANTINE, quarantine)
    prefix = f"{summary.source}/"
    manifest = [{"prefix": prefix}, *(row.uri.removeprefix(prefix) for row in bins)]
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    (folder / SUMMARY).write_text(summary.model_dump_json(indent=2), encoding="utf-8")


def read_survey(folder: Path) -> tuple[list[SurveyedBin], list[QuarantinedImage], SurveySummary]:
    """Read what `write_survey` wrote into `folder`.

    Raises:
        StepError: a file is missing or broken.
    """
    try:
        summary = SurveySummary.model_validate_json((folder / SUMMARY).read_bytes())
        rows = pq.read_table(folder / _BINS, schema=_SCHEMA).to_pylist()
        quarantine = read_quarantine(folder / _QUARANTINE)
    except FileNotFoundError as error:
        raise StepError(f"{error.filename or folder} does not exist: this folder was not written by survey") from None
    except (OSError, pa.ArrowException, ValidationError) as error:
        raise StepError(f"{folder} is not a survey: {error}") from None
    return [SurveyedBin(**row) for row in rows], quarantine, summary
