"""What one server has said it keeps, the next server on its folder knows."""

import io
import json
import time
import zipfile

import pytest
import requests
from botocore.exceptions import ClientError

from pipelines.local.store import Store

BUCKET = "kept-bucket"
MIB = 1024 * 1024


def read(s3, key, **more):
    return s3.get_object(Bucket=BUCKET, Key=key, **more)["Body"].read()


def keys(s3):
    return [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def upload(s3, key, parts):
    """A multipart upload; returns its identifier."""
    identity = s3.create_multipart_upload(Bucket=BUCKET, Key=key, Metadata={"colour": "red"})["UploadId"]
    done = []
    for number, part in enumerate(parts, 1):
        answer = s3.upload_part(Bucket=BUCKET, Key=key, UploadId=identity, PartNumber=number, Body=part)
        done.append({"PartNumber": number, "ETag": answer["ETag"]})
    s3.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=identity, MultipartUpload={"Parts": done})
    return identity


def test_objects_are_as_they_were(on):
    def before(client):
        s3 = client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="small", Body=b"s", ContentType="text/plain", Metadata={"my_key": "v"})
        s3.put_object(Bucket=BUCKET, Key="späte Äpfel/+ %20", Body=bytes(range(256)) * 300)
        s3.put_object(Bucket=BUCKET, Key="empty", Body=b"")
        s3.put_object_tagging(Bucket=BUCKET, Key="small", Tagging={"TagSet": [{"Key": "team", "Value": "bins"}]})
        upload(s3, "large", [b"a" * 5 * MIB, b"b" * MIB])
        s3.put_object(Bucket=BUCKET, Key="first", Body=b"1" * 9000)
        s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "first"})
        s3.put_object(Bucket=BUCKET, Key="first", Body=b"2" * 9000)
        for key in ("gone-1", "gone-2", "gone-3"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"g" * 9000)
        s3.delete_object(Bucket=BUCKET, Key="gone-1")
        s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "gone-2"}, {"Key": "gone-3"}]})
        return [s3.head_object(Bucket=BUCKET, Key=key) for key in keys(s3)]

    def after(client):
        s3 = client("s3")
        assert keys(s3) == ["copy", "empty", "first", "large", "small", "späte Äpfel/+ %20"]
        assert read(s3, "späte Äpfel/+ %20") == bytes(range(256)) * 300
        assert read(s3, "large") == b"a" * 5 * MIB + b"b" * MIB
        assert (read(s3, "copy"), read(s3, "first")) == (b"1" * 9000, b"2" * 9000)
        assert s3.get_object_tagging(Bucket=BUCKET, Key="small")["TagSet"] == [{"Key": "team", "Value": "bins"}]
        assert s3.head_object(Bucket=BUCKET, Key="large")["Metadata"] == {"colour": "red"}
        return [s3.head_object(Bucket=BUCKET, Key=key) for key in keys(s3)]

    kept = ("ETag", "ContentLength", "ContentType", "Metadata", "LastModified")
    heads = [[{name: head[name] for name in kept} for head in on(work)] for work in (before, after, after)]
    assert heads[0] == heads[1] == heads[2]


def test_objects_whose_names_look_like_calls_are_kept(on):
    like_calls = ["logs/invocations", "x/operation/GetMetrics", "form", "multipart/invocations"]

    def before(client):
        s3 = client("s3")
        for bucket in (BUCKET, "endpoints", "service"):
            s3.create_bucket(Bucket=bucket)
        for key in like_calls[:2]:
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
            s3.put_object(Bucket="service", Key=key, Body=b"x")
        s3.put_object(
            Bucket=BUCKET, Key="form", Body=b"Action=GetUser", ContentType="application/x-www-form-urlencoded"
        )
        s3.put_object(Bucket="endpoints", Key="e/invocations", Body=b"x")
        upload(s3, "multipart/invocations", [b"x"])

    def after(client):
        s3 = client("s3")
        assert keys(s3) == sorted(like_calls)
        assert read(s3, "multipart/invocations") == b"x"
        for bucket, key in (("endpoints", "e/invocations"), ("service", "x/operation/GetMetrics")):
            assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"x"

    on(before)
    on(after)


def test_versions_keep_their_identifiers(on):
    def before(client):
        s3 = client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        ids = [s3.put_object(Bucket=BUCKET, Key="k", Body=body)["VersionId"] for body in (b"1", b"2")]
        marker = s3.delete_object(Bucket=BUCKET, Key="k")["VersionId"]
        return [*ids, marker]

    first, second, marker = on(before)

    def after(client):
        s3 = client("s3")
        assert (read(s3, "k", VersionId=first), read(s3, "k", VersionId=second)) == (b"1", b"2")
        s3.delete_object(Bucket=BUCKET, Key="k", VersionId=marker)
        assert read(s3, "k") == b"2"

    on(after)
    on(lambda client: read(client("s3"), "k"))


