"""Jobs started by the classes of the SageMaker SDK, as its users start them."""

import json
import warnings

import pytest

SOON = 0.1  # seconds between the SDK's looks at a job
OPT_OUT = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}

# What a model's image does: answers each line with its length.
SERVE = """#!/usr/bin/env python3
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.reply(b"")

    def do_POST(self):
        lines = self.rfile.read(int(self.headers["Content-Length"])).split(b"\\n")
        self.reply(b"\\n".join(str(len(line)).encode() for line in lines))

    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.HTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def session(tiny):
    """A session of the SDK."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # the SDK looks there for a configuration
        for name, value in tiny.server.environment().items():
            patch.setenv(name, value)
        from sagemaker.session import Session

        # It takes half a second, and the SDK does it twenty times for each job.
        patch.setattr("sagemaker.utils.validate_sagemaker_config", lambda _: None)
        yield Session(boto_session=tiny.session, default_bucket=tiny.bucket, sagemaker_config=OPT_OUT)


@pytest.fixture
def estimator(tiny, session):
    """Make an estimator of the tiny trainer."""
    from sagemaker.estimator import Estimator

    def make(**more):
        return Estimator(
            image_uri=tiny.image,
            role=tiny.role,
            instance_count=1,
            instance_type="ml.m5.large",
            output_path=f"s3://{tiny.bucket}/sdk/models",
            metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
            sagemaker_session=session,
            **more,
        )

    return make


def test_an_estimator_on_spot_instances_fits_and_can_be_attached_to(tiny, session, estimator):
    from sagemaker.estimator import Estimator
    from sagemaker.inputs import TrainingInput

    source = tiny.put("sdk/data/a.txt", "a").removesuffix("/a.txt")
    fitted = estimator(
        hyperparameters={"rate": 0.5},
        use_spot_instances=True,
        max_run=600,
        max_wait=900,
        checkpoint_s3_uri=f"s3://{tiny.bucket}/sdk/checkpoints",
        max_retry_attempts=2,
        environment={"SHELF": "A"},
    )
    fitted.fit({"train": TrainingInput(source, input_mode="FastFile")}, wait=False)
    session.wait_for_job(fitted.latest_training_job.name, poll=SOON)
    weights = json.loads(tiny.unpack(fitted.model_data)["weights.json"])
    assert weights == {"files": ["a.txt"], "settings": {"rate": "0.5"}}
    assert tiny.keys("sdk/checkpoints/") == ["epochs.txt"]
    attached = Estimator.attach(fitted.latest_training_job.name, sagemaker_session=session)
    assert attached.model_data == fitted.model_data
    assert attached.use_spot_instances


def test_an_estimator_without_compression_finds_its_model_as_a_prefix(tiny, session, estimator):
    fitted = estimator(disable_output_compression=True)
    fitted.fit(wait=False)
    session.wait_for_job(fitted.latest_training_job.name, poll=SOON)
    source = fitted.model_data["S3DataSource"]
    assert (source["S3DataType"], source["CompressionType"]) == ("S3Prefix", "None")
    assert json.loads(tiny.read(source["S3Uri"] + "weights.json"))["files"] == []


def test_a_failed_fit_raises_with_the_jobs_own_words(session, estimator):
    from sagemaker.exceptions import UnexpectedStatusException

    failing = estimator(hyperparameters={"fail_with": "no lamp"})
    failing.fit(wait=False)
    with pytest.raises(UnexpectedStatusException, match="no lamp"):
        session.wait_for_job(failing.latest_training_job.name, poll=SOON)


def test_a_processor_runs_a_script_and_stores_its_output(tiny, session):
    from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor

    code = tiny.state / "count.py"
    code.write_text(
        "import pathlib, sys\n"
        "lines = pathlib.Path('/opt/ml/processing/input/a.txt'.replace('/opt/ml', sys.argv[1])).read_text()\n"
        "pathlib.Path(sys.argv[1], 'processing/output/count').write_text(str(len(lines.split())))"
    )
    processor = ScriptProcessor(
        image_uri=tiny.image,
        command=["python3"],
        role=tiny.role,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
    )
    target = f"s3://{tiny.bucket}/sdk/counted"
    processor.run(
        code=str(code),
        inputs=[ProcessingInput(tiny.put("sdk/words/a.txt", "one two"), "/opt/ml/processing/input")],
        outputs=[ProcessingOutput("/opt/ml/processing/output", target, s3_upload_mode="Continuous")],
        arguments=["/opt/ml"],
        wait=False,
    )
    session.wait_for_processing_job(processor.latest_job.job_name, poll=SOON)
    assert tiny.read(f"{target}/count") == b"2"
    assert processor.latest_job.describe()["ProcessingJobStatus"] == "Completed"


def test_a_tuner_with_hyperband_fits_and_a_second_one_starts_from_it(tiny, session, estimator):
    from sagemaker.tuner import (
        ContinuousParameter,
        HyperbandStrategyConfig,
        HyperparameterTuner,
        StrategyConfig,
        WarmStartConfig,
        WarmStartTypes,
    )

    how = {
        "objective_metric_name": "loss",
        "objective_type": "Minimize",
        "metric_definitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        "hyperparameter_ranges": {"rate": ContinuousParameter(1e-4, 1e-2)},
        "max_jobs": 1,
    }
    resources = HyperbandStrategyConfig(max_resource=5, min_resource=1)
    first = HyperparameterTuner(
        estimator(), strategy="Hyperband", strategy_config=StrategyConfig(hyperband_strategy_config=resources), **how
    )
    first.fit(wait=False, job_name=tiny.name("hyperband"))
    session.wait_for_tuning_job(first.latest_tuning_job.name, poll=SOON)
    warm = WarmStartConfig(WarmStartTypes.IDENTICAL_DATA_AND_ALGORITHM, {first.latest_tuning_job.name})
    second = HyperparameterTuner(estimator(), strategy="Bayesian", warm_start_config=warm, **how)
    second.fit(wait=False, job_name=tiny.name("warm"))
    session.wait_for_tuning_job(second.latest_tuning_job.name, poll=SOON)
    description = second.describe()
    assert description["HyperParameterTuningJobStatus"] == "Completed"
    names = {first.best_training_job(), second.best_training_job()}
    assert description["OverallBestTrainingJob"]["TrainingJobName"] in names


def test_a_transformer_sends_lines_through_a_model(tiny, session, containers):
    from sagemaker.model import Model

    program = containers / "measurer" / "bin" / "serve"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(SERVE)
    program.chmod(0o755)
    image = tiny.image.replace("trainer", "measurer")
    model = Model(image_uri=image, role=tiny.role, sagemaker_session=session, name=tiny.name("measurer"))
    target = f"s3://{tiny.bucket}/sdk/transformed"
    transformer = model.transformer(
        instance_count=1,
        instance_type="ml.m5.large",
        strategy="SingleRecord",
        assemble_with="Line",
        accept="text/csv",
        output_path=target,
    )
    source = tiny.put("sdk/lines/a.csv", "a\nbb\nccc\n").removesuffix("/a.csv")
    transformer.transform(
        source, content_type="text/csv", split_type="Line", join_source="Input", output_filter="$[1]", wait=False
    )
    session.wait_for_transform_job(transformer.latest_transform_job.name, poll=SOON)
    assert tiny.read(f"{target}/a.csv.out") == b"1\n2\n3\n"
