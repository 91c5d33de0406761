"""The presets for folders of named classes, from the photos to the endpoint, on few and small photos."""

import io
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipelines import endpoints, operations, results
from pipelines.audit.run import run_audit
from pipelines.config import Config, load_preset
from pipelines.definition import compile_definition
from pipelines.errors import PipelineError
from pipelines.progress import Progress, watch
from pipelines.push.push import push
from pipelines.target import Target

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

QUIET = Console(quiet=True)
THINGS = ("bed", "chair", "door", "sofa", "table")
ORIGINALS = 30
COPIED = 6
BREEDS = 133
Stacked = Callable[[Config], Config]
DrawPhoto = Callable[[Path, float, int], None]


@dataclass(frozen=True)
class Run:
    """A pipeline that was put up, and one execution of it on the photos in a folder."""

    config: Config
    photos: Path
    ended: Progress


def run_on(target: Target, config: Config, photos: Path, **parameters: str) -> Run:
    """Do with photos what the README tells a user to do."""
    operations.upsert(target, config, compile_definition(config, target.region), lambda _: None)
    push(target, photos, config.catalog.source, QUIET)
    return Run(config, photos, watch(target, operations.start(target, config.name, parameters), QUIET))


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory, draw_photo: DrawPhoto) -> Path:
    """Photos of five things; of each thing some come as turned, mirrored and re-encoded copies too."""
    folder = tmp_path_factory.mktemp("rooms")
    for label, thing in enumerate(THINGS):
        for number in range(ORIGINALS):
            photo = folder / thing / f"{thing} ({number:02}).jpg"
            draw_photo(photo, label / len(THINGS), 1000 * label + number)
            if number < COPIED:
                pixels = cv2.imread(str(photo))
                turned, mirrored = cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE), cv2.flip(pixels, 1)
                cv2.imwrite(str(photo.with_suffix(".turned.jpg")), turned)
                cv2.imwrite(str(photo.with_suffix(".mirrored.jpg")), mirrored, [cv2.IMWRITE_JPEG_QUALITY, 50])
    return folder


@pytest.fixture(scope="module")
def home(target: Target, rooms: Path, stacked: Stacked) -> Run:
    """nursing-home with the network of nursing-home-baseline, which learns five colours in seconds."""
    preset, baseline = load_preset("nursing-home"), load_preset("nursing-home-baseline")
    small = {
        "initial_weights": "",
        "ingest": preset.ingest.model_copy(update={"size": 32}),
        "train": baseline.train.model_copy(update={"epochs": 6, "batch_size": 16}),
        "tune": None,
    }
    return run_on(target, stacked(preset.model_copy(update=small)), rooms, MinimumAccuracy="0.5")


def evaluation(target: Target, run: Run) -> dict[str, Any]:
    folder = results.processing_output(target, run.ended.arn, "Evaluate", "evaluation")
    return results.read_json(target, f"{folder}/evaluation.json")


def test_named_classes_go_from_a_folder_to_a_model_that_waits_for_approval(target: Target, home: Run) -> None:
    assert home.ended.status == "Succeeded", home.ended.reason
    assert home.ended.steps[-1].note == "version 1 of nursing-home is waiting for approval"
    figures = evaluation(target, home)
    assert set(figures["multiclass_classification_metrics"]["confusion_matrix"]) == set(THINGS)
    assert figures["multiclass_classification_metrics"]["accuracy"]["value"] >= 0.5
    assert "regression_metrics" not in figures


def test_turned_and_mirrored_copies_of_a_photo_stay_in_its_split(target: Target, home: Run) -> None:
    folder = results.processing_output(target, home.ended.arn, "Catalog", "catalog")
    rows = pq.read_table(io.BytesIO(results.download(target, f"{folder}/catalog.parquet"))).to_pylist()
    splits = defaultdict(list)
    for row in rows:
        splits[row["id"].split(").")[0]].append(row["split"])
    copied = {photo: found for photo, found in splits.items() if len(found) == 3}
    assert len(copied) == COPIED * len(THINGS)
    assert all(len(set(found)) == 1 for found in copied.values())
    assert {found[0] for found in splits.values()} == {"train", "validation", "test"}


def test_an_approved_model_of_named_classes_answers_with_a_class(
    target: Target, home: Run, until_live: Callable[[Config, int], None]
) -> None:
    operations.decide(target, home.config.register_.group, 1, "Approved", "")
    until_live(home.config, 1)
    answers = [
        endpoints.invoke(target, endpoints.endpoint_name(home.config), home.photos / thing / f"{thing} (29).jpg", None)
        for thing in THINGS
    ]
    assert {answer["class"] for answer in answers} <= set(THINGS)
    assert sum(answer["class"] == thing for answer, thing in zip(answers, THINGS, strict=True)) >= 3
    assert "count" not in answers[0]


def test_an_audit_of_quantities_is_refused_before_anything_runs(target: Target, rooms: Path, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="pipeline dog-breeds names classes: an audit needs a preset that counts"):
        run_audit(target, target.place(load_preset("dog-breeds")), str(rooms), tmp_path, QUIET)


def test_the_baseline_sees_the_same_photos_in_the_same_splits_as_what_it_is_compared_with() -> None:
    home, baseline = load_preset("nursing-home"), load_preset("nursing-home-baseline")
    assert baseline.train.architecture == "baseline"
    for section in ("bucket", "images", "catalog", "ingest", "machines", "explore", "evaluate"):
        assert getattr(baseline, section) == getattr(home, section), section


def test_133_breeds_in_given_splits_are_learnt_by_a_resnet50_from_weights_in_the_bucket(
    target: Target, tmp_path: Path, draw_photo: DrawPhoto, stacked: Stacked
) -> None:
    from safetensors.torch import save
    from torchvision.models import resnet50

    for number, (split, photos) in enumerate({"train": 3, "valid": 1, "test": 1}.items()):
        for breed in range(BREEDS):
            for photo in range(photos):
                file = tmp_path / split / f"{breed + 1:03}.Breed_{breed + 1}" / f"Breed_{photo:05}.jpg"
                draw_photo(file, breed / BREEDS, 10_000 * number + 10 * breed + photo)
    preset = load_preset("dog-breeds")
    assert preset.tune
    small = {
        "ingest": preset.ingest.model_copy(update={"size": 32}),
        "train": preset.train.model_copy(update={"epochs": 1}),
        "tune": preset.tune.model_copy(update={"jobs": 2, "trial_epochs": 1}),
    }
    config = stacked(preset.model_copy(update=small))
    weights = save(resnet50().state_dict())  # as published, of ImageNet's 1000 classes; random, which fetches nothing
    target.s3.put_object(Bucket=config.bucket, Key="weights/resnet50/model.safetensors", Body=weights)
    run = run_on(target, config, tmp_path, MinimumAccuracy="0")
    assert run.ended.status == "Succeeded", run.ended.reason
    tuned = run.ended.step("Tune")
    assert tuned
    assert tuned.note.startswith("2 of 2 trials")
    figures = evaluation(target, run)
    assert len(figures["multiclass_classification_metrics"]["confusion_matrix"]) == BREEDS
    assert figures["detail"]["images"] == BREEDS
