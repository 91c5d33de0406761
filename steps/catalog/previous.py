"""The splits of an earlier catalog, so that its test set stays the test set while data grows."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from steps.catalog.settings import SPLITS
from steps.contract import StepError
from steps.storage import Storage, UnreadableObjectError

MAX_CATALOG_BYTES = 2 * 2**30
"""Twenty times what the catalog of all of ABID would have: a bound on hostile input, bytes."""

_COLUMNS = pa.schema([("id", pa.string()), ("group", pa.string()), ("split", pa.string())])

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Previous:
    """Where images and groups were placed before; both empty when there is no earlier catalog.

    Attributes:
        by_image: split by image id.
        by_group: split by group, which also holds for a new photo of a bin whose older photos are gone.
    """

    by_image: Mapping[str, str]
    by_group: Mapping[str, str]


def read_previous(storage: Storage, uri: str) -> Previous:
    """Read the earlier catalog at `uri`; an empty `uri` means that there is none.

    Raises:
        StepError: it cannot be read, is no catalog, or names a split that there is not.
    """
    if not uri:
        return Previous({}, {})
    try:
        content = storage.read(uri, MAX_CATALOG_BYTES)
        table = pq.read_table(pa.BufferReader(content), schema=_COLUMNS)
    except UnreadableObjectError as error:
        raise StepError(f"the previous catalog {uri} {error}") from None
    except (OSError, pa.ArrowException) as error:
        raise StepError(f"{uri} is not a catalog.parquet: {error}"[:500]) from None
    ids, groups, splits = (column.to_pylist() for column in table.columns)
    if unknown := set(splits) - set(SPLITS):
        raise StepError(f"{uri} is not a catalog.parquet: it has a split {min(map(str, unknown))!r}")
    logger.info("previous catalog: %s images, in %s groups", f"{len(ids):,}", f"{len(set(groups)):,}")
    return Previous(dict(zip(ids, splits, strict=True)), dict(zip(groups, splits, strict=True)))
