"""What the evaluation container runs: python -m steps.evaluate."""

from steps.contract import processing_job
from steps.evaluate.evaluate import evaluate
from steps.evaluate.settings import EvaluateSettings

if __name__ == "__main__":
    with processing_job(EvaluateSettings) as job:
        evaluate(job.settings, job.input("model"), job.input("test"), job.output("evaluation"))
