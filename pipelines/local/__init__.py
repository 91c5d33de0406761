"""An embedded SageMaker: runs a pipeline definition on this machine, behind AWS's own API.

It knows AWS's API and the container contract and nothing of any one project, so it runs any pipeline
whose steps are of the types it supports.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.local.jobs.engine import ContainerEngine
    from pipelines.local.jobs.isolation import Isolation
    from pipelines.local.server import EmbeddedSageMaker, ServerError

__all__ = ["ContainerEngine", "EmbeddedSageMaker", "Isolation", "ServerError"]

_HOMES = {
    "ContainerEngine": "pipelines.local.jobs.engine",
    "EmbeddedSageMaker": "pipelines.local.server",
    "Isolation": "pipelines.local.jobs.isolation",
    "ServerError": "pipelines.local.server",
}


def __getattr__(name: str) -> Any:
    """Import the server when it is asked for: `pipelines.checks` reads definitions here on machines without moto."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
