"""The layout of the Amazon Bin Image Dataset: `bin-images/NNNNN.jpg` beside `metadata/NNNNN.json`.

Source: the dataset's page in the Registry of Open Data on AWS, https://registry.opendata.aws/amazon-bin-imagery/.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import partial

from steps.catalog_files import QuarantinedImage
from steps.contract import StepError
from steps.parallel import in_order
from steps.storage import Storage, below

LAYOUT = "it must hold bin-images/NNNNN.jpg beside metadata/NNNNN.json"


@dataclass(frozen=True, slots=True)
class BinPhoto:
    """An image and its metadata file."""

    id: str
    image_uri: str
    metadata_uri: str


def photo_at(source: str, image_id: str) -> BinPhoto:
    """The photo of that id, wherever its files are or should be."""
    return BinPhoto(image_id, below(source, f"bin-images/{image_id}.jpg"), below(source, f"metadata/{image_id}.json"))


def pair_photos(storage: Storage, source: str) -> tuple[list[BinPhoto], list[QuarantinedImage]]:
    """Pairs below the folder at the URI `source` in the order of their ids, and what has no partner or another type.

    Of the listing only names are kept.

    Raises:
        StepError: the source cannot be read, or holds no image with a metadata file.
    """
    images, metadata = in_order(partial(_names, storage), (f"{source}/bin-images", f"{source}/metadata"), 2)
    ids = {name.removesuffix(".jpg") for name in images if name.endswith(".jpg")}
    described = {name.removesuffix(".json") for name in metadata if name.endswith(".json")}
    pairs = [photo_at(source, image_id) for image_id in sorted(ids & described)]
    alone = [*_alone(source, ids, described), *_foreign(source, images, metadata)]
    if not pairs and not alone:
        raise StepError(f"{source} is empty or does not exist: {LAYOUT}")
    if not pairs:
        raise StepError(f"no image in {source} has a metadata file of its name: {LAYOUT}; the first: {alone[0].reason}")
    return pairs, alone


def _names(storage: Storage, folder: str) -> set[str]:
    return {stored.name for stored in storage.list(folder)}


def _alone(source: str, ids: Set[str], described: Set[str]) -> Iterator[QuarantinedImage]:
    for image_id in sorted(ids ^ described):
        reason = "no metadata file" if image_id in ids else "no image"
        yield QuarantinedImage(image_id, photo_at(source, image_id).image_uri, reason)


def _foreign(source: str, images: Set[str], metadata: Set[str]) -> Iterator[QuarantinedImage]:
    for folder, names, suffix in (("bin-images", images, ".jpg"), ("metadata", metadata, ".json")):
        for name in sorted(names):
            if not name.endswith(suffix):
                path = f"{folder}/{name}"
                yield QuarantinedImage(path, below(source, path), f"in {folder} but not a {suffix} file")
