"""OpenVINO, the runtime that serves: imported from here, so that it does not report each import to its makers.

OpenVINO starts a process that does so, without asking, unless its telemetry package is missing.
"""

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # None: importing it fails, as if it were not there

import openvino  # noqa: E402

__all__ = ["openvino"]
