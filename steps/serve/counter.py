"""The model, ready to answer: one photo at a time on each pair of cores, which on a CPU is as fast as batches."""

from pathlib import Path
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from steps.decoding import Pixels
from steps.images import preprocess
from steps.network import open_network
from steps.runtime import openvino
from steps.signature import read_signature

CORES_TOGETHER = 2
"""Cores that compute one answer together: it takes half the time, and under load a twentieth fewer answers are given
than by each core on its own (ResNet-34 at 224 px on two cores, `make bench`)."""


class Counter:
    """Answers photos; its methods may be called by as many threads at once as there are `workers`.

    Args:
        model: folder with signature.json and the network that it names.
        workers: cores to compute with; as many photos are decoded at once.
        max_pixels: width times height of the largest photo that is decoded.

    Raises:
        StepError: the folder holds no model of the train step.
    """

    def __init__(self, model: Path, workers: int, max_pixels: int) -> None:
        self.signature = read_signature(model)
        self._max_pixels = max_pixels
        streams = max(1, workers // CORES_TOGETHER)
        network = open_network(model, self.signature, {"NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": workers})
        self._idle: SimpleQueue[openvino.InferRequest] = SimpleQueue()
        for _ in range(streams):
            self._idle.put(network.create_infer_request())
        self._warm_up(streams)

    def answer(self, photo: bytes) -> NDArray[np.float32]:
        """Probability of each class, float32 [classes], of an image file, as evaluation computes them.

        Raises:
            UnreadableImageError: the file gives no image; the text is the reason.
        """
        return self._answer(preprocess(photo, self.signature.preprocessing, self._max_pixels))

    def _answer(self, pixels: Pixels) -> NDArray[np.float32]:
        images = pixels[None]
        if self.signature.decision.mirrored:
            images = np.concatenate([images, images[:, :, ::-1]])
        request = self._idle.get()
        try:
            request.infer([np.ascontiguousarray(images)])
            logits = request.get_output_tensor(0).data.copy()
        finally:
            self._idle.put(request)
        probabilities: NDArray[np.float32] = self.signature.decision.probabilities(*np.split(logits, len(logits)))[0]
        return probabilities

    def _warm_up(self, streams: int) -> None:
        """Answer a grey image on every stream, so that nobody's request pays for the first one's preparations."""
        grey = np.full((self.signature.size, self.signature.size, 3), 128, np.uint8)
        for _ in range(streams):
            self._answer(grey)
