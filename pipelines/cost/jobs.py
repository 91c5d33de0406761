"""The jobs that a compiled definition asks for: on which machines, how many at once, and for how long at most."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.cost.prices import InstanceMeter
from pipelines.errors import PipelineError

Branch = Literal["always", "if", "else"]

WITHOUT_INSTANCES = {"Condition", "Fail", "Lambda", "Callback", "Model", "RegisterModel", "Endpoint", "EndpointConfig"}
"""Types of steps that start no job; what they cost is cents, or a month's business."""

BILLED_FAILURE = "SageMaker.JOB_INTERNAL_ERROR"
"""The one failure that a step is repeated after and that a job may have run, and been billed, before: all others keep
it from starting. Tuning steps are not repeated after it ("Retry Policy for Pipeline Steps" in the SageMaker guide)."""

DEFAULT_ATTEMPTS = 5
"""Repetitions where a policy names neither MaxAttempts nor ExpireAfterMin, by the same page."""


@dataclass(frozen=True)
class Job:
    """What a step starts.

    Attributes:
        step: the step's name.
        meter: by which AWS bills it.
        instance_type: None where only the execution will know it.
        instance_count: instances of one job; None likewise.
        volume_gb: disk of each instance; 0 for the transform jobs, which bring their own.
        longest_seconds: for which one job can be billed, with all its repetitions; None where nothing ends it.
        trials: trainings of a search; 1 for other steps.
        whole_trials: trials that cannot be stopped early, because there is nothing to compare them with yet.
        spot: takes instances that AWS may want back.
        branch: whether it always runs, or in a branch of a condition.
    """

    step: str
    meter: InstanceMeter
    instance_type: str | None
    instance_count: int | None
    volume_gb: float
    longest_seconds: float | None
    trials: int = 1
    whole_trials: int = 1
    spot: bool = False
    branch: Branch = "always"


