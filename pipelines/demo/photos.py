"""The demo's photos: simulated bins, or a sample of real ones, as files to put into a bucket."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipelines.demo.simulator import write_bucket
from pipelines.errors import PipelineError
from steps.contract import StepError
from steps.parallel import in_order
from steps.storage import Storage, StoredObject, UnreadableObjectError, check_location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

THREADS = 16
MAXIMUM_BYTES = 50_000_000


@dataclass(frozen=True)
class Photos:
    """Objects of a bucket in ABID's layout, `bin-images/NNNNN.jpg` beside `metadata/NNNNN.json`.

    Attributes:
        folder: holds the files under their keys.
        keys: the files' names relative to the folder.
    """

    folder: Path
    keys: tuple[str, ...]

    def upload(self, s3: "S3Client", bucket: str, prefix: str, progress: Progress) -> None:
        """Put every file into the bucket under `prefix`."""

        def put(key: str) -> None:
            s3.put_object(Bucket=bucket, Key=f"{prefix}/{key}", Body=(self.folder / key).read_bytes())

        for _ in progress.track(in_order(put, self.keys, THREADS), len(self.keys), description="filling the bucket"):
            pass


def simulated_photos(folder: Path, images: int, progress: Progress) -> Photos:
    """Draw `images` bins into `folder`, or take those that an earlier demo drew there."""
    bins = folder / f"simulated-{images}"
    if not bins.exists():
        task = progress.add_task("drawing bins", total=images)
        write_bucket(bins, images, progress=lambda done, _: progress.update(task, completed=done))
    files = sorted(file for file in bins.rglob("*") if file.is_file())
    return Photos(bins, tuple(file.relative_to(bins).as_posix() for file in files))


def sampled_photos(source: str, folder: Path, images: int, progress: Progress) -> Photos:
    """Fetch a sample of `images` photos, the same one every time, from a bucket or folder in ABID's layout.

    Args:
        source: folder, or s3:// URI; public buckets are read without credentials.
        folder: where the sample is kept; what an earlier demo left there is replaced.
        images: how many photos; all of them when there are fewer.
        progress: shows how far it is.

    Raises:
        PipelineError: the source holds no photo in ABID's layout, or cannot be read.
    """
    place = source if "://" in source else Path(source).expanduser().resolve().as_uri()
    uri, storage = place.rstrip("/"), Storage()
    try:
        check_location(place)
        labels = [found for found in storage.list(f"{uri}/metadata") if found.name.endswith(".json")]
        if not labels:
            raise PipelineError(
                f"{source} holds no metadata/*.json beside bin-images/*.jpg: is it a bucket of bin photos?"
            )
        digest = hashlib.sha256(uri.encode()).hexdigest()[:8]
        chosen = sorted(labels, key=_shuffled)[:images]
        return _fetch(storage, uri, chosen, folder / f"sample-{digest}-{images}", progress)
    except StepError as error:
        raise PipelineError(str(error)) from error


def transfer_progress() -> Progress:
    """A progress display for things that are counted."""
    return Progress(
        TextColumn("  {task.description:<20}"),
        BarColumn(40),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        transient=True,
    )


def _fetch(storage: Storage, uri: str, labels: Sequence[StoredObject], folder: Path, progress: Progress) -> Photos:
    shutil.rmtree(folder, ignore_errors=True)
    ids = [label.name.removesuffix(".json") for label in labels]
    wanted = [key for name in ids for key in (f"metadata/{name}.json", f"bin-images/{name}.jpg")]

    def fetch(key: str) -> str | None:
        try:
            content = storage.read(f"{uri}/{key}", MAXIMUM_BYTES)
        except UnreadableObjectError:
            return None  # the catalog step reports what is missing, as it would in a real bucket
        file = folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return key

    fetched = progress.track(in_order(fetch, wanted, THREADS), len(wanted), description="fetching a sample")
    return Photos(folder, tuple(key for key in fetched if key))


def _shuffled(label: StoredObject) -> str:
    return hashlib.sha256(os.fsencode(label.name)).hexdigest()
