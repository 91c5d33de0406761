"""What the serving container runs: `serve`, until SageMaker ends it with SIGTERM."""

import sys
from pathlib import Path

import psutil
import uvicorn

from steps.contract import StepError
from steps.serve.app import Endpoint
from steps.serve.counter import Counter
from steps.serve.settings import ServeSettings, model_folder

DRAIN_SECONDS = 25
"""For requests in hand once SIGTERM has come; SageMaker kills a container 30 seconds after it."""

CONNECTIONS = 1024


def main() -> None:
    """Load the model, then open the port: whoever can connect can be answered."""
    try:
        settings = ServeSettings.from_environment()
        workers = settings.workers or _cores()
        counter = Counter(Path(model_folder()), workers, settings.largest_image_megapixels * 1_000_000)
    except StepError as error:
        sys.exit(f"error: {error}")
    application = Endpoint(counter, settings, workers).application()
    uvicorn.run(
        application,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        backlog=CONNECTIONS,
    )


def _cores() -> int:
    """Physical cores of this machine, at most as many as this process may use."""
    allowed = len(psutil.Process().cpu_affinity() or [0])
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))


if __name__ == "__main__":
    main()
