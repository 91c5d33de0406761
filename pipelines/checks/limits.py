"""Rules of size and number: documented limits of AWS's that its API model does not carry."""

from pipelines.checks.jobs import jobs
from pipelines.checks.look import at, find, objects, whole
from pipelines.checks.rule import Faults, rule
from pipelines.checks.subject import Subject
from pipelines.checks.values import misfits
from pipelines.local.definitions.policies import RETRYABLE, CacheConfig, RetryPolicy
from pipelines.local.definitions.validation import LONGEST_DEFINITION, MOST_PARAMETERS, MOST_STEPS
from pipelines.local.shapes import problems, service

# Guide "Retry Policy for Pipeline Steps".
LONGEST_INTERVAL_SECONDS = 43_200
# Guide "Caching pipeline steps"; the SageMaker SDK gives a CacheConfig to Callback and Lambda steps too.
CACHEABLE = {
    *("Processing", "Training", "Tuning", "AutoML", "Transform", "ClarifyCheck", "QualityCheck", "EMR"),
    *("Callback", "Lambda"),
}
# API reference, StoppingCondition: 28 days.
LONGEST_TRAINING_SECONDS = 28 * 86_400
# Guide "Resource Limits for Automatic Model Tuning", as far as AWS raises them.
MOST_TRIALS = {"Random": 10_000}
MOST_TRIALS_OTHERWISE = 750
MOST_PARALLEL_TRIALS = 100
MOST_SEARCHED = 30
MOST_METRICS = 20
# API reference, CreateTransformJob.
LARGEST_PAYLOAD_MB = 100
# API reference, LambdaStepMetadata.
MOST_OUTPUT_PARAMETERS = 50


@rule(
    "definition-size",
    f"CreatePipeline takes at most {LONGEST_DEFINITION:,} characters (API reference, CreatePipeline), and by default "
    f"{MOST_STEPS} steps and {MOST_PARAMETERS} parameters (general reference, SageMaker quotas).",
)
def definition_size(subject: Subject) -> Faults:
    """Too long a definition, or too many steps or parameters."""
    counted = (
        ("characters", len(subject.text), LONGEST_DEFINITION),
        ("steps", len(subject.steps), MOST_STEPS),
        ("parameters", len(subject.parameters), MOST_PARAMETERS),
    )
    for what, count, most in counted:
        if count > most:
            yield "", f"the definition has {count:,} {what}: at most {most:,} are allowed"


@rule(
    "names",
    "Names of steps have at most 64 and those of parameters at most 256 letters, digits, hyphens and underscores (API "
    "reference, PipelineExecutionStep and Parameter).",
)
def names(subject: Subject) -> Faults:
    """Names that are too long, empty, or hold other characters."""
    for step in subject.steps:
        if not step.name:
            yield "", "a step's Name is empty"
        for problem in problems(service().shape_for("StepName"), step.name, path="Name"):
            yield step.name, problem
    for parameter in subject.parameters:
        for problem in problems(service().shape_for("PipelineParameterName"), parameter["Name"], path="Name"):
            yield "", f"parameter: {problem}"


@rule(
    "retry-policy",
    "A retry policy names error types that exist, and its interval (12 hours at most), attempts (20) and span (10 "
    "days) are bounded; not every type of step takes one (guide 'Retry Policy for Pipeline Steps').",
)
def retry_policy(subject: Subject) -> Faults:
    """Retry policies that AWS would refuse."""
    for step in subject.steps:
        policies = step.body.get("RetryPolicies", [])
        if policies and step.type not in RETRYABLE | {"AutoML"}:
            yield step.name, f"{step.type} steps take no RetryPolicies"
        for index, policy in enumerate(policies):
            where = f"RetryPolicies[{index}]"
            for sentence in misfits(RetryPolicy, policy, where):
                yield step.name, sentence
            interval = whole(at(policy, "IntervalSeconds"))
            if interval is not None and interval > LONGEST_INTERVAL_SECONDS:
                yield step.name, f"{where}.IntervalSeconds is {interval}: at most {LONGEST_INTERVAL_SECONDS} is allowed"


