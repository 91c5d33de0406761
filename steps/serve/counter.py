"""The model, ready to answer: one photo at a time on each core, which on a CPU is as fast as batches."""

from pathlib import Path
from queue import SimpleQueue

import numpy as np
import openvino
from numpy.typing import NDArray

from steps.decoding import Pixels
from steps.images import preprocess
from steps.network import open_network
from steps.signature import read_signature


class Counter:
    """Answers photos; its methods may be called by as many threads at once as there are `workers`.

    Args:
        model: folder with model.onnx and signature.json.
        workers: photos that are answered at once, each by one thread.
        max_pixels: width times height of the largest photo that is decoded.

    Raises:
        StepError: the folder holds no model of the train step.
    """

    def __init__(self, model: Path, workers: int, max_pixels: int) -> None:
        self.signature = read_signature(model)
        self._max_pixels = max_pixels
        network = open_network(model, self.signature, {"NUM_STREAMS": workers, "INFERENCE_NUM_THREADS": workers})
        self._idle: SimpleQueue[openvino.InferRequest] = SimpleQueue()
        for _ in range(workers):
            self._idle.put(network.create_infer_request())
        self._warm_up(workers)

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

    def _warm_up(self, workers: int) -> None:
        """Answer a grey image on every stream, so that nobody's request pays for the first one's preparations."""
        grey = np.full((self.signature.size, self.signature.size, 3), 128, np.uint8)
        for _ in range(workers):
            self._answer(grey)
