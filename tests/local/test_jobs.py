"""Jobs created directly, under the container contract."""

import json
import os
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

PROCESSING_LOGS = "/aws/sagemaker/ProcessingJobs"
TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"


def run_processing(tiny, code, **options):
    name = tiny.name("processing")
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **tiny.processing(code, **options))
    return tiny.finish_processing(name)


def run_training(tiny, **options):
    name = tiny.name("training")
    tiny.sagemaker.create_training_job(TrainingJobName=name, **tiny.training(**options))
    return tiny.finish_training(name)


def test_a_processing_job_finds_the_configuration_that_aws_writes(tiny):
    job = run_processing(
        tiny,
        "for name in ('processingjobconfig', 'resourceconfig'):\n"
        "    (base / 'processing/out' / name).write_bytes((base / 'config' / (name + '.json')).read_bytes())",
        outputs=[("out", f"s3://{tiny.bucket}/config")],
        Environment={"SHELF": "A 1"},
    )
    assert job["ProcessingJobStatus"] == "Completed"
    config = json.loads(tiny.read(f"s3://{tiny.bucket}/config/processingjobconfig"))
    assert config["ProcessingJobArn"] == job["ProcessingJobArn"]
    assert config["Environment"] == {"SHELF": "A 1"}
    assert config["ProcessingOutputConfig"] == job["ProcessingOutputConfig"]
    resources = json.loads(tiny.read(f"s3://{tiny.bucket}/config/resourceconfig"))
    assert resources == {"current_host": "algo-1", "hosts": ["algo-1"]}


def test_two_instances_share_the_keys_and_both_store_their_outputs(tiny):
    for number in range(5):
        tiny.put(f"shared/in/{number}.txt", str(number))
    source = f"s3://{tiny.bucket}/shared/in/"
    run_processing(
        tiny,
        "host = json.loads((base / 'config/resourceconfig.json').read_text())['current_host']\n"
        "seen = {k: sorted(p.name for p in (base / 'processing/input' / k).iterdir()) for k in ('part', 'all')}\n"
        "(base / 'processing/out' / (host + '.json')).write_text(json.dumps(seen))",
        instances=2,
        inputs=[("part", source, "ShardedByS3Key"), ("all", source, "FullyReplicated")],
        outputs=[("out", f"s3://{tiny.bucket}/shared/out")],
    )
    assert tiny.keys("shared/out/") == ["algo-1.json", "algo-2.json"]
    first, second = (json.loads(tiny.read(f"s3://{tiny.bucket}/shared/out/algo-{n}.json")) for n in (1, 2))
    assert first["part"] == ["0.txt", "2.txt", "4.txt"]
    assert second["part"] == ["1.txt", "3.txt"]
    assert first["all"] == second["all"] == [f"{n}.txt" for n in range(5)]


def test_one_failing_instance_fails_the_job_and_ends_the_other(tiny):
    job = run_processing(
        tiny,
        "host = json.loads((base / 'config/resourceconfig.json').read_text())['current_host']\n"
        "sys.exit('shelf 2 fell') if host == 'algo-2' else time.sleep(600)",
        instances=2,
    )
    assert job["ProcessingJobStatus"] == "Failed"
    assert "shelf 2 fell" in job["FailureReason"]


def test_the_message_file_is_the_exit_message(tiny):
    job = run_processing(tiny, "(base / 'output/message').write_text('counted 7' + 'x' * 2000)")
    assert job["ExitMessage"].startswith("counted 7")
    assert len(job["ExitMessage"]) == 1024


def test_a_job_sees_only_the_environment_it_was_given(tiny, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "1")
    run_processing(
        tiny,
        "(base / 'processing/out/env').write_text(json.dumps([dict(os.environ), os.getcwd(), str(base)]))",
        outputs=[("out", f"s3://{tiny.bucket}/env")],
        Environment={"DATA": "/opt/ml/processing/input:/srv/opt/ml", "URI": "s3://b/opt/ml"},
    )
    environment, folder, base = json.loads(tiny.read(f"s3://{tiny.bucket}/env/env"))
    assert "SECRET_OF_THE_SERVER" not in environment
    assert environment["AWS_ENDPOINT_URL"] == tiny.server.url
    assert environment["DATA"] == f"{base}/processing/input:/srv/opt/ml"
    assert environment["URI"] == "s3://b/opt/ml"
    assert folder == base
    assert 1 <= int(environment["OMP_NUM_THREADS"]) <= len(os.sched_getaffinity(0))


