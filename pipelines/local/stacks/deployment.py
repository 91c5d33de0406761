"""Brings the resources of a stack to what a template wants, and back where that fails."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from graphlib import TopologicalSorter

from pipelines.local.aws import Json
from pipelines.local.stacks import changes
from pipelines.local.stacks.calls import Calls
from pipelines.local.stacks.catalog import kind_of
from pipelines.local.stacks.expressions import Scope
from pipelines.local.stacks.kinds import changed
from pipelines.local.stacks.making import Maker, StepError
from pipelines.local.stacks.record import ResourceRecord, StackRecord, Stacks
from pipelines.local.stacks.template import Template

_RETAINING = ("Retain", "RetainExceptOnCreate")
_REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


class Deployment:
    """One operation on one stack.

    Args:
        stack: kept after every step.
        stacks: keeps it.
        calls: makes the calls.
    """

    def __init__(self, stack: StackRecord, stacks: Stacks, calls: Calls) -> None:
        self._stack = stack
        self._stacks = stacks
        self._maker = Maker(stack, stacks, calls)
        self._undo: list[Callable[[], None]] = []
        self._leftovers: list[ResourceRecord] = []  # of what was replaced or is not wanted any more

    def apply(self, template: Template, parameters: dict[str, str]) -> None:
        """Make and change what is wanted; what is not wanted any more is there until `clean`.

        Raises:
            StepError: at one resource it went no further; `roll_back` undoes what was done until then.
        """
        scope = changes.scope(template, self._stack, parameters, changes.Names(self._stack), self._stacks)
        names = changes.wanted(template, scope)
        for name in names:
            self._bring(template, scope, name)
        for name in [name for name in self._stack.resources if name not in names]:
            self._set_aside(name)
        self._stack.outputs = _outputs(template, scope, self._stack, self._stacks)

    def clean(self) -> None:
        """Delete what was replaced, and what is not wanted any more; what cannot be deleted is left, with an event."""
        for record in reversed(self._leftovers):
            if record.replacement in _RETAINING:
                self._maker.note(record, "DELETE_SKIPPED")
                continue
            try:
                self._maker.delete(record)
            except StepError:
                continue  # the event says why

    def roll_back(self) -> None:
        """Undo what `apply` has done.

        Raises:
            StepError: something cannot be undone; the rest has been.
        """
        failure: StepError | None = None
        for take_back in reversed(self._undo):
            try:
                take_back()
            except StepError as error:
                failure = error
        self._undo.clear()
        if failure is not None:
            raise failure

    def delete(self, retained: Sequence[str] = ()) -> None:
        """Delete every resource but those that are to stay, what needs others before these.

        Raises:
            StepError: some cannot be deleted; the others have been.
        """
        failed: list[str] = []
        for name in reversed(_in_order(self._stack.resources)):
            record = self._stack.resources[name]
            if record.deletion in _RETAINING or name in retained:
                self._maker.note(record, "DELETE_SKIPPED")
            elif any(name in self._stack.resources[each].needs for each in failed):
                failed.append(name)  # what needs it is still there
                continue
            else:
                try:
                    self._maker.delete(record)
                except StepError:
                    failed.append(name)
                    continue
            del self._stack.resources[name]
        if failed:
            raise StepError(f"The following resource(s) failed to delete: [{', '.join(sorted(failed))}].")

    def _bring(self, template: Template, scope: Scope, name: str) -> None:
        """Make a resource, or bring the one that there is to what is wanted."""
        resource, present = template.resources[name], self._stack.resources.get(name)
        fresh = ResourceRecord(
            name,
            resource["Type"],
            needs=[each for each in template.needs(name) if each in template.resources],
            deletion=resource.get("DeletionPolicy", "Delete"),
            replacement=resource.get("UpdateReplacePolicy", "Delete"),
        )
        with self._maker.explained(present or fresh, "UPDATE_FAILED" if present else "CREATE_FAILED"):
            kind = kind_of(fresh.type)
            fresh.properties = after = changes.properties(template, scope, name)
        if present is None:
            self._undo.append(lambda: self._unmake(name))
            self._maker.make(fresh)
            return
        differs = bool(changed(present.properties, after))
        if present.type != fresh.type or (differs and kind.replaces(present.properties, after)):
            self._replace(fresh, present)
            return
        if differs:
            self._change(present, after)
        self._adopt(present, fresh)

    def _replace(self, fresh: ResourceRecord, present: ResourceRecord) -> None:
        name = fresh.logical_id
        self._maker.note(present, "UPDATE_IN_PROGRESS", _REPLACING)

        def take_back() -> None:
            self._unmake(name)
            self._stack.resources[name] = present
            self._maker.note(present, "UPDATE_COMPLETE")

        self._undo.append(take_back)
        self._maker.make(fresh)
        self._maker.note(fresh, "UPDATE_COMPLETE")
        self._leftovers.append(present)

    def _change(self, record: ResourceRecord, after: Json) -> None:
        before = copy.deepcopy(record.properties)
        self._undo.append(lambda: self._maker.change(record, after, before))
        self._maker.change(record, before, after)

    def _adopt(self, present: ResourceRecord, fresh: ResourceRecord) -> None:
        """Take over what a template says of a resource beside its properties."""
        before = copy.copy(present)

        def adopt(source: ResourceRecord) -> None:
            present.needs, present.deletion, present.replacement = source.needs, source.deletion, source.replacement

        self._undo.append(lambda: adopt(before))
        adopt(fresh)

    def _unmake(self, name: str) -> None:
        """Take a creation back; a resource that is to be retained by all means is."""
        record = self._stack.resources[name]
        if record.deletion == "Retain":
            self._maker.note(record, "DELETE_SKIPPED")
        else:
            self._maker.delete(record)
        del self._stack.resources[name]

    def _set_aside(self, name: str) -> None:
        """Have a resource deleted at the end that the template does not want any more."""
        record = self._stack.resources.pop(name)
        record.replacement = record.deletion
        self._leftovers.append(record)
        self._undo.append(lambda: self._stack.resources.update({name: record}))


def _in_order(resources: Mapping[str, ResourceRecord]) -> list[str]:
    """The resources, each after those which it needs."""
    needs = {name: [each for each in record.needs if each in resources] for name, record in resources.items()}
    return list(TopologicalSorter(needs).static_order())


def _outputs(template: Template, scope: Scope, stack: StackRecord, stacks: Stacks) -> list[Json]:
    """The outputs whose conditions hold.

    Raises:
        StepError: one cannot be evaluated, or is exported under a name that another stack uses.
    """
    found: list[Json] = []
    others = {name for name, each in stacks.exports().items() if each["ExportingStackId"] != stack.id}
    for name, output in template.outputs.items():
        if "Condition" in output and not scope.met(output["Condition"]):
            continue
        value = {"OutputKey": name, "OutputValue": str(scope.resolve(output.get("Value", "")))}
        if output.get("Description"):
            value["Description"] = output["Description"]
        if output.get("Export"):
            value["ExportName"] = str(scope.resolve(output["Export"]["Name"]))
            if value["ExportName"] in others:
                raise StepError(f"Export with name {value['ExportName']} is already exported by another stack.")
        found.append(value)
    return found
