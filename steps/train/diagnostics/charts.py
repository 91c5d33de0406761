"""Choose the charts of a training report: those that there are figures for."""

import numpy as np

from steps.pictures import BLUE, GREY, ORANGE
from steps.train.diagnostics.diagnosis import Column, Diagnosis
from steps.train.diagnostics.plots import (
    GREEN,
    Axis,
    Line,
    Numbers,
    layer_chart,
    line_chart,
    numbers,
    stacked_chart,
)


def draw_charts(diagnosis: Diagnosis) -> dict[str, str]:
    """The charts that there are figures for, by name: SVG data URIs."""
    axis, looks = Axis(diagnosis), diagnosis.looks
    x = axis.places(looks.step)
    charts = {}
    losses = diagnosis.losses
    if losses.step:
        batches = Line("single batches", axis.places(losses.step), numbers(losses.loss), GREY, quiet=True)
        charts["loss"] = line_chart(axis, [batches, *_training_and_validation(diagnosis, axis, "loss")], "loss")
    for name, share in (("accuracy", True), ("rmse", False)):
        if lines := _training_and_validation(diagnosis, axis, name):
            label = "share of right answers" if share else "RMSE, items"
            charts[name] = line_chart(axis, lines, label, share=share)
    if not looks.step:
        return charts
    rate = Line("learning rate", x, numbers(looks.learning_rate), BLUE)
    charts["learning_rate"] = line_chart(axis, [rate], "learning rate")
    if looks.gradient_norms:
        charts["layers"] = layer_chart(axis, looks.step, looks.gradient_norms, "norm of the gradient")
        charts["gradients"] = line_chart(axis, _whole_network(diagnosis, x), "norm over all layers", log=True)
    if looks.dead_shares:
        charts["dead"] = line_chart(axis, _dead_units(diagnosis, x), "share of units", share=True)
    if any(looks.data_seconds):
        charts["seconds"] = stacked_chart(
            axis,
            x,
            {
                "data": 1000 * numbers(looks.data_seconds),
                "forward": 1000 * numbers(looks.forward_seconds),
                "backward": 1000 * numbers(looks.backward_seconds),
                "optimiser": 1000 * numbers(looks.optimizer_seconds),
            },
            "milliseconds per step",
        )
    memory = [Line("process", x, numbers(looks.memory_gb), BLUE)]
    if any(looks.gpu_memory_gb):
        memory.append(Line("GPU", x, numbers(looks.gpu_memory_gb), GREEN))
    charts["memory"] = line_chart(axis, memory, "gigabytes")
    if any(value is not None for value in looks.device_use):
        use = Line(diagnosis.device, x, numbers(looks.device_use), BLUE)
        charts["use"] = line_chart(axis, [use], "share of the time busy", share=True)
    return charts


def _training_and_validation(diagnosis: Diagnosis, axis: Axis, figure: str) -> list[Line]:
    x = axis.places(diagnosis.epochs.step)
    return [
        Line(part if part == "validation" else "training", x, numbers(diagnosis.epochs.figures[name]), colour)
        for part, colour in (("train", BLUE), ("validation", ORANGE))
        if (name := f"{part}:{figure}") in diagnosis.epochs.figures
    ]


def _whole_network(diagnosis: Diagnosis, x: Numbers) -> list[Line]:
    def norm(columns: dict[str, Column]) -> Numbers:
        return np.sqrt(sum(numbers(column) ** 2 for column in columns.values()))

    looks = diagnosis.looks
    return [
        Line("weights", x, norm(looks.weight_norms), ORANGE),
        Line("gradients", x, norm(looks.gradient_norms), BLUE),
    ]


def _dead_units(diagnosis: Diagnosis, x: Numbers) -> list[Line]:
    shares = np.array([numbers(column) for column in diagnosis.looks.dead_shares.values()])
    seen = np.isfinite(shares).any(axis=0)
    return [
        Line("worst layer", x[seen], np.nanmax(shares[:, seen], axis=0), ORANGE),
        Line("mean of the layers", x[seen], np.nanmean(shares[:, seen], axis=0), BLUE),
    ]
