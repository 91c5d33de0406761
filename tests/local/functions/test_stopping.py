"""A server that stops while executions wait for functions."""

import logging
import textwrap

from pipelines.local import EmbeddedSageMaker


def test_executions_that_wait_for_functions_are_stopped_and_their_ends_are_kept(
    tmp_path, tiny_of, functions_of, until, caplog
):
    state, flags = tmp_path / "state", tmp_path / "flags"
    flags.mkdir()
    hang = f"""
        import pathlib, time
        def handler(event, context):
            pathlib.Path({str(flags)!r}, event["flag"]).touch()
            time.sleep(600)
    """
    with caplog.at_level(logging.WARNING), EmbeddedSageMaker(state=state) as server:
        tiny = tiny_of(server, state)
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{functions_of(tiny).create(textwrap.dedent(hang))}"
        flag = {"Get": "Execution.PipelineExecutionId"}
        call = {"Name": "Call", "Type": "Lambda", "FunctionArn": arn, "Arguments": {"flag": flag}}
        name = tiny.create([{**call, "OutputParameters": []}])
        executions = [tiny.start(name) for _ in range(3)]
        until(lambda: len(list(flags.iterdir())) == len(executions))
    assert caplog.records == []
    with EmbeddedSageMaker(state=state) as server:
        found = [tiny_of(server, state).finish(each) for each in executions]
        assert [each["PipelineExecutionStatus"] for each in found] == ["Stopped"] * 3
        assert [each["Steps"]["Call"]["StepStatus"] for each in found] == ["Stopped"] * 3
