"""Refuse a source that is too broken to learn from, and say why."""

from collections import Counter
from collections.abc import Sequence

from steps.catalog.census import Census
from steps.catalog_files import QuarantinedImage
from steps.contract import StepError

NAMED = 3
"""How many reasons, and how many classes, an error names."""


def check_census(census: Census, source: str, max_bad_fraction: float) -> None:
    """Check that enough of the images can be used, and every class has some.

    Raises:
        StepError: more than `max_bad_fraction` of the used and quarantined images are quarantined, or a class has no
            image, so that a model can neither learn it nor be judged on it.
    """
    bad, looked_at = len(census.quarantine), len(census.quarantine) + len(census.images)
    if bad > max_bad_fraction * looked_at:
        raise StepError(
            f"{bad:,} of {looked_at:,} images in {source} cannot be used, more than max_bad_fraction "
            f"({max_bad_fraction:g}) allows: {frequent_reasons(census.quarantine)}"
        )
    present = {image.label for image in census.images}
    absent = [name for label, name in enumerate(census.classes) if label not in present]
    if absent:
        raise StepError(
            f"no usable image in {source} is of class {', '.join(absent[:NAMED])}{_more(len(absent))}: "
            f"add images, or change which are taken{_because(census.quarantine)}"
        )


def frequent_reasons(quarantine: Sequence[QuarantinedImage]) -> str:
    """The most frequent reasons, each with how many images have it and the id of one; details are left out."""
    kinds = Counter(_kind(row) for row in quarantine)
    examples = {_kind(row): row.id for row in reversed(quarantine)}
    most = sorted(kinds.items(), key=lambda entry: (-entry[1], entry[0]))[:NAMED]
    return "; ".join(f"{kind} ({count:,}, such as {examples[kind]})" for kind, count in most)


def _kind(row: QuarantinedImage) -> str:
    return row.reason.partition(":")[0]


def _more(count: int) -> str:
    return f" and {count - NAMED:,} more" if count > NAMED else ""


def _because(quarantine: Sequence[QuarantinedImage]) -> str:
    return f"; images that cannot be used: {frequent_reasons(quarantine)}" if quarantine else ""