def parameter_values(definition: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The value of every parameter, of those that the definition has: the one given, else its default.

    Raises:
        PipelineError: a parameter takes no such value.
    """
    parameters = {parameter["Name"]: parameter for parameter in definition.get("Parameters", [])}
    defaults = {name: parameter.get("DefaultValue") for name, parameter in parameters.items()}
    return {**defaults, **{name: _typed(parameters[name], value) for name, value in given.items()}}


def planned_jobs(definition: Mapping[str, Any], parameters: Mapping[str, Any]) -> list[Job]:
    """The jobs of an execution, in the order of the steps.

    Raises:
        PipelineError: by the parameters, something is asked for fewer than once.
    """
    return list(_jobs(definition.get("Steps", []), parameters, "always"))


def uncounted_steps(definition: Mapping[str, Any]) -> dict[str, str]:
    """Types of the steps that cost something unknown here, by name, such as those that start clusters of EMR."""
    counted = {"Processing", "Training", "Transform", "Tuning", *WITHOUT_INSTANCES}
    found: dict[str, str] = {}
    for step in definition.get("Steps", []):
        if step["Type"] not in counted:
            found[step["Name"]] = step["Type"]
        for branch in ("IfSteps", "ElseSteps"):
            found |= uncounted_steps({"Steps": step.get("Arguments", {}).get(branch, [])})
    return found


def _typed(parameter: Mapping[str, Any], text: str) -> Any:
    try:
        return {"Integer": int, "Float": float}.get(parameter.get("Type", ""), str)(text)
    except ValueError:
        kind = "an integer" if parameter["Type"] == "Integer" else "a number"
        raise PipelineError(f"parameter {parameter['Name']} is {kind}, not {text!r}") from None


def _jobs(steps: list[Any], parameters: Mapping[str, Any], branch: Branch) -> Iterator[Job]:
    for step in steps:
        arguments = step.get("Arguments", {})
        match step["Type"]:
            case "Processing":
                cluster = arguments["ProcessingResources"]["ClusterConfig"]
                yield _job(step, "Processing", cluster, arguments, parameters, branch)
            case "Training":
                yield _job(step, "Training", arguments["ResourceConfig"], arguments, parameters, branch)
            case "Transform":
                yield _job(step, "Transform", arguments["TransformResources"], arguments, parameters, branch)
            case "Tuning":
                yield _search(step, arguments, parameters, branch)
            case "Condition":
                yield from _jobs(arguments.get("IfSteps", []), parameters, "if" if branch == "always" else branch)
                yield from _jobs(arguments.get("ElseSteps", []), parameters, "else")


def _job(
    step: Mapping[str, Any],
    meter: InstanceMeter,
    cluster: Mapping[str, Any],
    request: Mapping[str, Any],
    parameters: Mapping[str, Any],
    branch: Branch,
    **search: int,
) -> Job:
    instance_type = _value(cluster.get("InstanceType"), parameters)
    count = _positive(step, "instances", cluster.get("InstanceCount", 1), parameters)
    runtime = _positive(step, "seconds", request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds"), parameters)
    repeated = [] if search else step.get("RetryPolicies", [])
    return Job(
        step=step["Name"],
        meter=meter,
        instance_type=instance_type if isinstance(instance_type, str) else None,
        instance_count=count,
        volume_gb=_value(cluster.get("VolumeSizeInGB", 0), parameters) or 0,
        longest_seconds=None if runtime is None else runtime + _repeated_seconds(repeated, runtime),
        spot=_value(request.get("EnableManagedSpotTraining", False), parameters) is True,
        branch=branch,
        **search,
    )


def _search(
    step: Mapping[str, Any], arguments: Mapping[str, Any], parameters: Mapping[str, Any], branch: Branch
) -> Job:
    config = arguments["HyperParameterTuningJobConfig"]
    limits = config["ResourceLimits"]
    trials = _positive(step, "trials", limits.get("MaxNumberOfTrainingJobs"), parameters) or 1
    at_once = _positive(step, "trials at once", limits.get("MaxParallelTrainingJobs"), parameters) or 1
    stops = str(config.get("TrainingJobEarlyStoppingType", "Off")).lower() == "auto"
    # A search over several algorithms says only in the execution which trial takes which machine.
    trial = arguments.get("TrainingJobDefinition", {})
    cluster = trial.get("HyperParameterTuningResourceConfig") or trial.get("ResourceConfig") or {}
    whole = min(trials, at_once) if stops else trials
    return _job(step, "Training", cluster, trial, parameters, branch, trials=trials, whole_trials=whole)


def _repeated_seconds(policies: list[Any], runtime: float) -> float:
    """For how long the repetitions of a job can be billed, seconds."""
    return sum(_policy_seconds(policy, runtime) for policy in policies if BILLED_FAILURE in policy["ExceptionType"])


def _policy_seconds(policy: Mapping[str, Any], runtime: float) -> float:
    if "ExpireAfterMin" in policy:  # no repetition starts later, so all before the last fit into this time
        return float(60 * policy["ExpireAfterMin"])
    return runtime * float(policy.get("MaxAttempts", DEFAULT_ATTEMPTS))


def _positive(step: Mapping[str, Any], what: str, expression: Any, parameters: Mapping[str, Any]) -> int | None:
    """A whole number of things, at least one; None where only an execution will know it."""
    number = _value(expression, parameters)
    if not isinstance(number, int):
        return None
    if number < 1:
        raise PipelineError(f"step {step['Name']} asks for {number} {what}: at least 1 is needed")
    return number


def _value(expression: Any, parameters: Mapping[str, Any]) -> Any:
    """A value of the definition; None where only an execution will know it."""
    match expression:
        case {"Get": str(reference)} if reference.startswith("Parameters."):
            return parameters.get(reference.removeprefix("Parameters."))
        case dict():
            return None
        case _:
            return expression
