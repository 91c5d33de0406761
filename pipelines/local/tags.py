"""Tags of what is kept here instead of in moto: pipelines and jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pipelines.local.aws import Action, Json, NotOursError, page
from pipelines.local.store import Store

_TAGS = "tags"  # kind of document in the store


class Tags:
    """Answers the calls about tags.

    Args:
        created_with: gives the first tags of everything kept here, by ARN.
        store: where tags that have changed since are kept.
    """

    def __init__(self, created_with: Callable[[], dict[str, list[Json]]], store: Store) -> None:
        self._created_with = created_with
        self._store = store
        self._lock = threading.Lock()

    def actions(self) -> dict[str, Action]:
        """The calls that this answers, by name."""
        return {"AddTags": self._add, "ListTags": self._list, "DeleteTags": self._delete}

    def _add(self, request: Json) -> Json:
        with self._lock:
            tags = {**self._of(request), **{tag["Key"]: tag["Value"] for tag in request["Tags"]}}
            self._store.put(_TAGS, request["ResourceArn"], tags)
            return {"Tags": _lines(tags)}

    def _list(self, request: Json) -> Json:
        with self._lock:
            return page(_lines(self._of(request)), request, "Tags")

    def _delete(self, request: Json) -> Json:
        with self._lock:
            tags = {key: value for key, value in self._of(request).items() if key not in request["TagKeys"]}
            self._store.put(_TAGS, request["ResourceArn"], tags)
            return {}

    def _of(self, request: Json) -> dict[str, str]:
        """The tags of the resource that a request names."""
        resource = request["ResourceArn"]
        first = self._created_with().get(resource)
        if first is None:
            self._store.remove(_TAGS, resource)  # it may have been ours, and another may get its name
            raise NotOursError(resource)
        changed = self._store.get(_TAGS, resource)
        return {tag["Key"]: tag["Value"] for tag in first} if changed is None else changed


def _lines(tags: dict[str, str]) -> list[Json]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
