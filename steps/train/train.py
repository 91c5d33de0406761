"""Train an image classifier on packed shards and write the model that is evaluated and served."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from steps.contract import StepError, TrainingJob
from steps.shards import Dataset, Shards
from steps.signature import Signature
from steps.train.answering.answers import choose_decision
from steps.train.answering.decide import check_objective
from steps.train.device import choose_compute
from steps.train.diagnostics.watch import Watch, reported
from steps.train.export import export
from steps.train.faults.checkpoint import Checkpoints, fingerprint
from steps.train.faults.keeper import Keeper, kept_in
from steps.train.hosts.team import ALONE, Team
from steps.train.int8 import offer_int8
from steps.train.loop import Loop
from steps.train.networks.network import MEAN, STD, Classifier
from steps.train.networks.weights import initial_model
from steps.train.progress import EpochFigures, say
from steps.train.settings import TrainSettings

CHECKED_IMAGES = 8
"""Validation images on which the exported file must agree with the model."""


@dataclass(frozen=True)
class TrainResult:
    """What training came to.

    Attributes:
        signature: the meaning of the exported model.
        epochs: the figures of each epoch; the last are those of the exported model unless early stopping took the best.
    """

    signature: Signature
    epochs: tuple[EpochFigures, ...]


def train_job(job: TrainingJob[TrainSettings], team: Team = ALONE) -> TrainResult:
    """Carry out `train` for the SageMaker training job of this process, which may be one of a team.

    Raises:
        StepError: a channel is missing, or what `train` raises.
        SystemExit: likewise.
    """
    return train(
        job.settings,
        job.channel("train"),
        job.channel("validation"),
        job.model,
        job.name,
        weights=job.channels.get("weights"),
        checkpoints=job.checkpoints,
        team=team,
        diagnostics=job.output_data,
    )


def train(
    settings: TrainSettings,
    train: Path,
    validation: Path,
    model: Path,
    training_job: str,
    weights: Path | None = None,
    checkpoints: Path | None = None,
    team: Team = ALONE,
    diagnostics: Path | None = None,
) -> TrainResult:
    """Train on the shards in `train`, validate on those in `validation`, and write the model to `model`.

    The same settings on the same shards and kind of machine give the same weights.

    Args:
        settings: the network and how it learns.
        train: folder of shards to learn from, see `steps/shards.py`.
        validation: folder of shards to validate on.
        model: existing folder that gets model.onnx, model.safetensors and signature.json, and model-int8.xml and .bin
            where that is what answers.
        training_job: the job's name, kept in the signature.
        weights: folder of a file of initial weights, see `steps/train/networks/weights.py`; random ones by default.
        checkpoints: folder where an interrupted training finds what it has learnt, and goes on.
        team: the processes that train together; only the first writes the model and the checkpoints.
        diagnostics: folder that gets diagnostics.json and training.html, also when training fails; None for neither.

    Raises:
        StepError: shards are broken or do not belong together, a setting does not suit them, the initial weights do not
            fit, the loss is no longer a number, a rule of `settings.stop_on` found something, or the exported file does
            not answer as the model does.
        SystemExit: SageMaker wants the job to stop, and what it has learnt is saved.
    """
    learnt, held_out = Shards(train), Shards(validation)
    kept = None if checkpoints is None else Checkpoints(checkpoints, fingerprint(settings, learnt, held_out, weights))
    with kept_in(kept, team) as keeper:
        network, epochs = fit(settings, learnt, held_out, weights, keeper, team, diagnostics, training_job)
    dataset = learnt.dataset
    signature = Signature(
        classes=dataset.classes,
        preprocessing=dataset.preprocessing,
        mean=MEAN,
        std=STD,
        architecture=settings.architecture,
        training_job=training_job,
        decision=choose_decision(settings, network, held_out),
    )
    if team.leads:
        export(network, signature, held_out.images(np.arange(min(CHECKED_IMAGES, len(held_out)))), model)
        say("the exported model agrees with the trained one")
        if settings.precision == "int8":
            signature = offer_int8(model, signature, learnt, held_out, settings.largest_int8_loss)
        keeper.retire()
    return TrainResult(signature, epochs)


def fit(
    settings: TrainSettings,
    train: Shards,
    validation: Shards,
    weights: Path | None = None,
    keeper: Keeper | None = None,
    team: Team = ALONE,
    diagnostics: Path | None = None,
    training_job: str = "unnamed",
) -> tuple[Classifier, tuple[EpochFigures, ...]]:
    """Train on `train`; answers the model, on the CPU, and the figures of each epoch on `validation`.

    Epochs that were done before an interruption are not among the figures. What the rules in `steps/train/diagnostics`
    find is said in the log, and written to the folder `diagnostics` if there is one.

    Raises:
        StepError: the shards do not belong together, a setting does not suit them, the initial weights do not fit, the
            loss is no longer a number, or a rule of `settings.stop_on` found something.
    """
    _check_same_dataset(train.dataset, validation.dataset)
    check_objective(settings, train.dataset.classes)
    compute, classes = choose_compute(), len(train.dataset.classes)
    say(
        f"training {settings.architecture} on {compute}: {len(train)} images of {train.dataset.size} px in {classes} "
        f"classes, {len(validation)} to validate on"
    )
    torch.manual_seed(settings.seed)
    torch.backends.cudnn.deterministic = True
    model = initial_model(settings, classes, weights)
    model.to(compute.device).to(memory_format=torch.channels_last)
    watch = Watch(model, compute.device, classes, settings.stop_on)
    loop = Loop(settings, model, train, compute, [watch] if team.leads else [], keeper, team)
    with reported(watch, diagnostics, training_job) if team.leads else nullcontext():
        epochs = tuple(loop.run(validation))
    return loop.result().cpu(), epochs


def _check_same_dataset(train: Dataset, validation: Dataset) -> None:
    for name, expected in train:
        found = getattr(validation, name)
        if found != expected:
            raise StepError(
                f"the channels train and validation do not belong together: {name} is {expected} in train and {found} "
                "in validation; give both from one ingest"
            )
