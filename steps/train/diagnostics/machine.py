"""How much memory and computing power training uses."""

import time
from dataclasses import dataclass

import psutil
import torch

GIGABYTE = 1e9


@dataclass(frozen=True)
class MachineUse:
    """A moment of the machine.

    Attributes:
        memory_gb: resident memory of this process, 10^9 bytes.
        gpu_memory_gb: most memory PyTorch ever held on the GPU, 10^9 bytes; None without a GPU.
        device_use: how busy the GPU is, or the threads of the CPU were since the last look, 0 to 1; None where the
            driver does not tell.
    """

    memory_gb: float
    gpu_memory_gb: float | None
    device_use: float | None


class Machine:
    """Looks at the machine that trains, now and then."""

    def __init__(self, device: torch.device) -> None:
        """Watch this process and `device`."""
        self._device = device
        self._process = psutil.Process()
        self._clock, self._busy = time.monotonic(), self._processor_seconds()

    def look(self) -> MachineUse:
        """Tell how it is now."""
        memory_gb = self._process.memory_info().rss / GIGABYTE
        if self._device.type != "cuda":
            return MachineUse(memory_gb, None, self._processor_use())
        return MachineUse(memory_gb, torch.cuda.max_memory_reserved(self._device) / GIGABYTE, self._gpu_use())

    def _processor_use(self) -> float | None:
        clock, busy = time.monotonic(), self._processor_seconds()
        elapsed, worked = clock - self._clock, busy - self._busy
        self._clock, self._busy = clock, busy
        return min(1.0, worked / elapsed / torch.get_num_threads()) if elapsed > 0 else None

    def _gpu_use(self) -> float | None:
        try:
            return torch.cuda.utilization(self._device) / 100
        except Exception:  # whatever NVIDIA's library raises where it is missing or refuses: training goes on
            return None

    def _processor_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)
