"""The layout of the Amazon Bin Image Dataset: `bin-images/NNNNN.jpg` beside `metadata/NNNNN.json`.

Source: the dataset's page in the Registry of Open Data on AWS, https://registry.opendata.aws/amazon-bin-imagery/.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, JsonValue, NonNegativeInt, ValidationError

from steps.catalog_files import QuarantinedImage
from steps.storage import Storage, UnreadableObjectError

MAX_METADATA_BYTES = 4 * 2**20
"""Far above what ABID holds (the largest file of a sample of 9,000 has 40 KB): a bound on hostile input, bytes."""


@dataclass(frozen=True, slots=True)
class BinPhoto:
    """An image with its metadata file, both of them listed."""

    id: str
    image_uri: str
    metadata_uri: str


@dataclass(frozen=True, slots=True)
class BinLabel:
    """What the metadata of an image says.

    Attributes:
        count: items that the warehouse's records expect in the bin.
        group: digest of the set of products in the bin; the same bin photographed twice has the same.
    """

    count: int
    group: str


class _Metadata(BaseModel):
    """The part of a metadata file that is used."""

    model_config = ConfigDict(strict=True)

    quantity: NonNegativeInt = Field(alias="EXPECTED_QUANTITY")
    items: dict[str, JsonValue] = Field(default={}, alias="BIN_FCSKU_DATA")


class BadLabelError(ValueError):
    """A metadata file gives no label; its text is the reason."""


def find_photos(storage: Storage, source: str) -> tuple[list[BinPhoto], list[QuarantinedImage]]:
    """List the images and metadata of `source` and pair them by id.

    Returns:
        the pairs in the order of their ids, and what has no partner or another file type.

    Raises:
        StepError: `source` cannot be listed.
    """
    images = {stored.name: stored.uri for stored in storage.list(f"{source}/bin-images")}
    metadata = {stored.name: stored.uri for stored in storage.list(f"{source}/metadata")}
    pairs = [
        BinPhoto(name.removesuffix(".jpg"), images[name], metadata[partner])
        for name in sorted(images)
        if (partner := _metadata_name(name)) in metadata
    ]
    return pairs, [*_alone(source, images, metadata)]


def read_label(storage: Storage, photo: BinPhoto) -> BinLabel | QuarantinedImage:
    """Read the label of `photo`, or tell why it has none.

    Raises:
        StepError: the storage fails for more than this one file.
    """
    try:
        return parse_metadata(storage.read(photo.metadata_uri, MAX_METADATA_BYTES), photo.id)
    except UnreadableObjectError as error:
        return QuarantinedImage(photo.id, photo.image_uri, f"metadata {error}")
    except BadLabelError as error:
        return QuarantinedImage(photo.id, photo.image_uri, str(error))


def parse_metadata(content: bytes, image_id: str) -> BinLabel:
    """Read one metadata file.

    Without product data (an empty bin, or records that were lost) nothing tells which images belong together, so
    such an image is a group of its own.

    Raises:
        BadLabelError: it is not JSON, or EXPECTED_QUANTITY is no whole number of at least 0.
    """
    try:
        metadata = _Metadata.model_validate_json(content)
    except ValidationError as error:
        raise BadLabelError(_reason(error)) from None
    members = [f"image {image_id}"] if not metadata.items else [f"product {asin}" for asin in sorted(metadata.items)]
    return BinLabel(metadata.quantity, hashlib.sha256("\n".join(members).encode()).hexdigest()[:16])


def _metadata_name(image_name: str) -> str:
    return f"{image_name.removesuffix('.jpg')}.json" if image_name.endswith(".jpg") else ""


def _alone(source: str, images: Mapping[str, str], metadata: Mapping[str, str]) -> Iterator[QuarantinedImage]:
    for name, uri in sorted(images.items()):
        if not name.endswith(".jpg"):
            yield QuarantinedImage(name, uri, "in bin-images but not a .jpg file")
        elif _metadata_name(name) not in metadata:
            yield QuarantinedImage(name.removesuffix(".jpg"), uri, "no metadata file")
    for name, uri in sorted(metadata.items()):
        stem = name.removesuffix(".json")
        if not name.endswith(".json"):
            yield QuarantinedImage(name, uri, "in metadata but not a .json file")
        elif f"{stem}.jpg" not in images:
            yield QuarantinedImage(stem, f"{source}/bin-images/{stem}.jpg", "no image")


def _reason(error: ValidationError) -> str:
    detail = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in detail["loc"])
    if not field:
        return f"metadata is not a JSON object: {detail['msg']}"[:300]
    if detail["type"] == "missing":
        return f"metadata has no {field}"
    return f"metadata's {field} is {str(detail['input'])[:80]!r}: {detail['msg']}"
