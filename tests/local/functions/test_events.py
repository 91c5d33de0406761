"""Functions whose callers do not wait."""

import json

COUNT = """
    import boto3
    def handler(event, context):
        key = f"attempts/{event['name']}/{context.aws_request_id}"
        boto3.client("s3").put_object(Bucket=event["bucket"], Key=key, Body=b"")
        if event["fails"]:
            raise RuntimeError("not today")
        return "done"
    """


def queue_of(functions, name):
    sqs = functions.tiny.session.client("sqs", endpoint_url=functions.tiny.server.url)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return sqs, url, f"arn:aws:sqs:us-east-1:123456789012:{name}"


def records(sqs, url):
    return [json.loads(each["Body"]) for each in sqs.receive_message(QueueUrl=url).get("Messages", [])]


def send(functions, name, **event):
    event = {"bucket": functions.tiny.bucket, "name": name, **event}
    return functions.invoke(name, event, InvocationType="Event")


def configure(functions, name, destination, **more):
    target = {"Destination": destination}
    functions.client.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnSuccess": target, "OnFailure": target}, **more
    )


def test_an_event_is_accepted_at_once_and_its_result_reaches_the_destination(functions, until):
    sqs, url, arn = queue_of(functions, "successes")
    name = functions.create(COUNT)
    configure(functions, name, arn)
    answer = send(functions, name, fails=False)
    assert (answer["StatusCode"], answer["Payload"]) == (202, None)
    got = []
    until(lambda: got.extend(records(sqs, url)) or got)
    assert got[0]["requestContext"]["condition"] == "Success"
    assert got[0]["requestPayload"]["name"] == name
    assert got[0]["responsePayload"] == "done"
    assert len(functions.tiny.keys(f"attempts/{name}/")) == 1


def test_a_failing_event_is_tried_three_times_and_then_reported(functions, until):
    sqs, url, arn = queue_of(functions, "failures")
    name = functions.create(COUNT)
    configure(functions, name, arn)
    send(functions, name, fails=True)
    got = []
    until(lambda: got.extend(records(sqs, url)) or got)
    context = got[0]["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("RetriesExhausted", 3)
    assert got[0]["responsePayload"]["errorMessage"] == "not today"
    assert len(functions.tiny.keys(f"attempts/{name}/")) == 3


def test_the_number_of_retries_may_be_configured(functions, until):
    sqs, url, arn = queue_of(functions, "impatient")
    name = functions.create(COUNT)
    configure(functions, name, arn, MaximumRetryAttempts=0)
    send(functions, name, fails=True)
    got = []
    until(lambda: got.extend(records(sqs, url)) or got)
    assert got[0]["requestContext"]["approximateInvokeCount"] == 1
