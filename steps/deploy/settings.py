"""What can be set of the deployment."""

from typing import Literal, Self

from pydantic import Field, model_validator

from steps.contract import StepSettings

# Of SageMaker's deployment guardrails: an update takes at most 4 hours.
LONGEST_UPDATE_SECONDS = 14_400


class DeploySettings(StepSettings):
    """How approved models answer.

    In texts, `{name}` stands for the pipeline's name.
    """

    endpoint: str = Field(
        "{name}",
        pattern=r"^[a-z0-9](-*[a-z0-9]){0,39}$",
        description="the endpoint's name, in small letters as its ARN",
    )
    function: str = Field(
        "arn:{partition}:lambda:{region}:{account}:function:{name}-deploy",
        pattern=r"^arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:[a-zA-Z0-9_-]{1,64}$",
        description="ARN of the function that deploys",
    )
    hosting: Literal["serverless", "instance"] = Field(
        "serverless", description="serverless costs nothing while nobody asks; instances answer at once, always"
    )
    memory_mb: Literal[1024, 2048, 3072, 4096, 5120, 6144] = Field(
        2048, description="memory of a serverless endpoint, MB; its processors grow with it"
    )
    concurrency: int = Field(10, ge=1, le=200, description="requests that a serverless endpoint answers at once")
    instance_type: str = Field("ml.c7i.large", pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$", description="of each instance")
    minimum_instances: int = Field(2, ge=1, le=100, description="instances when it is quiet")
    maximum_instances: int = Field(4, ge=1, le=100, description="instances under load")
    requests_per_instance: int = Field(
        1000, ge=1, description="requests a minute of each instance that instances are added or removed for"
    )
    traffic: Literal["canary", "linear", "all_at_once"] = Field(
        "canary",
        description="how requests move to a new version on instances: a share and then all, equal shares, or all",
    )
    traffic_percent: int = Field(50, ge=10, le=50, description="share that moves first, or with each step, percent")
    bake_seconds: int = Field(300, ge=0, le=3600, description="wait after each move, in which alarms are watched")
    most_errors: int = Field(5, ge=0, description="answers 5xx a minute; more of them roll an update back")
    most_latency_milliseconds: int = Field(
        1000, ge=1, description="mean time of a minute's answers; a longer one rolls an update back"
    )
    capture_percent: int = Field(
        0, ge=0, le=100, description="share of requests and answers kept in the bucket, percent; on instances only"
    )
    kms_key: str = Field("", description="key for the instances' disks and for what is captured; empty: AWS's own")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.minimum_instances > self.maximum_instances:
            raise ValueError("minimum_instances is more than maximum_instances")
        if self.hosting == "serverless" and self.capture_percent:
            raise ValueError(
                "a serverless endpoint captures nothing: set hosting to 'instance' or capture_percent to 0"
            )
        if self.hosting == "serverless" and self.kms_key:
            raise ValueError("a serverless endpoint has no disk to encrypt: set hosting to 'instance' or leave kms_key")
        if self.hosting == "instance" and self.traffic != "all_at_once" and self.minimum_instances < 2:
            raise ValueError(
                "a share of the requests needs minimum_instances of 2; with 1, set traffic to 'all_at_once'"
            )
        if (100 // self.traffic_percent + 1) * self.bake_seconds > LONGEST_UPDATE_SECONDS:
            raise ValueError(f"an update of such steps takes longer than {LONGEST_UPDATE_SECONDS} seconds")
        return self
