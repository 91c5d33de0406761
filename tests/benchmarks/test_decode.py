"""How fast a bin photo becomes 224 x 224 pixels, and how close to Pillow's full decode with antialiasing."""

import io
import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image

from steps.images import preprocess
from steps.preprocessing import Preprocessing

pytestmark = pytest.mark.benchmark

SIZE = 224
ROUNDS = 7
Decoder = Callable[[bytes], np.ndarray]


def pillow_full(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def pillow_draft(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        image.draft("RGB", (SIZE, SIZE))
        return np.asarray(image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def simplejpeg_scaled(content: bytes) -> np.ndarray:
    pixels = simplejpeg.decode_jpeg(content, "RGB", min_height=SIZE, min_width=SIZE)
    return cv2.resize(pixels, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)


def simplejpeg_scaled_fast(content: bytes) -> np.ndarray:
    pixels = simplejpeg.decode_jpeg(content, "RGB", fastdct=True, fastupsample=True, min_height=SIZE, min_width=SIZE)
    return cv2.resize(pixels, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)


def opencv_full(content: bytes) -> np.ndarray:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    return cv2.resize(pixels, (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def opencv_half(content: bytes) -> np.ndarray:
    """Always at half size, which many photos must then be enlarged from."""
    flags = cv2.IMREAD_REDUCED_GRAYSCALE_2 | cv2.IMREAD_COLOR_RGB
    return cv2.resize(cv2.imdecode(np.frombuffer(content, np.uint8), flags), (SIZE, SIZE))


def opencv_reduced(content: bytes) -> np.ndarray:
    """At half size where that leaves enough pixels; nothing is checked."""
    height, width = simplejpeg.decode_jpeg_header(content)[:2]
    reduced = cv2.IMREAD_REDUCED_GRAYSCALE_2 if min(height, width) >= 2 * SIZE else 0
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), reduced | cv2.IMREAD_COLOR_RGB)
    return cv2.resize(pixels, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)


def ours(content: bytes) -> np.ndarray:
    return preprocess(content, Preprocessing(size=SIZE))


CANDIDATES: dict[str, Decoder] = {
    "Pillow, full": pillow_full,
    "Pillow, draft": pillow_draft,
    "simplejpeg, scaled": simplejpeg_scaled,
    "simplejpeg, scaled, fast DCT": simplejpeg_scaled_fast,
    "OpenCV, full, areas": opencv_full,
    "OpenCV, always half": opencv_half,
    "OpenCV, reduced": opencv_reduced,
    "ours": ours,
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(threads)


def psnr(decoder: Decoder, photos: list[bytes]) -> list[float]:
    """Decibel against Pillow's full decode, for each photo."""
    errors = [np.mean((decoder(photo).astype(float) - pillow_full(photo)) ** 2) for photo in photos]
    return [float(10 * np.log10(255**2 / max(error, 1e-10))) for error in errors]


@pytest.mark.parametrize("kind", ["simulated", "real"])
def test_decode_and_resize(kind: str, request: pytest.FixtureRequest, rates: Callable, show: Callable) -> None:
    photos = request.getfixturevalue(f"{kind}_photos")
    photos = photos[:: max(1, len(photos) // 100)]

    def all_photos(decoder: Decoder) -> Callable[[], None]:
        def run() -> None:
            for photo in photos:
                decoder(photo)

        return run

    closeness = {name: psnr(decoder, photos) for name, decoder in CANDIDATES.items()}
    candidates = {name: all_photos(decoder) for name, decoder in CANDIDATES.items()}
    measured = rates(candidates, len(photos), ROUNDS, clock=time.thread_time)
    columns = {
        "PSNR, mean dB": {name: f"{np.mean(values):.1f}" for name, values in closeness.items()},
        "least dB": {name: f"{min(values):.1f}" for name, values in closeness.items()},
        "below 36 dB": {name: f"{np.mean(np.array(values) < 36):.0%}" for name, values in closeness.items()},
    }
    title = f"{len(photos)} {kind} photos to {SIZE} x {SIZE}, one thread, by the time it computed"
    show(title, "images", measured, "OpenCV, always half", columns)
