"""Change sets: what a template would change, to be looked at first and executed then."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from pipelines.local.aws import Json, now
from pipelines.local.store import Store

_CHANGE_SET = "change-set"  # kind of document in the store
NOTHING = "The submitted information didn't contain changes. Submit different information to create a change set."
"""Why a change set without changes fails, in CloudFormation's words; clients look for them."""


@dataclass
class ChangeSet:
    """A change set.

    Attributes:
        name: unique among those of its stack.
        id: its ARN.
        stack_id: the stack's ARN.
        kind: CREATE or UPDATE.
        template: the text of the new template.
        parameters: their values.
        shown_parameters: the same, as descriptions show them.
        capabilities: that were granted with it.
        tags: that the stack gets.
        changes: as descriptions show them.
        status, reason, execution: CloudFormation's.
        created: in epoch seconds.
        on_failure: what becomes of a stack whose creation fails.
    """

    name: str
    id: str
    stack_id: str
    stack_name: str
    kind: str
    template: str
    parameters: dict[str, str]
    shown_parameters: list[Json]
    capabilities: list[str]
    tags: dict[str, str]
    description: str | None
    role: str | None
    changes: list[Json] = field(default_factory=list)
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    execution: str = "AVAILABLE"
    created: float = field(default_factory=now)
    on_failure: str = "ROLLBACK"


class ChangeSets:
    """The change sets that are kept.

    Args:
        store: where.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, change_set: ChangeSet) -> None:
        """Keep a change set as it is now."""
        self._store.put(_CHANGE_SET, change_set.id, asdict(change_set))

    def of(self, stack_id: str) -> list[ChangeSet]:
        """The change sets of a stack, in the order of their creation."""
        found = [ChangeSet(**document) for document in self._store.all(_CHANGE_SET)]
        return [each for each in found if each.stack_id == stack_id]

    def find(self, name_or_id: str, stack_id: str | None) -> ChangeSet | None:
        """The change set of an ID, or the one of a name within a stack."""
        document = self._store.get(_CHANGE_SET, name_or_id)
        if document is not None:
            return ChangeSet(**document)
        return next((each for each in self.of(stack_id or "") if each.name == name_or_id), None)

    def forget(self, change_set: ChangeSet) -> None:
        """Forget a change set."""
        self._store.remove(_CHANGE_SET, change_set.id)

    def forget_all(self, stack_id: str) -> None:
        """Forget the change sets of a stack; CloudFormation does so when one has been executed."""
        for each in self.of(stack_id):
            self.forget(each)