def test_a_manifest_lists_the_inputs(tiny):
    tiny.put("listed/in/a.txt", "a")
    tiny.put("listed/in/b.txt", "b")
    manifest = tiny.put("listed/m.json", json.dumps([{"prefix": f"s3://{tiny.bucket}/listed/"}, "in/b.txt"]))
    arguments = tiny.processing(
        "found = [str(p.relative_to(base)) for p in (base / 'processing/input/raw').rglob('*.txt')]\n"
        "(base / 'output/message').write_text(str(found))",
        inputs=[("raw", manifest, "FullyReplicated")],
    )
    arguments["ProcessingInputs"][1]["S3Input"]["S3DataType"] = "ManifestFile"
    name = tiny.name("manifest")
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **arguments)
    assert tiny.finish_processing(name)["ExitMessage"] == "['processing/input/raw/in/b.txt']"


def test_an_empty_source_fails_the_job_before_it_starts(tiny):
    job = run_processing(tiny, "pass", inputs=[("raw", f"s3://{tiny.bucket}/nothing/here/", "FullyReplicated")])
    assert job["ProcessingJobStatus"] == "Failed"
    assert f"no S3 objects found under s3://{tiny.bucket}/nothing/here/" in job["FailureReason"]


def test_a_missing_bucket_fails_the_job_and_is_named(tiny):
    job = run_training(tiny, train="s3://no-such-bucket/x")
    assert job["TrainingJobStatus"] == "Failed"
    assert "no-such-bucket" in job["FailureReason"]


def test_a_key_that_leads_out_of_the_folder_is_refused(tiny):
    tiny.put("evil/../../../../out.txt", "x")
    job = run_processing(tiny, "pass", inputs=[("raw", f"s3://{tiny.bucket}/evil/", "FullyReplicated")])
    assert job["ProcessingJobStatus"] == "Failed"
    assert "leads out of its folder" in job["FailureReason"]
    assert not list(tiny.state.rglob("out.txt"))


def test_a_training_job_is_described_with_metrics_artifacts_and_phases(tiny):
    train = tiny.put("train/a.txt", "a").removesuffix("/a.txt")
    job = run_training(tiny, train=train, hyperparameters={"epochs": "3"})

    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Completed"
    assert [(m["MetricName"], m["Value"]) for m in job["FinalMetricDataList"]] == [("loss", 0.25)]
    phases = [each["Status"] for each in job["SecondaryStatusTransitions"]]
    assert phases == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["TrainingTimeInSeconds"] == job["BillableTimeInSeconds"] >= 1
    assert job["TrainingStartTime"] <= job["TrainingEndTime"]
    output = f"s3://{tiny.bucket}/models/{job['TrainingJobName']}/output"
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": f"{output}/model.tar.gz"}
    assert json.loads(tiny.unpack(f"{output}/model.tar.gz")["weights.json"])["settings"] == {"epochs": "3"}
    assert tiny.unpack(f"{output}/output.tar.gz") == {"notes.txt": "notes"}
    assert "loss=0.25" in tiny.log(TRAINING_LOGS, job["TrainingJobName"])
    assert "loss=0.25" in (tiny.state / "jobs" / job["TrainingJobName"] / "log").read_text()


def test_the_folder_of_a_completed_job_is_removed_but_for_its_log(tiny):
    done = run_training(tiny)["TrainingJobName"]
    failed = run_training(tiny, hyperparameters={"fail_with": "x"})["TrainingJobName"]
    assert [path.name for path in (tiny.state / "jobs" / done).iterdir()] == ["log"]
    assert (tiny.state / "jobs" / failed / "algo-1" / "output" / "failure").read_text() == "x"


def test_checkpoints_of_one_training_job_are_found_by_the_next(tiny):
    uri = f"s3://{tiny.bucket}/checkpoints"
    for epochs in (1, 2):
        run_training(tiny, CheckpointConfig={"S3Uri": uri})
        assert tiny.read(f"{uri}/epochs.txt").decode() == "epoch\n" * epochs


def run_on_two_hosts(tiny, uri, first, second):
    """Run one shell command on each of two hosts, in the folder of their checkpoints."""
    is_first = 'grep -q \'"current_host": "algo-1"\' /opt/ml/input/config/resourceconfig.json'
    script = f"set -e; cd /opt/ml/checkpoints; if {is_first}; then {first}; else {second}; fi"
    arguments = tiny.training(CheckpointConfig={"S3Uri": uri})
    arguments["AlgorithmSpecification"]["ContainerEntrypoint"] = ["sh", "-c", script]
    arguments["ResourceConfig"]["InstanceCount"] = 2
    name = tiny.name("together")
    tiny.sagemaker.create_training_job(TrainingJobName=name, **arguments)
    assert tiny.finish_training(name)["TrainingJobStatus"] == "Completed"


