"""Remember beside each finished shard what it was made from, so that a restarted job need not make it again."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steps.catalog_files import QuarantinedImage
from steps.contract import StepError
from steps.ingest.plan import PlannedShard
from steps.shards import count_images


class ShardRecord(BaseModel):
    """What became of the images planned for a shard; written once the shard is whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fingerprint: str = Field(description="of the plan the shard was made from")
    packed: int = Field(ge=0, description="images in the shard; without any there is no shard")
    quarantined: tuple[QuarantinedImage, ...] = Field(description="images that could not be read")


def write_record(folder: Path, shard: PlannedShard, record: ShardRecord) -> None:
    """Write the record of `shard` beside it, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{shard.name}.json.partial"
    partial.write_text(record.model_dump_json(indent=2), encoding="utf-8")
    partial.replace(_file(folder, shard))


def read_record(folder: Path, shard: PlannedShard) -> ShardRecord | None:
    """Read the record of `shard`, or tell by None that it must be made, because it is unfinished or from another plan.

    What lies at the images' URIs is not looked at again.
    """
    try:
        record = ShardRecord.model_validate_json(_file(folder, shard).read_bytes())
        whole = record.packed == 0 or count_images(folder / shard.name) == record.packed
    except (FileNotFoundError, ValidationError, StepError):
        return None
    return record if whole and record.fingerprint == shard.fingerprint else None


def remove_leftovers(folder: Path, host: str, finished: Iterable[PlannedShard]) -> None:
    """Remove what earlier runs of this instance left in `folder`, finished shards of the present plan excepted."""
    kept = {name for shard in finished for name in (shard.name, f"{shard.name}.json")}
    own = re.compile(rf"\.?{re.escape(host)}-\d{{5,}}(\.json)?(\.partial)?")
    for path in folder.iterdir() if folder.is_dir() else ():
        if own.fullmatch(path.name) and path.name not in kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _file(folder: Path, shard: PlannedShard) -> Path:
    return folder / f"{shard.name}.json"
