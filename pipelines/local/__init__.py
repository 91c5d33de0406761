"""An embedded SageMaker: runs a pipeline definition on this machine, behind AWS's own API.

It knows AWS's API and the container contract and nothing of any one project, so it runs any pipeline
whose steps are of the types it supports.
"""

from pipelines.local.jobs.engine import ContainerEngine
from pipelines.local.jobs.isolation import Isolation
from pipelines.local.server import EmbeddedSageMaker, ServerError

__all__ = ["ContainerEngine", "EmbeddedSageMaker", "Isolation", "ServerError"]
