"""The files of `/opt/ml/input/config`, as "How Amazon SageMaker AI Provides Training Information" describes them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pipelines.local.aws import Json
from pipelines.local.jobs.fleet import Host


def write_config(request: Json, host: Host, hosts: Sequence[Host]) -> None:
    """Write what a host of a training job finds about its hyperparameters, channels and fellow hosts."""
    folder = host.base / "input" / "config"
    folder.mkdir(parents=True)
    files = {
        "hyperparameters": request.get("HyperParameters", {}),
        "inputdataconfig": {item["ChannelName"]: _channel(item) for item in request.get("InputDataConfig", [])},
        "resourceconfig": {
            "current_host": host.name,
            "hosts": [each.name for each in hosts],
            "network_interface_name": "lo",
        },
    }
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def _channel(channel: Json) -> Json:
    source = channel["DataSource"]["S3DataSource"]
    return {
        "TrainingInputMode": "File",
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": "None",
        **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
    }
