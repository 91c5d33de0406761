"""Tags of what is kept here instead of in moto: pipelines and jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pipelines.local.aws import Action, Json, NotOursError, page


class Tags:
    """Answers the calls about tags.

    Args:
        created_with: gives the first tags of everything kept here, by ARN.
    """

    def __init__(self, created_with: Callable[[], dict[str, list[Json]]]) -> None:
        self._created_with = created_with
        self._tags: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    def actions(self) -> dict[str, Action]:
        """The calls that this answers, by name."""
        return {"AddTags": self._add, "ListTags": self._list, "DeleteTags": self._delete}

    def _add(self, request: Json) -> Json:
        with self._lock:
            tags = self._of(request)
            tags.update({tag["Key"]: tag["Value"] for tag in request["Tags"]})
            return {"Tags": _lines(tags)}

    def _list(self, request: Json) -> Json:
        with self._lock:
            return page(_lines(self._of(request)), request, "Tags")

    def _delete(self, request: Json) -> Json:
        with self._lock:
            tags = self._of(request)
            for key in request["TagKeys"]:
                tags.pop(key, None)
            return {}

    def _of(self, request: Json) -> dict[str, str]:
        """The tags of the resource that a request names."""
        resource = request["ResourceArn"]
        first = self._created_with().get(resource)
        if first is None:
            raise NotOursError(resource)
        return self._tags.setdefault(resource, {tag["Key"]: tag["Value"] for tag in first})


def _lines(tags: dict[str, str]) -> list[Json]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
