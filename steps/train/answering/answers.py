"""What a trained network answers for packed images, seen as they are and in a mirror, and what follows from it."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from steps.decision import Decision
from steps.shards import Shards
from steps.train.answering.decide import fit_decision
from steps.train.device import choose_compute
from steps.train.feed import batches
from steps.train.networks.network import Classifier
from steps.train.settings import TrainSettings


def choose_decision(settings: TrainSettings, model: Classifier, validation: Shards) -> Decision:
    """The decision that suits `model`, which lies on the CPU, on the images of `validation`; see `fit_decision`."""
    device = choose_compute().device
    views = [False, True] if settings.mirrored_answers else [False]
    logits = logits_of_views(model.to(device), validation, settings.batch_size, device, views)
    model.cpu()
    mirrored = logits[1] if settings.mirrored_answers else None
    return fit_decision(logits[0], mirrored, validation.labels, validation.dataset.classes, settings)


@torch.inference_mode()
def logits_of_views(
    model: Classifier, shards: Shards, batch_size: int, device: torch.device, views: Sequence[bool]
) -> list[NDArray[np.float32]]:
    """Logits float32 [N, classes] of all images of `shards`, for each of the `views`.

    Computed in float32, in which the model will be served; by default cuDNN would round a convolution's factors to
    TF32's 10 bits.

    Args:
        model: lies on `device`; it is left in evaluation mode.
        shards: the images.
        batch_size: images per forward pass.
        device: where it is computed.
        views: for each view, whether the images are mirrored left to right.
    """
    model.eval()
    answers: list[list[torch.Tensor]] = [[] for _ in views]
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        for batch in batches(shards, np.arange(len(shards)), batch_size, device):
            for mirrored, logits in zip(views, answers, strict=True):
                logits.append(model(batch.images.flip(2) if mirrored else batch.images).cpu())
    return [torch.cat(logits).numpy() for logits in answers]
