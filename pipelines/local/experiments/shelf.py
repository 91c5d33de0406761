"""Keeps the three kinds of things of SageMaker Experiments, in memory and in the store."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from pipelines.local.aws import Json, arn, invalid, not_found, now
from pipelines.local.store import Store


@dataclass(frozen=True)
class Kind:
    """One of the three.

    Attributes:
        word: AWS's word for it in messages.
        name: the field that holds its name.
        arn_prefix: what stands before its name in its ARN.
    """

    word: str
    name: str
    arn_prefix: str

    @property
    def arn_field(self) -> str:
        """The field that holds its ARN."""
        return self.name.removesuffix("Name") + "Arn"


EXPERIMENT = Kind("experiment", "ExperimentName", "experiment")
TRIAL = Kind("trial", "TrialName", "experiment-trial")
COMPONENT = Kind("trial component", "TrialComponentName", "experiment-trial-component")


class Shelf:
    """Documents of one kind by name; hold `lock` to read one and write it back.

    Args:
        kind: of the documents.
        store: keeps them.
    """

    def __init__(self, kind: Kind, store: Store) -> None:
        self.kind = kind
        self.lock = threading.RLock()
        self._store = store
        self._documents = {document[kind.name]: document for document in store.all(kind.arn_prefix)}

    def create(self, fields: Json) -> Json:
        """Keep a new document with these fields, and those that every one has.

        Raises:
            ApiError: the name is taken.
        """
        name, word = fields[self.kind.name], self.kind.word
        moment = now()
        document = {
            "DisplayName": name,
            **fields,
            self.kind.arn_field: arn(f"{self.kind.arn_prefix}/{name.lower()}"),
            "CreationTime": moment,
            "LastModifiedTime": moment,
        }
        with self.lock:
            if name in self._documents:
                raise invalid(
                    f"{word.capitalize()} names must be unique within an AWS account and region. "
                    f"A {word} with the name {name} already exists."
                )
            self._write(name, document)
        return document

    def find(self, name: str) -> Json | None:
        """The document of this name, if there is one."""
        with self.lock:
            return self._documents.get(name)

    def get(self, name: str) -> Json:
        """The document of this name.

        Raises:
            ApiError: there is none.
        """
        found = self.find(name)
        if found is None:
            raise not_found(f"Could not find {self.kind.word} '{arn(f'{self.kind.arn_prefix}/{name.lower()}')}'.")
        return found

    def all(self) -> list[Json]:
        """Every document, in the order in which they were created."""
        with self.lock:
            return list(self._documents.values())

    def change(self, name: str, fields: Json) -> Json:
        """Replace some fields of a document.

        Raises:
            ApiError: there is none of this name.
        """
        with self.lock:
            document = {**self.get(name), **fields, "LastModifiedTime": now()}
            self._write(name, document)
        return document

    def remove(self, name: str) -> Json:
        """Forget a document; returns it.

        Raises:
            ApiError: there is none of this name.
        """
        with self.lock:
            document = self.get(name)
            del self._documents[name]
            self._store.remove(self.kind.arn_prefix, name)
        return document

    def _write(self, name: str, document: Json) -> None:
        self._documents[name] = document
        self._store.put(self.kind.arn_prefix, name, document)
