"""Rules about the device: it must compute, not wait.

Thresholds called AWS's are the documented defaults of the "Amazon SageMaker Debugger built-in rules" in the SageMaker
developer guide.
"""

from dataclasses import dataclass
from statistics import fmean, quantiles

from steps.train.diagnostics.finding import Finding
from steps.train.diagnostics.history import History
from steps.train.diagnostics.names import RuleName


@dataclass(frozen=True)
class StarvedDevice:
    """The device waits for data, or a GPU is never busy.

    Attributes:
        waiting: share of the steps' time spent waiting for data. AWS's LowGPUUtilization wants a GPU to be 70 % busy,
            which leaves 30 %; its IOBottleneck tolerates 50 %.
        records: records with times that are judged together; the first of a run is left out, as all is slow there.
        busy: 95th percentile of a GPU's use below which it is never busy: AWS's threshold_p95 of 70 %.
        uses: records of a GPU's use from which that is told.
    """

    waiting: float = 0.3
    records: int = 4
    busy: float = 0.7
    uses: int = 20
    name: RuleName = "starved_device"

    def judge(self, history: History) -> Finding | None:
        """Look at the last records with times, and at a GPU's use."""
        timed = [record.seconds for record in history.steps[1:] if record.seconds][-self.records :]
        if len(timed) == self.records:
            total, data = fmean(seconds.total for seconds in timed), fmean(seconds.data for seconds in timed)
            if data > self.waiting * total:
                return self._found(
                    history,
                    f"{data / total:.0%} of a step's {1000 * total:.0f} ms is spent waiting for images",
                    "keep the shards on a faster disk, give the machine more cores or memory, or choose a cheaper GPU",
                )
        uses = [record.device_use for record in history.steps if record.device_use is not None][-self.uses :]
        on_gpu = bool(history.steps) and history.steps[-1].gpu_memory_gb is not None
        if on_gpu and len(uses) == self.uses and (high := quantiles(uses, n=20)[-1]) < self.busy:
            return self._found(
                history,
                f"{history.device} was busy for less than {high:.0%} of the time in 95% of the samples",
                "raise batch_size, or choose a cheaper GPU",
            )
        return None

    def _found(self, history: History, seen: str, advice: str) -> Finding:
        epoch, step = history.now()
        return Finding(rule=self.name, severity="warning", epoch=epoch, step=step, seen=seen, advice=advice)
