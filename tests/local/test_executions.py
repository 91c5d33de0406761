"""Whole executions, through the API that AWS has too."""

import json

import pytest
from botocore.exceptions import ClientError


def step(name, kind, arguments, **more):
    return {"Name": name, "Type": kind, "Arguments": arguments, **more}


def fail(name, message):
    return step(name, "Fail", {"ErrorMessage": message})


def equals(left, right):
    return {"Type": "Equals", "LeftValue": left, "RightValue": right}


def test_data_flows_from_step_to_step_to_a_registered_model(tiny):
    source = tiny.put("flow/in/a.txt", "a")
    prepare = step(
        "Prepare",
        "Processing",
        tiny.processing(
            "out = base / 'processing/data'\n"
            "(out / 'sub').mkdir()\n"
            "(out / 'sub/b.txt').write_text((base / 'processing/input/raw/a.txt').read_text() * 2)\n"
            "pathlib.Path(sys.argv[2]).write_text(json.dumps({'m': {'x y': [0.75]}}))",
            inputs=[("raw", source.removesuffix("a.txt"), "FullyReplicated")],
            outputs=[("data", f"s3://{tiny.bucket}/flow/data"), ("report", f"s3://{tiny.bucket}/flow/report")],
            arguments=["--report", "/opt/ml/processing/report/r.json"],
        ),
        PropertyFiles=[{"PropertyFileName": "Report", "OutputName": "report", "FilePath": "r.json"}],
    )
    data = {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['data'].S3Output.S3Uri"}
    train = step("Train", "Training", tiny.training(data, {"epochs": "2"}))
    score = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Prepare.PropertyFiles.Report"}, "Path": "m['x y'][0]"}}
    register = step(
        "Register",
        "RegisterModel",
        {
            "ModelPackageGroupName": "flow-models",
            "ModelApprovalStatus": "PendingManualApproval",
            "InferenceSpecification": {
                "Containers": [
                    {"Image": tiny.image, "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}}
                ],
                "SupportedContentTypes": ["image/jpeg"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        },
    )
    gate = step(
        "Gate",
        "Condition",
        {
            "Conditions": [{"Type": "GreaterThan", "LeftValue": score, "RightValue": 0.5}],
            "IfSteps": [register],
            "ElseSteps": [fail("Sorry", "not reached")],
        },
        DependsOn=["Train"],
    )
    execution = tiny.run([gate, train, prepare])

    assert execution["PipelineExecutionStatus"] == "Succeeded"
    steps = execution["Steps"]
    assert list(steps) == ["Register", "Gate", "Train", "Prepare"]  # newest first
    assert {each["StepStatus"] for each in steps.values()} == {"Succeeded"}
    assert steps["Gate"]["Metadata"] == {"Condition": {"Outcome": "True"}}
    assert all(each["StartTime"] <= each["EndTime"] for each in steps.values())
    training = steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rsplit("/", 1)[-1]
    assert training.startswith(f"pipelines-{execution['PipelineExecutionArn'].rsplit('/', 1)[-1]}-Train-")
    job = tiny.sagemaker.describe_training_job(TrainingJobName=training)
    model = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert json.loads(tiny.unpack(model)["weights.json"]) == {"files": ["b.txt"], "settings": {"epochs": "2"}}
    package = tiny.sagemaker.describe_model_package(
        ModelPackageName=steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    )
    assert package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == model
    assert package["ModelApprovalStatus"] == "PendingManualApproval"


def test_a_failing_job_gives_its_own_words_to_the_execution_and_starts_nothing_more(tiny):
    train = step("Train", "Training", tiny.training(hyperparameters={"fail_with": "the lamp is off"}))
    later = step("Later", "Processing", tiny.processing("pass"), DependsOn=["Train"])
    execution = tiny.run([train, later])

    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "Train" in execution["FailureReason"]
    assert "the lamp is off" in execution["FailureReason"]
    assert list(execution["Steps"]) == ["Train"]
    assert execution["Steps"]["Train"]["StepStatus"] == "Failed"
    assert execution["Steps"]["Train"]["FailureReason"] == "AlgorithmError: the lamp is off, exit code: 3"


def test_a_job_without_words_of_its_own_is_explained_by_the_end_of_its_log(tiny):
    execution = tiny.run([step("Work", "Processing", tiny.processing("raise ValueError('no such shelf')"))])
    reason = execution["Steps"]["Work"]["FailureReason"]
    assert reason.startswith("AlgorithmError: exit code 1")
    assert "ValueError: no such shelf" in reason
    assert len(reason) <= 1024


def test_a_killed_job_is_reported_as_killed(tiny):
    code = "import signal; os.kill(os.getpid(), signal.SIGKILL)"
    execution = tiny.run([step("Work", "Processing", tiny.processing(code))])
    assert "killed by SIGKILL" in execution["FailureReason"]


@pytest.mark.parametrize(("mode", "ran", "status"), [("good", "Yes", "Succeeded"), ("bad", "No", "Failed")])
def test_a_condition_runs_one_branch_and_leaves_the_other(tiny, mode, ran, status):
    gate = step(
        "Gate",
        "Condition",
        {
            "Conditions": [equals({"Get": "Parameters.Mode"}, "good")],
            "IfSteps": [step("Yes", "Processing", tiny.processing("pass"))],
            "ElseSteps": [fail("No", {"Std:Join": {"On": " ", "Values": ["mode was", {"Get": "Parameters.Mode"}]}})],
        },
    )
    after = step("AfterYes", "Processing", tiny.processing("pass"), DependsOn=["Yes"])
    execution = tiny.run([gate, after], [{"Name": "Mode", "Type": "String"}], Mode=mode)

    assert execution["PipelineExecutionStatus"] == status
    assert execution["Steps"]["Gate"]["Metadata"]["Condition"]["Outcome"] == str(mode == "good")
    expected = {"Gate", "Yes", "AfterYes"} if mode == "good" else {"Gate", ran}
    assert set(execution["Steps"]) == expected
    if mode == "bad":
        assert execution["Steps"]["No"]["Metadata"]["Fail"] == {"ErrorMessage": "mode was bad"}
        assert "mode was bad" in execution["FailureReason"]


def test_independent_steps_run_at_the_same_time(tiny, tmp_path):
    def meets(mine, other):
        return tiny.processing(
            f"pathlib.Path({str(tmp_path)!r}, {mine!r}).touch()\n"
            f"other = pathlib.Path({str(tmp_path)!r}, {other!r})\n"
            "while not other.exists(): time.sleep(0.02)",
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )

    execution = tiny.run([step("A", "Processing", meets("a", "b")), step("B", "Processing", meets("b", "a"))])
    assert execution["PipelineExecutionStatus"] == "Succeeded"


def test_one_step_at_a_time_where_the_pipeline_asks_for_it(tiny, tmp_path):
    code = (
        f"busy = pathlib.Path({str(tmp_path)!r}, 'busy')\n"
        "busy.touch(exist_ok=False)\n"  # fails if a sibling runs
        "time.sleep(0.1)\n"
        "busy.unlink()"
    )
    steps = [step(name, "Processing", tiny.processing(code)) for name in "ABC"]
    name = tiny.create(steps, ParallelismConfiguration={"MaxParallelExecutionSteps": 1})
    assert tiny.finish(tiny.start(name))["PipelineExecutionStatus"] == "Succeeded"


def test_steps_that_run_while_another_fails_are_let_run_to_their_end(tiny, tmp_path):
    flag = str(tmp_path / "failed")
    fails = tiny.processing(f"pathlib.Path({flag!r}).touch(); sys.exit(1)")
    runs_on = tiny.processing(f"while not os.path.exists({flag!r}): time.sleep(0.02)\ntime.sleep(0.3)")
    execution = tiny.run([step("Fails", "Processing", fails), step("RunsOn", "Processing", runs_on)])
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert execution["Steps"]["RunsOn"]["StepStatus"] == "Succeeded"


def test_stop_kills_the_jobs_and_the_execution_ends_stopped(tiny, until, sleeper):
    code = f"os.execvp('sleep', {sleeper.command.split()})"
    arn = tiny.start(
        tiny.create(
            [
                step("Sleep", "Processing", tiny.processing(code)),
                step("Never", "Processing", tiny.processing("pass"), DependsOn=["Sleep"]),
            ]
        )
    )
    until(sleeper.runs)
    tiny.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    execution = tiny.finish(arn)

    assert execution["PipelineExecutionStatus"] == "Stopped"
    assert {name: each["StepStatus"] for name, each in execution["Steps"].items()} == {"Sleep": "Stopped"}
    job = execution["Steps"]["Sleep"]["Metadata"]["ProcessingJob"]["Arn"].rsplit("/", 1)[-1]
    assert tiny.sagemaker.describe_processing_job(ProcessingJobName=job)["ProcessingJobStatus"] == "Stopped"
    assert not sleeper.runs()
    with pytest.raises(ClientError, match="Stopped already"):
        tiny.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)


def test_a_reference_without_value_fails_its_step_and_is_named(tiny):
    first = step("First", "Processing", tiny.processing("pass"))
    uri = {"Get": "Steps.First.ProcessingOutputConfig.Outputs['nothing'].S3Output.S3Uri"}
    execution = tiny.run([first, step("Train", "Training", tiny.training(uri))])
    assert "Steps.First.ProcessingOutputConfig.Outputs['nothing']" in execution["Steps"]["Train"]["FailureReason"]
    assert execution["PipelineExecutionStatus"] == "Failed"


def test_a_missing_property_file_fails_the_condition_and_is_named(tiny):
    work = step(
        "Work",
        "Processing",
        tiny.processing("pass", outputs=[("out", f"s3://{tiny.bucket}/absent")]),
        PropertyFiles=[{"PropertyFileName": "P", "OutputName": "out", "FilePath": "p.json"}],
    )
    value = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Work.PropertyFiles.P"}, "Path": "a"}}
    gate = step("Gate", "Condition", {"Conditions": [equals(value, 1)], "IfSteps": [], "ElseSteps": []})
    execution = tiny.run([work, gate])
    assert f"s3://{tiny.bucket}/absent/p.json" in execution["Steps"]["Gate"]["FailureReason"]


def test_an_execution_keeps_the_definition_it_was_started_with(tiny):
    name = tiny.create([fail("Stop", "first")])
    arn = tiny.start(name)
    tiny.finish(arn)
    changed = {"Version": "2020-12-01", "Steps": [fail("Stop", "second")]}
    tiny.sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=json.dumps(changed))

    answer = tiny.sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    assert json.loads(answer["PipelineDefinition"])["Steps"][0]["Arguments"]["ErrorMessage"] == "first"
    assert "second" in tiny.sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"]
    assert "second" in tiny.finish(tiny.start(name))["FailureReason"]


def test_executions_are_listed_newest_first_and_in_pages(tiny):
    name = tiny.create([fail("Stop", "no")])
    arns = [tiny.start(name) for _ in range(3)]
    for arn in arns:
        tiny.finish(arn)
    pages = tiny.sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=name, PaginationConfig={"PageSize": 2}
    )
    listed = [item["PipelineExecutionArn"] for page in pages for item in page["PipelineExecutionSummaries"]]
    assert sorted(listed) == sorted(arns)
    assert listed[-1] == arns[0]


def test_the_same_request_token_starts_one_execution(tiny):
    name = tiny.create([fail("Stop", "no")])
    token = "t" * 32
    first, second = (
        tiny.sagemaker.start_pipeline_execution(PipelineName=name, ClientRequestToken=token) for _ in range(2)
    )
    assert first["PipelineExecutionArn"] == second["PipelineExecutionArn"]


def test_execution_variables_and_parameters_reach_a_job(tiny):
    arguments = tiny.processing(
        "(base / 'processing/out/args').write_text(json.dumps(sys.argv[1:]))",
        outputs=[
            (
                "out",
                {"Std:Join": {"On": "/", "Values": [f"s3://{tiny.bucket}", {"Get": "Execution.PipelineExecutionId"}]}},
            )
        ],
        arguments=[
            {"Get": "Execution.PipelineName"},
            {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Count"}, {"Get": "Parameters.On"}]}},
        ],
    )
    parameters = [
        {"Name": "Count", "Type": "Integer", "DefaultValue": 1},
        {"Name": "On", "Type": "Boolean", "DefaultValue": True},
    ]
    name = tiny.create([step("Work", "Processing", arguments)], parameters)
    arn = tiny.start(name, Count="12")
    assert tiny.finish(arn)["PipelineExecutionStatus"] == "Succeeded"
    identity = arn.rsplit("/", 1)[-1]
    assert json.loads(tiny.read(f"s3://{tiny.bucket}/{identity}/args")) == [name, "12true"]
    bound = tiny.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
    assert bound["PipelineParameters"] == [{"Name": "Count", "Value": "12"}, {"Name": "On", "Value": "true"}]


def test_steps_are_listed_in_either_order_and_in_pages(tiny):
    chain = [
        step(name, "Processing", tiny.processing("pass"), DependsOn=before)
        for name, before in (("A", []), ("B", ["A"]), ("C", ["B"]))
    ]
    arn = tiny.start(tiny.create(chain))
    tiny.finish(arn)

    def names(order):
        pages = tiny.sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=arn, SortOrder=order, PaginationConfig={"PageSize": 2}
        )
        return "".join(each["StepName"] for page in pages for each in page["PipelineExecutionSteps"])

    assert names("Ascending") == "ABC"
    assert names("Descending") == "CBA"


def test_a_job_stopped_by_hand_fails_its_step(tiny, until):
    arn = tiny.start(tiny.create([step("Sleep", "Processing", tiny.processing("time.sleep(600)"))]))

    def job():
        listing = tiny.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return listing and listing[0]["Metadata"].get("ProcessingJob")

    until(job)
    name = job()["Arn"].rsplit("/", 1)[-1]
    tiny.sagemaker.stop_processing_job(ProcessingJobName=name)
    execution = tiny.finish(arn)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert f"the job {name} was stopped" in execution["FailureReason"]
