"""The simulated warehouse's products: what they are called, how large they are and what they look like."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

import numpy as np

Colour = tuple[int, int, int]
"""Red, green and blue, 0-255 each."""

_T = TypeVar("_T")

Kind = Literal["box", "carton", "book", "bottle", "can", "bag"]


class Size(NamedTuple):
    """Length, width and height in inches, longest first, and weight in pounds, as ABID's metadata has them."""

    length: float
    width: float
    height: float
    weight: float


@dataclass(frozen=True)
class Product:
    """One product: all its copies share its ASIN, size, colours and printed artwork."""

    asin: str
    name: str
    kind: Kind
    size: Size
    colour: Colour
    accents: tuple[Colour, Colour]
    art_seed: int

    @property
    def brand(self) -> str:
        """The word printed largest on the packaging."""
        return self.name.split()[0]


class _Family(NamedTuple):
    """Range of sizes in inches (longest, middle, shortest side), density, share of the stock and nouns."""

    length: tuple[float, float]
    width: tuple[float, float]
    height: tuple[float, float]
    pounds_per_cubic_inch: float
    share: float
    nouns: tuple[str, ...]


_FAMILIES: dict[Kind, _Family] = {
    "box": _Family((5, 10), (4, 7), (2.2, 4.5), 0.012, 0.31, ("Toaster Set", "Puzzle", "Lamp", "Key Cabinet")),
    "carton": _Family((5, 9), (4, 7), (3, 5.5), 0.010, 0.17, ("Filter Pack", "Cable Kit", "Brake Pads", "Mug Set")),
    "book": _Family((7, 10), (5, 7.5), (1.1, 2.2), 0.025, 0.18, ("Atlas", "Cookbook", "Novel", "Field Guide")),
    "bottle": _Family((6, 10), (2.2, 3.6), (2.2, 3.6), 0.020, 0.12, ("Shampoo", "Cleaner", "Syrup", "Lotion")),
    "can": _Family((3.8, 6), (2.8, 4.2), (2.8, 4.2), 0.030, 0.09, ("Coffee", "Paint", "Protein", "Wax")),
    "bag": _Family((6, 11), (4.5, 8), (1.5, 4), 0.006, 0.13, ("T-Shirt", "Plush Toy", "Towel", "Rope")),
}

_BRANDS = (
    "Acorn", "Bluefin", "Cobalt", "Delmar", "Ember", "Fernway", "Granite", "Harbor", "Ivory", "Juniper", "Kestrel",
    "Lumen", "Maple", "Nimbus", "Orchard", "Pioneer", "Quill", "Rowan", "Summit", "Tundra", "Umbra", "Vela",
)  # fmt: skip
_GRADES = ("Classic", "Deluxe", "Compact", "Original", "Professional", "Essential", "Premium", "Travel")

_PALETTE: dict[str, tuple[Colour, float]] = {
    "White": ((228, 222, 212), 0.20),
    "Black": ((44, 42, 46), 0.13),
    "Grey": ((138, 134, 130), 0.07),
    "Navy": ((42, 56, 112), 0.11),
    "Sky Blue": ((88, 150, 196), 0.09),
    "Red": ((186, 44, 40), 0.12),
    "Orange": ((216, 114, 44), 0.08),
    "Green": ((56, 122, 70), 0.08),
    "Mint": ((166, 200, 158), 0.04),
    "Purple": ((104, 62, 120), 0.05),
    "Pink": ((214, 138, 160), 0.03),
}
_CARDBOARD: Colour = (164, 118, 82)
_ASIN_ALPHABET = np.array(list("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


def draw_product(rng: np.random.Generator) -> Product:
    """Draw a product at random: boxes and books are common, cans are not."""
    kind = _choice(rng, tuple(_FAMILIES), [family.share for family in _FAMILIES.values()])
    colours = [_choice(rng, tuple(_PALETTE), [share for _, share in _PALETTE.values()]) for _ in range(3)]
    first, second, third = (_shade(rng, _PALETTE[colour][0]) for colour in colours)
    words = (_choice(rng, _BRANDS), _choice(rng, _GRADES), _choice(rng, _FAMILIES[kind].nouns))
    return Product(
        asin="B0" + "".join(rng.choice(_ASIN_ALPHABET, 8)),
        name=f"{' '.join(words)}, {colours[0]}",
        kind=kind,
        size=_draw_size(rng, _FAMILIES[kind]),
        colour=_shade(rng, _CARDBOARD) if kind == "carton" else first,
        accents=(second, third),
        art_seed=int(rng.integers(2**32)),
    )


def stock(count: int, rng: np.random.Generator) -> list[Product]:
    """Draw the products of `count` items, repeated products beside each other.

    The k-th item is another copy of a product already there with probability k / 10: so 20 % of the bins with
    two items hold one product, and 17 % of those with five hold five. ABID has 22 % and 6 %.
    """
    products: list[Product] = []
    for already in range(count):
        repeated = already > 0 and rng.random() < (already + 1) / 10
        products.append(products[rng.integers(already)] if repeated else draw_product(rng))
    order = {product.asin: position for position, product in reversed(list(enumerate(products)))}
    return sorted(products, key=lambda product: order[product.asin])


def _draw_size(rng: np.random.Generator, family: _Family) -> Size:
    longest, middle, shortest = (float(rng.uniform(*side)) for side in (family.length, family.width, family.height))
    if family.width == family.height:  # round: one diameter
        shortest = middle
    weight = longest * middle * shortest * family.pounds_per_cubic_inch * float(rng.uniform(0.6, 1.4))
    length, width, height = sorted((round(side, 2) for side in (longest, middle, shortest)), reverse=True)
    return Size(length, width, height, round(weight, 2))


def _shade(rng: np.random.Generator, colour: Colour) -> Colour:
    red, green, blue = np.clip(np.array(colour) + rng.normal(0, 9, 3) + rng.normal(0, 7), 12, 244).astype(int)
    return int(red), int(green), int(blue)


def _choice(rng: np.random.Generator, options: tuple[_T, ...], shares: list[float] | None = None) -> _T:
    return options[int(rng.choice(len(options), p=shares))]
