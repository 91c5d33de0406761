"""An int8 version of the exported network, which takes over the answering where it costs next to no accuracy."""

import logging
import tempfile
from pathlib import Path

import numpy as np

from steps.metrics import accuracy
from steps.runtime import openvino
from steps.scoring import answer
from steps.shards import Images, Shards
from steps.signature import FILE_NAME as SIGNATURE_FILE
from steps.signature import Signature
from steps.train.export import ONNX_FILE
from steps.train.progress import say

CALIBRATION_IMAGES = 300
"""Training images from which the ranges of activations are taken: what NNCF recommends, its default."""

BATCH_SIZE = 64


def offer_int8(model: Path, signature: Signature, train: Shards, validation: Shards, largest_loss: float) -> Signature:
    """Quantise the network in `model` and let the result answer where it is about as often right.

    Both are scored as evaluation scores them: by the serving runtime, with the signature's decision.

    Args:
        model: folder of an exported model; it gets model-int8.xml and model-int8.bin, or stays as it is.
        signature: of that model.
        train: images to calibrate on.
        validation: images to compare on, none of which was calibrated on.
        largest_loss: accuracy that may be lost, as a fraction.

    Returns:
        the signature of the network that answers, as it is in the folder now.
    """
    with tempfile.TemporaryDirectory(prefix=".int8-", dir=model) as scratch:
        folder = Path(scratch)
        offered = signature.model_copy(update={"network": "model-int8.xml"})
        rows = np.linspace(0, len(train) - 1, min(CALIBRATION_IMAGES, len(train))).astype(np.int64)
        openvino.save_model(quantise(model / ONNX_FILE, train.images(rows)), folder / offered.network)
        before, after = (
            accuracy(validation.labels, answer(where, what, validation, BATCH_SIZE).predictions)
            for where, what in ((model, signature), (folder, offered))
        )
        taken = before - after <= largest_loss
        say(
            f"int8 is right on {after:.4f} of {len(validation)} validation images, float32 on {before:.4f}: "
            f"{'int8' if taken else 'float32'} will answer"
        )
        if not taken:
            return signature
        # Whoever reads the folder looks for the signature first, so it comes last.
        offered.write(folder)
        for name in ("model-int8.bin", offered.network, SIGNATURE_FILE):
            (folder / name).replace(model / name)
    return offered


def quantise(file: Path, samples: Images) -> openvino.Model:
    """The network of an ONNX file with weights and activations in int8, by post-training quantisation.

    Args:
        file: as `export` writes it.
        samples: uint8 [N, size, size, 3], N at least 1, images that show which values occur.
    """
    import nncf  # takes seconds, which only who asks for int8 should wait

    nncf.set_log_level(logging.ERROR)
    # Converted rather than just read: only so do biases stand where NNCF finds them to correct. Without that, real
    # photos are counted right 2 to 10 points less often.
    network = openvino.convert_model(file)
    images = nncf.Dataset([image[None] for image in samples])
    # Mixed: activations that may be negative, as after the swish of EfficientNet and MobileNet, keep all 256 levels.
    return nncf.quantize(network, images, preset=nncf.QuantizationPreset.MIXED, subset_size=len(samples))
