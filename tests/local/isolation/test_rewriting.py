"""What a job gets where there are no namespaces: paths rewritten to its folder, and still nothing left running."""

import json

from pipelines.local import Isolation

ISOLATION = Isolation.REWRITING


def test_entry_point_arguments_and_environment_name_the_jobs_own_folder(tiny):
    name = tiny.name("rewritten")
    arguments = tiny.processing(
        "(base / 'output/message').write_text(json.dumps([str(base), os.getcwd(), sys.argv, os.environ['DATA']]))",
        arguments=["--data=/opt/ml/data", "s3://bucket/opt/ml/data"],
        Environment={"DATA": "/srv/opt/ml:/opt/ml/data"},
    )
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **arguments)
    base, folder, words, data = json.loads(tiny.finish_processing(name)["ExitMessage"])
    assert base == folder == str(tiny.state / "jobs" / name / "algo-1")
    assert words == [f"{base}/processing/input/code/main.py", f"--data={base}/data", "s3://bucket/opt/ml/data"]
    assert data == f"/srv/opt/ml:{base}/data"


def test_a_daemon_ends_with_its_job(tiny, sleeper):
    name = tiny.name("daemon")
    code = f"import subprocess\nsubprocess.Popen({sleeper.command.split()}, start_new_session=True)\nsys.exit(5)"
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **tiny.processing(code))
    assert "exit code 5" in tiny.finish_processing(name)["FailureReason"]
    assert not sleeper.runs()
