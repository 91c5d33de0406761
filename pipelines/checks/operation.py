"""Policies of operation: time, money, and where data comes from and goes to."""

from pipelines.checks.graph import waited_for
from pipelines.checks.jobs import Job, jobs
from pipelines.checks.look import at, objects
from pipelines.checks.rule import Faults, rule
from pipelines.checks.subject import Subject
from pipelines.checks.values import references_in, written_text

TAGGED = {"Processing", "Training", "Tuning", "Transform", "Model", "EndpointConfig", "Endpoint"}


@rule(
    "maximum-runtime",
    "A job that hangs costs until it is stopped: a day by default (API reference, StoppingCondition).",
)
def maximum_runtime(subject: Subject) -> Faults:
    """Jobs without a time of their own."""
    for job in jobs(subject):
        if job.has_time and job.runtime is None:
            yield job.step, "StoppingCondition.MaxRuntimeInSeconds is missing"


@rule(
    "spot-training",
    "Trainings can be interrupted and go on from a checkpoint, and spot instances cost up to 90 % less (guide 'Managed "
    "Spot Training in Amazon SageMaker AI').",
)
def spot_training(subject: Subject) -> Faults:
    """Trainings on instances at the full price."""
    for job in jobs(subject):
        if job.trains and at(job.request, "EnableManagedSpotTraining") is not True:
            yield job.step, "EnableManagedSpotTraining must be true"


@rule(
    "spot-checkpoints",
    "A training on spot instances that writes no checkpoints starts anew after every interruption (guide 'Managed Spot "
    "Training in Amazon SageMaker AI'); trials of a tuning job are exempt, since they would share them.",
)
def spot_checkpoints(subject: Subject) -> Faults:
    """Trainings that an interruption throws back to their beginning."""
    for job in jobs(subject):
        spot = at(job.request, "EnableManagedSpotTraining") is True
        if job.type == "Training" and spot and at(job.request, "CheckpointConfig.S3Uri") is None:
            yield job.step, "it runs on spot instances without a CheckpointConfig"


@rule("tagged", "What carries no tag is found in no cost report (guide 'Organizing and tracking costs using tags').")
def tagged(subject: Subject) -> Faults:
    """Jobs and models without a tag; model packages take their group's."""
    for step in subject.steps:
        if step.type in TAGGED and not objects(step.arguments, "Tags"):
            yield step.name, "it has no Tags"


@rule(
    "own-bucket",
    "Roles may write to the project's own bucket alone, which is private and encrypted: an output elsewhere fails, or "
    "is out of one's hands.",
)
def own_bucket(subject: Subject) -> Faults:
    """Outputs outside the project's bucket."""
    for job in jobs(subject):
        for where, value in job.outputs():
            uri = written_text(value)
            if uri is not None and not f"{uri}/".startswith(f"s3://{subject.bucket}/"):
                yield job.step, f"{where} is {uri!r}: outputs go below s3://{subject.bucket}"


@rule(
    "known-inputs",
    "An input is what lies outside the pipeline, or what another step writes and is referred to as such: a copied URI "
    "makes no step wait, and finds nothing or what an earlier execution left.",
)
def known_inputs(subject: Subject) -> Faults:
    """Inputs that point at outputs of this pipeline without referring to the step that writes them."""
    written = {uri.rstrip("/"): job.step for job in jobs(subject) for _, uri in _texts(job) if uri}
    waits = {step.name: set(waited_for(step)) for step in subject.steps}
    for job in jobs(subject):
        for where, value in job.inputs():
            uri = written_text(value)
            if uri is None or any(found.kind == "step" for found in references_in(value)):
                continue
            writer = next((step for output, step in written.items() if f"{uri}/".startswith(f"{output}/")), None)
            if writer is None and uri.startswith(f"s3://{subject.bucket}/{subject.pipeline}/"):
                yield job.step, f"{where} is {uri!r}, which no step writes"
            elif writer is not None and writer not in waits[job.step]:
                yield job.step, f"{where} is written by {writer}, but does not refer to it: the step would not wait"


def _texts(job: Job) -> list[tuple[str, str | None]]:
    return [(where, written_text(value)) for where, value in job.outputs()]
