"""Tags of what is kept here instead of in moto: pipelines and jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from pipelines.local.aws import Action, Json, NotOursError, arn, page
from pipelines.local.store import Store

_TAGS = "tags"  # kind of document in the store
# What each call deletes, as ARNs name it; a call that is missing here stops the server from starting.
_DELETED = {
    "DeleteEndpoint": "endpoint",
    "DeleteEndpointConfig": "endpoint-config",
    "DeleteExperiment": "experiment",
    "DeleteModel": "model",
    "DeletePipeline": "pipeline",
    "DeleteProcessingJob": "processing-job",
    "DeleteTrainingJob": "training-job",
    "DeleteTrial": "experiment-trial",
    "DeleteTrialComponent": "experiment-trial-component",
}


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

    def forgetting(self, actions: Mapping[str, Action]) -> dict[str, Action]:
        """The same calls; those that delete something take its tags along, for another may get its name."""
        return {
            call: self._forgetting(action, _DELETED[call], f"{call.removeprefix('Delete')}Name")
            if call.startswith("Delete")
            else action
            for call, action in actions.items()
        }

    def _forgetting(self, delete: Action, kind: str, field: str) -> Action:
        def act(request: Json) -> Json:
            answer = delete(request)
            name: str = request[field].rpartition("/")[2]  # some may be given as ARNs
            self._store.remove(_TAGS, arn(f"{kind}/{name.lower() if kind.startswith('experiment') else name}"))
            return answer

        return act

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
