"""Batch transform: real serving processes, real objects, through the API that AWS has too."""

import gzip
import json

import pytest
from botocore.exceptions import ClientError

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tiny/doubler:1"
LOGS = "/aws/sagemaker/TransformJobs"

# A foreign project's serving program: doubles each number of a request, one line for each line.
SERVE = """#!/usr/bin/env python3
import http.server, json, os, sys, threading, time
if "EXIT" in os.environ:
    sys.exit("no model here")
busy = int(os.environ.get("BUSY", "0"))
guests, lock, arrived = int(os.environ.get("GUESTS", "0")), threading.Lock(), threading.Condition()
present = 0

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.reply(200, b"")

    def do_POST(self):
        global busy, present
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if body == "tell":
            seen = {name: value for name, value in os.environ.items() if name.startswith("SAGEMAKER_")}
            return self.reply(200, json.dumps({**seen, **self.headers}).encode())
        if body == "die":
            os._exit(1)
        if body == "sleep":
            print("sleeping", flush=True)
            time.sleep(600)
        with arrived:  # wait until so many requests are here at once
            present += 1
            arrived.notify_all()
            if not arrived.wait_for(lambda: present >= guests, timeout=60):
                return self.reply(500, b"nobody came")
        with lock:
            if busy:
                busy -= 1
                return self.reply(503, b"busy")
        try:
            if self.headers["Content-Type"] == "application/json":
                answer = "\\n".join(json.dumps({"twice": 2 * json.loads(line)["n"]}) for line in body.split("\\n"))
            else:
                answer = "\\n".join(",".join(str(2 * int(n)) for n in line.split(",")) for line in body.split("\\n"))
        except (ValueError, KeyError) as error:
            return self.reply(400, f"not a number: {error}".encode())
        self.reply(200, answer.encode())

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


@pytest.fixture(scope="module", autouse=True)
def doubler(containers):
    program = containers / "doubler" / "bin" / "serve"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(SERVE)
    program.chmod(0o755)


@pytest.fixture
def model(tiny):
    def make(**environment):
        name = tiny.name("doubles")
        container = {"Image": IMAGE, "Environment": environment}
        tiny.sagemaker.create_model(ModelName=name, ExecutionRoleArn=tiny.role, PrimaryContainer=container)
        return name

    return make


def arguments(tiny, model, source, target, source_more=None, output_more=None, instances=1, **more):
    return {
        "ModelName": model,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}},
            "ContentType": "text/csv",
            "SplitType": "Line",
            **(source_more or {}),
        },
        "TransformOutput": {"S3OutputPath": f"s3://{tiny.bucket}/{target}", **(output_more or {})},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": instances},
        **more,
    }


@pytest.fixture
def transform(tiny, until):
    """Run a transform job over some texts by key; answers its description and its results by key."""

    def run(model, objects, **options):
        target = tiny.name("transformed")
        for key, content in objects.items():
            body = content if isinstance(content, bytes) else content.encode()
            tiny.s3.put_object(Bucket=tiny.bucket, Key=f"{target}-in/{key}", Body=body)
        given = arguments(tiny, model, f"s3://{tiny.bucket}/{target}-in/", target, **options)
        job = finish(tiny, until, start(tiny, given))
        return job, {key: tiny.read(f"s3://{tiny.bucket}/{target}/{key}").decode() for key in tiny.keys(f"{target}/")}

    return run


def start(tiny, given):
    name = tiny.name("transform")
    tiny.sagemaker.create_transform_job(TransformJobName=name, **given)
    return name


def finish(tiny, until, name):
    describe = tiny.sagemaker.describe_transform_job
    until(lambda: describe(TransformJobName=name)["TransformJobStatus"] not in ("InProgress", "Stopping"))
    return describe(TransformJobName=name)


def test_each_object_has_its_result_under_the_same_key(model, transform):
    job, results = transform(model(), {"a.csv": "1\n2\n3\n", "deep/b.csv": "4,5\n6,7"})
    assert job["TransformJobStatus"] == "Completed", job
    assert results == {"a.csv.out": "2\n4\n6", "deep/b.csv.out": "8,10\n12,14"}
    assert job["TransformStartTime"] <= job["TransformEndTime"]


def test_single_records_are_sent_one_by_one_and_assembled_as_lines(model, transform):
    name = model()
    objects = {"a.csv": "1\n2\n3\n"}
    _, joined = transform(name, objects, BatchStrategy="SingleRecord")
    _, lines = transform(name, objects, BatchStrategy="SingleRecord", output_more={"AssembleWith": "Line"})
    assert joined == {"a.csv.out": "246"}
    assert lines == {"a.csv.out": "2\n4\n6\n"}


def test_a_whole_object_is_one_request_unless_it_is_split_and_compressed_ones_are_unpacked(model, transform):
    options = {"source_more": {"SplitType": "None", "CompressionType": "Gzip"}, "BatchStrategy": "SingleRecord"}
    _, results = transform(model(), {"a.csv.gz": gzip.compress(b"1\n2")}, **options)
    assert results == {"a.csv.gz.out": "2\n4"}


def test_an_object_that_is_no_gzip_fails_and_the_others_do_not(model, transform):
    job, results = transform(model(), {"a": gzip.compress(b"1"), "b": "1"}, source_more={"CompressionType": "Gzip"})
    assert results == {"a.out": "2"}
    assert "Not a gzipped file" in job["FailureReason"]


def test_the_container_knows_that_it_is_a_batch_and_gets_the_headers_of_the_request(model, transform):
    _, results = transform(
        model(),
        {"a": "tell"},
        source_more={"SplitType": "None"},
        output_more={"Accept": "application/json"},
        MaxPayloadInMB=3,
        MaxConcurrentTransforms=2,
        Environment={"SAGEMAKER_OWN": "1"},
    )
    told = json.loads(results["a.out"])
    assert (told["SAGEMAKER_BATCH"], told["SAGEMAKER_MAX_PAYLOAD_IN_MB"]) == ("true", "3")
    assert (told["SAGEMAKER_BATCH_STRATEGY"], told["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"]) == ("MULTI_RECORD", "2")
    assert (told["Content-Type"], told["Accept"], told["SAGEMAKER_OWN"]) == ("text/csv", "application/json", "1")


def test_as_many_requests_are_on_their_way_as_allowed_and_the_order_stays(model, transform):
    numbers = [str(number) for number in range(12)]
    _, results = transform(
        model(GUESTS="4"),
        {"a": "\n".join(numbers)},
        MaxConcurrentTransforms=4,
        BatchStrategy="SingleRecord",
        output_more={"AssembleWith": "Line"},
    )
    assert results["a.out"].split() == [str(2 * int(number)) for number in numbers]


def test_a_busy_container_is_asked_again_as_often_as_the_request_allows(model, transform):
    job, results = transform(model(BUSY="1"), {"a": "1"})
    assert (job["TransformJobStatus"], results) == ("Completed", {"a.out": "2"})
    job, results = transform(model(BUSY="2"), {"a": "1"}, ModelClientConfig={"InvocationsMaxRetries": 1})
    assert (job["TransformJobStatus"], results) == ("Failed", {})
    assert "Bad HTTP status received from algorithm: 503" in job["FailureReason"]


def test_a_bad_record_costs_its_object_and_the_job_but_not_the_other_objects(tiny, model, transform):
    job, results = transform(model(), {"a": "1", "b": "2\nlamp\n3", "c": "4"}, BatchStrategy="SingleRecord")
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: See job logs for more information. ")
    assert "ClientError: 400. Message: not a number" in job["FailureReason"]
    assert results == {"a.out": "2", "c.out": "8"}
    log = tiny.log(LOGS, job["TransformJobName"])
    assert "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=SINGLE_RECORD" in log
    assert "-in/b: ClientError: 400" in log


def test_a_record_larger_than_a_request_may_be_fails(model, transform):
    job, results = transform(model(), {"a": "1" * 1_100_000, "b": "1"}, MaxPayloadInMB=1)
    assert "a record is larger than MaxPayloadInMB, 1 MB; it begins with '111" in job["FailureReason"]
    assert results == {"b.out": "2"}


def test_a_container_that_does_not_start_or_dies_fails_the_job(model, transform):
    job, _ = transform(model(EXIT="1"), {"a": "1"})
    assert job["FailureReason"].startswith("AlgorithmError: See job logs for more information. The container ended")
    job, results = transform(model(), {"a": "1", "b": "die", "c": "2"}, BatchStrategy="SingleRecord")
    assert "The container ended before the last object was transformed" in job["FailureReason"]
    assert results == {"a.out": "2"}


def test_several_instances_share_the_objects_and_a_manifest_names_them(tiny, until, model):
    target = tiny.name("shared")
    for number in range(3):
        tiny.put(f"{target}-in/{number}.csv", str(number))
    manifest = tiny.put(
        f"{target}.json", json.dumps([{"prefix": f"s3://{tiny.bucket}/{target}-in/"}, "0.csv", "2.csv"])
    )
    given = arguments(tiny, model(), manifest, target, instances=3)
    given["TransformInput"]["DataSource"]["S3DataSource"]["S3DataType"] = "ManifestFile"
    name = start(tiny, given)
    assert finish(tiny, until, name)["TransformJobStatus"] == "Completed"
    assert tiny.keys(f"{target}/") == ["0.csv.out", "2.csv.out"]
    hosts = tiny.logs.describe_log_streams(logGroupName=LOGS, logStreamNamePrefix=f"{name}/")["logStreams"]
    assert {stream["logStreamName"].split("/")[1].rsplit("-", 1)[0] for stream in hosts} == {"algo-1", "algo-2"}


def test_predictions_are_joined_to_their_csv_rows_and_filtered(model, transform):
    _, results = transform(
        model(),
        {"a.csv": '"A, 1",1,2\nB,3,4\n'},
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    )
    assert results == {"a.csv.out": '"A, 1",4\nB,8\n'}


def test_predictions_are_joined_to_their_json_documents(model, transform):
    _, results = transform(
        model(),
        {"a": '{"id": "A", "n": 1}\n{"id": "B", "n": 4}\n'},
        source_more={"ContentType": "application/json"},
        DataProcessing={"JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"},
    )
    lines = [json.loads(line) for line in results["a.out"].splitlines()]
    assert lines == [{"id": "A", "SageMakerOutput": {"twice": 2}}, {"id": "B", "SageMakerOutput": {"twice": 8}}]


def test_a_running_job_can_be_stopped_and_jobs_are_listed(tiny, until, model):
    source = tiny.put("sleeping/a", "sleep")
    name = start(tiny, arguments(tiny, model(), source, "slept", source_more={"SplitType": "None"}))
    tiny.wait_for_log(LOGS, name, "sleeping")
    listed = tiny.sagemaker.list_transform_jobs(StatusEquals="InProgress")["TransformJobSummaries"]
    assert [line["TransformJobName"] for line in listed] == [name]
    tiny.sagemaker.stop_transform_job(TransformJobName=name)
    assert finish(tiny, until, name)["TransformJobStatus"] == "Stopped"
    assert tiny.keys("slept/") == []


def test_a_step_transforms_and_the_next_one_knows_where_its_results_are(tiny, model):
    source = tiny.put("stepped/a.csv", "21")
    steps = [
        {"Name": "Predict", "Type": "Transform", "Arguments": arguments(tiny, model(), source, "stepped-out")},
        {
            "Name": "Say",
            "Type": "Fail",
            "DependsOn": ["Predict"],
            "Arguments": {"ErrorMessage": {"Get": "Steps.Predict.TransformOutput.S3OutputPath"}},
        },
    ]
    execution = tiny.run(steps)
    assert execution["Steps"]["Predict"]["StepStatus"] == "Succeeded", execution
    assert ":transform-job/pipelines-" in execution["Steps"]["Predict"]["Metadata"]["TransformJob"]["Arn"]
    assert execution["Steps"]["Say"]["FailureReason"] == f"s3://{tiny.bucket}/stepped-out"
    assert tiny.read(f"s3://{tiny.bucket}/stepped-out/a.csv.out") == b"42"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": "nobody"}, "Could not find model .*model/nobody"),
        ({"source_more": {"SplitType": "RecordIO"}}, "does not support the SplitType RecordIO"),
        ({"MaxPayloadInMB": 0}, "does not support MaxPayloadInMB 0"),
        ({"MaxPayloadInMB": 101}, "cannot be greater than 100 MB"),
        ({"MaxPayloadInMB": 50, "MaxConcurrentTransforms": 3}, "is 150; it must not exceed 100 MB"),
        ({"DataProcessing": {"InputFilter": "features"}}, r"'features' does not begin with '\$'"),
        (
            {"DataProcessing": {"JoinSource": "Input"}, "source_more": {"ContentType": "image/jpeg"}},
            "this one is 'image/jpeg'",
        ),
        ({"DataProcessing": {"JoinSource": "Input"}, "source_more": {"SplitType": "None"}}, "needs the SplitType Line"),
        ({"instances": 17}, "at most 16"),
    ],
)
def test_what_cannot_be_transformed_is_refused_with_a_sentence(tiny, model, options, says):
    given = {"model": model(), **options}
    with pytest.raises(ClientError, match=says):
        start(tiny, arguments(tiny, source=f"s3://{tiny.bucket}/x", target="x", **given))


def test_a_package_of_two_containers_is_not_transformed_with_the_first_alone(tiny):
    group, name = tiny.name("group"), tiny.name("two")
    tiny.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    texts = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    package = tiny.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        InferenceSpecification={"Containers": [{"Image": IMAGE}, {"Image": IMAGE}], **texts},
    )["ModelPackageArn"]
    tiny.sagemaker.create_model(ModelName=name, PrimaryContainer={"ModelPackageName": package})
    with pytest.raises(ClientError, match=f"the inference pipeline of the model '{name}'"):
        start(tiny, arguments(tiny, name, f"s3://{tiny.bucket}/x", "x"))
