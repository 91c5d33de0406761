"""The operations on a stack as a whole: create, update, delete, each to its end, with what follows a failure."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pipelines.local.aws import ApiError, now
from pipelines.local.stacks.calls import Calls
from pipelines.local.stacks.deployment import Deployment
from pipelines.local.stacks.making import StepError
from pipelines.local.stacks.parameters import shown
from pipelines.local.stacks.record import StackRecord, Stacks
from pipelines.local.stacks.template import Template

_log = logging.getLogger(__name__)

_BY_USER = "User Initiated"
_INTERRUPTED = "The embedded SageMaker ended while this was under way."


class Operations:
    """Carries operations out.

    Args:
        stacks: keeps the stacks.
    """

    def __init__(self, stacks: Stacks) -> None:
        self._stacks = stacks

    def create(self, stack: StackRecord, template: Template, parameters: dict[str, str], calls: Calls) -> None:
        """Make everything that a stack holds; where that fails, delete it again, unless the stack says otherwise."""
        self._enter(stack, "CREATE_IN_PROGRESS", _BY_USER)
        deployment = Deployment(stack, self._stacks, calls.in_role(stack.role))
        try:
            self._apply(stack, template, parameters, deployment)
        except (StepError, ApiError) as error:
            reason = f"The following resource(s) failed to create: {error}"
            if not stack.rolls_back:
                self._enter(stack, "CREATE_FAILED", reason)
                return
            self._enter(stack, "ROLLBACK_IN_PROGRESS", f"{reason}. Rollback requested by user.")
            try:
                deployment.roll_back()
            except StepError as failure:
                self._enter(stack, "ROLLBACK_FAILED", f"{reason}. {failure}")
            else:
                self._enter(stack, "ROLLBACK_COMPLETE", reason)
        else:
            self._enter(stack, "CREATE_COMPLETE")

    def update(self, stack: StackRecord, template: Template, parameters: dict[str, str], calls: Calls) -> None:
        """Bring a stack to a template; where that fails, back to where it was."""
        before = (stack.template, stack.description, stack.parameters, stack.shown_parameters, stack.outputs)
        self._enter(stack, "UPDATE_IN_PROGRESS", _BY_USER)
        deployment = Deployment(stack, self._stacks, calls.in_role(stack.role))
        try:
            self._apply(stack, template, parameters, deployment)
        except (StepError, ApiError) as error:
            stack.template, stack.description, stack.parameters, stack.shown_parameters, stack.outputs = before
            reason = f"The following resource(s) failed to update: {error}"
            self._enter(stack, "UPDATE_ROLLBACK_IN_PROGRESS", reason)
            try:
                deployment.roll_back()
            except StepError as failure:
                self._enter(stack, "UPDATE_ROLLBACK_FAILED", f"{reason}. {failure}")
            else:
                self._enter(stack, "UPDATE_ROLLBACK_COMPLETE", reason)
        else:
            self._enter(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            deployment.clean()
            self._enter(stack, "UPDATE_COMPLETE")

    def delete(self, stack: StackRecord, retained: Sequence[str], calls: Calls) -> None:
        """Delete what a stack holds, and with that the stack."""
        self._enter(stack, "DELETE_IN_PROGRESS", _BY_USER)
        try:
            Deployment(stack, self._stacks, calls.in_role(stack.role)).delete(retained)
        except StepError as error:
            self._enter(stack, "DELETE_FAILED", str(error))
        else:
            stack.deleted = now()
            self._enter(stack, "DELETE_COMPLETE")

    def mend(self) -> None:
        """Give the stacks that an operation was under way on when the last server ended a status that says so."""
        for stack in self._stacks.all():
            if stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
                failed = {"CREATE": "CREATE_FAILED", "ROLLBACK": "ROLLBACK_FAILED", "DELETE": "DELETE_FAILED"}
                first = stack.status.partition("_")[0]
                self._enter(stack, failed.get(first, "UPDATE_ROLLBACK_FAILED"), _INTERRUPTED)

    def _apply(
        self, stack: StackRecord, template: Template, parameters: dict[str, str], deployment: Deployment
    ) -> None:
        stack.template, stack.description = template.text, template.description
        stack.parameters, stack.shown_parameters = parameters, shown(template.parameters, parameters)
        try:
            deployment.apply(template, parameters)
        except (StepError, ApiError):
            raise
        except Exception as error:  # what nobody foresaw must not leave the stack between two states either
            _log.exception("The stack %s met an error of the server", stack.name)
            raise StepError(f"InternalFailure: {type(error).__name__}: {error}") from error

    def _enter(self, stack: StackRecord, status: str, reason: str = "") -> None:
        if status.startswith("UPDATE"):
            stack.changed = now()
        stack.enter(status, reason)
        self._stacks.save(stack)
