"""Write the trained model as the three files the later steps read, and prove that they answer as the model does."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save

from steps.contract import StepError
from steps.runtime import openvino
from steps.shards import Images
from steps.signature import FILE_NAME as SIGNATURE_FILE
from steps.signature import Signature
from steps.train.networks.network import Classifier

ONNX_FILE = "model.onnx"
WEIGHTS_FILE = "model.safetensors"

TOLERANCE = 1e-3
"""Largest difference of two logits, as a share of the largest logit.

Measured on real photos with ResNet-18, 34 and 50: PyTorch and OpenVINO, which add up in different orders, differ by
1e-6 to 1.4e-5 in float32; bfloat16 by 6e-3 and more, swapped colour channels by 3e-1 and more.
"""


def export(model: Classifier, signature: Signature, samples: Images, folder: Path) -> None:
    """Write `model.onnx`, `model.safetensors` and `signature.json` into `folder`: all three or none.

    Args:
        model: the trained model, on the CPU.
        signature: what the files mean.
        samples: uint8 [N, size, size, 3], N at least 1, real images on which the ONNX file must agree with `model`.
        folder: where the files go; it exists.

    Raises:
        StepError: the ONNX file does not answer as the model does.
    """
    model.eval().to(memory_format=torch.contiguous_format)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as scratch:
        partial = Path(scratch)
        write_onnx(model, signature.size, partial / ONNX_FILE)
        check_agreement(model, partial / ONNX_FILE, samples)
        (partial / WEIGHTS_FILE).write_bytes(save(model.network.state_dict()))
        signature.write(partial)
        # Readers look for the signature first, so it comes last.
        for name in (ONNX_FILE, WEIGHTS_FILE, SIGNATURE_FILE):
            (partial / name).replace(folder / name)


def write_onnx(model: Classifier, size: int, file: Path) -> None:
    """Write `model` as one file whose input is `images`, uint8 [N, size, size, 3], and whose output is `logits`."""
    # Two images, because the exporter takes a batch of one for a constant.
    example = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    torch.onnx.export(
        model,
        (example,),
        file,
        input_names=["images"],
        output_names=["logits"],
        dynamic_shapes={"images": {0: torch.export.Dim("N", min=1)}},
        dynamo=True,
        external_data=False,
        verbose=False,
    )


@torch.inference_mode()
def check_agreement(model: Classifier, file: Path, samples: Images) -> None:
    """Compare `model` with the ONNX file in the serving runtime, for one image and for all `samples` at once.

    Raises:
        StepError: a logit differs by more than `TOLERANCE` of the largest one.
    """
    served = openvino.Core().compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for images in (samples[:1], samples):
        expected: NDArray[np.float32] = model(torch.from_numpy(images)).numpy()
        difference = float(np.abs(served(images)["logits"] - expected).max() / np.abs(expected).max())
        if not difference <= TOLERANCE:
            raise StepError(
                f"the exported ONNX file does not answer as the trained model does: the logits of {len(images)} images "
                f"differ by {difference:.1e} of the largest, more than {TOLERANCE:g}; install the versions of torch, "
                "onnxscript and openvino in constraints.txt"
            )
