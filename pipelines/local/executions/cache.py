"""The step cache: the results of earlier steps, used again where a step would do the same once more.

What is compared is listed in AWS's guide, "Default cache key attributes by pipeline step type": not the outputs, for
instance, and not the instances. The guide leaves out Lambda steps, to which the SageMaker SDK gives a CacheConfig:
of them all is compared that is called.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from pipelines.local.aws import Json, now
from pipelines.local.definitions.expressions import ExpressionError, resolve
from pipelines.local.definitions.paths import PathError, look_up
from pipelines.local.executions.turns import Turn
from pipelines.local.s3 import Storage, TransferError
from pipelines.local.store import Store

_RESULTS = "step-result"  # kind of document in the store

_COMPARED: dict[str, tuple[str, ...]] = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
    "Tuning": (
        "HyperParameterTuningJobConfig",
        "TrainingJobDefinition.AlgorithmSpecification",
        "TrainingJobDefinition.HyperParameterRanges",
        "TrainingJobDefinition.InputDataConfig",
        "TrainingJobDefinition.StaticHyperParameters",
        "TrainingJobDefinition.TuningObjective",
        "TrainingJobDefinitions",
    ),
    "Transform": ("DataProcessing", "Environment", "ModelName", "TransformInput"),
}


class StepCache:
    """Remembers what steps came to; safe to share between threads.

    Args:
        store: where results are kept.
        storage: tells whether their artifacts are still there.
    """

    def __init__(self, store: Store, storage: Storage) -> None:
        self._store = store
        self._storage = storage

    def answers(self, turn: Turn) -> bool:
        """Give the step the result of the latest run that did the same, where its CacheConfig allows that one."""
        config = turn.step.cache_config
        if config is None or not config.enabled:
            return False
        key = _key(turn)
        found = None if key is None else self._store.get(_RESULTS, key)
        if found is None or now() - found["ended"] > config.expires_seconds:
            return False
        if not all(map(self._exists, found["artifacts"])):
            return False
        turn.run.result_of(found)
        turn.run.cached_from = found["execution"]
        return True

    def remember(self, turn: Turn) -> None:
        """Keep the result of a step that has succeeded, for steps of its name in later executions of its pipeline."""
        key = _key(turn)
        if key is not None:
            result = turn.run.result()
            origin = {"pipeline": turn.execution.pipeline_arn, "execution": turn.execution.arn}
            artifacts = list(filter(self._exists, _artifacts(turn.step.type, result["properties"])))
            document = {**origin, **result, "key": key, "ended": now(), "artifacts": artifacts}
            self._store.put(_RESULTS, key, document)

    def forget(self, pipeline_arn: str) -> None:
        """Forget all results of a pipeline."""
        for document in self._store.all(_RESULTS):
            if document["pipeline"] == pipeline_arn:
                self._store.remove(_RESULTS, document["key"])

    def _exists(self, uri: str) -> bool:
        try:
            return self._storage.exists(uri)
        except TransferError:
            return False


def _key(turn: Turn) -> str | None:
    """What a step would do, as a hash; None where its results are not kept, or its arguments have no value."""
    if turn.step.type not in (*_COMPARED, "Lambda"):
        return None
    try:
        arguments = resolve(turn.step.arguments, turn.scope)
    except ExpressionError:
        return None
    if turn.step.type == "Lambda":
        outputs = [[output.name, output.type] for output in turn.step.output_parameters]
        compared = {"FunctionArn": turn.step.function_arn, "Arguments": arguments, "OutputParameters": outputs}
    else:
        compared = {path: _value(arguments, path) for path in _COMPARED[turn.step.type]}
    identity = [turn.execution.pipeline_arn, turn.step.name, turn.step.type, compared]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def _artifacts(kind: str, properties: Json) -> Iterator[str]:
    """URIs of what a job stores: objects, or folders with a slash at the end."""
    if kind == "Processing":
        for output in _value(properties, "ProcessingOutputConfig.Outputs") or []:
            uri = _value(output, "S3Output.S3Uri")
            if uri is not None:
                yield f"{uri.rstrip('/')}/"
    elif kind == "Tuning":
        root = _value(properties, "TrainingJobDefinition.OutputDataConfig.S3OutputPath")
        best = _value(properties, "BestTrainingJob.TrainingJobName")
        if root is not None and best is not None:
            yield f"{root.rstrip('/')}/{best}/output/"
    else:
        model, output = (
            _value(properties, path) for path in ("ModelArtifacts.S3ModelArtifacts", "TransformOutput.S3OutputPath")
        )
        if model is not None:
            yield model
        if output is not None:
            yield f"{output.rstrip('/')}/"


def _value(document: Json, path: str) -> Any:
    try:
        return look_up(document, path)
    except PathError:
        return None
