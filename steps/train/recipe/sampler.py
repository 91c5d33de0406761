"""In which order an epoch meets the training images."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray


def draw_order(labels: NDArray[np.int64], kind: Literal["shuffle", "balanced"], seed: int) -> NDArray[np.int64]:
    """Positions int64 [N] in `labels` [N] for one epoch.

    Args:
        labels: of the training images.
        kind: `shuffle` is every image once; `balanced` draws with replacement so that each class that has images is as
            frequent as any other.
        seed: decides the order.
    """
    random = np.random.default_rng(seed)
    if kind == "shuffle":
        return random.permutation(len(labels))
    images = np.bincount(labels)
    chance = 1 / (np.count_nonzero(images) * images[labels])
    return random.choice(len(labels), size=len(labels), p=chance)
