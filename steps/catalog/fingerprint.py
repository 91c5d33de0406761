"""A perceptual hash of an image: 256 signs that copies of it share, and that its rotations and reflections permute.

It is the hash PDQ ("PDQ & TMK + PDQF", Facebook 2019, github.com/facebook/ThreatExchange) with two changes: the image
is reduced by antialiased resizing, and a coefficient counts by its sign instead of by its side of the median. Rotating
by a multiple of 90 degrees or reflecting only transposes a cosine transform and changes signs in it, so that the hashes
of all eight symmetric images follow from one, without looking at the image again. ImageHash, the usual library, would
transform each of the eight images; what is needed here are two products of matrices.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from steps.decoding import FORMATS, MAX_PIXELS

FREQUENCIES = 16
"""Lowest frequencies that are kept each way, without the constant one."""

SIZE = 64
"""Height and width that an image is reduced to, pixels."""

SCALED_DECODE = 3 * SIZE
"""JPEG is decoded at the smallest of the scales 1, 1/2, 1/4, 1/8 that has as many pixels each way. Copies of photos of
300 to 800 pixels differ in up to 33 signs with 2 * SIZE, in 20 with 3 * SIZE and with a full decode, half as fast."""

FLAT = 2.0
"""Standard deviation of the grey values, of 255, below which an image shows nothing but noise and has no hash."""

Signs = NDArray[np.int8]

_FREQUENCY = np.arange(1, FREQUENCIES + 1)
_COSINES = np.cos(np.pi / (2 * SIZE) * np.outer(_FREQUENCY, 2 * np.arange(SIZE) + 1))
_REFLECTED = np.where(_FREQUENCY % 2 == 0, 1, -1).astype(np.int8)  # odd cosines change their sign


class NoImageError(ValueError):
    """A file gives no image; its text is the reason."""


def fingerprint(content: bytes) -> Signs:
    """Hash the image in `content`.

    Colour, brightness and contrast do not matter, and size, proportions and compression hardly do. A rotation recorded
    in EXIF is not applied: `symmetric` covers it.

    Returns:
        int8 [256] of -1 and 1; all 0 for an image that shows nothing.

    Raises:
        NoImageError: it is no JPEG, PNG or WebP file, has more than `MAX_PIXELS` pixels, or is broken.
    """
    grey = _decode(content)
    if grey.std() < FLAT:
        return np.zeros(FREQUENCIES**2, np.int8)
    coefficients = _COSINES @ grey @ _COSINES.T
    return np.where(coefficients < 0, -1, 1).astype(np.int8).reshape(-1)


def symmetric(signs: Signs) -> Signs:
    """The hashes of the four rotations of an image and of their mirror images.

    Args:
        signs: int8 [N, 256], hashes.

    Returns:
        int8 [8, N, 256].
    """
    square = signs.reshape(-1, FREQUENCIES, FREQUENCIES)
    rows, columns = _REFLECTED[:, None], _REFLECTED[None, :]
    reflected = [flipped * factor for flipped in (square, square.swapaxes(1, 2)) for factor in (1, rows)]
    eight = np.stack([*reflected, *(image * columns for image in reflected)])
    return eight.reshape(8, -1, FREQUENCIES**2)


def _decode(content: bytes) -> NDArray[np.float64]:
    if not content:
        raise NoImageError("the file is empty")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_pixels(image)
            image.draft("L", (SCALED_DECODE, SCALED_DECODE))
            return np.asarray(_to_grey(image).resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.float64)
    except NoImageError:
        raise
    except UnidentifiedImageError:
        raise NoImageError(f"not an image of a known format: {', '.join(FORMATS)}") from None
    except Image.DecompressionBombError:
        raise NoImageError(f"more than the {MAX_PIXELS:,} pixels that are allowed") from None
    except Exception as error:  # Pillow's decoders raise whatever a broken file led them to
        raise NoImageError(f"broken image: {error}"[:300]) from error


def _check_pixels(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise NoImageError(f"more than the {MAX_PIXELS:,} pixels that are allowed: {width:,} x {height:,}")


def _to_grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # Pillow would clip 16-bit greys at 255 instead of scaling them
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("L")
