"""The trial components that jobs leave behind."""

import json

from sagemaker.analytics import ExperimentAnalytics
from sagemaker.session import Session

CONFIG = {
    "ExperimentName": {"Get": "Execution.PipelineName"},
    "TrialName": {"Get": "Execution.PipelineExecutionId"},
}


def test_an_execution_is_a_trial_and_its_jobs_are_components(tiny):
    train = {"Name": "Train", "Type": "Training", "Arguments": tiny.training(tiny.put("x/a.txt", "a"), {"lr": "0.1"})}
    prepare = {
        "Name": "Prepare",
        "Type": "Processing",
        "Arguments": tiny.processing(
            "import boto3\n"
            "name = json.loads((base / 'config/processingjobconfig.json').read_text())['ProcessingJobName']\n"
            "boto3.client('sagemaker').update_trial_component(\n"
            "    TrialComponentName=f'{name}-aws-processing-job', Parameters={'seen': {'NumberValue': 7}})\n",
            outputs=[("out", f"s3://{tiny.bucket}/x/out")],
        ),
    }
    name = tiny.name("pipeline")
    definition = {"Version": "2020-12-01", "Steps": [prepare, train], "PipelineExperimentConfig": CONFIG}
    tiny.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=tiny.role)
    execution = tiny.finish(tiny.start(name))
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    trial = execution["PipelineExecutionArn"].rsplit("/", 1)[-1]
    trials = tiny.sagemaker.list_trials(ExperimentName=name)["TrialSummaries"]
    assert [each["TrialName"] for each in trials] == [trial]

    listed = tiny.sagemaker.list_trial_components(TrialName=trial)["TrialComponentSummaries"]
    assert {each["Status"]["PrimaryStatus"] for each in listed} == {"Completed"}
    by_source = {each["TrialComponentSource"]["SourceArn"]: each["TrialComponentName"] for each in listed}
    arn = execution["Steps"]["Train"]["Metadata"]["TrainingJob"]["Arn"]
    job = tiny.sagemaker.describe_training_job(TrainingJobName=arn.rsplit("/", 1)[-1])
    assert by_source[arn] == f"{job['TrainingJobName']}-aws-training-job"
    component = tiny.sagemaker.describe_trial_component(TrialComponentName=by_source[arn])
    assert component["Source"]["SourceType"] == "SageMakerTrainingJob"
    assert component["Parameters"] == {
        "lr": {"NumberValue": 0.1},
        "SageMaker.InstanceType": {"StringValue": "ml.m5.large"},
        "SageMaker.InstanceCount": {"NumberValue": 1.0},
        "SageMaker.VolumeSizeInGB": {"NumberValue": 10.0},
    }
    assert component["InputArtifacts"]["train"]["Value"] == f"s3://{tiny.bucket}/x/a.txt"
    assert component["OutputArtifacts"]["SageMaker.ModelArtifact"]["Value"] == job["ModelArtifacts"]["S3ModelArtifacts"]
    assert [(metric["MetricName"], metric["Last"]) for metric in component["Metrics"]] == [("loss", 0.25)]
    assert component["StartTime"] <= component["EndTime"]

    arn = execution["Steps"]["Prepare"]["Metadata"]["ProcessingJob"]["Arn"]
    component = tiny.sagemaker.describe_trial_component(TrialComponentName=by_source[arn])
    assert component["Parameters"]["seen"] == {"NumberValue": 7.0}  # which the job itself wrote
    assert component["OutputArtifacts"]["out"]["Value"] == f"s3://{tiny.bucket}/x/out"

    session = Session(boto_session=tiny.session, sagemaker_client=tiny.sagemaker, default_bucket=tiny.bucket)
    frame = ExperimentAnalytics(sagemaker_session=session, experiment_name=name).dataframe()
    assert sorted(frame["TrialComponentName"]) == sorted(by_source.values())
    assert frame["Trials"].tolist() == [[trial], [trial]]
    assert 0.25 in frame["loss - Last"].tolist()


def test_a_job_may_name_its_own_experiment_and_one_that_fails_says_why(tiny):
    config = {"ExperimentName": "by-hand", "TrialName": "try-1", "TrialComponentDisplayName": "Training"}
    request = tiny.training(hyperparameters={"fail_with": "no light"}, ExperimentConfig=config)
    name = tiny.name("job")
    tiny.sagemaker.create_training_job(TrainingJobName=name, **request)
    assert tiny.finish_training(name)["ExperimentConfig"] == config
    (line,) = tiny.sagemaker.list_trial_components(ExperimentName="by-hand")["TrialComponentSummaries"]
    assert (line["DisplayName"], line["Status"]["PrimaryStatus"]) == ("Training", "Failed")
    assert "no light" in line["Status"]["Message"]


def test_a_job_outside_any_experiment_has_a_component_too(tiny):
    name = tiny.name("job")
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **tiny.processing("pass"))
    arn = tiny.finish_processing(name)["ProcessingJobArn"]
    (line,) = tiny.sagemaker.list_trial_components(SourceArn=arn)["TrialComponentSummaries"]
    assert line["TrialComponentName"] == f"{name}-aws-processing-job"
    assert tiny.sagemaker.list_trials(TrialComponentName=line["TrialComponentName"])["TrialSummaries"] == []


def test_a_job_leaves_a_component_that_somebody_has_made_by_hand_as_it_is(tiny, caplog):
    name = tiny.name("job")
    component = f"{name}-aws-processing-job"
    tiny.sagemaker.create_trial_component(TrialComponentName=component, DisplayName="mine")
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **tiny.processing("pass"))
    tiny.finish_processing(name)
    described = tiny.sagemaker.describe_trial_component(TrialComponentName=component)
    assert described["DisplayName"] == "mine"
    assert "Status" not in described
    assert "A listener failed" not in caplog.text


def test_a_trial_that_there_is_not_is_said_and_costs_the_job_nothing(tiny, caplog):
    request, name = tiny.training(ExperimentConfig={"TrialName": "nowhere"}), tiny.name("job")
    tiny.sagemaker.create_training_job(TrainingJobName=name, **request)
    assert tiny.finish_training(name)["TrainingJobStatus"] == "Completed"
    component = tiny.sagemaker.describe_trial_component(TrialComponentName=f"{name}-aws-training-job")
    assert component["Status"]["PrimaryStatus"] == "Completed"
    assert f"The job of {name}-aws-training-job names a trial that there is not" in caplog.text
    assert "A listener failed" not in caplog.text


def test_a_job_that_takes_the_name_of_a_deleted_one_has_a_component_of_its_own(tiny):
    name = tiny.name("again")
    for trial in ("first", "second"):
        config = {"ExperimentName": "twice", "TrialName": trial}
        tiny.sagemaker.create_training_job(TrainingJobName=name, **tiny.training(ExperimentConfig=config))
        tiny.finish_training(name)
        tiny.sagemaker.delete_training_job(TrainingJobName=name)
    component = f"{name}-aws-training-job"
    (metric,) = tiny.sagemaker.describe_trial_component(TrialComponentName=component)["Metrics"]
    assert metric["Count"] == 1
    trials = tiny.sagemaker.list_trials(TrialComponentName=component)["TrialSummaries"]
    assert [each["TrialName"] for each in trials] == ["second"]
