"""Bins by a list of files, `{"1": ["data/metadata/100313.json", ...], ...}`: the counts, each with its photos.

It is the form of the list that Udacity's "Inventory Monitoring at Distribution Centers" project gives its students.
"""

from collections import defaultdict
from functools import partial

from pydantic import TypeAdapter, ValidationError

from steps.bin_photos import BinPhoto, photo_at
from steps.bin_records import read_label
from steps.catalog.abid import count_classes, labelled
from steps.catalog.census import Census, LabelledImage, is_sampled
from steps.catalog.settings import CatalogSettings
from steps.catalog_files import QuarantinedImage
from steps.contract import StepError
from steps.parallel import in_order
from steps.progress import reported
from steps.storage import Storage, UnreadableObjectError

MAX_LIST_BYTES = 256 * 2**20
"""Ten times what a list of all of ABID would have: a bound on hostile input, bytes."""

_FileList = TypeAdapter(dict[str, list[str]])


def take_census(storage: Storage, settings: CatalogSettings) -> Census:
    """Look up every photo of `settings.file_list` below `settings.source`; the label is the list's.

    The bucket is not listed: for ten thousand photos of half a million it is quicker to ask for each. A photo is
    quarantined when it is listed under two counts, is not there, or is listed under another count than its metadata's.

    Raises:
        StepError: the list or the source cannot be read, or the list is not of the form above.
    """
    listed = _read_list(storage, settings.file_list)
    sampled = [image_id for image_id in sorted(listed) if is_sampled(image_id, settings.sample_fraction)]
    wanted = [image_id for image_id in sampled if _is_wanted(listed[image_id], settings)]
    photos = [photo_at(settings.source, image_id) for image_id in wanted]
    images: list[LabelledImage] = []
    quarantine: list[QuarantinedImage] = []
    answers = in_order(partial(_look_up, storage, listed, settings.min_count), photos, settings.concurrency)
    for answer in reported(answers, "looked up", "images", len(photos)):
        if isinstance(answer, LabelledImage):
            images.append(answer)
        else:
            quarantine.append(answer)
    return Census(count_classes(settings), images, len(listed) - len(photos), quarantine)


def parse_file_list(content: bytes) -> dict[str, tuple[int, ...]]:
    """Read a list of files.

    Returns:
        for each id, the counts it is listed under, the lowest first.

    Raises:
        ValueError: it is not of the form above; the text says where.
    """
    try:
        entries = _FileList.validate_json(content)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        where = " at " + ".".join(str(part) for part in detail["loc"]) if detail["loc"] else ""
        raise ValueError(f"{detail['msg']}{where}"[:300]) from None
    counts: defaultdict[str, set[int]] = defaultdict(set)
    for count, names in entries.items():
        if not (count.isascii() and count.isdigit() and len(count) <= 9):
            raise ValueError(f"{count[:80]!r} is not a count of items")
        for name in names:
            counts[_id(name)].add(int(count))
    return {image_id: tuple(sorted(found)) for image_id, found in counts.items()}


def _id(name: str) -> str:
    image_id = name.rpartition("/")[2].removesuffix(".json")
    if not image_id or not name.endswith(".json"):
        raise ValueError(f"{name[:80]!r} is not the name of a metadata file, such as data/metadata/00001.json")
    return image_id


def _read_list(storage: Storage, uri: str) -> dict[str, tuple[int, ...]]:
    try:
        listed = parse_file_list(storage.read(uri, MAX_LIST_BYTES))
    except UnreadableObjectError as error:
        raise StepError(f"the file list {uri} {error}") from None
    except ValueError as error:
        raise StepError(f"{uri} is not a list of files by count: {error}") from None
    if not listed:
        raise StepError(f"the file list {uri} names no photo")
    return listed


def _is_wanted(counts: tuple[int, ...], settings: CatalogSettings) -> bool:
    return any(settings.min_count <= count <= settings.max_count for count in counts)


def _look_up(
    storage: Storage, listed: dict[str, tuple[int, ...]], min_count: int, photo: BinPhoto
) -> LabelledImage | QuarantinedImage:
    counts = listed[photo.id]
    if len(counts) > 1:
        return QuarantinedImage(photo.id, photo.image_uri, f"listed under several counts: {_words(counts)}")
    try:
        storage.size(photo.image_uri)
    except UnreadableObjectError as error:
        return QuarantinedImage(photo.id, photo.image_uri, f"listed, but its image {error}")
    label = read_label(storage, photo)
    if isinstance(label, QuarantinedImage):
        return label
    if label.count != counts[0]:
        reason = f"listed under another count than its metadata's: {counts[0]} instead of {label.count}"
        return QuarantinedImage(photo.id, photo.image_uri, reason)
    return labelled(photo, label, min_count)


def _words(counts: tuple[int, ...]) -> str:
    return " and ".join(map(str, counts))
