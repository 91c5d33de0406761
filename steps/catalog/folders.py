"""Images in folders: one folder per class, with or without folders for train, validation and test above them."""

import hashlib
import logging
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import BoundedSemaphore

import numpy as np

from steps.catalog.census import Census, LabelledImage, is_sampled
from steps.catalog.duplicates import group_near_duplicates
from steps.catalog.fingerprint import NoImageError, Signs, fingerprint
from steps.catalog.settings import CatalogSettings
from steps.catalog_files import QuarantinedImage, group_of
from steps.contract import StepError
from steps.decoding import MAX_FILE_BYTES
from steps.parallel import in_order
from steps.progress import reported
from steps.storage import Storage, StoredObject, UnreadableObjectError

GIVEN_SPLITS = {
    "train": "train",
    "valid": "validation",
    "val": "validation",
    "validation": "validation",
    "test": "test",
}
"""Names of folders that divide the images, in any case, and the split each means."""

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
"""Endings of names of images, in any case."""

LAYOUT = "it must hold a folder of .jpg, .png or .webp images for each class, or train, valid and test folders of such"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FolderImage:
    """An image file, with what its place tells; `id` is its path below the source."""

    id: str
    uri: str
    class_name: str
    given: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """What is kept of an image that was looked at: its perceptual hash, and a digest of its bytes."""

    signs: Signs
    digest: bytes


def take_census(storage: Storage, settings: CatalogSettings) -> Census:
    """List the images below `settings.source`, look at those in the sample, and group near duplicates.

    Classes are the names of the folders in order, by value where all are whole numbers. Deeper folders belong to their
    class. A file that is in two classes is quarantined, since one of its labels is wrong.

    Raises:
        StepError: the source cannot be read, does not have the layout, or has less than two classes.
    """
    files = sorted(storage.list(settings.source), key=lambda stored: stored.name)
    found, strays = sort_files(files, settings.source)
    classes = _sorted_classes({image.class_name for image in found})
    if len(classes) < 2:
        raise StepError(f"{settings.source} has {len(classes)} classes with images, but two are the least: {LAYOUT}")
    images = [image for image in found if is_sampled(image.id, settings.sample_fraction)]
    quarantine = [row for row in strays if is_sampled(row.id, settings.sample_fraction)]
    left_out = len(files) - len(images) - len(quarantine)
    seen, unreadable = _look_at_all(storage, images, settings.concurrency)
    usable, contradictory = _without_contradictions(seen)
    labels = {name: label for label, name in enumerate(classes)}
    groups = _name_groups(usable)
    labelled = [
        LabelledImage(image.id, image.uri, labels[image.class_name], group, image.given)
        for (image, _), group in zip(usable, groups, strict=True)
    ]
    return Census(classes, labelled, left_out, [*quarantine, *unreadable, *contradictory])


def sort_files(files: Sequence[StoredObject], source: str) -> tuple[list[FolderImage], list[QuarantinedImage]]:
    """Tell class and split of each file from its path below `source`, and which files are no images of a class.

    Raises:
        StepError: there are folders named as splits beside others, so that nobody can tell which are classes.
    """
    images = [stored for stored in files if stored.name.lower().endswith(SUFFIXES)]
    tops = {stored.name.partition("/")[0] for stored in images if "/" in stored.name}
    splits = {top for top in tops if top.lower() in GIVEN_SPLITS}
    if splits and splits != tops:
        raise StepError(
            f"{source} holds {', '.join(sorted(splits))} beside {', '.join(sorted(tops - splits)[:3])}: {LAYOUT}"
        )
    found: list[FolderImage] = []
    strays: list[QuarantinedImage] = []
    for stored in files:
        folders = stored.name.split("/")[:-1]
        given = GIVEN_SPLITS[folders.pop(0).lower()] if folders and folders[0] in splits else None
        if not stored.name.lower().endswith(SUFFIXES):
            strays.append(QuarantinedImage(stored.name, stored.uri, f"not a file of type {', '.join(SUFFIXES)}"))
        elif not folders:
            strays.append(QuarantinedImage(stored.name, stored.uri, "not in the folder of a class"))
        else:
            found.append(FolderImage(stored.name, stored.uri, folders[0], given))
    return found, strays


def _sorted_classes(names: set[str]) -> tuple[str, ...]:
    if all(name.isascii() and name.isdigit() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


class _Looker:
    """Fetches and hashes an image: many are fetched at a time, but only as many decoded as there are cores."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._cores = BoundedSemaphore(os.cpu_count() or 1)

    def __call__(self, image: FolderImage) -> Look | QuarantinedImage:
        try:
            content = self._storage.read(image.uri, MAX_FILE_BYTES)
            with self._cores:
                return Look(fingerprint(content), hashlib.sha256(content).digest())
        except (UnreadableObjectError, NoImageError) as error:
            return QuarantinedImage(image.id, image.uri, str(error))


def _look_at_all(
    storage: Storage, images: Sequence[FolderImage], concurrency: int
) -> tuple[list[tuple[FolderImage, Look]], list[QuarantinedImage]]:
    seen: list[tuple[FolderImage, Look]] = []
    unreadable: list[QuarantinedImage] = []
    looks = in_order(_Looker(storage), images, concurrency)
    for image, look in zip(images, reported(looks, "looked at", "images", len(images)), strict=True):
        if isinstance(look, QuarantinedImage):
            unreadable.append(look)
        else:
            seen.append((image, look))
    return seen, unreadable


def _without_contradictions(
    seen: Sequence[tuple[FolderImage, Look]],
) -> tuple[list[tuple[FolderImage, Look]], list[QuarantinedImage]]:
    classes: defaultdict[bytes, set[str]] = defaultdict(set)
    for image, look in seen:
        classes[look.digest].add(image.class_name)
    usable = [(image, look) for image, look in seen if len(classes[look.digest]) == 1]
    contradictory = [
        QuarantinedImage(image.id, image.uri, f"the same file is in several classes: {', '.join(sorted(found)[:5])}")
        for image, look in seen
        if len(found := classes[look.digest]) > 1
    ]
    return usable, contradictory


def _name_groups(seen: Sequence[tuple[FolderImage, Look]]) -> list[str]:
    """The group of each image: near duplicates share one, as do files of the same bytes that show nothing."""
    if not seen:
        return []
    firsts = group_near_duplicates(np.stack([look.signs for _, look in seen]))
    of_blank = {look.digest: position for position, (_, look) in reversed([*enumerate(seen)]) if not look.signs.any()}
    leaders = [of_blank.get(look.digest, int(first)) for (_, look), first in zip(seen, firsts, strict=True)]
    sizes = Counter(leaders)
    repeated = [size for size in sizes.values() if size > 1]
    logger.info(
        "near duplicates: %s images in %s groups, the largest of %s",
        *(f"{number:,}" for number in (sum(repeated), len(repeated), max(repeated, default=0))),
    )
    return [group_of([f"image {seen[first][0].id}"]) for first in leaders]
