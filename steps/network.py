"""The exported network in the runtime that serves it: opened by evaluate, which scores it, and by serve."""

from pathlib import Path

from steps.contract import StepError
from steps.runtime import openvino
from steps.signature import Signature

MODEL_NAME = "model.onnx"

# Of what is not quantised. Left to itself OpenVINO computes in bfloat16 on CPUs that have it and in float32 on others,
# so one model would get different scores on different instances. Float32 is the precision every CPU has and the one the
# network was exported in; an endpoint answers exactly what was scored.
PRECISION = "f32"


def open_network(model: Path, signature: Signature, properties: dict[str, str | int]) -> openvino.CompiledModel:
    """Compile the network that the signature names for the CPU.

    Args:
        model: folder that holds it.
        signature: what it expects and answers.
        properties: more of OpenVINO's, such as PERFORMANCE_HINT.

    Returns:
        the network: `images`, uint8 [N, size, size, 3], in; `logits`, float32 [N, classes], out.

    Raises:
        StepError: it cannot be read, or contradicts its signature.
    """
    core = openvino.Core()
    try:
        network = core.read_model(model / signature.network)
        compiled = core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": PRECISION, **properties})
    except RuntimeError as error:
        raise StepError(
            f"{signature.network} cannot be read as a network: {str(error).strip().splitlines()[-1]}"
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
            raise StepError(
                f"{signature.network} has no tensor {name!r}: it was not exported by the train step"
            ) from None
        expected = f"{kind} [?,{','.join(map(str, shape))}]"
        found = f"{port.get_element_type().to_string()} {port.get_partial_shape()}"
        if found != expected:
            raise StepError(f"{signature.network} has {name!r} of {found}, but its signature asks for {expected}")
