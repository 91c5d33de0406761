"""What the warehouse's records say of a bin photo, read from its metadata file: how many items, of which products."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, JsonValue, NonNegativeInt, ValidationError

from steps.bin_photos import BinPhoto
from steps.catalog_files import QuarantinedImage, group_of
from steps.storage import Storage, UnreadableObjectError

MAX_METADATA_BYTES = 4 * 2**20
"""Far above what ABID holds (the largest file of a sample of 9,000 has 40 KB): a bound on hostile input, bytes."""


@dataclass(frozen=True, slots=True)
class BinLabel:
    """What the metadata of an image says.

    Attributes:
        count: items that the warehouse's records expect in the bin.
        group: digest of the set of products in the bin; the same bin photographed twice has the same.
        items: how many different products (ASINs) those are. Their quantities are not added up: in all of a sample of
            9,343 files with product data the sum is `count`. None where the product data were lost.
        names: names of the products in the order of their ASINs; a product without a name is left out.
    """

    count: int
    group: str
    items: int | None
    names: tuple[str, ...] | None


class _Metadata(BaseModel):
    """The part of a metadata file that is used."""

    model_config = ConfigDict(strict=True)

    quantity: NonNegativeInt = Field(alias="EXPECTED_QUANTITY")
    items: dict[str, JsonValue] = Field(default={}, alias="BIN_FCSKU_DATA")


class BadLabelError(ValueError):
    """A metadata file gives no label; its text is the reason."""


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
    asins = sorted(metadata.items)
    group = group_of([f"product {asin}" for asin in asins] or [f"image {image_id}"])
    if not asins and metadata.quantity:
        return BinLabel(metadata.quantity, group, None, None)
    names = tuple(name for asin in asins if (name := _name(metadata.items[asin])))
    return BinLabel(metadata.quantity, group, len(asins), names)


def _name(item: JsonValue) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    return name if isinstance(name, str) else ""


def _reason(error: ValidationError) -> str:
    detail = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in detail["loc"])
    if not field:
        return f"metadata is not a JSON object: {detail['msg']}"[:300]
    if detail["type"] == "missing":
        return f"metadata has no {field}"
    return f"metadata's {field} is {str(detail['input'])[:80]!r}: {detail['msg']}"
