"""The catalog's files: written by catalog, read by ingest.

catalog.parquet      one row per image that is used: id, uri, label, group, split, items, names
quarantine.parquet   one row per image that cannot be used: id, uri, reason
catalog.json         the summary: classes, and how many images went where
"""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steps.contract import StepError

_CATALOG = "catalog.parquet"
_QUARANTINE = "quarantine.parquet"
_SUMMARY = "catalog.json"


@dataclass(frozen=True, slots=True)
class CatalogImage:
    """An image that is used.

    Attributes:
        id: unique in the catalog.
        uri: where the image lies, s3:// or file://.
        label: index into the summary's classes.
        group: images of one group show the same things and share a split.
        split: `train`, `validation` or `test`.
        items: how many different products the image shows, where the source tells it.
        names: their names, where the source tells them.
    """

    id: str
    uri: str
    label: int
    group: str
    split: str
    items: int | None = None
    names: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class QuarantinedImage:
    """An image that cannot be used.

    Attributes:
        id: unique in the catalog.
        uri: where the image lies, or would lie if it were there.
        reason: why it cannot be used, a clause for people.
    """

    id: str
    uri: str
    reason: str


class CatalogSummary(BaseModel):
    """How many images there are of what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(description="URI the images were listed at")
    classes: tuple[str, ...] = Field(min_length=2, description="class names in label order; for counts '0', '1', ...")
    found: int = Field(ge=0, description="ids found in the source: used, left out or quarantined")
    left_out: int = Field(ge=0, description="images that the settings leave out: outside the sample or the counts")
    quarantined: int = Field(ge=0, description="images that cannot be used; quarantine.parquet tells why")
    images: dict[str, tuple[int, ...]] = Field(description="per split, images of each class in label order")
    groups: dict[str, int] = Field(description="per split, groups of images that belong together")


_CATALOG_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("uri", pa.string()),
        ("label", pa.int64()),
        ("group", pa.string()),
        ("split", pa.string()),
        ("items", pa.int64()),
        ("names", pa.list_(pa.string())),
    ]
)
_PIECE = 4096
"""Rows that are read at once: on their way they take several times the memory that they take in the end."""

_QUARANTINE_SCHEMA = pa.schema([("id", pa.string()), ("uri", pa.string()), ("reason", pa.string())])


def write_catalog(
    folder: Path, images: Sequence[CatalogImage], quarantine: Sequence[QuarantinedImage], summary: CatalogSummary
) -> None:
    """Write the three files into `folder`, which is made when absent; the summary last."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(_table(images, _CATALOG_SCHEMA), folder / _CATALOG)
    write_quarantine(folder / _QUARANTINE, quarantine)
    (folder / _SUMMARY).write_text(summary.model_dump_json(indent=2), encoding="utf-8")


def write_quarantine(file: Path, quarantine: Sequence[QuarantinedImage]) -> None:
    """Write images that cannot be used, with their reasons, as Parquet; a table without rows when there are none."""
    pq.write_table(_table(quarantine, _QUARANTINE_SCHEMA), file)


def read_summary(folder: Path) -> CatalogSummary:
    """Read the catalog's summary.

    Raises:
        StepError: it is missing or broken.
    """
    file = folder / _SUMMARY
    try:
        return CatalogSummary.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise StepError(f"{file} does not exist: this folder was not written by catalog") from None
    except ValidationError as error:
        raise StepError(f"{file} is not a catalog's summary: {error.errors()[0]['msg']}") from None


def read_images(folder: Path, part: int = 0, parts: int = 1, products: bool = True) -> list[CatalogImage]:
    """Read every `parts`-th image of the catalog, beginning with row `part`.

    Args:
        folder: what the catalog step wrote.
        part: the first row.
        parts: distance of two rows.
        products: whether to read `items` and `names`, which are two thirds of the memory; None without.

    Raises:
        StepError: the catalog is missing or broken.
    """
    file = folder / _CATALOG
    columns = [name for name in _CATALOG_SCHEMA.names if products or name not in ("items", "names")]
    try:
        with pq.ParquetFile(file) as parquet:
            if missing := sorted(set(columns) - set(parquet.schema_arrow.names)):
                raise StepError(f"{file} is not a catalog: it has no column {missing[0]}")
            pieces = parquet.iter_batches(_PIECE, columns=columns)
            rows = (row for piece in pieces for row in piece.to_pylist())
            return [_image(row) for row in islice(rows, part, None, parts)]
    except FileNotFoundError:
        raise StepError(f"{file} does not exist: this folder was not written by catalog") from None
    except (OSError, pa.ArrowException) as error:
        raise StepError(f"{file} is not a catalog: {error}") from None


def read_quarantine(file: Path) -> list[QuarantinedImage]:
    """Read images that cannot be used, as `write_quarantine` wrote them."""
    table = pq.read_table(file, schema=_QUARANTINE_SCHEMA)
    return [QuarantinedImage(**row) for row in table.to_pylist()]


def group_of(members: Sequence[str]) -> str:
    """Name a group by what its images have in common; 64 bits of a SHA-256."""
    return hashlib.sha256("\n".join(members).encode()).hexdigest()[:16]


def _image(row: dict[str, Any]) -> CatalogImage:
    names = row.pop("names", None)
    split = sys.intern(row.pop("split"))
    return CatalogImage(**row, split=split, names=None if names is None else tuple(names))


def _table(rows: Sequence[CatalogImage] | Sequence[QuarantinedImage], schema: pa.Schema) -> pa.Table:
    return pa.table({name: [getattr(row, name) for row in rows] for name in schema.names}, schema=schema)