def test_an_upload_that_was_under_way_can_be_completed(on):
    def before(client):
        s3 = client("s3")
        s3.create_bucket(Bucket=BUCKET)
        identity = s3.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
        answer = s3.upload_part(Bucket=BUCKET, Key="k", UploadId=identity, PartNumber=1, Body=b"p" * 9000)
        return identity, answer["ETag"]

    identity, etag = on(before)

    def after(client):
        parts = [{"PartNumber": 1, "ETag": etag}]
        s3 = client("s3")
        s3.complete_multipart_upload(Bucket=BUCKET, Key="k", UploadId=identity, MultipartUpload={"Parts": parts})

    on(after)
    assert on(lambda client: read(client("s3"), "k")) == b"p" * 9000


def test_models_roles_rules_schedules_queues_and_experiments_are_as_they_were(on):
    def before(client):
        sagemaker, events = client("sagemaker"), client("events")
        client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
        sagemaker.create_model_package_group(ModelPackageGroupName="g")
        arns = [sagemaker.create_model_package(ModelPackageGroupName="g")["ModelPackageArn"] for _ in range(2)]
        sagemaker.update_model_package(ModelPackageArn=arns[0], ModelApprovalStatus="Approved")
        sagemaker.create_experiment(ExperimentName="e")
        sagemaker.create_trial(ExperimentName="e", TrialName="t")
        events.put_rule(Name="approved", EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
        events.put_targets(Rule="approved", Targets=[{"Id": "q", "Arn": "arn:aws:sqs:us-east-1:123456789012:q"}])
        target = {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": "arn:aws:iam::123456789012:role/r"}
        client("scheduler").create_schedule(
            Name="daily", ScheduleExpression="rate(1 day)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
        )
        client("sqs").create_queue(QueueName="q")
        client("logs").create_log_group(logGroupName="/aws/mine")

    def look(client):
        sagemaker, events = client("sagemaker"), client("events")
        packages = sagemaker.list_model_packages(ModelPackageGroupName="g")["ModelPackageSummaryList"]
        return [
            client("iam").get_role(RoleName="r")["Role"],
            [sagemaker.describe_model_package(ModelPackageName=each["ModelPackageArn"]) for each in packages],
            sagemaker.list_experiments()["ExperimentSummaries"],
            sagemaker.list_trials(ExperimentName="e")["TrialSummaries"],
            [
                {**rule, "Targets": events.list_targets_by_rule(Rule=rule["Name"])}
                for rule in events.list_rules()["Rules"]
            ],
            client("scheduler").get_schedule(Name="daily"),
            client("sqs").list_queues()["QueueUrls"][0].rpartition("/")[2],
            client("logs").describe_log_groups()["logGroups"],
        ]

    def plain(found):
        """Without what belongs to the answer rather than to the thing."""
        if isinstance(found, dict):
            return {key: plain(value) for key, value in found.items() if key != "ResponseMetadata"}
        if isinstance(found, list):
            return [plain(value) for value in found]
        return found.timestamp() if hasattr(found, "timestamp") else found

    def first(client):
        before(client)
        found = plain(look(client))
        time.sleep(1.1)  # so that another time would show
        return found

    assert on(first) == plain(on(look))


def test_functions_still_run(on):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("main.py", "handler = lambda event, context: event['n'] + 1")

    def before(client):
        role = client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        s3 = client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="code.zip", Body=archive.getvalue())
        code = {"S3Bucket": BUCKET, "S3Key": "code.zip"}
        client("lambda").create_function(
            FunctionName="f", Runtime="python3.11", Handler="main.handler", Role=role, Code=code, Timeout=60
        )
        s3.put_object(Bucket=BUCKET, Key="code.zip", Body=b"something else")

    def after(client):
        return json.loads(client("lambda").invoke(FunctionName="f", Payload=b'{"n": 1}')["Payload"].read())

    on(before)
    assert on(after) == 2
    assert on(lambda client: read(client("s3"), "code.zip")) == b"something else"


STACK = """
Resources:
  R:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: []}}
  F:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: stacked, Runtime: python3.11, Handler: main.handler, Role: !GetAtt R.Arn,
                 Code: {S3Bucket: kept-bucket, S3Key: stacked.zip}}
"""


def test_functions_keep_the_code_whose_object_has_been_deleted(on):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("main.py", "handler = lambda event, context: event['n'] + 1")

    def before(client):
        role = client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        s3 = client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for key in ("large.zip", "stacked.zip"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=archive.getvalue())
        client("lambda").create_function(
            FunctionName="large",
            Runtime="python3.11",
            Handler="main.handler",
            Role=role,
            Code={"S3Bucket": BUCKET, "S3Key": "large.zip"},
            Environment={"Variables": {"LARGE": "x" * 4000}},
        )
        client("cloudformation").create_stack(StackName="s", TemplateBody=STACK, Capabilities=["CAPABILITY_NAMED_IAM"])
        for key in ("large.zip", "stacked.zip"):
            s3.delete_object(Bucket=BUCKET, Key=key)

    def after(client):
        assert keys(client("s3")) == []
        return [client("lambda").get_function(FunctionName=name)["Configuration"]["CodeSize"] for name in names]

    names = ("large", "stacked")
    on(before)
    on(lambda client: None)  # it has looked for what may be forgotten
    assert on(after) == [len(archive.getvalue())] * 2


def test_an_object_that_a_form_has_made_stays_deleted(on):
    def before(client):
        s3 = client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for key in ("kept", "deleted"):
            form = s3.generate_presigned_post(BUCKET, key)
            requests.post(form["url"], data=form["fields"], files={"file": b"x"}, timeout=30).raise_for_status()
        s3.delete_object(Bucket=BUCKET, Key="deleted")

    on(before)
    assert on(lambda client: keys(client("s3"))) == ["kept"]


def test_an_event_that_was_accepted_reaches_its_function_under_the_next_server(on, until):
    code = """
import boto3, time
def handler(event, context):
    s3 = boto3.client("s3")
    s3.put_object(Bucket="kept-bucket", Key="begun", Body=b"")
    while not s3.list_objects_v2(Bucket="kept-bucket", Prefix="go").get("Contents"):
        time.sleep(0.05)
    s3.put_object(Bucket="kept-bucket", Key="done", Body=event["text"].encode())
"""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("main.py", code)

    def before(client):
        role = client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        client("s3").create_bucket(Bucket=BUCKET)
        zipped = {"ZipFile": archive.getvalue()}
        client("lambda").create_function(
            FunctionName="f", Runtime="python3.11", Handler="main.handler", Role=role, Code=zipped, Timeout=300
        )
        client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload='{"text": "ä"}'.encode())
        until(lambda: "begun" in keys(client("s3")))

    def after(client):
        client("s3").put_object(Bucket=BUCKET, Key="go", Body=b"")
        until(lambda: "done" in keys(client("s3")))
        return read(client("s3"), "done").decode()

    on(before)
    assert on(after) == "ä"
    on(lambda client: client("s3").delete_object(Bucket=BUCKET, Key="done"))
    assert "done" not in on(lambda client: keys(client("s3")))


