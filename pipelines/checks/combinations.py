"""Rules of fields that need, bound or exclude each other, which AWS's API model cannot say."""

from collections.abc import Iterator

from pipelines.checks.jobs import jobs
from pipelines.checks.look import Json, at, find, mapping, objects, whole
from pipelines.checks.rule import Faults, rule
from pipelines.checks.subject import Step, Subject

# EC2 user guide, "Instance store volumes", of the families that SageMaker has.
LOCAL_STORAGE = {
    *("g4dn", "g5", "g6", "g6e", "g7", "g7e", "r5d", "trn1", "trn1n", "trn2"),
    *("p3dn", "p4d", "p4de", "p5", "p5e", "p5en", "p6-b200", "p6-b300", "p6e-gb200"),
}
PROCESSING = "/opt/ml/processing/"
TUNING = "HyperParameterTuningJobConfig"


@rule(
    "spot-wait",
    "A training on spot instances needs MaxWaitTimeInSeconds, no shorter than MaxRuntimeInSeconds, and one on demand "
    "must not have it (API reference, StoppingCondition).",
)
def spot_wait(subject: Subject) -> Faults:
    """Trainings whose waiting time does not fit."""
    for job in jobs(subject):
        if not job.trains:
            continue
        spot = at(job.request, "EnableManagedSpotTraining") is True
        wait, run = whole(at(job.request, "StoppingCondition.MaxWaitTimeInSeconds")), whole(job.runtime)
        if spot and wait is None:
            yield job.step, "it runs on spot instances without MaxWaitTimeInSeconds"
        elif spot and wait is not None and run is not None and wait < run:
            yield job.step, f"MaxWaitTimeInSeconds, {wait}, is less than MaxRuntimeInSeconds, {run}"
        elif not spot and wait is not None:
            yield job.step, "MaxWaitTimeInSeconds is for spot instances, which it does not run on"


@rule(
    "local-storage-key",
    "Instances with local storage encrypt it by themselves, and a job on them that names a VolumeKmsKeyId is refused "
    "(API reference, ResourceConfig).",
)
def local_storage_key(subject: Subject) -> Faults:
    """Keys for volumes that take none."""
    for job in jobs(subject):
        if job.machine.get("VolumeKmsKeyId") and has_local_storage(job.machine):
            yield job.step, f"{job.machine['InstanceType']} has local storage: leave VolumeKmsKeyId out"


def has_local_storage(machine: Json) -> bool:
    """Whether the machine's instances bring storage of their own."""
    kind = machine.get("InstanceType")
    return isinstance(kind, str) and kind.removeprefix("ml.").partition(".")[0] in LOCAL_STORAGE


@rule(
    "tag-keys",
    "Keys of tags are unique and do not begin with aws:, and a model package of a group takes the group's tags, none "
    "of its own (API reference, AddTags and CreateModelPackage).",
)
def tag_keys(subject: Subject) -> Faults:
    """Tags that AWS would refuse."""
    for step in subject.steps:
        keys = [str(tag.get("Key")) for tag in objects(step.arguments, "Tags")]
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            yield step.name, f"the tag {key!r} is given twice"
        for key in keys:
            if key.lower().startswith("aws:"):
                yield step.name, f"the tag {key!r} begins with aws:, which is AWS's own"
        if step.type == "RegisterModel" and keys and "ModelPackageGroupName" in step.arguments:
            yield step.name, "a model package of a group takes the group's tags: leave Tags out"


@rule(
    "training-program",
    "A training names either an image or an algorithm, and instances to run on (API reference, AlgorithmSpecification "
    "and ResourceConfig).",
)
def training_program(subject: Subject) -> Faults:
    """Trainings of which it is not clear what runs where."""
    for job in jobs(subject):
        if job.trains:
            algorithm = mapping(job.request, "AlgorithmSpecification")
            if len({"TrainingImage", "AlgorithmName"} & algorithm.keys()) != 1:
                yield job.step, "AlgorithmSpecification must have TrainingImage or AlgorithmName, and not both"
            if not {"ResourceConfig", "HyperParameterTuningResourceConfig", "ServerlessJobConfig"} & job.request.keys():
                yield job.step, "ResourceConfig is missing"


@rule(
    "tuning-search",
    "A search needs an objective that the trainings report, ranges that are not empty, and no hyperparameter that is "
    "searched and fixed at once (API reference, CreateHyperParameterTuningJob).",
)
def tuning_search(subject: Subject) -> Faults:
    """Tuning jobs whose search makes no sense."""
    for step in subject.steps:
        if step.type == "Tuning":
            ranges = list(_ranges(step))
            static = mapping(step.arguments, "TrainingJobDefinition.StaticHyperParameters")
            for name in sorted({str(each.get("Name")) for each in ranges} & static.keys()):
                yield step.name, f"the hyperparameter {name!r} is both searched and in StaticHyperParameters"
            for each in ranges:
                if "MinValue" in each and not _ordered(each):
                    yield (
                        step.name,
                        (
                            f"the range of {each.get('Name')!r} must go from a number to a larger one, "
                            "above 0 where its scale is logarithmic"
                        ),
                    )
            yield from _unreported(step)


def _ranges(step: Step) -> Iterator[Json]:
    for kind in ("Categorical", "Continuous", "Integer"):
        yield from objects(step.arguments, f"{TUNING}.ParameterRanges.{kind}ParameterRanges")


def _ordered(values: Json) -> bool:
    try:
        low, high = float(values["MinValue"]), float(values["MaxValue"])
    except (KeyError, TypeError, ValueError):
        return isinstance(values["MinValue"], dict) or isinstance(values.get("MaxValue"), dict)  # known when it runs
    return low < high and (low > 0 or values.get("ScalingType") != "Logarithmic")


def _unreported(step: Step) -> Faults:
    wanted = at(step.arguments, f"{TUNING}.HyperParameterTuningJobObjective.MetricName")
    metrics = objects(step.arguments, "TrainingJobDefinition.AlgorithmSpecification.MetricDefinitions")
    reported = [metric.get("Name") for metric in metrics]
    if isinstance(wanted, str) and reported and wanted not in reported:
        yield step.name, f"the objective {wanted!r} is not among MetricDefinitions: {', '.join(map(str, reported))}"


@rule(
    "unique-entries",
    "Inputs, outputs and channels have names of their own, and folders of a processing job lie below "
    f"{PROCESSING}, each its own (API reference, ProcessingS3Input).",
)
def unique_entries(subject: Subject) -> Faults:
    """Names and folders that collide, or lie elsewhere."""
    for job in jobs(subject):
        for path in (
            "InputDataConfig[].ChannelName",
            "ProcessingInputs[].InputName",
            "ProcessingOutputConfig.Outputs[].OutputName",
        ):
            yield from _repeated(job.step, path, [value for _, value in find(job.request, path)])
        folders = [
            folder
            for path in ("ProcessingInputs[].S3Input.LocalPath", "ProcessingOutputConfig.Outputs[].S3Output.LocalPath")
            for _, folder in find(job.request, path)
        ]
        yield from _repeated(job.step, "LocalPath", folders)
        for folder in folders:
            if isinstance(folder, str) and not folder.startswith(PROCESSING):
                yield job.step, f"the folder {folder!r} must begin with {PROCESSING}"


def _repeated(step: str, what: str, values: list[object]) -> Faults:
    texts = [value for value in values if isinstance(value, str)]
    for text in sorted({text for text in texts if texts.count(text) > 1}):
        yield step, f"{what.rpartition('.')[2]} {text!r} is given twice"
