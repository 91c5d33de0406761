"""Compile the network for a GPU where the run is long enough to earn the minutes that takes."""

import copy

import torch
from torch import nn

from steps.train.device import Compute
from steps.train.progress import say

WORTH_IMAGES = 500_000
"""Training images, all epochs counted, from which on a GPU's network is compiled: a rule of thumb, not a measurement.
Compiling takes a minute or more, which a run of a few minutes does not earn back."""


LONGEST_REASON = 300
"""Characters of a compiler's complaint that are worth a line of the log."""


def network_to_call(model: nn.Module, compute: Compute, images: int, batch_size: int, size: int) -> nn.Module:
    """`model`, compiled if it trains on a GPU for at least `WORTH_IMAGES`.

    Args:
        model: lies on `compute`'s device.
        compute: where it trains.
        images: training images of the whole run.
        batch_size: images per batch.
        size: their height and width, pixels.
    """
    if compute.device.type != "cuda" or images < WORTH_IMAGES:
        return model
    return compiled(model, compute, batch_size, size)


def compiled(model: nn.Module, compute: Compute, batch_size: int, size: int, backend: str = "inductor") -> nn.Module:
    """`model` compiled by `backend` and tried once, or, when that fails, `model` itself with a line that says why.

    A compiler needs what a training image may lack, such as a C compiler; training then goes on at the usual pace.
    Neither weights nor statistics change.
    """
    before = copy.deepcopy(model.state_dict())
    fast: nn.Module = torch.compile(model, backend=backend, dynamic=False)  # type: ignore[assignment]
    # Compiled code holds for one layout: this is the one in which `augment` answers.
    images = torch.zeros(batch_size, 3, size, size, device=compute.device).permute(0, 2, 3, 1)
    try:
        with compute.autocast():
            logits = fast(images)
        logits.sum().backward()
    except Exception as error:  # a compiler raises whatever its tools raise
        reason = " ".join(str(error).split())[:LONGEST_REASON]
        say(f"the network is not compiled, and trains uncompiled: {type(error).__name__}: {reason}")
        fast = model
    else:
        say("the network is compiled")
    model.load_state_dict(before)
    model.zero_grad(set_to_none=True)
    return fast