def test_a_host_that_leaves_its_checkpoints_alone_does_not_undo_what_another_wrote(tiny):
    for name in ("latest", "previous", "untouched"):
        tiny.put(f"together/{name}", f"{name}, old")
    uri = f"s3://{tiny.bucket}/together"
    run_on_two_hosts(tiny, uri, "mv latest previous; printf newer > latest; printf more > added", "rm previous")
    kept = {key: tiny.read(f"{uri}/{key}").decode() for key in tiny.keys("together/")}
    assert kept == {"added": "more", "latest": "newer", "previous": "latest, old", "untouched": "untouched, old"}


def test_checkpoints_that_the_first_host_empties_are_empty_for_the_next_job(tiny):
    latest = tiny.put("emptied/latest", "old")
    run_on_two_hosts(tiny, f"s3://{tiny.bucket}/emptied", ": > latest", "test -s latest")
    assert tiny.read(latest) == b""


def test_an_image_without_a_stand_in_fails_with_what_to_add(tiny, containers):
    job = run_training(tiny, image="1234.dkr.ecr.us-east-1.amazonaws.com/team/unknown@sha256:00")
    assert job["TrainingJobStatus"] == "Failed"
    assert f"'train' is looked for in {Path(containers, 'unknown', 'bin')}" in job["FailureReason"]
    assert "give the job a ContainerEntrypoint, or its estimator an entry_point" in job["FailureReason"]


def test_a_program_that_does_not_exist_is_named(tiny):
    arguments = tiny.processing("pass")
    arguments["AppSpecification"]["ContainerEntrypoint"] = ["no-such-program"]
    name = tiny.name("missing")
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **arguments)
    assert "Cannot run 'no-such-program'" in tiny.finish_processing(name)["FailureReason"]


def test_a_training_job_past_its_maximum_runtime_is_stopped_and_keeps_its_model(tiny):
    arguments = tiny.training(StoppingCondition={"MaxRuntimeInSeconds": 1})
    arguments["AlgorithmSpecification"]["ContainerEntrypoint"] = ["sh", "-c", "echo w > /opt/ml/model/w; sleep 600"]
    name = tiny.name("long")
    tiny.sagemaker.create_training_job(TrainingJobName=name, **arguments)
    job = tiny.finish_training(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert tiny.unpack(job["ModelArtifacts"]["S3ModelArtifacts"]) == {"w": "w\n"}


def test_a_running_job_can_be_followed_and_stopped_with_its_children(tiny, until, sleeper):
    name = tiny.name("followed")
    code = (
        "import subprocess\n"
        f"child = subprocess.Popen({sleeper.command.split()})\n"
        "print('sleeping now', flush=True)\n"
        "child.wait()"
    )
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **tiny.processing(code))
    tiny.wait_for_log(PROCESSING_LOGS, name, "sleeping now")
    assert tiny.sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"] == "InProgress"
    assert sleeper.runs()
    tiny.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert tiny.finish_processing(name)["ProcessingJobStatus"] == "Stopped"
    assert not sleeper.runs()


def test_jobs_are_listed_by_name_and_status(tiny):
    done = run_training(tiny)["TrainingJobName"]
    failed = run_training(tiny, hyperparameters={"fail_with": "x"})["TrainingJobName"]
    listing = tiny.sagemaker.list_training_jobs(StatusEquals="Failed", NameContains="training")
    names = [job["TrainingJobName"] for job in listing["TrainingJobSummaries"]]
    assert failed in names
    assert done not in names


def test_tags_of_a_job_can_be_read_and_changed(tiny):
    name = tiny.name("tagged")
    tags = [{"Key": "team", "Value": "bins"}]
    arn = tiny.sagemaker.create_training_job(TrainingJobName=name, **tiny.training(Tags=tags))["TrainingJobArn"]
    tiny.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "cost", "Value": "0"}])
    tiny.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert tiny.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "cost", "Value": "0"}]


