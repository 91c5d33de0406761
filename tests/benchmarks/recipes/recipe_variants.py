"""The recipes that are compared: the published one, ours, and ours without one ingredient each."""

from collections.abc import Mapping
from typing import Any

Changes = Mapping[str, Any]

PUBLISHED: Changes = {
    "optimizer": "adam",
    "learning_rate": 0.0023,
    "batch_size": 32,
    "schedule": "constant",
    "warm_up": 0,
    "weight_decay": 0,
    "averaging": 0,
    "label_softness": 0,
    "rotation": 0,
    "zoom": 0,
    "shift": 0,
    "brightness": 0,
    "contrast": 0,
    "mirrored_answers": False,
}
"""What capstone reports on this dataset train with: Adam at a constant rate, cross-entropy, flips."""

OURS: Changes = {"learning_rate": 1e-3, "batch_size": 32, "label_softness": 0.7}
"""The defaults of the train step, at the rate, batch size and softness that suit a few thousand photos."""

WITHOUT: Mapping[str, Changes] = {
    "AdamW": {"optimizer": "adam", "weight_decay": 0},
    "warm-up and cosine": {"schedule": "constant", "warm_up": 0},
    "average of weights": {"averaging": 0},
    "soft labels": {"label_softness": 0},
    "rotation, zoom, shift": {"rotation": 0, "zoom": 0, "shift": 0},
    "brightness, contrast": {"brightness": 0, "contrast": 0},
    "mirrored answers": {"mirrored_answers": False},
}
"""Ingredients of ours, each with what takes its place."""


def variants() -> dict[str, dict[str, Any]]:
    """Every recipe that can be run, by name, as changes to the defaults of the train step."""
    ablated = {f"ours without {name}": {**OURS, **changes} for name, changes in WITHOUT.items()}
    return {"published": dict(PUBLISHED), "ours": dict(OURS), **ablated}
