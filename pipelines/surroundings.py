"""What a pipeline needs of its stack: whether it is there, and how to get it back."""

from botocore.exceptions import ClientError

from pipelines.aws_refusals import DENIED
from pipelines.config import Config
from pipelines.errors import PipelineError
from pipelines.stack.existing import bucket_exists
from pipelines.stack.found import WHOLE, find_stack
from pipelines.target import Target
from steps.deploy.settings import DeploySettings


def require_bucket(target: Target, config: Config) -> None:
    """Check that the pipeline's bucket is there.

    Raises:
        PipelineError: it is not, or it is somebody else's.
    """
    if not bucket_exists(target, config.bucket):
        raise PipelineError(f"bucket {config.bucket} does not exist: {remedy(target, config.name, config.bucket)}")


def require_function(target: Target, config: Config) -> None:
    """Check that the function that puts models live is there, where the pipeline deploys any.

    Raises:
        PipelineError: it is not.
    """
    if config.deploy and not _function_exists(target, config.deploy):
        name = config.deploy.function.rpartition(":")[2]
        way = remedy(target, config.name, config.deploy.function)
        raise PipelineError(f"function {name}, which deploys models, does not exist: {way}")


def deploys_models(target: Target, config: Config) -> bool:
    """Whether something puts approved models live; assumed where these credentials may not look."""
    if config.deploy is None:
        return False
    try:
        return _function_exists(target, config.deploy)
    except ClientError as error:
        if error.response["Error"].get("Code") in DENIED:
            return True
        raise


def remedy(target: Target, stack: str, missing: str) -> str:
    """What to do where something is missing that a stack makes.

    CloudFormation does not notice what was deleted by hand, so a whole stack has to be made anew.

    Args:
        target: where it is missing.
        stack: the stack's name.
        missing: as the stack names it in its outputs.
    """
    found = find_stack(target.client("cloudformation"), stack)
    if found and found.status in WHOLE and missing in found.outputs.values():
        return (
            f"the stack {stack} has made it and does not notice that it was deleted, so "
            "`make delete-stack`, then `make deploy-stack`"
        )
    return "`make deploy-stack` creates it"


def _function_exists(target: Target, deploy: DeploySettings) -> bool:
    functions = target.client("lambda")
    try:
        functions.get_function_configuration(FunctionName=deploy.function)
    except functions.exceptions.ResourceNotFoundException:
        return False
    return True