def test_messages_and_log_lines_pass_through_and_refused_calls_leave_nothing(on):
    def before(client):
        sqs, logs = client("sqs"), client("logs")
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="m")
        assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
        logs.create_log_group(logGroupName="g")
        logs.create_log_stream(logGroupName="g", logStreamName="s")
        with pytest.raises(ClientError):
            client("s3").put_object(Bucket="no-such-bucket", Key="k", Body=b"x")

    on(before)

    def after(client):
        sqs = client("sqs")
        assert "Messages" not in sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName="q")["QueueUrl"])
        assert client("logs").describe_log_streams(logGroupName="g")["logStreams"] == []
        assert client("s3").list_buckets()["Buckets"] == []

    on(after)


def test_a_queue_is_not_told_again_of_objects_that_come_back(on):
    def before(client):
        s3, sqs = client("s3"), client("sqs")
        s3.create_bucket(Bucket=BUCKET)
        url = sqs.create_queue(QueueName="told")["QueueUrl"]
        arn = "arn:aws:sqs:us-east-1:123456789012:told"
        s3.put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
        )
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")
        return [message["Body"] for message in messages(sqs, url)]

    def messages(sqs, url):
        return sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])

    def after(client):
        sqs = client("sqs")
        url = sqs.get_queue_url(QueueName="told")["QueueUrl"]
        assert messages(sqs, url) == []
        client("s3").put_object(Bucket=BUCKET, Key="new", Body=b"x")
        return [message["Body"] for message in messages(sqs, url)]

    assert '"key":"k"' in "".join(on(before)).replace(" ", "")
    assert '"key":"new"' in "".join(on(after)).replace(" ", "")


def test_calls_that_only_read_are_not_written_down(on, tmp_path):
    def work(client):
        s3, iam = client("s3"), client("iam")
        s3.create_bucket(Bucket=BUCKET)
        iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")
        s3.list_buckets()
        keys(s3)
        iam.get_role(RoleName="r")
        iam.list_roles()
        client("sts").get_caller_identity()
        client("sts").assume_role(RoleArn="arn:aws:iam::123456789012:role/r", RoleSessionName="session")
        client("sagemaker").list_model_package_groups()
        client("logs").describe_log_groups()
        client("lambda").list_functions()
        client("events").put_events(Entries=[{"Source": "me", "DetailType": "t", "Detail": "{}"}])
        client("cloudwatch").put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.0}])
        client("cloudwatch").list_metrics()

    on(work)
    store = Store(tmp_path / "state.sqlite")
    heads = [document["Head"] for document in store.all("aws-call")]
    store.close()
    assert [(head["REQUEST_METHOD"], head["PATH_INFO"]) for head in heads] == [("PUT", f"/{BUCKET}"), ("POST", "/")]
    assert not any("SESSION" in name or "SECURITY_TOKEN" in name for head in heads for name in head)
