"""What is asked of an endpoint and what it answers is captured in S3."""

import base64
import json
import re


def captured(endpoints, tiny, prefix, count):
    """Wait for so many captured events; returns them with the keys of their files."""

    def read():
        keys = tiny.keys(f"{prefix}/")
        lines = [line for key in keys for line in tiny.read(f"s3://{tiny.bucket}/{prefix}/{key}").splitlines()]
        return keys, [json.loads(line) for line in lines]

    endpoints.until(lambda: len(read()[1]) >= count)
    return read()


def capture(tiny, prefix, *modes, percent=100, **more):
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": percent,
        "DestinationS3Uri": f"s3://{tiny.bucket}/{prefix}",
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
        **more,
    }


def test_requests_and_answers_are_captured_in_awss_form(endpoints, tiny):
    headers = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}
    config = capture(tiny, "captured", "Input", "Output", CaptureContentTypeHeader=headers)
    name = endpoints.create(endpoints.config(endpoints.model(), DataCaptureConfig=config))
    assert endpoints.describe(name)["DataCaptureConfig"]["CaptureStatus"] == "Started"
    endpoints.ask(name, b"1,2", ContentType="text/csv", InferenceId="i-7", CustomAttributes="a=1")
    keys, (event,) = captured(endpoints, tiny, "captured", 1)
    assert re.fullmatch(rf"{name}/AllTraffic/\d{{4}}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{{3}}-[0-9a-f-]{{36}}\.jsonl", keys[0])
    asked, answered = event["captureData"]["endpointInput"], event["captureData"]["endpointOutput"]
    assert asked == {"observedContentType": "text/csv", "mode": "INPUT", "data": "1,2", "encoding": "CSV"}
    assert (answered["observedContentType"], answered["encoding"]) == ("application/json", "JSON")
    assert json.loads(answered["data"])["body"] == "1,2"
    metadata = event["eventMetadata"]
    assert (metadata["inferenceId"], metadata["customAttributes"]) == ("i-7", ["a=1"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata["inferenceTime"])
    assert event["eventVersion"] == "0"


def test_bodies_of_other_content_types_are_in_base64_and_at_the_latest_there_when_the_endpoint_is_gone(endpoints, tiny):
    config = capture(tiny, "binary", "Input")
    name = endpoints.create(endpoints.config(endpoints.model(), DataCaptureConfig=config))
    for _ in range(3):
        endpoints.invoke(name, b"echo", ContentType="image/jpeg")
    endpoints.delete(name)
    _, events = captured(endpoints, tiny, "binary", 3)
    assert len(events) == 3
    assert [list(event["captureData"]) for event in events] == [["endpointInput"]] * 3
    assert {base64.b64decode(event["captureData"]["endpointInput"]["data"]) for event in events} == {b"echo"}


def test_a_sample_is_captured_and_none_where_capture_is_off(endpoints, tiny):
    some = capture(tiny, "some", "InputAndOutput", percent=30)
    off = {**capture(tiny, "off", "InputAndOutput"), "EnableCapture": False}
    for config in (some, off):
        name = endpoints.create(endpoints.config(endpoints.model(), DataCaptureConfig=config))
        for _ in range(100):
            endpoints.invoke(name, b"echo", ContentType="text/plain")
        endpoints.delete(name)
    _, events = captured(endpoints, tiny, "some", 1)
    # 100 draws at 0.3: fewer than 5 or more than 60 is less likely than one in a billion
    assert 5 <= len(events) <= 60
    assert tiny.keys("off/") == []
