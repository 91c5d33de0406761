"""Which splits a group of images may go to: earlier catalogs and the source's own splits come before our choice."""

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence

from steps.catalog.census import LabelledImage
from steps.catalog.previous import Previous
from steps.catalog.settings import SPLITS

PREFERENCE = ("test", "validation", "train")
"""Where a group goes that is claimed by several splits. What was once used to judge models stays out of training; that
a training image joins the test set costs less."""

logger = logging.getLogger(__name__)


def allowed_splits(images: Sequence[LabelledImage], previous: Previous) -> dict[str, tuple[str, ...]]:
    """Tell for each group of `images` the splits it may go to, at least one.

    - A group that `previous` knows, by its name or by one of its images, keeps its split.
    - Another group with images whose split the source gives keeps that split. A split that the source gives no image
      of is taken out of its training images.
    - Any other group may go anywhere.
    - Claims of several splits are settled by `PREFERENCE`, and logged.
    """
    members: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    for image in images:
        members[image.group].append(image)
    claims = {group: _previous_splits(group, found, previous) for group, found in members.items()}
    kept = {group: _settle(splits) for group, splits in claims.items() if splits}
    given = {
        group: _settle(splits)
        for group, found in members.items()
        if group not in kept and (splits := {image.given for image in found if image.given})
    }
    _log_kept(kept, claims, previous)
    _log_moved(images, given)
    absent = tuple(split for split in SPLITS[1:] if not any(image.given == split for image in images))
    from_training = (SPLITS[0], *absent)
    return {group: (kept[group],) if group in kept else _choices(given.get(group), from_training) for group in members}


def _previous_splits(group: str, images: Sequence[LabelledImage], previous: Previous) -> set[str]:
    found = {previous.by_group.get(group), *(previous.by_image.get(image.id) for image in images)}
    return {split for split in found if split}


def _settle(splits: Collection[str]) -> str:
    return next(split for split in PREFERENCE if split in splits)


def _choices(given: str | None, from_training: tuple[str, ...]) -> tuple[str, ...]:
    if given is None:
        return SPLITS
    return from_training if given == SPLITS[0] else (given,)


def _log_kept(kept: dict[str, str], claims: dict[str, set[str]], previous: Previous) -> None:
    if not previous.by_image:
        return
    logger.info("%s of %s groups keep their split of the previous catalog", f"{len(kept):,}", f"{len(claims):,}")
    if not kept:
        logger.warning("no image or group of the previous catalog is here: is it a catalog of this source?")
    if joined := sorted(group for group, splits in claims.items() if len(splits) > 1):
        logger.warning(
            "%s groups join images of different splits of the previous catalog; they go to %s: %s",
            f"{len(joined):,}",
            ", else ".join(PREFERENCE),
            ", ".join(f"{group} to {kept[group]}" for group in joined[:10]),
        )


def _log_moved(images: Sequence[LabelledImage], given: dict[str, str]) -> None:
    moved = [image for image in images if image.given and image.group in given and image.given != given[image.group]]
    if moved:
        logger.warning(
            "%s images move to another split than the source's, that of their near duplicates (%s), such as %s",
            f"{len(moved):,}",
            ", else ".join(PREFERENCE),
            ", ".join(f"{image.id} to {given[image.group]}" for image in moved[:3]),
        )
