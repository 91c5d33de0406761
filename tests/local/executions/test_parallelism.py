"""How many steps of an execution run at once."""


def test_a_limit_that_is_raised_lets_the_next_step_start_at_once(tiny, tmp_path, until):
    begun, flag = tmp_path / "begun", tmp_path / "flag"
    wait = f"pathlib.Path({str(begun)!r}).touch()\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.05)"
    steps = [
        {"Name": name, "Type": "Processing", "Arguments": tiny.processing(code)}
        for name, code in (("Wait", wait), ("Release", f"pathlib.Path({str(flag)!r}).touch()"))
    ]
    name = tiny.create(steps, ParallelismConfiguration={"MaxParallelExecutionSteps": 1})
    arn = tiny.start(name)
    until(begun.exists)
    tiny.sagemaker.update_pipeline_execution(
        PipelineExecutionArn=arn, ParallelismConfiguration={"MaxParallelExecutionSteps": 2}
    )
    assert tiny.finish(arn)["PipelineExecutionStatus"] == "Succeeded"
