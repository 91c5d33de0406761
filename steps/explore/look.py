"""What images look like: brightness, sharpness and dominant colours of a sample of each class."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits

from steps.explore.findings import ClassLook, Colour, Spread
from steps.explore.settings import ExploreSettings
from steps.shards import Images, Shards

Greys = NDArray[np.float32]

BATCH_IMAGES = 32
IMAGE_PIXELS = 100
"""Pixels sampled of each image for the colours: 200 images give 20,000, and clustering them takes a moment."""

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue in brightness, ITU-R BT.601."""


def sample_class(shards: Shards, label: int, most: int, seed: int) -> NDArray[np.int64]:
    """Indices, in order, of up to `most` images of one class; another seed gives other ones."""
    rows = np.flatnonzero(shards.labels == label)
    return np.sort(np.random.default_rng([seed, label]).permutation(rows)[:most])


def describe_classes(settings: ExploreSettings, shards: Shards) -> Iterator[ClassLook]:
    """Describe a sample of each class that has images, holding few images in memory at a time."""
    for label, name in enumerate(shards.dataset.classes):
        rows = sample_class(shards, label, settings.class_images, settings.seed)
        if len(rows):
            yield _describe(settings, shards, rows, name)


def _describe(settings: ExploreSettings, shards: Shards, rows: NDArray[np.int64], name: str) -> ClassLook:
    rng = np.random.default_rng(settings.seed)
    brightness, sharpness, pixels = [], [], []
    for first in range(0, len(rows), BATCH_IMAGES):
        images = shards.images(rows[first : first + BATCH_IMAGES])
        greys = images @ LUMA
        brightness.append(greys.mean(axis=(1, 2)))
        sharpness.append(laplacian_variance(greys))
        pixels.append(_sample_pixels(images, rng))
    return ClassLook(
        name=name,
        measured=len(rows),
        brightness=_spread(np.concatenate(brightness)),
        sharpness=_spread(np.concatenate(sharpness)),
        colours=dominant_colours(np.concatenate(pixels), settings.colours, settings.seed),
    )


def laplacian_variance(greys: Greys) -> NDArray[np.float32]:
    """Variance of the Laplacian of each image, float32 [N]: the larger, the sharper.

    Source: Pech-Pacheco and others, "Diatom autofocusing in brightfield microscopy", ICPR 2000, with the kernel of the
    four neighbours.

    Args:
        greys: float32 [N, H, W], 0 to 255, at least 3 pixels each way.
    """
    centre = greys[:, 1:-1, 1:-1]
    around = greys[:, :-2, 1:-1] + greys[:, 2:, 1:-1] + greys[:, 1:-1, :-2] + greys[:, 1:-1, 2:]
    variance: NDArray[np.float32] = (around - 4 * centre).var(axis=(1, 2))
    return variance


def dominant_colours(pixels: NDArray[np.uint8], most: int, seed: int) -> tuple[Colour, ...]:
    """The centres of clusters of pixels, the commonest first, none that is empty.

    Args:
        pixels: uint8 [N, 3], sRGB, N > 0.
        most: clusters; fewer where there are fewer different pixels.
        seed: where clustering begins.
    """
    clusters = min(most, len(np.unique(pixels, axis=0)))
    # One thread: so few pixels make several threads wait for one another, and add up in the order of their chance.
    with threadpool_limits(1):
        found = MiniBatchKMeans(clusters, random_state=seed, n_init=3, batch_size=2048).fit(pixels.astype(np.float64))
    counts = np.bincount(found.labels_, minlength=clusters)
    centres = found.cluster_centers_.round().astype(int)
    return tuple(
        Colour(rgb="#{:02x}{:02x}{:02x}".format(*centres[index]), share=float(counts[index] / len(pixels)))
        for index in np.argsort(-counts, kind="stable")
        if counts[index]
    )


def _sample_pixels(images: Images, rng: np.random.Generator) -> NDArray[np.uint8]:
    flat = images.reshape(len(images), -1, 3)
    chosen = rng.integers(0, flat.shape[1], (len(images), IMAGE_PIXELS))
    pixels: NDArray[np.uint8] = np.take_along_axis(flat, chosen[..., None], axis=1).reshape(-1, 3)
    return pixels


def _spread(values: NDArray[np.float32]) -> Spread:
    low, median, high = np.quantile(values, (0.1, 0.5, 0.9)).tolist()
    return Spread(low=low, median=median, high=high)
