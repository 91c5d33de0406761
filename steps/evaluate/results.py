"""What evaluation.json holds: SageMaker's model quality form, which Studio shows, and a block of our own."""

from pydantic import Field

from steps.decision import Rule
from steps.figures import Part, Rounded
from steps.preprocessing import ContrastRule, ResizeRule


class Metric(Part):
    """A figure, and the standard deviation it would have over other test sets of this size."""

    value: Rounded
    standard_deviation: float = Field(ge=0, description="formulas: the *_standard_error functions of steps/metrics.py")


class ClassificationMetrics(Part):
    """The model as a classifier: an answer is right or wrong."""

    accuracy: Metric = Field(description="share of right answers, 0 to 1")
    confusion_matrix: dict[str, dict[str, int]] = Field(description="images by true class, then by answered class")


class RegressionMetrics(Part):
    """The model as a counter: an answer is so many items off."""

    rmse: Metric = Field(description="root mean squared error, items")
    mae: Metric = Field(description="mean absolute error, items")


class Estimate(Part):
    """A figure and the interval that chance moves it in; see steps/evaluate/bootstrap.py."""

    value: Rounded
    low: Rounded
    high: Rounded


class CountingFigures(Part):
    """Figures that only counts have."""

    rmse: Estimate = Field(description="root mean squared error, items")
    mae: Estimate = Field(description="mean absolute error, items")
    within_one: Estimate = Field(description="share of answers at most one item off, 0 to 1")
    expected_rmse: Estimate = Field(
        description="RMSE of the mean count, fractions allowed, instead of the answered count; items"
    )


class NamingFigures(Part):
    """Figures that are of use where there are many classes and none is nearer to another."""

    top_5: Estimate = Field(description="share of images whose class is among the five likeliest, 0 to 1")
    macro_f1: Estimate = Field(description="mean over classes of F1, 0 to 1; large classes count no more than small")


class ClassResult(Part):
    """The scores of one class; null where there is no image to tell."""

    name: str = Field(alias="class")
    images: int = Field(description="images of this class")
    answers: int = Field(description="images that were answered to be of this class")
    accuracy: Estimate | None = Field(description="share of its images answered right (recall), 0 to 1")
    precision: float | None = Field(description="share of its answers that are right, 0 to 1")
    rmse: float | None = Field(description="of its images, items; counts only")
    mae: float | None = Field(description="of its images, items; counts only")


class CountingBaseline(Part):
    """What always giving one count costs."""

    rmse: float = Field(description="of always answering the commonest class, items")
    within_one: float = Field(description="of always answering the commonest class, 0 to 1")
    best_constant: str = Field(description="the class which, always answered, has the lowest RMSE")
    best_constant_rmse: float = Field(description="items")


class Baseline(Part):
    """What one gets without looking at the image."""

    commonest: str = Field(description="the class most images have")
    accuracy: float = Field(description="of always answering the commonest class: the most a constant answer reaches")
    counting: CountingBaseline | None = Field(description="counts only")


class ReliabilityBin(Part):
    """Answers about equally sure."""

    images: int
    confidence: float = Field(description="mean probability the model gave its answers, 0 to 1")
    accuracy: float = Field(description="share of them that are right, 0 to 1")


class Calibration(Part):
    """Whether answers are as often right as the model says."""

    error: Rounded = Field(description="expected calibration error, 0 to 1")
    bins: tuple[ReliabilityBin, ...] = Field(description="those that hold an image, least sure first")


class CoveragePoint(Part):
    """What is reached when only the surest answers are given."""

    coverage: float = Field(description="share of images that are answered")
    images: int
    least_confidence: float = Field(description="of the answers given, 0 to 1: the threshold to abstain below")
    accuracy: float = Field(description="of the answers given, 0 to 1")
    rmse: float | None = Field(description="of the answers given, items; counts only")


class Difference(Estimate):
    """This model's figure less the champion's, on the same images and resamples."""

    worse_share: float = Field(description="share of resamples in which this model loses more than is tolerated")


class Champion(Part):
    """How this model stands against the latest approved one.

    `not_worse` is a number because conditions of pipelines compare numbers. It is 1 without a champion, and 0 with one
    that cannot be compared: what was not shown is not claimed.
    """

    package: str | None = Field(description="ARN of the champion's model package; null when there is none")
    version: int | None
    accuracy: float | None = Field(description="the champion's, 0 to 1; null when it could not be compared")
    rmse: float | None = Field(description="the champion's, items; counts only")
    accuracy_difference: Difference | None
    rmse_difference: Difference | None
    not_worse: float = Field(ge=0, le=1, description="1 or 0")
    statement: str = Field(description="the comparison for people: a clause without capital and full stop")


class Provenance(Part):
    """Which model was scored, and how."""

    architecture: str
    training_job: str
    classes: tuple[str, ...]
    size: int = Field(description="height and width of the input, pixels")
    resize: ResizeRule
    contrast: ContrastRule
    precision: str = Field(description="arithmetic of the runtime while scoring")
    rule: Rule = Field(description="how probabilities become an answer")
    temperature: float
    mirrored: bool = Field(description="whether the mirrored image was looked at too")


class Detail(Part):
    """What SageMaker's form has no place for."""

    images: int = Field(description="images scored")
    groups: int = Field(description="groups of images that belong together; intervals resample these")
    level: float = Field(description="share of resamples that intervals span")
    accuracy: Estimate
    counting: CountingFigures | None = Field(description="null for named classes")
    naming: NamingFigures | None = Field(description="null for counts")
    per_class: tuple[ClassResult, ...]
    baseline: Baseline
    calibration: Calibration
    coverage: tuple[CoveragePoint, ...]
    champion: Champion
    model: Provenance


class Evaluation(Part):
    """The content of evaluation.json; the quality gate reads the accuracy, the RMSE and `not_worse`."""

    multiclass_classification_metrics: ClassificationMetrics
    regression_metrics: RegressionMetrics | None = Field(description="counts only; left out for named classes")
    detail: Detail


def headline(evaluation: Evaluation) -> str:
    """The figures that decide, in a line."""
    text = f"accuracy {evaluation.multiclass_classification_metrics.accuracy.value:.1%}"
    if evaluation.regression_metrics:
        text += f" and RMSE {evaluation.regression_metrics.rmse.value:.3f} items"
    return f"{text} on {evaluation.detail.images:,} images of the test split"
