"""Estimators of AWS's framework images, with the user's own script, as the SDK's documentation has them."""

import io
import json
import sys
import tarfile
import warnings

import pytest

from pipelines.local import Isolation

SCRIPT = """
import argparse, json, os, sys
import helper
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--kernel")
parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
args = parser.parse_args()
if args.epochs < 0:
    raise ValueError("epochs run forwards only")
print("loss=0.5")
with open(os.path.join(args.model_dir, "model.json"), "w") as file:
    json.dump({**vars(args), "files": os.listdir(args.train), "helper": helper.NAME, "argv": sys.argv,
               "sm": {k: v for k, v in os.environ.items() if k.startswith("SM_")}}, file)
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    (folder / "train.py").write_text(SCRIPT)
    (folder / "helper.py").write_text("NAME = 'shelf'")
    return folder


@pytest.fixture(scope="module")
def sdk(tiny):
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name, value in tiny.server.environment().items():
            patch.setenv(name, value)
        import sagemaker

        yield sagemaker.Session(
            boto_session=tiny.session,
            sagemaker_client=tiny.sagemaker,
            default_bucket=tiny.bucket,
            sagemaker_config={
                "SchemaVersion": "1.0",
                "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
            },
        )


@pytest.fixture
def estimator(tiny, sdk, source):
    """Make an estimator of the SDK, which uploads its source by itself."""

    def make(kind, **options):
        return kind(
            entry_point="train.py",
            source_dir=str(source),
            role=tiny.role,
            instance_type="ml.m5.large",
            instance_count=1,
            output_path=f"s3://{tiny.bucket}/script-mode",
            sagemaker_session=sdk,
            disable_profiler=True,
            **options,
        )

    return make


def estimators():
    from sagemaker.pytorch import PyTorch
    from sagemaker.sklearn import SKLearn

    return {
        "sklearn": (SKLearn, {"framework_version": "1.2-1", "py_version": "py3"}),
        "pytorch": (PyTorch, {"framework_version": "2.3", "py_version": "py311"}),
    }


@pytest.mark.parametrize("framework", ["sklearn", "pytorch"])
def test_an_estimator_with_a_source_folder_trains(tiny, estimator, framework):
    kind, version = estimators()[framework]
    data = tiny.put("script-mode/data/a.csv", "1").removesuffix("/a.csv")
    trained = estimator(kind, hyperparameters={"epochs": 3, "kernel": "a b"}, **version)
    trained.fit({"train": data}, wait=False)
    job = tiny.finish_training(trained.latest_training_job.name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    model = json.loads(tiny.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])["model.json"])
    assert (model["epochs"], model["kernel"], model["files"], model["helper"]) == (3, "a b", ["a.csv"], "shelf")
    assert model["argv"] == ["train.py", "--epochs", "3", "--kernel", "a b"]
    assert json.loads(model["sm"]["SM_HPS"]) == {"epochs": 3, "kernel": "a b"}
    assert (model["sm"]["SM_CHANNELS"], model["sm"]["SM_HP_EPOCHS"]) == ('["train"]', "3")
    assert (model["sm"]["SM_HOSTS"], model["sm"]["SM_CURRENT_HOST"]) == ('["algo-1"]', "algo-1")


@pytest.mark.skipif(Isolation.best() is Isolation.REWRITING, reason="the SDK's own start-up script names /opt/ml")
def test_a_framework_processor_with_a_source_folder_runs(tiny, sdk, source):
    from sagemaker.processing import FrameworkProcessor, ProcessingOutput
    from sagemaker.sklearn import SKLearn

    (source / "report.py").write_text("import sys, helper; open('/opt/ml/processing/out/r', 'w').write(sys.argv[1])")
    processor = FrameworkProcessor(
        estimator_cls=SKLearn,
        framework_version="1.2-1",
        role=tiny.role,
        instance_type="ml.m5.large",
        instance_count=1,
        sagemaker_session=sdk,
    )
    target = f"s3://{tiny.bucket}/framework-processor"
    output = ProcessingOutput(source="/opt/ml/processing/out", destination=target)
    processor.run("report.py", source_dir=str(source), outputs=[output], arguments=["counted"], wait=False)
    job = tiny.finish_processing(processor.latest_job.job_name)
    assert job["ProcessingJobStatus"] == "Completed", job["FailureReason"]
    assert tiny.read(f"{target}/r") == b"counted"


def submit(tiny, hyperparameters, **files):
    """Start a training job in script mode with these source files, and wait for its end."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "."))
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    tiny.s3.put_object(Bucket=tiny.bucket, Key="script-mode/sourcedir.tar.gz", Body=packed.getvalue())
    given = {
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": json.dumps(f"s3://{tiny.bucket}/script-mode/sourcedir.tar.gz"),
        **hyperparameters,
    }
    name = tiny.name("script-mode")
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    arguments = tiny.training(hyperparameters=given, image=image)
    tiny.sagemaker.create_training_job(TrainingJobName=name, **arguments)
    return tiny.finish_training(name)


@pytest.mark.parametrize(
    ("hyperparameters", "source", "says"),
    [
        ({}, "raise ValueError('epochs run forwards only')", "epochs run forwards only"),
        ({"sagemaker_program": '"other.py"'}, "", "other.py is not in the source"),
        ({"sagemaker_submit_directory": '"s3://tiny-bucket/nowhere"'}, "", "nowhere could not be fetched"),
        ({"sagemaker_submit_directory": '"/opt/ml/code"'}, "", "should be an archive in S3, not '/opt/ml/code'"),
        ({"sagemaker_mpi_enabled": "true"}, "", "does not support a distribution (sagemaker_mpi_enabled)"),
    ],
)
def test_a_program_that_cannot_run_fails_with_the_reason(tiny, hyperparameters, source, says):
    job = submit(tiny, hyperparameters, train__py=source)
    assert job["TrainingJobStatus"] == "Failed"
    assert says in job["FailureReason"]


def test_requirements_are_there_for_the_program_and_leave_the_servers_python_alone(tiny):
    program = "import sys, boto3; open('/dev/stdout', 'w').write(f'{sys.prefix} has {boto3.__name__}')"
    job = submit(tiny, {}, train__py=program, requirements__txt="boto3\n")
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    log = (tiny.state / "jobs" / job["TrainingJobName"] / "log").read_text()
    assert "/python has boto3" in log
    assert sys.prefix not in log.rsplit(" has ")[0].splitlines()[-1]


def test_a_shell_script_can_be_the_program(tiny):
    job = submit(
        tiny,
        {"sagemaker_program": '"go.sh"', "rate": "0.5"},
        go__sh='echo "$@" "$SM_USER_ENTRY_POINT" > "$SM_MODEL_DIR/said"',
    )
    assert tiny.unpack(job["ModelArtifacts"]["S3ModelArtifacts"]) == {"said": "--rate 0.5 go.sh\n"}
