"""The access log: a line of JSON for each invocation, on standard output, where CloudWatch Logs finds it."""

import json
import sys
import time

from starlette.requests import Request
from starlette.responses import Response


def log_access(request: Request, response: Response, seconds: float) -> None:
    """Log what was asked and answered, without the photo or the answer themselves."""
    line = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "status": response.status_code,
        "milliseconds": round(seconds * 1000, 2),
        "content_type": request.headers.get("Content-Type", "")[:80],
        "bytes": request.headers.get("Content-Length", "")[:12],
        "inference_id": request.headers.get("X-Amzn-SageMaker-Inference-Id", "")[:64],
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
