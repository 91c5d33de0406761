"""What a job sees where Linux grants it namespaces: its folder as /opt/ml, the machine's programs, no other job."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.local import Isolation

pytestmark = pytest.mark.skipif(
    Isolation.best() is not Isolation.NAMESPACES, reason="this machine grants this user no namespaces"
)

FOREIGN = """
import json, os, pathlib, sys
with open('/opt/ml/config/resourceconfig.json') as file:
    host = json.load(file)['current_host']
rows = open('/opt/ml/processing/input/data/rows.csv').read()
with open('/opt/ml/processing/out/' + sys.argv[1], 'w') as file:
    file.write(host + ' read ' + rows)
print(os.getcwd(), os.environ['SAGEMAKER_BASE_DIR'], __file__)
"""


def run(tiny, code, **options):
    name = tiny.name("namespaces")
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **tiny.processing(code, **options))
    job = tiny.finish_processing(name)
    assert job["ProcessingJobStatus"] == "Completed", job["FailureReason"]
    return job


def test_a_foreign_script_with_hard_coded_paths_runs_unchanged(tiny):
    host_has_it = Path("/opt/ml").exists()
    rows = tiny.put("foreign/rows.csv", "7 bins")
    job = run(
        tiny,
        FOREIGN,
        inputs=[("data", rows, "FullyReplicated")],
        outputs=[("out", f"s3://{tiny.bucket}/foreign/out")],
        arguments=["seen.txt"],
    )
    assert tiny.read(f"s3://{tiny.bucket}/foreign/out/seen.txt") == b"algo-1 read 7 bins"
    log = (tiny.state / "jobs" / job["ProcessingJobName"] / "log").read_text()
    assert log == "/opt/ml /opt/ml /opt/ml/processing/input/code/main.py\n"
    assert Path("/opt/ml").exists() is host_has_it


def test_what_else_lies_in_opt_stays_visible(tiny):
    job = run(tiny, "(base / 'output/message').write_text(json.dumps(sorted(os.listdir('/opt'))))")
    assert set(json.loads(job["ExitMessage"])) == {path.name for path in Path("/opt").iterdir()} | {"ml"}


def test_hosts_of_jobs_see_no_files_and_no_processes_of_each_other(tiny):
    code = (
        f"state = os.listdir({str(tiny.state)!r})\n"
        "parents = [open(f'/proc/{p}/stat').read().split()[3] for p in os.listdir('/proc') if p.isdecimal()]\n"
        "(base / 'output/message').write_text(json.dumps([state, parents]))"
    )
    assert json.loads(run(tiny, code, instances=2)["ExitMessage"]) == [[], ["0", "1"]]


def test_hosts_of_a_job_reach_each_other_by_name(tiny):
    code = (
        "import socket\n"
        "host = json.loads((base / 'config/resourceconfig.json').read_text())['current_host']\n"
        "server = socket.create_server((host, 29517))\n"  # the same port on both
        "if host == 'algo-1':\n"
        "    (base / 'output/message').write_bytes(server.accept()[0].recv(99))\n"
        "while host == 'algo-2':\n"
        "    try:\n"
        "        with socket.create_connection(('algo-1', 29517)) as connection:\n"
        "            connection.sendall(b'algo-2 was here')\n"
        "        break\n"
        "    except ConnectionRefusedError:\n"
        "        time.sleep(0.05)"
    )
    assert run(tiny, code, instances=2)["ExitMessage"] == "algo-2 was here"


def test_links_to_opt_ml_lead_to_the_files_when_the_model_is_packed(tiny):
    arguments = tiny.training()
    script = "cd /opt/ml/model; mkdir a; echo w > a/w; ln -s /opt/ml/model/a/w last; ln -s a/w near; ln -s /gone far"
    arguments["AlgorithmSpecification"]["ContainerEntrypoint"] = ["sh", "-c", script]
    name = tiny.name("links")
    tiny.sagemaker.create_training_job(TrainingJobName=name, **arguments)
    model = tiny.unpack(tiny.finish_training(name)["ModelArtifacts"]["S3ModelArtifacts"])
    assert model == {"a/w": "w\n", "last": "w\n", "near": "w\n"}


def test_what_a_job_leaves_in_shared_memory_goes_with_it(tiny, sleeper):
    mark = sleeper.command.replace(" ", "-")
    run(tiny, f"pathlib.Path('/dev/shm', {mark!r}).write_bytes(b'left behind')")
    assert not Path("/dev/shm", mark).exists()


def test_a_user_without_privileges_is_granted_them_too():
    without = shutil.which("setpriv")
    if without is None or int(Path("/proc/sys/user/max_user_namespaces").read_text()) == 0:
        pytest.skip("privileges cannot be given up here, or there are no user namespaces")
    code = "from pipelines.local import Isolation; print(Isolation.best().name)"
    words = [without, "--bounding-set", "-sys_admin", sys.executable, "-c", code]
    assert subprocess.run(words, capture_output=True, text=True, timeout=60).stdout == "NAMESPACES\n"
