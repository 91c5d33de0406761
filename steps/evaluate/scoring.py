"""Answer every image of a dataset with the exported model, through the runtime that serves it."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

from steps.contract import StepError
from steps.evaluate.artifact import MODEL_NAME
from steps.shards import Images, Labels, Shards
from steps.signature import Signature

# Left to itself OpenVINO computes in bfloat16 on CPUs that have it and in float32 on others, so one model would get
# different scores on different instances. Float32 is the precision every CPU has and the one the network was exported
# in; an endpoint answers exactly what was scored here when it asks for the same.
PRECISION = "f32"

PROGRESS_SECONDS = 5.0


@dataclass(frozen=True)
class Answers:
    """What a model says about N images.

    Attributes:
        predictions: int64 [N], index of the class answered.
        confidence: float32 [N], probability of that class, 0 to 1.
    """

    predictions: Labels
    confidence: NDArray[np.float32]


def answer(model: Path, signature: Signature, shards: Shards, batch_size: int) -> Answers:
    """Answer all images of `shards`, in their order, on the CPU, as the signature's decision says.

    Args:
        model: folder that holds model.onnx.
        signature: what that model expects and answers.
        shards: images of the signature's size.
        batch_size: images per forward pass.

    Raises:
        StepError: model.onnx is no ONNX model, contradicts its signature, or answers what is not a number.
    """
    network = _compile(model / MODEL_NAME, signature)
    logits = _logits(network, signature, shards, batch_size)
    broken = np.flatnonzero(~np.isfinite(logits).all(axis=(0, 2)))
    if len(broken):
        raise StepError(
            f"{MODEL_NAME} answers values that are no finite numbers for {len(broken)} of {len(shards)} images, "
            f"{shards.ids[broken[0]]} the first: its training diverged"
        )
    probabilities = signature.decision.probabilities(*logits)
    predictions = signature.decide(probabilities)
    return Answers(predictions, probabilities[np.arange(len(predictions)), predictions])


def _logits(
    network: openvino.CompiledModel, signature: Signature, shards: Shards, batch_size: int
) -> NDArray[np.float32]:
    """Logits float32 [V, N, classes]: of the images and, where the decision takes them, of the mirrored images."""
    logits = np.empty((1 + signature.decision.mirrored, len(shards), len(signature.classes)), dtype=np.float32)
    # Requests in turn rather than a queue with callbacks: those need Python's lock in the runtime's own threads, for
    # which the runtime waits, lock in hand, when the network is let go.
    idle = [network.create_infer_request() for _ in range(network.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))]
    busy: deque[tuple[openvino.InferRequest, int, slice]] = deque()

    def finish() -> None:
        request, view, rows = busy.popleft()
        request.wait()
        logits[view, rows] = request.get_output_tensor(0).data
        idle.append(request)

    for rows, images in _batches(shards, batch_size):
        for view in range(len(logits)):
            if not idle:
                finish()
            request = idle.pop()
            request.start_async([np.ascontiguousarray(images[:, :, ::-1]) if view else images])
            busy.append((request, view, rows))
    while busy:
        finish()
    return logits


def _compile(file: Path, signature: Signature) -> openvino.CompiledModel:
    core = openvino.Core()
    try:
        network = core.read_model(file)
        # Several batches at once, one thread each: more images per second than one batch on all threads.
        compiled = core.compile_model(
            network, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": PRECISION}
        )
    except RuntimeError as error:
        raise StepError(
            f"{MODEL_NAME} cannot be read as an ONNX model: {str(error).strip().splitlines()[-1]}"
        ) from None
    _check_ports(compiled, signature)
    return compiled


def _check_ports(network: openvino.CompiledModel, signature: Signature) -> None:
    for port_of, name, kind, shape in (
        (network.input, "images", "u8", [signature.size, signature.size, 3]),
        (network.output, "logits", "f32", [len(signature.classes)]),
    ):
        try:
            port = port_of(name)
        except RuntimeError:
            raise StepError(f"{MODEL_NAME} has no tensor {name!r}: it was not exported by the train step") from None
        expected = f"{kind} [?,{','.join(map(str, shape))}]"
        found = f"{port.get_element_type().to_string()} {port.get_partial_shape()}"
        if found != expected:
            raise StepError(f"{MODEL_NAME} has {name!r} of {found}, but its signature asks for {expected}")


def _batches(shards: Shards, batch_size: int) -> Iterator[tuple[slice, Images]]:
    started = reported = time.monotonic()
    for first in range(0, len(shards), batch_size):
        rows = slice(first, min(first + batch_size, len(shards)))
        yield rows, shards.images(np.arange(rows.start, rows.stop))
        now = time.monotonic()
        if now - reported >= PROGRESS_SECONDS or rows.stop == len(shards):
            reported = now
            rate = rows.stop / max(now - started, 1e-9)
            print(f"scoring: {rows.stop:,} of {len(shards):,} images, {rate:,.0f} images/s", flush=True)  # noqa: T201 - the container's log is its standard output
