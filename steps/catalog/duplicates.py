"""Group images that are near duplicates of each other, rotated and mirrored ones included."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from steps.catalog.fingerprint import Signs, symmetric

MAX_DISTANCE = 31
"""Signs, of 256, in which near duplicates differ at the most: what PDQ's authors advise. Measured on 1,050 real bin
photos of 300 to 800 pixels, 8,293 of 224 and 800 simulated ones: copies that are rotated, mirrored, halved, doubled,
brightened, grey, squashed to 224, or re-encoded as JPEG (quality 30), PNG or WebP differ in at most 15, and reduced to
96 pixels, rotated and re-encoded at quality 40 in at most 22. Of the 34 million pairs of the 8,293 photos, 5 were near,
and all of these show one bin photographed twice, in three of them after an item had come or gone. Missed are copies
reduced to a third without antialiasing, which differ in up to 44."""

ROWS = 256
COLUMNS = 4096
"""Hashes compared at a time; with the eight symmetries of each row, 32 MB of distances."""


def group_near_duplicates(signs: Signs) -> NDArray[np.int64]:
    """Group images whose hashes, or those of their rotations or mirror images, differ in at most `MAX_DISTANCE` signs.

    Groups are closed: near duplicates of near duplicates share a group. Every pair is compared, by products of
    matrices: the time grows with the square of the number of images, the memory with the number.

    Args:
        signs: int8 [N, 256], hashes; one that is all 0 is near to none.

    Returns:
        int64 [N], for each image the first image of its group.
    """
    different, first, same = np.unique(signs, axis=0, return_index=True, return_inverse=True)
    blank = np.logical_not(different.any(axis=1))[same]
    first_of_group = first[_connect(different)][same]
    return np.where(blank, np.arange(len(signs)), _earliest(first_of_group))


def _connect(signs: Signs) -> NDArray[np.int64]:
    """For each hash, one that stands for all it is connected with."""
    leader = np.arange(len(signs))
    for rows, columns in _near_pairs(signs):
        apart = leader[rows] != leader[columns]
        for pair in np.unique(leader[rows[apart]] * len(signs) + leader[columns[apart]]):
            one, other = leader[pair // len(signs)], leader[pair % len(signs)]
            if one != other:
                leader[leader == other] = one
    return leader


def _near_pairs(signs: Signs) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Indices of near duplicates, a tile at a time; a product counts signs that agree, less those that do not."""
    numbers = signs.astype(np.float32)
    least_product = signs.shape[1] - 2 * MAX_DISTANCE
    for top in range(0, len(signs), ROWS):
        block = symmetric(signs[top : top + ROWS]).astype(np.float32)
        for left in range(top, len(signs), COLUMNS):
            near = (block @ numbers[left : left + COLUMNS].T).max(axis=0) >= least_product
            rows, columns = np.nonzero(near)
            yield rows + top, columns + left


def _earliest(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Name each group, given as any number per member, by the index of its first member."""
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    return first[inverse]
