"""Score a model on the test shards and write what was found, for the gate and for people."""

from pathlib import Path

from steps.contract import StepError
from steps.evaluate.artifact import unpacked_model
from steps.evaluate.report import write_report
from steps.evaluate.results import Evaluation, summarise
from steps.evaluate.scoring import PRECISION, answer
from steps.evaluate.settings import EvaluateSettings
from steps.shards import Dataset, Shards
from steps.signature import Signature, read_signature

EVALUATION_NAME = "evaluation.json"
REPORT_NAME = "report.html"


def evaluate(settings: EvaluateSettings, model: Path, test: Path, output: Path) -> Evaluation:
    """Score the model in `model` on the shards in `test`; write evaluation.json and report.html to `output`.

    Args:
        settings: how to score.
        model: folder with model.tar.gz, which holds model.onnx and signature.json.
        test: dataset of uint8 [N, size, size, 3] shards.
        output: folder to write to; made when absent.

    Returns:
        What evaluation.json holds: shares from 0 to 1, errors in items.

    Raises:
        StepError: the archive or the dataset is missing, broken or empty, or they do not belong together.
    """
    shards = Shards(test)
    with unpacked_model(model) as folder:
        signature = read_signature(folder)
        _check_match(signature, shards.dataset)
        answers = answer(folder, signature, shards, settings.batch_size)
    evaluation = summarise(shards.labels, answers.predictions, signature, PRECISION)
    output.mkdir(parents=True, exist_ok=True)
    write_report(output / REPORT_NAME, evaluation, shards, answers, settings.gallery)
    # Last, because the gate takes this file for the sign that the evaluation is whole.
    (output / EVALUATION_NAME).write_text(evaluation.model_dump_json(indent=2, by_alias=True), encoding="utf-8")
    return evaluation


def _check_match(signature: Signature, dataset: Dataset) -> None:
    for what, expected, found in (
        ("classes", signature.classes, dataset.classes),
        ("images", signature.preprocessing, dataset.preprocessing),
    ):
        if expected != found:
            raise StepError(
                f"the model was trained for {what} of {_words(expected)}, but the test images have {_words(found)}: "
                "evaluate a model on the dataset it was trained with"
            )


def _words(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
