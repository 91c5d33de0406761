"""A pipeline compiled by the SageMaker SDK runs as it was written."""

import json
import warnings

import pytest


@pytest.fixture(scope="module")
def pipeline(tiny):
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # the SDK looks there for a configuration
        yield compile_pipeline(tiny)


def compile_pipeline(tiny):
    from sagemaker.estimator import Estimator
    from sagemaker.inputs import TrainingInput
    from sagemaker.model import Model
    from sagemaker.model_metrics import MetricsSource, ModelMetrics
    from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
    from sagemaker.workflow.condition_step import ConditionStep
    from sagemaker.workflow.conditions import (
        ConditionEquals,
        ConditionGreaterThanOrEqualTo,
        ConditionIn,
        ConditionNot,
        ConditionOr,
    )
    from sagemaker.workflow.execution_variables import ExecutionVariables
    from sagemaker.workflow.fail_step import FailStep
    from sagemaker.workflow.functions import Join, JsonGet
    from sagemaker.workflow.model_step import ModelStep
    from sagemaker.workflow.parameters import ParameterBoolean, ParameterFloat, ParameterInteger, ParameterString
    from sagemaker.workflow.pipeline import Pipeline
    from sagemaker.workflow.pipeline_context import PipelineSession
    from sagemaker.workflow.properties import PropertyFile
    from sagemaker.workflow.retry import StepExceptionTypeEnum, StepRetryPolicy
    from sagemaker.workflow.steps import CacheConfig, ProcessingStep, TrainingStep

    session = PipelineSession(
        boto_session=tiny.session,
        sagemaker_client=tiny.sagemaker,
        default_bucket=tiny.bucket,
        settings=None,
        sagemaker_config={"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}},
    )
    count = ParameterInteger("Count", default_value=2)
    least = ParameterFloat("Least", default_value=0.5)
    mode = ParameterString("Mode", default_value="full", enum_values=["full", "quick"])
    strict = ParameterBoolean("Strict", default_value=True)
    report = PropertyFile("Report", output_name="report", path="r.json")
    uri = Join("/", [f"s3://{tiny.bucket}/sdk", ExecutionVariables.PIPELINE_EXECUTION_ID])
    main = tiny.put(
        "sdk/code/main.py",
        "import json, pathlib, sys\n"
        "pathlib.Path(sys.argv[1]).write_text(json.dumps({'count': int(sys.argv[2]), 'scores': [{'a b': 0.75}]}))",
    )
    common = {"image_uri": tiny.image, "role": tiny.role, "instance_type": "ml.m5.large", "sagemaker_session": session}
    processor = Processor(
        entrypoint=["python3", "/opt/ml/processing/input/code/main.py"],
        instance_count=1,
        env={"MODE": mode},
        max_runtime_in_seconds=60,
        **common,
    )
    prepare = ProcessingStep(
        "Prepare",
        step_args=processor.run(
            inputs=[ProcessingInput(source=main, destination="/opt/ml/processing/input/code", input_name="code")],
            outputs=[ProcessingOutput(output_name="report", source="/opt/ml/processing/report", destination=uri)],
            arguments=["/opt/ml/processing/report/r.json", count.to_string()],
        ),
        property_files=[report],
        cache_config=CacheConfig(enable_caching=True, expire_after="PT1H"),
    )
    estimator = Estimator(
        instance_count=1,
        output_path=f"s3://{tiny.bucket}/sdk/models",
        hyperparameters={"count": count, "rate": 0.5, "on": True},
        metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        disable_profiler=True,
        **common,
    )
    produced = prepare.properties.ProcessingOutputConfig.Outputs["report"].S3Output.S3Uri
    retry = StepRetryPolicy(exception_types=[StepExceptionTypeEnum.THROTTLING], max_attempts=2)
    train = TrainingStep("Train", step_args=estimator.fit({"train": TrainingInput(produced)}), retry_policies=[retry])
    score = JsonGet(step_name="Prepare", property_file=report, json_path="scores[0]['a b']")
    model = Model(
        image_uri=tiny.image,
        model_data=train.properties.ModelArtifacts.S3ModelArtifacts,
        role=tiny.role,
        sagemaker_session=session,
    )
    statistics = MetricsSource(s3_uri=Join("/", [produced, "r.json"]), content_type="application/json")
    register = ModelStep(
        "Register",
        step_args=model.register(
            content_types=["image/jpeg"],
            response_types=["application/json"],
            inference_instances=["ml.m5.large"],
            transform_instances=["ml.m5.large"],
            model_package_group_name="sdk-models",
            approval_status="PendingManualApproval",
            model_metrics=ModelMetrics(model_statistics=statistics),
            customer_metadata_properties={"score": score.to_string()},
        ),
    )
    sorry = FailStep("Sorry", error_message=Join(" ", ["score", score, "is below", least]))
    gate = ConditionStep(
        "Gate",
        conditions=[
            ConditionGreaterThanOrEqualTo(score, least),
            ConditionNot(ConditionEquals(mode, "quick")),
            ConditionIn(count, [1, 2, 3]),
            ConditionOr([ConditionEquals(strict, True), ConditionEquals(mode, "x")]),
        ],
        if_steps=[register],
        else_steps=[sorry],
        depends_on=[train],
    )
    return Pipeline("sdk", [count, least, mode, strict], steps=[prepare, train, gate], sagemaker_session=session)


def test_the_sdk_upserts_starts_and_reads_a_pipeline(tiny, pipeline):
    pipeline.upsert(role_arn=tiny.role, tags=[{"Key": "team", "Value": "bins"}])
    pipeline.upsert(role_arn=tiny.role, tags=[{"Key": "team", "Value": "boxes"}])
    execution = pipeline.start(parameters={"Count": 3})
    execution.wait(delay=1, max_attempts=60)

    assert execution.describe()["PipelineExecutionStatus"] == "Succeeded"
    steps = {step["StepName"]: step for step in execution.list_steps()}
    assert set(steps) == {"Prepare", "Train", "Gate", "Register-RegisterModel"}
    job = steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rsplit("/", 1)[-1]
    described = tiny.sagemaker.describe_training_job(TrainingJobName=job)
    assert described["HyperParameters"] == {"count": "3", "rate": "0.5", "on": "True"}
    package = tiny.sagemaker.describe_model_package(
        ModelPackageName=steps["Register-RegisterModel"]["Metadata"]["RegisterModel"]["Arn"]
    )
    assert package["CustomerMetadataProperties"] == {"score": "0.75"}
    statistics = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert json.loads(tiny.read(statistics))["count"] == 3
    arn = pipeline.describe()["PipelineArn"]
    assert tiny.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "boxes"}]


