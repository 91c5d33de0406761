"""What every layout of a source answers: its images with their labels and groups, and what cannot be used."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from steps.catalog_files import QuarantinedImage


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image whose label is known.

    Attributes:
        id: unique in the source.
        uri: where it lies.
        label: index into the census's classes.
        group: images of one group show the same things and must share a split.
        given: the split that the source puts it into, if it does.
        items: how many different products the image shows, if that is known.
        names: their names, if those are known.
    """

    id: str
    uri: str
    label: int
    group: str
    given: str | None = None
    items: int | None = None
    names: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Census:
    """What a source holds; every id that was found is counted once.

    Attributes:
        classes: class names in label order.
        images: what can be used, in the order of their ids.
        left_out: how many images the settings leave out: not in the sample, or with fewer or more items than wanted.
        quarantine: what cannot be used, with the reasons.
    """

    classes: tuple[str, ...]
    images: Sequence[LabelledImage]
    left_out: int
    quarantine: Sequence[QuarantinedImage]


def is_sampled(image_id: str, fraction: float) -> bool:
    """Whether an image is in the sample.

    Only its id decides, so a larger fraction takes the same images and more, and two copies of a source agree.
    """
    digest = hashlib.sha256(f"sample {image_id}".encode()).digest()
    return int.from_bytes(digest[:8]) < fraction * 2**64
