"""A pipeline in the style of the SageMaker SDK's documentation; it knows nothing of where it runs."""

from pathlib import Path

from sagemaker.image_uris import retrieve
from sagemaker.inputs import TrainingInput
from sagemaker.lambda_helper import Lambda
from sagemaker.model import Model
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.sklearn.estimator import SKLearn
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.transformer import Transformer
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.workflow.endpoint_step import EndpointConfigStep, EndpointStep
from sagemaker.workflow.execution_variables import ExecutionVariables
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.lambda_step import LambdaOutput, LambdaOutputTypeEnum, LambdaStep
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import CacheConfig, ProcessingStep, TrainingStep, TransformStep, TuningStep

HERE = Path(__file__).parent
SERVING = "123456789012.dkr.ecr.us-east-1.amazonaws.com/prices-serving:1"


def build(session, role, bucket):
    """The whole pipeline: prepare, tune, train, evaluate, decide, register, serve."""
    rows = ParameterString("Rows", default_value=f"s3://{bucket}/prices/rows.csv")
    most = ParameterFloat("MostError", default_value=1.0)
    cache = CacheConfig(enable_caching=True, expire_after="P1D")
    machine = {"role": role, "instance_type": "ml.m5.large", "instance_count": 1, "sagemaker_session": session}

    processor = SKLearnProcessor(framework_version="1.2-1", **machine)
    prepare = ProcessingStep(
        "Prepare",
        step_args=processor.run(
            code=str(HERE / "preprocess.py"),
            inputs=[ProcessingInput(source=rows, destination="/opt/ml/processing/input")],
            outputs=[
                ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}")
                for name in ("train", "test", "batch")
            ],
            arguments=["--test-share", "0.25"],
        ),
        cache_config=cache,
    )
    made = {
        name: prepare.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri
        for name in ("train", "test", "batch")
    }
    channels = {name: TrainingInput(made[name], content_type="text/csv") for name in ("train", "test")}
    estimator = SKLearn(
        entry_point="train.py",
        source_dir=str(HERE / "source"),
        framework_version="1.2-1",
        hyperparameters={"unit": "dollars"},
        metric_definitions=[{"Name": "validation:rmse", "Regex": "validation:rmse=([0-9.]+)"}],
        output_path=f"s3://{bucket}/prices/models",
        **machine,
    )
    tuner = HyperparameterTuner(
        estimator,
        objective_metric_name="validation:rmse",
        objective_type="Minimize",
        metric_definitions=[{"Name": "validation:rmse", "Regex": "validation:rmse=([0-9.]+)"}],
        hyperparameter_ranges={"alpha": ContinuousParameter(1e-3, 1e3, scaling_type="Logarithmic")},
        max_jobs=3,
        max_parallel_jobs=3,
    )
    tune = TuningStep("Tune", step_args=tuner.fit(channels), cache_config=cache)
    final = SKLearn(
        entry_point="train.py",
        source_dir=str(HERE / "source"),
        framework_version="1.2-1",
        hyperparameters={
            "alpha": tune.properties.BestTrainingJob.TunedHyperParameters["alpha"],
            "unit": "dollars",
        },
        output_path=f"s3://{bucket}/prices/models",
        **machine,
    )
    train = TrainingStep("Train", step_args=final.fit(channels), cache_config=cache)
    archive = train.properties.ModelArtifacts.S3ModelArtifacts

    found = PropertyFile("Found", output_name="evaluation", path="evaluation.json")
    scorer = ScriptProcessor(
        image_uri=retrieve("sklearn", "us-east-1", version="1.2-1"), command=["python3"], **machine
    )
    evaluate = ProcessingStep(
        "Evaluate",
        step_args=scorer.run(
            code=str(HERE / "evaluate.py"),
            inputs=[
                ProcessingInput(source=archive, destination="/opt/ml/processing/model"),
                ProcessingInput(source=made["test"], destination="/opt/ml/processing/test"),
            ],
            outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
        ),
        property_files=[found],
        cache_config=cache,
    )
    rmse = JsonGet(step_name="Evaluate", property_file=found, json_path="regression_metrics.rmse.value")

    model = Model(image_uri=SERVING, model_data=archive, role=role, sagemaker_session=session)
    register = ModelStep(
        "Register",
        step_args=model.register(
            content_types=["text/csv"],
            response_types=["text/csv"],
            inference_instances=["ml.m5.large"],
            transform_instances=["ml.m5.large"],
            model_package_group_name="prices",
            approval_status="Approved",
        ),
    )
    create = ModelStep("Create", step_args=model.create(instance_type="ml.m5.large"))
    transformer = Transformer(
        model_name=create.properties.ModelName,
        instance_count=1,
        instance_type="ml.m5.large",
        strategy="MultiRecord",
        assemble_with="Line",
        output_path=f"s3://{bucket}/prices/answers",
        sagemaker_session=session,
    )
    transform = TransformStep(
        "Transform",
        step_args=transformer.transform(made["batch"], content_type="text/csv", split_type="Line"),
        cache_config=cache,
    )
    function = Lambda(
        function_name="prices-announce",
        execution_role_arn=role,
        script=str(HERE / "announce.py"),
        handler="announce.handler",
        session=session,
    )
    announce = LambdaStep(
        "Announce",
        lambda_func=function,
        inputs={"model": archive, "rmse": rmse},
        outputs=[
            LambdaOutput(output_name="note", output_type=LambdaOutputTypeEnum.String),
            LambdaOutput(output_name="bytes", output_type=LambdaOutputTypeEnum.Integer),
        ],
        cache_config=cache,
    )
    name = Join("-", ["prices", ExecutionVariables.PIPELINE_EXECUTION_ID])
    configure = EndpointConfigStep(
        "Configure",
        step_args=session.create_endpoint_config(
            name=name,
            model_name=create.properties.ModelName,
            initial_instance_count=1,
            instance_type="ml.m5.large",
        ),
    )
    serve = EndpointStep(
        "Serve",
        step_args=session.create_endpoint(endpoint_name="prices", config_name=configure.properties.EndpointConfigName),
        depends_on=[announce],
    )
    sorry = FailStep("Sorry", error_message=Join(" ", ["the error of", rmse, "exceeds", most]))
    gate = ConditionStep(
        "Gate",
        conditions=[ConditionLessThanOrEqualTo(left=rmse, right=most)],
        if_steps=[register, create, transform, announce, configure, serve],
        else_steps=[sorry],
    )
    return Pipeline(
        "prices",
        parameters=[rows, most],
        steps=[prepare, tune, train, evaluate, gate],
        sagemaker_session=session,
    )
