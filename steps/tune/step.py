"""Declares the tune step: the training program run with different hyperparameters, the best of which are kept."""

from collections.abc import Mapping

from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.parameter import ParameterRange
from sagemaker.tuner import CategoricalParameter, ContinuousParameter, HyperparameterTuner, IntegerParameter
from sagemaker.workflow.entities import PipelineVariable
from sagemaker.workflow.steps import TuningStep

from steps.declaration import StepContext, reuse_results
from steps.tune.settings import TuneSettings


def tune_step(
    context: StepContext, settings: TuneSettings, estimator: Estimator, channels: Mapping[str, TrainingInput]
) -> TuningStep:
    """Search with Bayesian optimisation.

    Args:
        context: the project's surroundings.
        settings: what is searched.
        estimator: the training of a trial, one of its own, since its epochs are set here.
        channels: what it is trained on.
    """
    estimator.set_hyperparameters(precision="float32")  # nobody is served by a trial: quantising it would be wasted
    if settings.trial_epochs is not None:
        estimator.set_hyperparameters(epochs=str(settings.trial_epochs))
    tuner = HyperparameterTuner(
        estimator,
        objective_metric_name=settings.objective,
        objective_type="Maximize" if settings.maximize else "Minimize",
        hyperparameter_ranges={name: _range(settings, name) for name in settings.tuned},
        metric_definitions=estimator.metric_definitions,
        strategy="Bayesian",
        max_jobs=settings.jobs,
        max_parallel_jobs=settings.parallel_jobs,
        early_stopping_type="Auto" if settings.early_stopping else "Off",
        random_seed=settings.seed,
        tags=context.tag_list,
    )
    return TuningStep(
        name="Tune",
        step_args=tuner.fit(dict(channels)),
        cache_config=reuse_results(context.cache_expires_after),
        retry_policies=context.job_retries,
    )


def best_values(step: TuningStep, settings: TuneSettings) -> dict[str, PipelineVariable]:
    """The hyperparameters of the best trial, as references that also make the reader wait for the step."""
    tuned = step.properties.BestTrainingJob.TunedHyperParameters
    return {name: tuned[name] for name in settings.tuned}


def _range(settings: TuneSettings, name: str) -> ParameterRange:
    values = getattr(settings, name)
    if name == "batch_size":
        return CategoricalParameter(list(values))
    if name == "epochs":
        return IntegerParameter(*values, scaling_type="Linear")
    return ContinuousParameter(*values, scaling_type="Linear" if name == "label_softness" else "Logarithmic")
