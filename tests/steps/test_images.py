"""An image file becomes pixels of one size, whatever kind of file it is, or tells why it cannot."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps
from pydantic import ValidationError

from steps.decoding import UnreadableImageError, decode
from steps.images import BORDER, preprocess
from steps.preprocessing import Preprocessing

SMALL = Preprocessing(size=32)
NOT_KNOWN = "not an image of a known format: JPEG, PNG, WEBP"


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def arrow(size: tuple[int, int] = (120, 80)) -> Image.Image:
    """A picture that tells its orientation: left half red, right half blue, a white corner at the top left."""
    image = Image.new("RGB", size, (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, size[0] // 2, size[1]))
    image.paste((255, 255, 255), (0, 0, size[0] // 4, size[1] // 4))
    return image


def noisy(size: tuple[int, int]) -> Image.Image:
    """Smooth random colours, so that neither a shift nor a swapped channel goes unseen."""
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def psnr(pixels: np.ndarray, reference: np.ndarray) -> float:
    """Peak signal to noise ratio, decibel."""
    error = np.mean((pixels.astype(float) - reference) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-12)))


def reference(content: bytes, size: int) -> np.ndarray:
    """Pillow's full decode, resized with antialiasing."""
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC))


def png_header(width: int, height: int) -> bytes:
    """A PNG file that promises so many pixels and holds none."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = b"\0\0\0\0IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body)) + end


def jpeg_header(width: int, height: int) -> bytes:
    """A JPEG file that promises so many pixels: a real file with another size written into its frame header."""
    content = bytearray(encoded(arrow(), "JPEG"))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def with_orientation(image: Image.Image, kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {}))


def profile(name: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


# --- geometry


def test_squash_ignores_the_aspect_ratio() -> None:
    pixels = preprocess(encoded(arrow((120, 60)), "PNG"), Preprocessing(size=40))
    assert (pixels.shape, pixels.dtype) == ((40, 40, 3), np.uint8)
    assert pixels[30, 5].tolist() == [255, 0, 0]
    assert pixels[30, 35].tolist() == [0, 0, 255]


def test_an_image_of_the_wanted_size_is_left_as_it_is(noise: np.ndarray) -> None:
    content = encoded(Image.fromarray(noise), "PNG")
    for rule in ("squash", "crop", "pad"):
        assert (preprocess(content, Preprocessing(size=64, resize=rule)) == noise).all()


@pytest.mark.parametrize("size", [(120, 40), (40, 120)])
def test_crop_keeps_the_central_square(size: tuple[int, int]) -> None:
    image = noisy(size)
    box = (40, 0, 80, 40) if size[0] > size[1] else (0, 40, 40, 80)
    pixels = preprocess(encoded(image, "PNG"), Preprocessing(size=40, resize="crop"))
    assert (pixels == np.asarray(image.crop(box))).all()


@pytest.mark.parametrize("size", [(80, 20), (20, 80)])
def test_pad_keeps_the_whole_image_between_grey_borders(size: tuple[int, int]) -> None:
    image = noisy(size)
    pixels = preprocess(encoded(image, "PNG"), Preprocessing(size=80, resize="pad"))
    middle = (slice(30, 50), slice(None)) if size[0] > size[1] else (slice(None), slice(30, 50))
    assert (pixels[middle] == np.asarray(image)).all()
    assert (pixels == BORDER).all(axis=2).sum() == 80 * 60


@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from(["squash", "crop", "pad"]), st.integers(1, 64))
def test_every_shape_gives_the_size(width: int, height: int, rule: Any, size: int) -> None:
    pixels = preprocess(encoded(arrow((width, height)), "JPEG"), Preprocessing(size=size, resize=rule))
    assert (pixels.shape, pixels.dtype) == ((size, size, 3), np.uint8)


@pytest.mark.parametrize("shape", [(320, 320), (320, 33), (250, 90)])
def test_fine_detail_is_averaged_and_not_skipped(shape: tuple[int, int]) -> None:
    stripes = np.zeros((*shape, 3), np.uint8)
    stripes[::2] = 255
    assert abs(preprocess(encoded(Image.fromarray(stripes), "PNG"), SMALL).astype(int) - 127.5).max() < 8


@pytest.mark.parametrize("size", [(65, 65), (90, 70), (130, 129), (300, 100), (500, 640), (90, 1000), (40, 30)])
def test_a_jpeg_comes_out_as_from_a_full_decode_with_antialiasing(size: tuple[int, int]) -> None:
    content = encoded(noisy(size), "JPEG", quality=95)
    assert psnr(preprocess(content, Preprocessing(size=64)), reference(content, 64)) > 36


def test_real_photos_come_out_as_from_a_full_decode_with_antialiasing(real_photos: Callable[..., Path]) -> None:
    files = sorted((real_photos("bucket") / "bin-images").glob("*.jpg"))[::50]
    contents = [file.read_bytes() for file in files]
    ratios = [psnr(preprocess(content, Preprocessing(size=224)), reference(content, 224)) for content in contents]
    assert np.mean(ratios) > 42
    assert min(ratios) > 33


# --- contrast


def test_autocontrast_uses_the_whole_range_of_tones() -> None:
    dull = np.tile(np.linspace(100, 150, 64).astype(np.uint8)[None, :, None], (64, 1, 3))
    pixels = preprocess(encoded(Image.fromarray(dull), "PNG"), Preprocessing(size=64, contrast="autocontrast"))
    assert (pixels.min(), pixels.max()) == (0, 255)
    assert (np.diff(pixels[0, :, 0].astype(int)) >= 0).all()


def test_clahe_widens_the_tones_of_each_region_and_keeps_grey_grey() -> None:
    dim, bright = np.linspace(20, 40, 64), np.linspace(200, 220, 64)
    halves = np.concatenate([np.tile(dim, (64, 1)), np.tile(bright, (64, 1))]).astype(np.uint8)
    content = encoded(Image.fromarray(np.stack([halves] * 3, axis=2)), "PNG")
    plain, clahe = (preprocess(content, Preprocessing(size=128, contrast=how)) for how in ("none", "clahe"))
    for half in (slice(0, 56), slice(72, 128)):
        assert np.ptp(clahe[half]) > 1.2 * np.ptp(plain[half])
    assert np.ptp(clahe.astype(int), axis=2).max() <= 2


def test_contrast_leaves_an_image_of_one_colour_valid() -> None:
    content = encoded(Image.new("RGB", (50, 50), (90, 90, 90)), "PNG")
    for how in ("autocontrast", "clahe"):
        assert preprocess(content, Preprocessing(size=32, contrast=how)).shape == (32, 32, 3)


@pytest.mark.parametrize("change", [{"size": 0}, {"resize": "stretch"}, {"contrast": "strong"}, {"sharpen": True}])
def test_a_preprocessing_that_this_code_cannot_carry_out_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Preprocessing.model_validate({"size": 32} | change)


# --- kinds of files


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    content = with_orientation(arrow(), kind, orientation)
    with Image.open(io.BytesIO(content)) as image:
        upright = np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)
    pixels = decode(content, 1000)
    assert pixels.shape == upright.shape
    assert abs(pixels - upright).mean() < 2


def test_a_plain_jpeg_is_decoded_at_the_scale_that_is_enough() -> None:
    content = encoded(noisy((400, 300)), "JPEG")
    assert {size: decode(content, size).shape for size in (301, 300, 150, 75, 37, 10)} == {
        301: (300, 400, 3),
        300: (300, 400, 3),
        150: (150, 200, 3),
        75: (75, 100, 3),
        37: (38, 50, 3),
        10: (38, 50, 3),
    }
    full = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert (decode(content, 300) == full[..., ::-1]).all()


@pytest.mark.parametrize(
    "content",
    [
        encoded(arrow().convert("CMYK"), "JPEG", quality=95),
        encoded(arrow().convert("P"), "PNG"),
        encoded(arrow().convert("RGBA"), "PNG"),
        encoded(arrow(), "PNG"),
        encoded(arrow(), "WEBP", lossless=True),
        encoded(arrow(), "JPEG", progressive=True, quality=95),
        encoded(arrow(), "JPEG", quality=95) + b"what a telephone appends",
        encoded(arrow(), "JPEG", quality=95, exif=b"Exif\0\0" + b"\xff" * 60_000),
        encoded(arrow(), "PNG", exif=b"Exif\0\0MM\0*" + b"\x7f" * 2_000_000),
        encoded(arrow(), "JPEG", quality=95, icc_profile=b"broken"),
        encoded(arrow(), "PNG", icc_profile=profile("sRGB")),
        encoded(arrow(), "JPEG", quality=95, icc_profile=profile("XYZ")[:200]),
        encoded(arrow(), "PNG", save_all=True, append_images=[Image.new("RGB", (120, 80))]),
        encoded(arrow(), "WEBP", save_all=True, append_images=[Image.new("RGB", (120, 80))], lossless=True),
    ],
    ids=[
        "CMYK",
        "palette",
        "RGBA",
        "PNG",
        "WebP",
        "progressive",
        "bytes after the end",
        "huge broken EXIF",
        "huge broken EXIF in PNG",
        "broken colour profile",
        "sRGB colour profile",
        "truncated colour profile",
        "animated PNG",
        "animated WebP",
    ],
)
def test_files_of_every_kind_become_the_same_rgb(content: bytes) -> None:
    pixels = preprocess(content, SMALL).astype(int)
    assert abs(pixels - preprocess(encoded(arrow(), "PNG"), SMALL)).mean() < 6


@pytest.mark.parametrize(("mode", "kind"), [("L", "PNG"), ("LA", "PNG"), ("1", "PNG"), ("L", "JPEG"), ("L", "WEBP")])
def test_grey_images_become_rgb(mode: str, kind: str) -> None:
    assert (preprocess(encoded(Image.new("L", (50, 50), 255).convert(mode), kind), SMALL) == 255).all()


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(grey: int) -> None:
    content = encoded(Image.fromarray(np.full((50, 50), grey * 257, np.uint16)), "PNG")
    assert Image.open(io.BytesIO(content)).mode == "I;16"
    assert (preprocess(content, SMALL) == grey).all()


def test_sixteen_bit_colour_is_scaled_and_not_clipped() -> None:
    deep = np.full((50, 50, 3), (10 * 257, 128 * 257, 250 * 257), np.uint16)
    content = cv2.imencode(".png", deep[..., ::-1])[1].tobytes()
    assert content[24] == 16  # bits per channel, in the PNG header
    assert (preprocess(content, SMALL) == (10, 128, 250)).all()


def hidden_black(mode: str) -> bytes:
    """Left half opaque red (or dark), right half black but fully transparent."""
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    image.paste((200, 0, 0, 255), (0, 0, 32, 64))
    if mode == "P":
        indexed = Image.new("P", (64, 64), 1)
        indexed.putpalette([200, 0, 0, 0, 0, 0])
        indexed.paste(0, (0, 0, 32, 64))
        return encoded(indexed, "PNG", transparency=1)
    return encoded(image.convert(mode), "PNG")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_show_white_and_not_what_is_hidden_under_them(mode: str) -> None:
    pixels = preprocess(hidden_black(mode), Preprocessing(size=64))
    assert (pixels[:, 40:] == 255).all()
    assert (pixels[:, :24] < 255).any(axis=2).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_colour_profile_is_applied(kind: str) -> None:
    grey = Image.new("L", (50, 50), 128)
    plain = preprocess(encoded(grey, kind), SMALL)
    linear = preprocess(encoded(grey, kind, icc_profile=linear_grey_profile()), SMALL)
    assert abs(plain.astype(int) - 128).max() <= 1
    assert abs(linear.astype(int) - 188).max() <= 2  # a linear 0.5 is 188 in sRGB (IEC 61966-2-1)


def linear_grey_profile() -> bytes:
    """The smallest ICC profile (version 2.1) of a linear greyscale under D50."""
    d50 = struct.pack(">iii", *(round(value * 65536) for value in (0.9642, 1.0, 0.8249)))
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 7) + b"linear\0" + b"\0" * 83,
        b"wtpt": b"XYZ \0\0\0\0" + d50,
        b"kTRC": b"curv\0\0\0\0" + struct.pack(">I", 0),
        b"cprt": b"text\0\0\0\0none\0",
    }
    place, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", place + len(body), len(content))
        body += content
    header = struct.pack(">I4sI4s4s4s", place + len(body), b"none", 0x02100000, b"mntr", b"GRAY", b"XYZ ")
    header += b"\0" * 12 + b"acsp" + b"\0" * 28 + d50
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"hello world", NOT_KNOWN),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", NOT_KNOWN),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", NOT_KNOWN),
        (encoded(arrow(), "GIF"), f"{NOT_KNOWN}; it looks like a GIF file"),
        (encoded(arrow(), "GIF", save_all=True, append_images=[noisy((120, 80))]), "it looks like a GIF file"),
        (encoded(arrow(), "TIFF"), f"{NOT_KNOWN}; it looks like a TIFF file"),
        (encoded(arrow(), "BMP"), f"{NOT_KNOWN}; it looks like a BMP file"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "it looks like a HEIC, AVIF or video file"),
        (b"PK\3\4\x14\0\0\0\x08\0", "it looks like a zip archive"),
        (encoded(arrow(), "JPEG")[:-200], "broken image: image file is truncated"),
        (encoded(noisy((900, 900)), "JPEG")[:-2], "broken image: image file is truncated"),
        (encoded(arrow(), "JPEG")[:30], f"{NOT_KNOWN}|broken image"),
        (encoded(arrow(), "PNG")[:-40], "broken image"),
        (encoded(arrow(), "WEBP")[:-40], f"{NOT_KNOWN}|broken image"),
        (encoded(Image.new("1", (20_000, 20_000)), "PNG"), "more than the 64,000,000 pixels that are allowed"),
        (encoded(Image.new("1", (9_000, 9_000)), "PNG"), "9,000 x 9,000 is more than the 64,000,000 pixels"),
        (png_header(50_000, 50_000), "more than the 64,000,000 pixels that are allowed"),
        (jpeg_header(50_000, 50_000), "more than the 64,000,000 pixels that are allowed"),
        (encoded(arrow(), "JPEG", progressive=True)[:-2] + b"\xff\xda\0\x08\1\1\0\0\x3f\0" * 501, "500 scans"),
    ],
    ids=[
        "empty",
        "text",
        "PostScript",
        "SVG",
        "GIF",
        "animated GIF",
        "TIFF",
        "BMP",
        "HEIC",
        "zip",
        "truncated",
        "without its end",
        "header only",
        "truncated PNG",
        "truncated WebP",
        "bomb",
        "large",
        "PNG of 50,000 x 50,000",
        "JPEG of 50,000 x 50,000",
        "JPEG of many scans",
    ],
)
def test_a_file_that_gives_no_image_tells_why(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImageError, match=reason):
        preprocess(content, SMALL)


@given(
    st.sampled_from(["JPEG", "PNG", "WEBP"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=40),
    st.floats(0.02, 1),
)
def test_damaged_files_give_pixels_or_a_reason_and_nothing_else(
    kind: str, changes: list[tuple[float, int]], kept: float
) -> None:
    content = bytearray(encoded(arrow(), kind))
    for place, value in changes:
        content[int(place * len(content))] = value
    try:
        shape = preprocess(bytes(content[: int(kept * len(content))]), SMALL).shape
    except UnreadableImageError:
        return
    assert shape == (32, 32, 3)
