"""What the evaluation container runs: python -m steps.evaluate."""

import logging

from steps.contract import processing_job
from steps.evaluate.evaluate import evaluate
from steps.evaluate.experiments import log_figures
from steps.evaluate.results import headline
from steps.evaluate.settings import EvaluateArguments
from steps.registry import latest_approved

if __name__ == "__main__":
    with processing_job(EvaluateArguments) as job:
        group = job.settings.champion_group
        evaluation = evaluate(
            job.settings,
            model=job.input("model"),
            test=job.input("test"),
            catalog=job.input("catalog"),
            output=job.output("evaluation"),
            champion=latest_approved(group) if group else None,
        )
        log_figures(job.name, evaluation)
        logging.getLogger("steps.evaluate").info(headline(evaluation))
