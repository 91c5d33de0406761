"""The layout of the Amazon Bin Image Dataset: `bin-images/NNNNN.jpg` beside `metadata/NNNNN.json`.

Source: the dataset's page in the Registry of Open Data on AWS, https://registry.opendata.aws/amazon-bin-imagery/.
"""

from collections.abc import Iterator, Set
from functools import partial

from steps.catalog.census import Census, LabelledImage, is_sampled
from steps.catalog.metadata import BinLabel, BinPhoto, read_label
from steps.catalog.settings import CatalogSettings
from steps.catalog_files import QuarantinedImage
from steps.contract import StepError
from steps.parallel import in_order
from steps.progress import reported
from steps.storage import Storage, below

LAYOUT = "it must hold bin-images/NNNNN.jpg beside metadata/NNNNN.json"


def take_census(storage: Storage, settings: CatalogSettings) -> Census:
    """List the images and metadata of `settings.source`, pair them by id and read the labels of those in the sample.

    Raises:
        StepError: the source cannot be read, or holds no image with a metadata file.
    """
    found, alone = _pair(storage, settings.source)
    photos = [photo for photo in found if is_sampled(photo.id, settings.sample_fraction)]
    quarantine = [row for row in alone if is_sampled(row.id, settings.sample_fraction)]
    left_out = len(found) + len(alone) - len(photos) - len(quarantine)
    images: list[LabelledImage] = []
    answers = in_order(partial(read_label, storage), photos, settings.concurrency)
    for photo, answer in zip(photos, reported(answers, "read", "labels", len(photos)), strict=True):
        if isinstance(answer, QuarantinedImage):
            quarantine.append(answer)
        elif settings.min_count <= answer.count <= settings.max_count:
            images.append(labelled(photo, answer, settings.min_count))
        else:
            left_out += 1
    return Census(count_classes(settings), images, left_out, quarantine)


def count_classes(settings: CatalogSettings) -> tuple[str, ...]:
    """A class for each count of items that is wanted, the lowest first."""
    return tuple(str(count) for count in range(settings.min_count, settings.max_count + 1))


def labelled(photo: BinPhoto, label: BinLabel, min_count: int) -> LabelledImage:
    """Put a photo and what its metadata says together; `min_count` is the count of the first class."""
    return LabelledImage(
        photo.id, photo.image_uri, label.count - min_count, label.group, items=label.items, names=label.names
    )


def photo_at(source: str, image_id: str) -> BinPhoto:
    """The photo of that id, wherever its files are or should be."""
    return BinPhoto(image_id, below(source, f"bin-images/{image_id}.jpg"), below(source, f"metadata/{image_id}.json"))


def _pair(storage: Storage, source: str) -> tuple[list[BinPhoto], list[QuarantinedImage]]:
    """Pairs in the order of their ids, and what has no partner or another file type.

    Of the listing only names are kept. The whole step takes 2.2 KB an image, product names included: 1.2 GB for ABID.
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
