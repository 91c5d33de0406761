"""Divide labelled images into splits by whole groups, each class near its share in every split."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence


def assign_splits(
    labels: Sequence[int],
    groups: Sequence[str],
    allowed: Mapping[str, Sequence[str]],
    fractions: Mapping[str, float],
    seed: int,
) -> dict[str, str]:
    """Choose a split for each group.

    Groups are placed one by one, those without a choice first and then the largest first, where they add least to the
    sum over splits and classes of `images ** 2 / wanted images`, which is smallest when every split has its share of
    every class. For groups of one image that is the Webster (Sainte-Laguë) method of apportioning seats, which for
    three splits is never a whole image off (Balinski and Young, Fair Representation, 1982). scikit-learn's
    StratifiedGroupKFold knows only equal folds.

    Args:
        labels: the label of each image.
        groups: the group of each image.
        allowed: the splits that each group may go to, at least one of `fractions`.
        fractions: share of the images each split shall have, above 0, adding up to 1.
        seed: decides which of two groups alike comes first; the order of the images decides nothing.

    Returns:
        the split of each group.
    """
    wanted = _wanted(labels, fractions)
    members: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for label, group in zip(labels, groups, strict=True):
        members[group][label] += 1
    placed: dict[str, Counter[int]] = {split: Counter() for split in fractions}
    chosen: dict[str, str] = {}

    def rank(group: str) -> tuple[bool, int, bytes]:
        return len(allowed[group]) > 1, -members[group].total(), _shuffled(group, seed)

    for group in sorted(members, key=rank):
        images = members[group]
        chosen[group] = min(allowed[group], key=lambda split: _added(images, placed[split], wanted[split]))
        placed[chosen[group]].update(images)
    return chosen


def _wanted(labels: Sequence[int], fractions: Mapping[str, float]) -> dict[str, dict[int, float]]:
    totals = Counter(labels)
    return {
        split: {label: fraction * total for label, total in totals.items()} for split, fraction in fractions.items()
    }


def _added(images: Counter[int], placed: Counter[int], wanted: Mapping[int, float]) -> float:
    """How much (placed + images) ** 2 / wanted exceeds placed ** 2 / wanted, summed over the classes of a group."""
    return sum(count * (2 * placed[label] + count) / wanted[label] for label, count in images.items())


def _shuffled(group: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {group}".encode()).digest()
