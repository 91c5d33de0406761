"""Metrics are read from a job's log, whatever the expressions that find them."""

import pytest

from pipelines.local.jobs.metrics import final_metrics


def test_an_expression_that_would_try_for_ever_neither_stops_the_server_nor_the_job(tiny):
    arguments = tiny.training()
    arguments["AlgorithmSpecification"] |= {
        "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)|(a+)+b"}],
        "ContainerEntrypoint": ["python3", "-c", "print('a' * 50_000); print('loss=0.25')"],
    }
    name = tiny.name("patient")
    tiny.sagemaker.create_training_job(TrainingJobName=name, **arguments)
    job = tiny.finish_training(name)
    assert job["TrainingJobStatus"] == "Completed"
    assert [(each["MetricName"], each["Value"]) for each in job["FinalMetricDataList"]] == [("loss", 0.25)]


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("^loss: ([0-9.]+)$", 3.5),  # at the end of its line
        (r"\'val_loss\': ([0-9]+(.|e\-)[0-9]+),?", 2e-3),  # as the SDK's documentation writes it
        (r".*größe=(\S+).*", 7),
        (r"nothing=(\d)?", None),
        (r"too_much=(\S+)", None),
    ],
)
def test_the_last_finite_number_is_the_metrics_value(tmp_path, pattern, value):
    log = tmp_path / "log"
    lines = "loss: 9\nloss: 3.5\n{'val_loss': 2e-3}\nbroken \udcff größe=7 more\nnothing=\ntoo_much=1e999\n"
    log.write_bytes(lines.encode(errors="surrogateescape"))
    found = final_metrics(log, [{"Name": "metric", "Regex": pattern}])
    assert [each["Value"] for each in found] == ([] if value is None else [value])
