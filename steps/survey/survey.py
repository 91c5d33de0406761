"""Look up the bins that are audited: which have a photo and a record, and what the record says."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from steps.bin_photos import BinPhoto, pair_photos
from steps.bin_records import read_label
from steps.catalog_files import QuarantinedImage
from steps.contract import StepError
from steps.parallel import in_order
from steps.progress import reported
from steps.registry import ApprovedPackage
from steps.storage import Storage
from steps.survey.settings import SurveyArguments
from steps.survey_files import SurveyedBin, SurveySummary, write_survey


def survey(settings: SurveyArguments, package: ApprovedPackage | None, output: Path) -> SurveySummary:
    """Write to `output` which bins of `settings.source` are audited, and with which model.

    Args:
        settings: where the bins are.
        package: the latest approved model of the group, if there is one.
        output: folder to write to; made when absent.

    Raises:
        StepError: no model is approved, the source cannot be read, or not one of its bins can be audited.
    """
    if package is None:
        raise StepError(f"no model of the group {settings.group} is approved: approve one with `make approve`")
    storage = Storage()
    photos, quarantine = pair_photos(storage, settings.source)
    faults = _unfit_photos(storage, settings)
    quarantine += [
        QuarantinedImage(photo.id, photo.image_uri, faults[photo.image_uri])
        for photo in photos
        if photo.image_uri in faults
    ]
    bins: list[SurveyedBin] = []
    fit = [photo for photo in photos if photo.image_uri not in faults]
    answers = in_order(partial(_look_up, storage), fit, settings.concurrency)
    for answer in reported(answers, "read", "records", len(fit)):
        if isinstance(answer, SurveyedBin):
            bins.append(answer)
        else:
            quarantine.append(answer)
    if not bins:
        first = quarantine[0]
        raise StepError(f"no bin in {settings.source} can be audited; the first, {first.id}: {first.reason}")
    summary = SurveySummary(source=settings.source, package=package.arn, version=package.version)
    write_survey(output, bins, quarantine, summary)
    return summary


def _unfit_photos(storage: Storage, settings: SurveyArguments) -> Mapping[str, str]:
    """Reasons by URI: photos at which a transform job fails as a whole, instead of saying what is wrong with one."""
    most = settings.largest_photo_mb * 2**20
    faults = {}
    for stored in storage.list(f"{settings.source}/bin-images"):
        if not stored.size:
            faults[stored.uri] = "the photo is empty"
        elif stored.size > most:
            faults[stored.uri] = f"the photo is larger than allowed: {stored.size:,} bytes of at most {most:,}"
    return faults


def _look_up(storage: Storage, photo: BinPhoto) -> SurveyedBin | QuarantinedImage:
    label = read_label(storage, photo)
    return label if isinstance(label, QuarantinedImage) else SurveyedBin(photo.id, photo.image_uri, label.count)