def test_the_sdk_tunes_and_reads_the_best_training_job(tiny, until):
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        tuner = tune(tiny)
        until(lambda: tuner.describe()["HyperParameterTuningJobStatus"] != "InProgress")

    description = tuner.describe()
    assert description["HyperParameterTuningJobStatus"] == "Completed"
    assert tuner.best_training_job() == description["BestTrainingJob"]["TrainingJobName"]
    frame = tuner.analytics().dataframe()
    assert set(frame["TrainingJobStatus"]) == {"Completed"}
    assert set(frame["FinalObjectiveValue"]) == {0.25}
    assert all(1e-4 <= rate <= 1e-2 for rate in frame["rate"])
    weights = json.loads(tiny.unpack(tuner.best_estimator().model_data)["weights.json"])
    assert weights["files"] == ["a.txt"]
    assert weights["settings"]["_tuning_objective_metric"] == "loss"
    assert weights["settings"]["depth"] in {"18", "34"}


def tune(tiny):
    from sagemaker.estimator import Estimator
    from sagemaker.session import Session
    from sagemaker.tuner import CategoricalParameter, ContinuousParameter, HyperparameterTuner, IntegerParameter

    session = Session(
        boto_session=tiny.session,
        sagemaker_client=tiny.sagemaker,
        default_bucket=tiny.bucket,
        sagemaker_config={"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}},
    )
    estimator = Estimator(
        image_uri=tiny.image,
        role=tiny.role,
        instance_count=1,
        instance_type="ml.m5.large",
        output_path=f"s3://{tiny.bucket}/sdk/tuned",
        hyperparameters={"on": True},
        sagemaker_session=session,
    )
    tuner = HyperparameterTuner(
        estimator,
        objective_metric_name="loss",
        objective_type="Minimize",
        metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        hyperparameter_ranges={
            "rate": ContinuousParameter(1e-4, 1e-2, scaling_type="Logarithmic"),
            "depth": CategoricalParameter([18, 34]),
            "epochs": IntegerParameter(1, 3),
        },
        max_jobs=3,
        max_parallel_jobs=3,
        base_tuning_job_name="sdk",
    )
    data = tiny.put("sdk/tuning/a.txt", "a").removesuffix("a.txt")
    tuner.fit({"train": data}, wait=False)
    return tuner


def test_the_other_branch_fails_with_the_numbers_in_its_message(tiny, pipeline):
    pipeline.upsert(role_arn=tiny.role)
    execution = tiny.finish(tiny.start("sdk", Least="0.9"))
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "score 0.75 is below 0.9" in execution["FailureReason"]
    assert execution["Steps"]["Sorry"]["Metadata"]["Fail"]["ErrorMessage"] == "score 0.75 is below 0.9"
