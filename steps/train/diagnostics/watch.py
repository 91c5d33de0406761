"""Watch a training run: record it, judge it by the rules while it runs, and tell what was found."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from steps.contract import StepError
from steps.train.diagnostics.finding import Finding, Rule
from steps.train.diagnostics.history import History
from steps.train.diagnostics.names import RuleName
from steps.train.diagnostics.recorder import Recorder
from steps.train.diagnostics.rules import RULES
from steps.train.observer import StepFacts
from steps.train.progress import EpochFigures, say


class Watch:
    """An observer that says in the log what its rules find, when they first find it.

    Attributes:
        findings: what was found, by rule, as it was last seen.
    """

    def __init__(
        self,
        model: nn.Module,
        device: torch.device,
        classes: int,
        stop_on: Collection[RuleName] = (),
        rules: Sequence[Rule] = RULES,
    ) -> None:
        """Watch how `model` is trained on `device` to tell `classes` classes apart.

        Args:
            model: the network itself, not what wraps it to spread or compile it.
            device: where it trains.
            classes: how many there are.
            stop_on: rules whose finding ends the run.
            rules: what to judge by.
        """
        self.findings: dict[RuleName, Finding] = {}
        self._recorder = Recorder(model, device, classes)
        self._stop_on = stop_on
        self._rules = rules

    @property
    def history(self) -> History:
        """What happened so far."""
        return self._recorder.history

    def start(self) -> None:
        """Begin to look into the network, which may no longer be copied until `close`."""
        self._recorder.start()

    def on_step(self, facts: StepFacts) -> None:
        """Record a step, and judge after those that were looked at closely.

        Raises:
            StepError: a rule of `stop_on` found something.
        """
        if self._recorder.add_step(facts):
            self._stop_for(self._judge())

    def on_epoch(self, figures: EpochFigures) -> None:
        """Record an epoch's figures, and judge.

        Raises:
            StepError: a rule of `stop_on` found something.
        """
        self._recorder.add_epoch(figures)
        self._stop_for(self._judge())

    def close(self) -> None:
        """Leave the network as it was, and judge what was not judged yet."""
        self._recorder.close()
        self._judge()

    def _judge(self) -> list[Finding]:
        """Bring `findings` up to date; answers the new ones."""
        new = []
        for rule in self._rules:
            found, known = rule.judge(self.history), self.findings.get(rule.name)
            if found and known:
                # Where it began stays; what is seen of it is the latest.
                found = found.model_copy(update={"epoch": known.epoch, "step": known.step})
            elif found:
                say(f"diagnostics: {found.severity}: {found.sentence()}")
                new.append(found)
            elif known:
                found = known.model_copy(update={"lasts": False})
            if found:
                self.findings[rule.name] = found
        return new

    def _stop_for(self, found: Sequence[Finding]) -> None:
        for finding in found:
            if finding.rule in self._stop_on:
                raise StepError(f"training was stopped by the rule {finding.sentence()}")


@contextmanager
def reported(watch: Watch, folder: Path | None, training_job: str) -> Iterator[None]:
    """Watch the training in this block, and write of it to `folder` when the block ends, however it ends.

    What goes wrong with writing is said in the log and does not fail a training that went well, nor hide why another
    failed.

    Args:
        watch: what observes the loop.
        folder: gets `diagnostics.json` and `training.html`; None where they are not wanted.
        training_job: the job's name.
    """
    watch.start()
    try:
        yield
    finally:
        try:
            watch.close()
            if folder is not None:
                # Imported here: charts are slow to load, and the loop does not need them.
                from steps.train.diagnostics.report import write_diagnosis

                write_diagnosis(folder, watch.history, tuple(watch.findings.values()), training_job)
        except Exception as error:
            say(f"the diagnostics could not be written: {type(error).__name__}: {error}")