@rule(
    "cache-config",
    "A cache needs the ISO 8601 age up to which results are reused, and only some types of step have one (guide "
    "'Caching pipeline steps').",
)
def cache_config(subject: Subject) -> Faults:
    """Cache settings that AWS would refuse."""
    for step in subject.steps:
        if "CacheConfig" in step.body:
            if step.type not in CACHEABLE:
                yield step.name, f"{step.type} steps have no step cache"
            for sentence in misfits(CacheConfig, step.body["CacheConfig"], "CacheConfig"):
                yield step.name, sentence


@rule("training-time", "A training is stopped after 28 days at the latest (API reference, StoppingCondition).")
def training_time(subject: Subject) -> Faults:
    """Trainings that are given more time than there is."""
    for job in jobs(subject):
        seconds = whole(job.runtime)
        if job.trains and seconds is not None and seconds > LONGEST_TRAINING_SECONDS:
            yield job.step, f"MaxRuntimeInSeconds is {seconds}: at most {LONGEST_TRAINING_SECONDS} is allowed"


@rule(
    "tuning-limits",
    f"A tuning job runs at most {MOST_TRIALS_OTHERWISE} trainings ({MOST_TRIALS['Random']:,} in a random search), "
    f"{MOST_PARALLEL_TRIALS} at once, searches {MOST_SEARCHED} hyperparameters and has {MOST_METRICS} metrics (guide "
    "'Resource Limits for Automatic Model Tuning').",
)
def tuning_limits(subject: Subject) -> Faults:
    """Tuning jobs that are too large."""
    for step in subject.steps:
        if step.type != "Tuning":
            continue
        config = at(step.arguments, "HyperParameterTuningJobConfig")
        limits = at(config, "ResourceLimits")
        trials, parallel = (whole(at(limits, name)) for name in ("MaxNumberOfTrainingJobs", "MaxParallelTrainingJobs"))
        most = MOST_TRIALS.get(str(at(config, "Strategy")), MOST_TRIALS_OTHERWISE)
        kinds = ("Categorical", "Continuous", "Integer")
        searched = sum(len(objects(config, f"ParameterRanges.{kind}ParameterRanges")) for kind in kinds)
        metrics = len(list(find(step.arguments, "TrainingJobDefinition.AlgorithmSpecification.MetricDefinitions[]")))
        counted = (
            ("trainings", trials, most),
            ("trainings at once", parallel, MOST_PARALLEL_TRIALS),
            ("searched hyperparameters", searched, MOST_SEARCHED),
            ("metrics", metrics, MOST_METRICS),
        )
        for what, count, limit in counted:
            if count is not None and count > limit:
                yield step.name, f"it has {count} {what}: at most {limit} are allowed"
        if trials is not None and parallel is not None and parallel > trials:
            yield step.name, f"MaxParallelTrainingJobs is {parallel}, more than all {trials} trainings"


@rule(
    "transform-payload",
    f"A request of a transform job holds at most {LARGEST_PAYLOAD_MB} MB, and those sent to an instance at once no "
    "more than that together (API reference, CreateTransformJob).",
)
def transform_payload(subject: Subject) -> Faults:
    """Transform jobs whose requests are too large."""
    for step in subject.steps:
        if step.type == "Transform":
            payload = whole(at(step.arguments, "MaxPayloadInMB")) or 0
            requests = max(whole(at(step.arguments, "MaxConcurrentTransforms")) or 0, 1)
            if payload * requests > LARGEST_PAYLOAD_MB:
                yield step.name, f"{requests} x {payload} MB at once: at most {LARGEST_PAYLOAD_MB} MB are allowed"


@rule(
    "output-parameters",
    f"A function step has at most {MOST_OUTPUT_PARAMETERS} outputs, each a String, Integer, Boolean or Float (API "
    "reference, LambdaStepMetadata; guide 'Pipelines steps').",
)
def output_parameters(subject: Subject) -> Faults:
    """Outputs of function steps that AWS would refuse."""
    for step in subject.steps:
        outputs = step.body.get("OutputParameters", [])
        if len(outputs) > MOST_OUTPUT_PARAMETERS:
            yield step.name, f"it has {len(outputs)} OutputParameters: at most {MOST_OUTPUT_PARAMETERS} are allowed"
        for index, output in enumerate(outputs):
            if not isinstance(at(output, "OutputName"), str):
                yield step.name, f"OutputParameters[{index}] must have an OutputName"
            if at(output, "OutputType") not in ("String", "Integer", "Boolean", "Float"):
                yield step.name, f"OutputParameters[{index}].OutputType must be String, Integer, Boolean or Float"
