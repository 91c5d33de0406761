"""Turn the bytes of an image file, which may be broken or hostile, into upright RGB pixels."""

import io
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

Pixels = NDArray[np.uint8]

MAX_FILE_BYTES = 32 * 2**20
"""Largest file that is fetched, bytes: a bin photo has 60 KB, a photo straight from a camera about 10 MB."""

MAX_PIXELS = 64_000_000
"""Largest image that is decoded, width times height: it bounds memory to some 400 MB per core."""

MAX_SCANS = 500
"""Most passes over a progressive JPEG: encoders write about ten, a small hostile file could ask for hours of them. The
limit is the one libjpeg-turbo's own fuzzing sets."""

FORMATS = ("JPEG", "PNG", "WEBP")
"""File formats that are recognised, by content and not by name; Pillow's others are rare and less well tested."""

_OTHERS = (
    (0, (b"GIF8",), "a GIF file"),
    (0, (b"BM",), "a BMP file"),
    (0, (b"II*\0", b"MM\0*"), "a TIFF file"),
    (4, (b"ftyp",), "a HEIC, AVIF or video file"),
    (0, (b"PK\3\4",), "a zip archive"),
)
"""Where in a file which bytes tell that it is something else, to say so."""

_EXIF_ORIENTATION = 0x0112

# What makes an image of each EXIF orientation upright: the row and the column it begins with are the tag's meaning
# (Exif 2.32, table 6); 1 and whatever is no orientation need nothing.
_UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: pixels[::-1].transpose(1, 0, 2),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: pixels[:, ::-1].transpose(1, 0, 2),
}

_JPEG_END = b"\xff\xd9"
_START_OF_SCAN = b"\xff\xda"
_REDUCED = {
    1: 0,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
"""OpenCV's flag for each scale: the names say grey, but its colour flags are these with the flag for BGR added."""


class UnreadableImageError(ValueError):
    """A file gives no image; its text is the reason."""


def decode(content: bytes, size: int, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Decode an image file.

    The EXIF orientation is applied; greyscale, palette, CMYK and 16-bit images become 8-bit sRGB, by the file's colour
    profile where it has a valid one; transparent pixels show white; of an animation the first picture is taken. A JPEG
    is decoded at the smallest of the scales 1, 1/2, 1/4, 1/8 that leaves `size` pixels each way: on bin photos of 300
    to 1,000 px, at 224, OpenCV does so about four times as fast as Pillow decodes in full, at a mean PSNR of 44 dB
    against it once resized (tests/benchmarks/test_decode.py).

    Args:
        content: the bytes of the file.
        size: pixels that height and width of a reduced image must have at least.
        max_pixels: width times height of the largest image that is decoded.

    Returns:
        uint8 [H, W, 3], RGB.

    Raises:
        UnreadableImageError: it is no JPEG, PNG or WebP file, has more than `max_pixels` pixels, or is broken.
    """
    if not content:
        raise UnreadableImageError("the file is empty")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_cost(image, content, max_pixels)
            turn = _UPRIGHT.get(_orientation(image))
            pixels = _read_plain_jpeg(image, content, size)
            if pixels is None:
                pixels = _read_any(image, size)
    except UnreadableImageError:
        raise
    except UnidentifiedImageError:
        raise UnreadableImageError(_unknown(content)) from None
    except Image.DecompressionBombError:
        raise UnreadableImageError(f"more than the {max_pixels:,} pixels that are allowed") from None
    except Exception as error:  # Pillow's decoders raise whatever a broken file led them to
        raise UnreadableImageError(f"broken image: {error}"[:300]) from error
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))


def _check_cost(image: Image.Image, content: bytes, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise UnreadableImageError(f"{width:,} x {height:,} is more than the {max_pixels:,} pixels that are allowed")
    if image.info.get("progressive") and content.count(_START_OF_SCAN) > MAX_SCANS:
        raise UnreadableImageError(f"a JPEG of more than the {MAX_SCANS} scans that are allowed")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # a broken EXIF block, for which Pillow raises many things, says nothing against the pixels
        return 1


def _read_plain_jpeg(image: Image.Image, content: bytes, size: int) -> Pixels | None:
    """Read a JPEG with OpenCV, or tell by None that this is a case for Pillow.

    OpenCV fills up what is missing of a truncated file without a word, so only a file with its end is given to it.
    """
    plain = image.format == "JPEG" and image.mode in ("RGB", "L") and content.endswith(_JPEG_END)
    if not plain or _foreign_profile(image) is not None:
        return None
    reduction = max((scale for scale in _REDUCED if min(image.size) >= scale * size), default=1)
    flags = _REDUCED[reduction] | cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        return None
    return None if pixels is None else np.asarray(pixels, np.uint8)


def _read_any(image: Image.Image, size: int) -> Pixels:
    image.draft("RGB", (size, size))
    if image.mode.startswith("I;16"):  # Pillow would clip 16-bit greys at 255 instead of scaling them
        return np.asarray(Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB"))
    profile = _foreign_profile(image)
    opaque = _on_white(image) if image.has_transparency_data else image
    if profile is not None:
        return np.asarray(_to_srgb(opaque, profile))
    return np.asarray(opaque.convert("RGB"))


def _on_white(image: Image.Image) -> Image.Image:
    page = Image.new("RGBA", image.size, "white")
    page.alpha_composite(image.convert("RGBA"))
    return page.convert("RGB")


def _foreign_profile(image: Image.Image) -> Any | None:
    """The colour profile of the image; None where there is none, it is broken, or it is sRGB and needs nothing."""
    content = image.info.get("icc_profile")
    return _parse_profile(content) if content else None


@lru_cache(maxsize=16)
def _parse_profile(content: bytes) -> Any | None:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        return None if "sRGB" in ImageCms.getProfileDescription(profile) else profile
    except (OSError, ImageCms.PyCMSError):
        return None


def _to_srgb(image: Image.Image, profile: Any) -> Image.Image:
    mode = {"CMYK": "CMYK", "GRAY": "L"}.get(profile.profile.xcolor_space.strip(), "RGB")
    try:
        converted = ImageCms.profileToProfile(
            image if image.mode == mode else image.convert(mode), profile, _srgb(), outputMode="RGB"
        )
    except ImageCms.PyCMSError:  # a profile for another kind of image
        return image.convert("RGB")
    assert converted is not None  # noqa: S101 - None is what `inPlace` answers
    return converted


@lru_cache(maxsize=1)
def _srgb() -> Any:
    return ImageCms.createProfile("sRGB")


def _unknown(content: bytes) -> str:
    accepted = f"not an image of a known format: {', '.join(FORMATS)}"
    for start, signs, name in _OTHERS:
        if content[start:].startswith(signs):
            return f"{accepted}; it looks like {name}"
    return accepted
