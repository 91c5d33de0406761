"""Where AWS's console shows a job."""

from pipelines.target import Target

PAGES = {
    "processing-job": "processing-jobs",
    "training-job": "jobs",
    "hyper-parameter-tuning-job": "hyper-tuning-jobs",
    "transform-job": "transform-jobs",
}
"""The console's page of a job, by the resource in its ARN."""
HOSTS = {
    "aws": "{region}.console.aws.amazon.com",
    "aws-cn": "{region}.console.amazonaws.cn",
    "aws-us-gov": "{region}.console.amazonaws-us-gov.com",
}


def console_link(target: Target, arn: str) -> str:
    """URL of the console's page of what a step made; empty where there is none, as for an embedded SageMaker."""
    resource, _, name = arn.rpartition(":")[2].partition("/")
    if not (target.on_aws and resource in PAGES and target.partition in HOSTS):
        return ""
    host = HOSTS[target.partition].format(region=target.region)
    return f"https://{host}/sagemaker/home?region={target.region}#/{PAGES[resource]}/{name}"
