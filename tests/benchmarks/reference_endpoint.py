"""The endpoints that ours is compared with, as tutorials write them: reference_endpoint.py MODEL PORT RUNTIME."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from PIL import Image

from steps.signature import Signature, read_signature

Logits = Callable[[np.ndarray], np.ndarray]


def eager(model: Path, signature: Signature) -> Logits:
    """PyTorch as it is, in float32."""
    import torch
    from safetensors.torch import load_file

    from steps.train.networks.network import Classifier

    network = Classifier(signature.architecture, len(signature.classes)).eval()
    network.network.load_state_dict(load_file(model / "model.safetensors"))

    @torch.inference_mode()
    def logits(images: np.ndarray) -> np.ndarray:
        return network(torch.from_numpy(images.copy())).numpy()

    return logits


def openvino(model: Path, signature: Signature) -> Logits:
    """OpenVINO with its own settings."""
    from openvino import Core

    compiled = Core().compile_model(model / "model.onnx", "CPU")

    def logits(images: np.ndarray) -> np.ndarray:
        return compiled.create_infer_request().infer([images])["logits"]

    return logits


def application(infer: Logits, signature: Signature) -> FastAPI:
    app = FastAPI()

    def answer(photo: bytes) -> dict[str, float]:
        image = Image.open(io.BytesIO(photo)).convert("RGB").resize((signature.size, signature.size))
        logits = infer(np.asarray(image)[None])[0]
        exponentials = np.exp(logits - logits.max())
        return dict(zip(signature.classes, (exponentials / exponentials.sum()).tolist(), strict=True))

    @app.post("/invocations")
    async def invoke(request: Request) -> dict[str, float]:
        return await run_in_threadpool(answer, await request.body())

    @app.get("/ping")
    async def ping() -> None:
        return None

    return app


if __name__ == "__main__":
    folder, port, runtime = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    known = read_signature(folder)
    made = {"eager": eager, "openvino": openvino}[runtime](folder, known)
    uvicorn.run(application(made, known), host="127.0.0.1", port=port, log_level="warning")
