"""Render photographs of warehouse bins with known counts, in the layout of the Amazon Bin Image Dataset (ABID)."""

import json
import math
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import cv2
import numpy as np

from pipelines.demo.arrangement import arrange, nudge, visible_shares
from pipelines.demo.camera import MARGIN, encode_jpeg, paint_items, take_photo
from pipelines.demo.fabric import paint_front, paint_inside
from pipelines.demo.pixels import Raster
from pipelines.demo.products import Product, Size, stock
from pipelines.demo.shelf import Shelf, build_shelf
from pipelines.demo.sprites import Facing, Sprite, choose_facing, draw_item

COUNT_SHARES = (9901, 41347, 77063, 90258, 80750, 62648, 46058, 33684, 24219, 17298, 12823)
"""Images in ABID with 0, 1, ... 10 items: the mix of counts that `write_bucket` draws from."""

REPEATED = 0.08
"""Share of the photographs that show a bin photographed before."""

_BIN, _SHOT, _COUNT, _REPEAT, _QUALITY = range(5)  # independent random streams of one image


class Item(NamedTuple):
    """Copies of one product in a bin, as the warehouse's records list them."""

    asin: str
    name: str
    quantity: int
    size: Size


@dataclass(frozen=True)
class Bin:
    """A photographed bin.

    Attributes:
        image: uint8 [H, W, 3], RGB.
        items: the bin's products, each with its quantity; the quantities add up to the count.
        visible: for each single item, the share of its outline, 0 to 1, that no other item, lip or edge of the
            photograph hides, at the least: the widest cut that any framing makes is counted. The elastic bands can
            be seen through and do not count.
    """

    image: Raster
    items: tuple[Item, ...]
    visible: tuple[float, ...]


def render_bin(count: int, seed: int) -> Bin:
    """Photograph a bin that holds `count` items; the same count and seed give the same photograph.

    Raises:
        ValueError: `count` is not within 0 to 10, or `seed` is negative.
    """
    _check_count("count", count)
    return _photograph(count, bin_seed=(seed,), shot_seed=(seed,))


