"""The quotas: as many instances of each type as an execution uses at once, and its endpoint."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from pipelines.config import Config
from pipelines.doctor.finding import Finding, ok, to_do
from pipelines.target import Target

SERVICE = "sagemaker"


def needed_instances(config: Config) -> dict[str, int]:
    """Instances that an execution uses at once at most, and the endpoint, by the name of their quota.

    Explore runs beside Tune, Train and Evaluate, the other processing steps alone; Tune runs its trials side by side,
    and ends before Train begins. An endpoint on instances is doubled while it is updated.
    """
    machines = config.machines
    processing: Counter[str] = Counter()
    for steps in ((machines.catalog,), (machines.ingest,), (machines.explore, machines.evaluate)):
        at_once: Counter[str] = Counter()
        for machine in steps:
            at_once[machine.instance_type] += machine.instance_count
        processing |= at_once
    needed = {f"{kind} for processing job usage": count for kind, count in sorted(processing.items())}
    use = "spot training job usage" if machines.train.spot else "training job usage"
    trials = config.tune.parallel_jobs if config.tune else 1
    needed[f"{machines.train.instance_type} for {use}"] = trials * machines.train.instance_count
    deploy = config.deploy
    if deploy and deploy.hosting == "instance":
        count = max(2 * deploy.minimum_instances, deploy.maximum_instances)
        needed[f"{deploy.instance_type} for endpoint usage"] = count
    return needed


def check_quotas(target: Target, config: Config) -> Iterator[Finding]:
    """Each quota is large enough; where the account has no value of its own, AWS's default counts."""
    needed = needed_instances(config)
    quotas = target.client("service-quotas")
    allowed = _values(quotas.get_paginator("list_service_quotas"), set(needed))
    if needed.keys() - allowed.keys():
        defaults = _values(quotas.get_paginator("list_aws_default_service_quotas"), needed.keys() - allowed.keys())
        allowed = {**defaults, **allowed}
    for name, count in needed.items():
        yield _judge(name, count, allowed.get(name))


def _judge(name: str, count: int, allowed: float | None) -> Finding:
    if allowed is None:
        kind = name.partition(" ")[0]
        return to_do("quota", f"Service Quotas knows no '{name}': is {kind} an instance type of this region?")
    if allowed < count:
        return to_do("quota", f"request {count} for '{name}' in Service Quotas, Amazon SageMaker: it is {allowed:g}")
    return ok("quota", f"'{name}' is {allowed:g}, {count} needed")


def _values(paginator: Any, names: set[str]) -> dict[str, float]:
    """Value of each of these quotas, as far as they are listed; SageMaker has thousands, so the search ends early."""
    found: dict[str, float] = {}
    for page in paginator.paginate(ServiceCode=SERVICE, PaginationConfig={"PageSize": 100}):
        found |= {each["QuotaName"]: each["Value"] for each in page["Quotas"] if each["QuotaName"] in names}
        if len(found) == len(names):
            break
    return found