def change(*path, to):
    def apply(arguments):
        for key in path[:-1]:
            arguments = arguments[key]
        arguments[path[-1]] = to

    return apply


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (change("AlgorithmSpecification", "TrainingInputMode", to="Pipe"), "Pipe"),
        (change("AlgorithmSpecification", "MetricDefinitions", 0, "Regex", to="loss=("), "Regex of metric 'loss'"),
        (change("AlgorithmSpecification", "MetricDefinitions", 0, "Regex", to="loss"), "needs a group"),
        (change("AlgorithmSpecification", "MetricDefinitions", 0, "Regex", to="(?=a)(b)"), "no look-around"),
        (change("ResourceConfig", "InstanceType", to="ml.enormous"), "ml.enormous"),
        (change("ResourceConfig", "InstanceCount", to=0), "InstanceCount"),
        (change("InputDataConfig", 0, "ChannelName", to=".."), "cannot be the name of a channel"),
        (lambda arguments: arguments["InputDataConfig"].append(arguments["InputDataConfig"][0]), "two channels"),
        (change("HyperParameters", to={"a": "x" * 3000}), "2500"),
        (change("CheckpointConfig", to={"S3Uri": "s3://b/c", "LocalPath": "/etc"}), "must lie under /opt/ml"),
        (change("OutputDataConfig", "S3OutputPath", to="models"), "S3OutputPath"),
    ],
)
def test_a_training_job_that_cannot_run_is_refused(tiny, change, says):
    arguments = tiny.training(train=f"s3://{tiny.bucket}/x")
    change(arguments)
    with pytest.raises(ClientError, match=says) as error:
        tiny.sagemaker.create_training_job(TrainingJobName=tiny.name("refused"), **arguments)
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_a_processing_job_with_two_inputs_or_outputs_of_one_name_is_refused(tiny):
    for fields in ({"inputs": [("code", "s3://any/x", "FullyReplicated")]}, {"outputs": [("out", "s3://any/x")] * 2}):
        with pytest.raises(ClientError, match="their names must be unique"):
            tiny.sagemaker.create_processing_job(ProcessingJobName="twice", **tiny.processing("pass", **fields))


def test_names_and_limits_are_refused_with_awss_codes(tiny):
    name = run_training(tiny)["TrainingJobName"]
    many = tiny.training()
    many["ResourceConfig"]["InstanceCount"] = 99
    calls = {
        "ResourceInUse": lambda: tiny.sagemaker.create_training_job(TrainingJobName=name, **tiny.training()),
        "ResourceNotFound": lambda: tiny.sagemaker.describe_training_job(TrainingJobName="nobody"),
        "ResourceLimitExceeded": lambda: tiny.sagemaker.create_training_job(TrainingJobName="many", **many),
    }
    for code, call in calls.items():
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["Error"]["Code"] == code


def test_the_reason_of_a_failed_program_is_not_hidden_by_outputs_that_cannot_be_stored(tiny):
    name = tiny.name("twice-wrong")
    arguments = tiny.training(OutputDataConfig={"S3OutputPath": "s3://no-such-bucket/models"})
    script = "echo x > /opt/ml/output/data/x; echo no lamp > /opt/ml/output/failure; exit 2"
    arguments["AlgorithmSpecification"]["ContainerEntrypoint"] = ["sh", "-c", script]
    tiny.sagemaker.create_training_job(TrainingJobName=name, **arguments)
    assert tiny.finish_training(name)["FailureReason"] == "AlgorithmError: no lamp, exit code: 2"
    assert "no-such-bucket" in (tiny.state / "jobs" / name / "log").read_text()


def test_a_job_whose_outputs_cannot_be_stored_has_failed(tiny):
    job = run_processing(tiny, "(base / 'processing/out/x').touch()", outputs=[("out", "s3://no-such-bucket/out")])
    assert job["ProcessingJobStatus"] == "Failed"
    assert "Could not store x at s3://no-such-bucket/out/x" in job["FailureReason"]


def test_output_without_end_is_cut_in_cloudwatch_and_whole_in_the_file(tiny):
    job = run_processing(tiny, "sys.stdout.write('x' * 20_000_000)")
    name = job["ProcessingJobName"]
    assert job["ProcessingJobStatus"] == "Completed"
    assert (tiny.state / "jobs" / name / "log").stat().st_size == 20_000_000
    streams = tiny.logs.describe_log_streams(logGroupName=PROCESSING_LOGS, logStreamNamePrefix=f"{name}/")
    last = tiny.logs.get_log_events(
        logGroupName=PROCESSING_LOGS, logStreamName=streams["logStreams"][0]["logStreamName"], limit=1
    )
    assert "the log goes on in" in last["events"][-1]["message"]


def test_an_error_of_the_server_itself_ends_the_job_with_a_reason(tiny):
    name = tiny.name("in-the-way")
    (tiny.state / "jobs").mkdir(exist_ok=True)
    (tiny.state / "jobs" / name).write_text("a file where the job's folder should be")
    tiny.sagemaker.create_training_job(TrainingJobName=name, **tiny.training())
    job = tiny.finish_training(name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: FileExistsError")