def write_bucket(
    folder: Path,
    images: int,
    seed: int = 0,
    max_count: int = 5,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write `images` photos as folder/bin-images/NNNNN.jpg beside folder/metadata/NNNNN.json.

    Image N depends on `seed`, `max_count` and N only, never on `workers`. The folder appears whole or not at all.

    Args:
        folder: absent or empty.
        images: how many, at least 1.
        seed: not negative.
        max_count: most items in a bin, 0 to 10.
        workers: processes that draw; None for one per processor.
        progress: called in this process with the images done and the total.

    Raises:
        ValueError: the folder holds something, or a number is out of its range.
    """
    _check_count("max_count", max_count)
    if images < 1 or seed < 0 or (workers is not None and workers < 1):
        raise ValueError(f"images {images}, seed {seed}, workers {workers}: ask for at least 1, 0 and 1 of these")
    with _new_folder(folder.resolve()) as draft, _mapper(workers or os.cpu_count() or 1) as map_images:
        for part in ("bin-images", "metadata"):
            (draft / part).mkdir()
        write = partial(_write_image, draft, seed, max_count)
        for done, _ in enumerate(map_images(write, range(images)), start=1):
            if progress is not None:
                progress(done, images)


def _photograph(count: int, bin_seed: tuple[int, ...], shot_seed: tuple[int, ...]) -> Bin:
    """Render the bin of `bin_seed`; under another `shot_seed` it is photographed again, a little disturbed."""
    content, shot = np.random.default_rng([*bin_seed, _BIN]), np.random.default_rng([*shot_seed, _SHOT])
    shelf = build_shelf(*_frame(content), 2 * MARGIN, content)
    products = stock(count, content)
    placed = arrange(_draw_items(products, shelf, content), shelf, content)
    if shot_seed != bin_seed:
        placed = nudge(placed, shelf, shot)
    scene = paint_inside(shelf, content)
    paint_items(scene, placed)
    paint_front(scene, shelf, content)
    copies = Counter(products)
    items = tuple(Item(product.asin, product.name, copies[product], product.size) for product in copies)
    return Bin(take_photo(scene, shot), items, tuple(visible_shares(placed, shelf)))


def _frame(rng: np.random.Generator) -> tuple[int, int]:
    """Width and height of the scene in pixels: aspect ratios spread as ABID's, areas smaller for speed."""
    aspect = np.interp(rng.random(), (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1), (0.62, 0.66, 1.03, 1.3, 1.47, 1.68, 1.9))
    width = math.sqrt(rng.uniform(85_000, 140_000) * aspect)
    return round(width) + 2 * MARGIN, round(width / aspect) + 2 * MARGIN


def _draw_items(products: list[Product], shelf: Shelf, rng: np.random.Generator) -> list[Sprite]:
    """Draw a sprite per item, true to scale in a bin of 260 to 380 square inches, or smaller to make them fit."""
    if not products:
        return []
    facings = _facings(products, rng)
    across, down = shelf.right - shelf.left, shelf.front - shelf.top
    widest, highest = max(facing.width for facing in facings), max(facing.height for facing in facings)
    faces = sum(facing.width * facing.height for facing in facings)
    pixels_per_inch = min(
        math.sqrt(across * down / rng.uniform(260, 380)),
        math.sqrt(0.85 * across * down / faces),
        0.9 * across / widest,
        0.92 * down / highest,
    )
    return [draw_item(product, facing, pixels_per_inch, rng) for product, facing in zip(products, facings, strict=True)]


def _facings(products: list[Product], rng: np.random.Generator) -> list[Facing]:
    """Stand each item somehow; copies of one product, neighbours in the list, mostly stand alike."""
    facings: list[Facing] = []
    for product, previous in zip(products, [None, *products], strict=False):
        alike = product == previous and rng.random() < 0.7
        facings.append(facings[-1] if alike else choose_facing(product, rng))
    return facings


def planned_count(seed: int, index: int, max_count: int) -> int:
    """How many items the bin first photographed as image `index` holds: drawn as often as in ABID."""
    shares = np.array(COUNT_SHARES[: max_count + 1], float)
    return int(np.random.default_rng([seed, index, _COUNT]).choice(max_count + 1, p=shares / shares.sum()))


def first_photo(seed: int, index: int) -> int:
    """The image that first shows the bin of image `index`: `index` itself for most.

    As in ABID, some bins (`REPEATED`) come back later, in other light and a little disturbed.
    """
    chance = np.random.default_rng([seed, index, _REPEAT])
    if index == 0 or chance.random() >= REPEATED:
        return index
    return first_photo(seed, int(chance.integers(index)))


def _write_image(draft: Path, seed: int, max_count: int, index: int) -> None:
    first = first_photo(seed, index)
    photo = _photograph(planned_count(seed, first, max_count), (seed, first), (seed, index))
    quality = int(np.random.default_rng([seed, index, _QUALITY]).integers(70, 93))
    (draft / "bin-images" / f"{index:05}.jpg").write_bytes(encode_jpeg(photo.image, quality))
    (draft / "metadata" / f"{index:05}.json").write_text(json.dumps(_metadata(photo.items)))


def _metadata(items: tuple[Item, ...]) -> dict[str, object]:
    """What ABID's metadata files say of a bin."""
    return {
        "BIN_FCSKU_DATA": {item.asin: _record(item) for item in items},
        "EXPECTED_QUANTITY": sum(item.quantity for item in items),
    }


def _record(item: Item) -> dict[str, object]:
    sides = {side: {"unit": "IN", "value": getattr(item.size, side)} for side in ("height", "length", "width")}
    words = {"asin": item.asin, "name": item.name, "normalizedName": item.name, "quantity": item.quantity}
    return {**words, **sides, "weight": {"unit": "pounds", "value": item.size.weight}}


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A draft beside `folder`, renamed to it once complete and removed on any error."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} already holds something; name a new or empty folder for the simulated bins")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        draft = Path(scratch) / "draft"
        draft.mkdir()
        yield draft
        draft.rename(folder)


@contextmanager
def _mapper(workers: int) -> Iterator[Callable[[Callable[[int], None], range], Iterable[None]]]:
    """A `map` that runs in this process or in several; leaving early drops what has not begun."""
    if workers == 1:
        yield map
        return
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=cv2.setNumThreads, initargs=(1,))
    try:
        yield partial(pool.map, chunksize=8)
    finally:
        pool.shutdown(cancel_futures=True)


def _check_count(what: str, count: int) -> None:
    if not 0 <= count < len(COUNT_SHARES):
        raise ValueError(f"{what} {count}: a simulated bin holds 0 to {len(COUNT_SHARES) - 1} items")
