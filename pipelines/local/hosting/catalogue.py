"""Things that AWS only keeps under a name, and that nothing changes once they are there: models, configurations."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from pipelines.local.announcements import Announcement, Announcements
from pipelines.local.aws import Json, arn, invalid, now, page, select
from pipelines.local.store import Store


@dataclass(frozen=True)
class Kind:
    """How AWS names a kind of thing.

    Attributes:
        stem: of its fields, as in `EndpointConfigName`.
        resource: in its ARN, as in `endpoint-config`; also the kind of its documents in the store.
        words: in sentences, as in `endpoint configuration`.
        detail_type: of its events.
    """

    stem: str
    resource: str
    words: str
    detail_type: str


class Catalogue:
    """The requests that created things of one kind, by name, also over a restart of the server.

    Args:
        kind: of the things.
        store: where they are kept.
        announcements: is told of every thing that comes or goes.
    """

    def __init__(self, kind: Kind, store: Store, announcements: Announcements) -> None:
        self._kind = kind
        self._name = f"{kind.stem}Name"
        self._store = store
        self._announcements = announcements
        self._lock = threading.Lock()
        self._entries: dict[str, Json] = {each["Request"][self._name]: each for each in store.all(kind.resource)}

    def add(self, request: Json, **more: object) -> Json:
        """Keep a request, with whatever else is known of it. Returns the answer of the Create call.

        Raises:
            ApiError: the name is taken.
        """
        name = request[self._name]
        entry = {"Request": request, "CreationTime": now(), **more}
        with self._lock:
            if name in self._entries:
                # The SageMaker SDK looks for these very words.
                raise invalid(f'Cannot create already existing {self._kind.words} "{self._arn(name)}".')
            self._store.put(self._kind.resource, name, entry)
            self._entries[name] = entry
        self._announce(name, entry)
        return {f"{self._kind.stem}Arn": self._arn(name)}

    def get(self, name: str) -> Json:
        """What is kept under a name: the `Request`, its `CreationTime`, and what else was given to `add`.

        Raises:
            ApiError: there is no such thing.
        """
        with self._lock:
            if name not in self._entries:
                raise invalid(f'Could not find {self._kind.words} "{self._arn(name)}".')
            return self._entries[name]

    def describe(self, request: Json) -> Json:
        """The answer of the Describe call."""
        name = request[self._name]
        return self._describe(name, self.get(name))

    def delete(self, request: Json) -> Json:
        """The answer of the Delete call."""
        name = request[self._name]
        entry = self.get(name)
        with self._lock:
            self._store.remove(self._kind.resource, name)
            self._entries.pop(name, None)
        self._announce(name, entry)
        return {}

    def list_all(self, request: Json) -> Json:
        """The answer of the List call."""
        with self._lock:
            lines = [self._line(name, entry) for name, entry in self._entries.items()]
        return page(select(lines, request, name=self._name), request, f"{self._kind.stem}s")

    def tags(self) -> dict[str, list[Json]]:
        """The tags with which each thing was created, by its ARN."""
        with self._lock:
            return {self._arn(name): entry["Request"].get("Tags", []) for name, entry in self._entries.items()}

    def _line(self, name: str, entry: Json) -> Json:
        return {
            self._name: name,
            f"{self._kind.stem}Arn": self._arn(name),
            "CreationTime": entry["CreationTime"],
        }

    def _describe(self, name: str, entry: Json) -> Json:
        shown = {field: value for field, value in entry["Request"].items() if field != "Tags"}
        return {"EnableNetworkIsolation": False, **shown, **self._line(name, entry)}

    def _announce(self, name: str, entry: Json) -> None:
        detail = {
            **self._describe(name, entry),
            "Tags": {tag["Key"]: tag["Value"] for tag in entry["Request"].get("Tags", [])},
        }
        self._announcements.announce(Announcement(self._kind.detail_type, self._arn(name), detail))

    def _arn(self, name: str) -> str:
        return arn(f"{self._kind.resource}/{name}")
