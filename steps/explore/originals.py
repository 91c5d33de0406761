"""How large images are where they lie: read from the headers of a sample, without decoding."""

import io
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from steps.catalog_files import CatalogImage
from steps.explore.findings import Histogram, Originals
from steps.explore.settings import ExploreSettings
from steps.parallel import in_order
from steps.progress import reported
from steps.storage import Storage, UnreadableObjectError

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_FILE_BYTES = 32 * 2**20
EXIF_ORIENTATION = 0x0112
ON_ITS_SIDE = (5, 6, 7, 8)  # values of that tag, in the EXIF standard, that exchange width and height
BINS = 25

Size: TypeAlias = tuple[int, int]


def measure_originals(settings: ExploreSettings, rows: Sequence[CatalogImage]) -> Originals:
    """Read width and height of up to `settings.originals` of the catalogued images.

    Raises:
        StepError: the storage denies access or fails; a single image that is gone or broken is only counted.
    """
    chosen = np.random.default_rng(settings.seed).permutation(len(rows))[: settings.originals]
    storage = Storage()

    def size(row: CatalogImage) -> Size | None:
        try:
            return read_size(storage.read(row.uri, MAX_FILE_BYTES))
        except UnreadableObjectError:
            return None

    found = in_order(size, [rows[index] for index in chosen], settings.concurrency)
    sizes = [known for known in reported(found, "measured", "original images", len(chosen)) if known]
    both = np.array(sizes, dtype=np.float64).reshape(-1, 2)
    width, height = both.T
    return Originals(
        sampled=len(chosen),
        unreadable=len(chosen) - len(sizes),
        width=_histogram(width, both),
        height=_histogram(height, both),
        aspect=_histogram(width / height, width / height),
    )


def read_size(content: bytes) -> Size | None:
    """Width and height, pixels, that an image file's header tells, once upright; None where it tells none."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            exif = Image.Exif()
            exif.load(image.info.get("exif", b""))
            width, height = image.size
            return (height, width) if exif.get(EXIF_ORIENTATION) in ON_ITS_SIDE else (width, height)
    except Exception:  # Pillow raises whatever a broken file led it to; ingest's quarantine tells why
        return None


def _histogram(values: NDArray[np.float64], scale: NDArray[np.float64]) -> Histogram | None:
    """Images by `values`, in bins that cover `scale`."""
    if not len(values):
        return None
    low, high = float(scale.min()), float(scale.max())
    if low == high:  # as in a resized dataset: that one value stands in the middle
        low, high = 0.9 * low, 1.1 * high
    images, edges = np.histogram(values, BINS, (low, high))
    return Histogram(edges=tuple(edges.tolist()), images=tuple(images.tolist()), median=float(np.median(values)))
