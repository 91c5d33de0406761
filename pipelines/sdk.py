"""The SageMaker SDK, imported without noise and without a network call; import this module before `sagemaker`."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

NO_KEY = "offline"


@contextmanager
def without_credentials() -> Iterator[None]:
    """Keep botocore from looking for credentials: it would ask profiles, sign-on services and the EC2 metadata service.

    The SDK opens clients of its own, which no one uses here, at its import and for every estimator.
    """
    before, default_session = dict(os.environ), boto3.DEFAULT_SESSION
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(name, None)
    boto3.DEFAULT_SESSION = None
    os.environ.update(AWS_ACCESS_KEY_ID=NO_KEY, AWS_SECRET_ACCESS_KEY=NO_KEY, AWS_EC2_METADATA_DISABLED="true")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        boto3.DEFAULT_SESSION = default_session


# The SDK announces its version, its configuration files and every field it leaves to the service; none of it is news
# to the reader of our output.
os.environ.setdefault("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
warnings.filterwarnings("ignore", message="Running within a PipelineSession")
warnings.filterwarnings("ignore", message="Lambda function won't be updated")
for _name in ("sagemaker", "sagemaker.config", "botocore.credentials"):
    logging.getLogger(_name).setLevel(logging.ERROR)

_root = logging.getLogger()
_handlers, _level = list(_root.handlers), _root.level
with without_credentials():
    import sagemaker.utils
    import sagemaker.workflow.pipeline  # imports the rest of what definitions are made of
    from sagemaker.workflow.pipeline_context import PipelineSession

# Importing it makes every library of the process print what it informs of, until this:
_root.handlers[:] = _handlers
_root.setLevel(_level)

# The SDK checks the whole schema of its configuration whenever it looks a value up, a hundred times for one definition:
# that was nine tenths of the time of compiling. A session checks its configuration when it is made.
sagemaker.utils.validate_sagemaker_config = lambda _: None


def offline_session(region: str, bucket: str) -> PipelineSession:
    """A session that only collects requests: it has no credentials, reads no configuration file and reports nothing."""
    return PipelineSession(
        boto_session=boto3.Session(NO_KEY, NO_KEY, region_name=region),
        default_bucket=bucket,
        sagemaker_config={"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}},
    )
