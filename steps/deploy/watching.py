"""What keeps an endpoint of instances healthy: alarms that roll updates back, and as many instances as are needed."""

from typing import TYPE_CHECKING, Any

from steps.deploy.plan import VARIANT, alarm_names
from steps.deploy.wishes import Wishes

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

SCALED = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
_MICROSECONDS = 1000  # in a millisecond; CloudWatch has ModelLatency in microseconds
_PERIOD_SECONDS = 60


def put_alarms(cloudwatch: "CloudWatchClient", wishes: Wishes) -> None:
    """Create the alarms on errors and latency, or set them anew."""
    errors, latency = alarm_names(wishes.endpoint)
    shared: Any = {
        "Namespace": "AWS/SageMaker",
        "Dimensions": [
            {"Name": "EndpointName", "Value": wishes.endpoint},
            {"Name": "VariantName", "Value": VARIANT},
        ],
        "Period": _PERIOD_SECONDS,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    cloudwatch.put_metric_alarm(
        AlarmName=errors,
        AlarmDescription=f"More than {wishes.most_errors} answers 5xx a minute",
        MetricName="Invocation5XXErrors",
        Statistic="Sum",
        Threshold=wishes.most_errors,
        **shared,
    )
    cloudwatch.put_metric_alarm(
        AlarmName=latency,
        AlarmDescription=f"Answers take longer than {wishes.most_latency_milliseconds} ms on the mean of a minute",
        MetricName="ModelLatency",
        Statistic="Average",
        Threshold=wishes.most_latency_milliseconds * _MICROSECONDS,
        **shared,
    )


def scalable(endpoint: str) -> str:
    """What autoscaling calls the endpoint's variant."""
    return f"endpoint/{endpoint}/variant/{VARIANT}"


def put_scaling(autoscaling: Any, wishes: Wishes) -> None:
    """Have the number of instances follow the requests; SageMaker takes this once the endpoint is in service."""
    scaled = {**SCALED, "ResourceId": scalable(wishes.endpoint)}
    autoscaling.register_scalable_target(
        **scaled, MinCapacity=wishes.minimum_instances, MaxCapacity=wishes.maximum_instances
    )
    autoscaling.put_scaling_policy(
        **scaled,
        PolicyName=f"{wishes.endpoint}-requests",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": float(wishes.requests_per_instance),
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    )
