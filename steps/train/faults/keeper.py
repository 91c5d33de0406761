"""Carries a training over interruptions: restores it, saves it after each epoch, saves and ends it when asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from steps.train.faults.checkpoint import Checkpoints, state_of
from steps.train.faults.interruption import EXIT_CODE, Interruption
from steps.train.hosts.team import ALONE, Team
from steps.train.progress import say
from steps.train.state import State


class Keeper:
    """What one training does about interruptions; nothing where it has no checkpoints.

    All processes of a team call the same methods at the same points of the training. Only the first writes; its state
    is everybody's, but for the counts of the epoch under way, which are summed.
    """

    def __init__(
        self,
        checkpoints: Checkpoints | None = None,
        interruption: Interruption | None = None,
        team: Team = ALONE,
    ) -> None:
        """Keep the training in `checkpoints`, and end it for `interruption`."""
        self._checkpoints = checkpoints
        self._interruption = interruption
        self._team = team

    def restore(self, state: State) -> None:
        """Go on from the first process's newest checkpoint, if it has one."""
        if self._checkpoints is None:
            return
        content = self._team.share(self._checkpoints.newest() if self._team.leads else b"")
        if not content:
            return
        state.load_state_dict(state_of(content))
        if not self._team.leads:
            state.tally.clear()
        say(f"training goes on from its checkpoint: {state.epoch} epochs and {state.step} steps are done")

    def after_step(self, state: State) -> None:
        """Save and end the process if any process of the team is to stop.

        Raises:
            SystemExit: it is, with `EXIT_CODE`.
        """
        if self._wanted():
            self._save(state)
            self._leave(state)

    def after_epoch(self, state: State) -> None:
        """Save, and end the process if any process of the team is to stop.

        Raises:
            SystemExit: it is, with `EXIT_CODE`.
        """
        self._save(state)
        if self._wanted():
            self._leave(state)

    def retire(self) -> None:
        """Leave no checkpoint of a training that is over."""
        if self._checkpoints is not None and self._team.leads:
            self._checkpoints.retire()

    def _wanted(self) -> bool:
        return self._interruption is not None and self._team.agree(self._interruption.wanted)

    def _leave(self, state: State) -> NoReturn:
        say(f"training stops as it was asked to: {state.epoch} epochs and {state.step} steps are done")
        self._team.wait()  # for the first process to have written
        raise SystemExit(EXIT_CODE)

    def _save(self, state: State) -> None:
        if self._checkpoints is None:
            return
        state.tally.collect(self._team)
        if self._team.leads:
            self._checkpoints.save(state.state_dict())


@contextmanager
def kept_in(checkpoints: Checkpoints | None, team: Team = ALONE) -> Iterator[Keeper]:
    """A keeper for the training that the block runs: while it runs, SIGTERM saves before it ends the process."""
    if checkpoints is None:
        yield Keeper()
        return
    with Interruption() as interruption:
        yield Keeper(checkpoints, interruption, team)
