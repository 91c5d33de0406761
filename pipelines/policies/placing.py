"""Fill the names of a pipeline into the policies of the people who work on it."""

from pathlib import Path

from pipelines.config import Config

FOLDER = Path(__file__).parent
LONGEST = 6144
"""Characters of a managed policy, white space aside: IAM's quota, which nobody can have raised."""


def policy_names() -> list[str]:
    """Names of the policies: who needs it, and then what for."""
    return sorted(file.stem for file in FOLDER.glob("*.json"))


def place_policy(name: str, config: Config, partition: str) -> str:
    """A policy for one pipeline, as the JSON that IAM takes.

    Args:
        name: one of `policy_names`.
        config: the configuration, as `Config.placed` answers it.
        partition: such as aws, of ARNs.
    """
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    values = {
        "AWS::Partition": partition,
        "AWS::StackName": config.name,
        "BucketName": config.bucket,
        # A pipeline that deploys nothing has no endpoint; its policies then name one that is not there.
        "EndpointName": config.deploy.endpoint if config.deploy else config.name,
        "ModelGroup": config.register_.group,
    }
    for placeholder, value in values.items():
        text = text.replace(f"${{{placeholder}}}", value)
    return text


def write_policies(folder: Path, config: Config, partition: str) -> list[Path]:
    """Write all policies for one pipeline; their files, which are named by pipeline and policy."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in policy_names():
        file = folder / f"{config.name}-{name}.json"
        file.write_text(place_policy(name, config, partition), encoding="utf-8")
        files.append(file)
    return files
