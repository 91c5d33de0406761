"""Score a model on the test shards and write what was found, for the gate and for people."""

from pathlib import Path

from steps.contract import StepError
from steps.counting import are_counts
from steps.evaluate.artifact import unpacked_model
from steps.evaluate.bootstrap import ClusterBootstrap
from steps.evaluate.comparison import compare, mismatch
from steps.evaluate.groups import group_numbers
from steps.evaluate.report import write_report
from steps.evaluate.results import Evaluation
from steps.evaluate.settings import EvaluateArguments
from steps.evaluate.summary import Scored, summarise
from steps.registry import ApprovedPackage
from steps.scoring import answer
from steps.shards import Shards
from steps.signature import read_signature

EVALUATION_NAME = "evaluation.json"
REPORT_NAME = "report.html"


def evaluate(
    settings: EvaluateArguments,
    model: Path,
    test: Path,
    catalog: Path,
    output: Path,
    champion: ApprovedPackage | None = None,
) -> Evaluation:
    """Score the model in `model` on the shards in `test`; write evaluation.json and report.html to `output`.

    Args:
        settings: how to score, and what the gate asks for.
        model: folder with model.tar.gz, which holds model.onnx and signature.json.
        test: dataset of uint8 [N, size, size, 3] shards.
        catalog: folder of the catalog that they were ingested from; it tells which images belong together.
        output: folder to write to; made when absent.
        champion: the model to compare with; one that cannot be compared is said so.

    Returns:
        What evaluation.json holds: shares from 0 to 1, errors in items.

    Raises:
        StepError: the archive, the dataset or the catalog is missing, broken or empty, or they do not belong together.
    """
    shards = Shards(test)
    _check_gate(settings, shards.dataset.classes)
    bootstrap = ClusterBootstrap(group_numbers(catalog, shards.ids), settings.resamples, settings.seed)
    with unpacked_model(model) as folder:
        signature = read_signature(folder)
        if difference := mismatch(signature, shards.dataset):
            raise StepError(f"the model {difference}: evaluate a model on the dataset it was trained with")
        answers = answer(folder, signature, shards, settings.batch_size)
    scored = Scored(shards.labels, answers, signature, bootstrap, settings.level)
    evaluation = summarise(scored, compare(settings, scored, shards, champion))
    output.mkdir(parents=True, exist_ok=True)
    write_report(output / REPORT_NAME, settings, evaluation, shards, answers)
    # Last, because the gate takes this file for the sign that the evaluation is whole.
    (output / EVALUATION_NAME).write_text(_as_json(evaluation), encoding="utf-8")
    return evaluation


def _check_gate(settings: EvaluateArguments, classes: tuple[str, ...]) -> None:
    if settings.maximum_rmse is not None and not are_counts(classes):
        raise StepError(
            f"the gate limits the RMSE to {settings.maximum_rmse:g} items, but the classes {', '.join(classes[:3])}, "
            "... are no counts: leave maximum_rmse out of [gate]"
        )


def _as_json(evaluation: Evaluation) -> str:
    # Readers of SageMaker's form take a family of metrics that is there for one that has figures.
    absent = None if evaluation.regression_metrics else {"regression_metrics"}
    return evaluation.model_dump_json(indent=2, by_alias=True, exclude=absent)
