"""Write what was found of a training run, for programs and for people."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from steps.page import render_page
from steps.train.diagnostics.charts import draw_charts
from steps.train.diagnostics.device_rules import StarvedDevice
from steps.train.diagnostics.diagnosis import Column, Diagnosis, diagnose
from steps.train.diagnostics.finding import Finding
from steps.train.diagnostics.gradient_rules import VanishingGradients
from steps.train.diagnostics.history import History
from steps.train.diagnostics.loss_rules import LossNotDecreasing, Overfitting, Overtraining
from steps.train.diagnostics.names import RuleName

JSON_FILE = "diagnostics.json"
HTML_FILE = "training.html"
TEMPLATE = Path(__file__).with_name("training.html")

TITLES: dict[RuleName, tuple[str, str]] = {
    "exploding_gradients": ("Gradients explode", "gradients stay in proportion"),
    "vanishing_gradients": ("Gradients vanish", "every layer gets a gradient"),
    "loss_not_decreasing": ("The loss does not come down", "the training loss comes down"),
    "poor_initialisation": ("The network begins badly", "the initial weights let signals through"),
    "dead_units": ("Units are dead", "units are alive"),
    "overfitting": ("The network learns by heart", "what is learnt holds for validation images too"),
    "starved_device": ("The device waits", "the device is kept busy"),
    "overtraining": ("Training goes on for nothing", "training goes on for as long as it helps"),
}
"""What a report calls each rule's finding, and what it says when there is none."""


def write_diagnosis(folder: Path, history: History, findings: Sequence[Finding], training_job: str) -> None:
    """Write `diagnostics.json` and `training.html` into `folder`, which is made when absent.

    Args:
        folder: where to write.
        history: what happened.
        findings: what the rules found.
        training_job: the job's name.
    """
    diagnosis = diagnose(history, findings, training_job)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JSON_FILE).write_text(diagnosis.model_dump_json(indent=None), encoding="utf-8")
    (folder / HTML_FILE).write_text(render(diagnosis), encoding="utf-8")


def render(diagnosis: Diagnosis) -> str:
    """The report a person reads: one HTML page that needs nothing else."""
    found, not_judged = {finding.rule for finding in diagnosis.findings}, rules_without_facts(diagnosis)
    return render_page(
        TEMPLATE,
        diagnosis=diagnosis,
        titles=TITLES,
        silent=[rule for rule in get_args(RuleName) if rule not in found | not_judged],
        not_judged=[rule for rule in get_args(RuleName) if rule in not_judged - found],
        last={name: column[-1] for name, column in diagnosis.epochs.figures.items()},
        shares=time_shares(diagnosis),
        most_memory=_most(diagnosis.looks.memory_gb),
        most_gpu_memory=_most(diagnosis.looks.gpu_memory_gb),
        charts=draw_charts(diagnosis),
    )


def rules_without_facts(diagnosis: Diagnosis) -> set[RuleName]:
    """The rules that a run told too little to judge by: their silence says nothing."""
    looks, epochs = diagnosis.looks, len(diagnosis.epochs.epoch)
    begun_before = not looks.step or looks.step[0] > 1
    lacking: dict[RuleName, bool] = {
        "exploding_gradients": not looks.step,
        "vanishing_gradients": len(looks.step) < VanishingGradients().patience,
        "loss_not_decreasing": begun_before or epochs < LossNotDecreasing().epochs,
        # Without activations, which a compiled network does not show, only the first loss is judged.
        "poor_initialisation": begun_before or not looks.input_variances,
        "dead_units": not any(value is not None for shares in looks.dead_shares.values() for value in shares),
        "overfitting": epochs < Overfitting().patience,
        "starved_device": sum(value is not None for value in looks.data_seconds) <= StarvedDevice().records,
        "overtraining": epochs <= Overtraining().patience,
    }
    return {rule for rule, lacks in lacking.items() if lacks}


def time_shares(diagnosis: Diagnosis) -> dict[str, float]:
    """Share of all measured time by what it was spent on, 0 to 1; empty where none was measured."""
    looks = diagnosis.looks
    columns = {
        "waiting for images": looks.data_seconds,
        "forward": looks.forward_seconds,
        "backward": looks.backward_seconds,
        "optimiser": looks.optimizer_seconds,
    }
    sums = {name: sum(value or 0.0 for value in column) for name, column in columns.items()}
    total = sum(sums.values())
    return {name: value / total for name, value in sums.items()} if total else {}


def _most(column: Column) -> float | None:
    return max((value for value in column if value is not None), default=None)
