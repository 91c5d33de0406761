"""Bins in the layout of the Amazon Bin Image Dataset: their photos and what the records say of each."""

from functools import partial

from steps.bin_photos import BinPhoto, pair_photos
from steps.bin_records import BinLabel, read_label
from steps.catalog.census import Census, LabelledImage, is_sampled
from steps.catalog.settings import CatalogSettings
from steps.catalog_files import QuarantinedImage
from steps.parallel import in_order
from steps.progress import reported
from steps.storage import Storage


def take_census(storage: Storage, settings: CatalogSettings) -> Census:
    """List the images and metadata of `settings.source`, pair them by id and read the labels of those in the sample.

    The whole step takes 2.2 KB an image, product names included: 1.2 GB for ABID.

    Raises:
        StepError: the source cannot be read, or holds no image with a metadata file.
    """
    found, alone = pair_photos(storage, settings.source)
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
