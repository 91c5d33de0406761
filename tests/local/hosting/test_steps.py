"""Steps of type Model, EndpointConfig and Endpoint put a model to work."""

import pytest


def get(step, path):
    return {"Get": f"Steps.{step}.{path}"}


@pytest.fixture
def steps(endpoints, tiny):
    """Steps that serve a model with the level of the parameter."""
    name = tiny.name("deployed")
    level = {"Get": "Parameters.Level"}
    config = {"Std:Join": {"On": "-", "Values": ["config", {"Get": "Execution.PipelineExecutionId"}]}}
    container = {"Image": endpoints.image, "Environment": {"LEVEL": level}}
    variant = {**endpoints.variant("unnamed"), "ModelName": get("Serve", "ModelName")}
    return name, [
        {"Name": "Serve", "Type": "Model", "Arguments": {"PrimaryContainer": container, "ExecutionRoleArn": tiny.role}},
        {
            "Name": "Configure",
            "Type": "EndpointConfig",
            "Arguments": {"EndpointConfigName": config, "ProductionVariants": [variant]},
        },
        {
            "Name": "Deploy",
            "Type": "Endpoint",
            "Arguments": {"EndpointName": name, "EndpointConfigName": get("Configure", "EndpointConfigName")},
        },
        {
            "Name": "Say",
            "Type": "Fail",
            "Arguments": {"ErrorMessage": get("Deploy", "ProductionVariants[0].DeployedImages[0].SpecifiedImage")},
        },
    ]


PARAMETERS = [{"Name": "Level", "Type": "String"}]


def test_a_pipeline_creates_its_endpoint_and_the_next_execution_updates_it(endpoints, tiny, steps):
    name, steps = steps
    pipeline = tiny.create(steps, PARAMETERS)
    for level in ("1", "2"):
        execution = tiny.finish(tiny.start(pipeline, Level=level))
        metadata = {step: execution["Steps"][step]["Metadata"] for step in ("Serve", "Configure", "Deploy")}
        assert metadata["Deploy"]["Endpoint"]["Arn"] == endpoints.describe(name)["EndpointArn"]
        assert ":model/pipelines-" in metadata["Serve"]["Model"]["Arn"]
        assert ":endpoint-config/config-" in metadata["Configure"]["EndpointConfig"]["Arn"]
        assert execution["Steps"]["Say"]["FailureReason"] == endpoints.image
        assert endpoints.ask(name)["environment"]["LEVEL"] == level


def test_an_endpoint_step_fails_with_the_endpoint_and_says_why(endpoints, tiny, steps):
    name, steps = steps
    steps[0]["Arguments"]["PrimaryContainer"]["Environment"]["EXIT"] = "4"
    execution = tiny.run(steps, PARAMETERS, Level="1")
    assert execution["Steps"]["Deploy"]["StepStatus"] == "Failed"
    assert "did not pass the ping health check" in execution["Steps"]["Deploy"]["FailureReason"]
    assert endpoints.describe(name)["EndpointStatus"] == "Failed"


def test_an_update_that_fails_fails_the_step_and_leaves_the_endpoint_in_service(endpoints, tiny, steps):
    name, steps = steps
    pipeline = tiny.create(steps, PARAMETERS)
    tiny.finish(tiny.start(pipeline, Level="1"))
    steps[0]["Arguments"]["PrimaryContainer"]["Environment"]["EXIT"] = "4"
    execution = tiny.run(steps, PARAMETERS, Level="2")
    assert execution["Steps"]["Deploy"]["StepStatus"] == "Failed"
    assert endpoints.ask(name)["environment"]["LEVEL"] == "1"


def test_the_sdk_deploys_predicts_and_deletes(endpoints, tiny, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # the SDK looks there for a configuration
    from sagemaker.deserializers import JSONDeserializer
    from sagemaker.model import Model
    from sagemaker.model_monitor import DataCaptureConfig
    from sagemaker.predictor import Predictor
    from sagemaker.serializers import CSVSerializer
    from sagemaker.session import Session

    session = Session(
        boto_session=tiny.session,
        sagemaker_client=tiny.sagemaker,
        sagemaker_runtime_client=endpoints.runtime,
        default_bucket=tiny.bucket,
        sagemaker_config={"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}},
    )
    data = f"s3://{tiny.bucket}/sdk-model/model.tar.gz"
    tiny.s3.put_object(Bucket=tiny.bucket, Key="sdk-model/model.tar.gz", Body=endpoints.archive(weights="sdk"))
    model = Model(endpoints.image, data, role=tiny.role, predictor_cls=Predictor, sagemaker_session=session)
    predictor = model.deploy(
        initial_instance_count=1,
        instance_type="ml.m5.large",
        endpoint_name=tiny.name("sdk"),
        wait=False,  # the SDK looks every 30 seconds
        serializer=CSVSerializer(),
        deserializer=JSONDeserializer(),
        data_capture_config=DataCaptureConfig(True, 100, f"s3://{tiny.bucket}/sdk-capture", sagemaker_session=session),
    )
    endpoints.settle(predictor.endpoint_name)
    seen = predictor.predict([1, 2])
    assert (seen["body"], seen["files"], seen["headers"]["Content-Type"]) == ("1,2", {"weights": "sdk"}, "text/csv")
    predictor.delete_endpoint()
    endpoints.until(lambda: predictor.endpoint_name not in endpoints.names())
    assert tiny.keys(f"sdk-capture/{predictor.endpoint_name}/AllTraffic/")


def test_the_sdks_steps_compile_to_what_runs_here(endpoints, tiny, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    from sagemaker.model import Model
    from sagemaker.workflow.endpoint_step import EndpointConfigStep, EndpointStep
    from sagemaker.workflow.model_step import ModelStep
    from sagemaker.workflow.pipeline import Pipeline
    from sagemaker.workflow.pipeline_context import PipelineSession

    session = PipelineSession(boto_session=tiny.session, sagemaker_client=tiny.sagemaker, default_bucket=tiny.bucket)
    name = tiny.name("sdk-pipeline")
    served = ModelStep("Serve", step_args=Model(endpoints.image, role=tiny.role, sagemaker_session=session).create())
    config_args = session.create_endpoint_config(
        name=name, model_name=served.properties.ModelName, initial_instance_count=1, instance_type="ml.m5.large"
    )
    config = EndpointConfigStep("Configure", step_args=config_args)
    args = session.create_endpoint(endpoint_name=name, config_name=config.properties.EndpointConfigName)
    deploy = EndpointStep("Deploy", step_args=args)
    pipeline = Pipeline(name, steps=[served, config, deploy], sagemaker_session=session)
    pipeline.upsert(role_arn=tiny.role)
    execution = tiny.finish(pipeline.start().arn)
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert endpoints.ask(name, b"hello")["body"] == "hello"
