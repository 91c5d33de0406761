"""Answer every image of a dataset with the exported model, through the runtime that serves it."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steps.contract import StepError
from steps.network import open_network
from steps.runtime import openvino
from steps.shards import Images, Labels, Shards
from steps.signature import Signature

PROGRESS_SECONDS = 5.0


@dataclass(frozen=True)
class Answers:
    """What a model says about N images.

    Attributes:
        predictions: int64 [N], index of the class answered.
        probabilities: float32 [N, classes], 0 to 1.
    """

    predictions: Labels
    probabilities: NDArray[np.float32]

    @property
    def confidence(self) -> NDArray[np.float32]:
        """Probability of the class answered, float32 [N], 0 to 1."""
        return self.probabilities[np.arange(len(self.predictions)), self.predictions]


def answer(model: Path, signature: Signature, shards: Shards, batch_size: int) -> Answers:
    """Answer all images of `shards`, in their order, on the CPU, as the signature's decision says.

    Args:
        model: folder that holds the network.
        signature: what that model expects and answers.
        shards: images of the signature's size.
        batch_size: images per forward pass.

    Raises:
        StepError: the network cannot be read, contradicts its signature, or answers what is not a number.
    """
    # Several batches at once, one thread each: more images per second than one batch on all threads.
    network = open_network(model, signature, {"PERFORMANCE_HINT": "THROUGHPUT"})
    logits = _logits(network, signature, shards, batch_size)
    broken = np.flatnonzero(~np.isfinite(logits).all(axis=(0, 2)))
    if len(broken):
        raise StepError(
            f"{signature.network} answers values that are no finite numbers for {len(broken)} of {len(shards)} images, "
            f"{shards.ids[broken[0]]} the first: its training diverged"
        )
    probabilities = signature.decision.probabilities(*logits)
    return Answers(signature.decide(probabilities), probabilities)


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
