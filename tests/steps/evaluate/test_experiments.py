"""The figures that are logged to SageMaker Experiments."""

import logging

from steps.evaluate.experiments import figures, log_figures


def test_named_classes_log_their_own_figures_and_none_of_counts(score, make_model, write_split):
    animals = ("ant", "bee", "cat")
    logged = figures(score(make_model(classes=animals), write_split([(0, 0), (1, 2)], animals)))
    assert {"test:accuracy", "test:top_5", "test:macro_f1"} < set(logged)
    assert not {"test:rmse", "test:mae", "test:within_one"} & set(logged)


def test_a_job_without_a_trial_component_is_a_quiet_line_and_no_warning(bucket, score, model, split, caplog):
    evaluation = score(model, split)
    with caplog.at_level(logging.INFO, "steps"):
        log_figures("nowhere", evaluation)
    own = [(record.levelname, record.getMessage()) for record in caplog.records if record.name.startswith("steps.")]
    assert own == [("INFO", "the job has no trial component; its figures are in evaluation.json")]
