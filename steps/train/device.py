"""Where training runs, and in which number format."""

import os
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch

from steps.contract import StepError

CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Compute:
    """The device that trains.

    Attributes:
        device: this process's GPU when there is one, otherwise the CPU.
        bfloat16: whether the device has instructions for bfloat16; without them it is slower than float32.
    """

    device: torch.device
    bfloat16: bool

    def autocast(self) -> AbstractContextManager[None]:
        """A block whose convolutions and products run in bfloat16 where the device has it."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    def __str__(self) -> str:
        number_format = "bfloat16" if self.bfloat16 else "float32"
        if self.device.type == "cuda":
            name, count = torch.cuda.get_device_name(self.device), torch.cuda.device_count()
            return f"one of {count} GPUs ({name}) in {number_format}"
        return f"CPU, {torch.get_num_threads()} threads of {os.cpu_count()} cores, in {number_format}"


def choose_compute() -> Compute:
    """PyTorch's current GPU when it sees one, the first unless another was chosen; otherwise the CPU."""
    if torch.cuda.is_available():
        return Compute(
            torch.device("cuda", torch.cuda.current_device()), torch.cuda.is_bf16_supported(including_emulation=False)
        )
    return Compute(torch.device("cpu"), cpu_has_bfloat16())


def require_gpu(instance_type: str) -> None:
    """Refuse to train on the processors of an instance that is paid for its GPU.

    Args:
        instance_type: SageMaker's type of this machine; those with GPUs by NVIDIA begin with `ml.g` or `ml.p`.

    Raises:
        StepError: PyTorch sees no GPU where there is one.
    """
    if re.match(r"ml\.[gp]\d", instance_type) and not torch.cuda.is_available():
        raise StepError(
            f"{instance_type} has a GPU, but PyTorch {torch.__version__} sees none: its CUDA {torch.version.cuda} may "
            "be newer than the instance's driver; use a training image with an older CUDA"
        )


def cpu_has_bfloat16(cpu_info: Path = CPU_INFO) -> bool:
    """Whether the CPU has bfloat16 instructions, told by its flags in Linux's `cpuinfo`.

    Measured with ResNet-18 at 96 px: with them bfloat16 is 1.7 times (AVX-512) to 2.7 times (AMX) as fast as float32,
    without them it is 2.5 times slower, and PyTorch does not say which it is.
    """
    try:
        flags = cpu_info.read_text(encoding="utf-8")
    except OSError:
        return False
    return re.search(r"\b(amx_bf16|avx512_bf16)\b", flags) is not None
