"""Training on several hosts, and over interruptions, as real processes under the container contract."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from steps.train.faults.checkpoint import LATEST, state_of

REPOSITORY = Path(__file__).parents[3]
PROGRAM = REPOSITORY / "containers" / "training" / "bin" / "train"
STEPS = 16
"""Steps of an epoch."""


class Host:
    """One host of a job: its folder in place of /opt/ml, and its process."""

    def __init__(self, base, name, hosts, shards, job, **hyperparameters):
        self.base, self.name, self.job = base, name, job
        settings = {"architecture": "resnet18", "epochs": "3", "batch_size": "8", **hyperparameters}
        resources = {"current_host": name, "hosts": hosts, "network_interface_name": "lo"}
        for file, content in (
            ("inputdataconfig", {"train": {}, "validation": {}}),
            ("resourceconfig", resources),
            ("hyperparameters", settings),
        ):
            path = base / "input" / "config" / f"{file}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content))
        shutil.copytree(shards, base / "input" / "data")

    def start(self):
        self.lines = []
        self.process = subprocess.Popen(
            [PROGRAM, "train"],
            env={
                "SAGEMAKER_BASE_DIR": str(self.base),
                "TRAINING_JOB_NAME": self.job,
                "PYTHONPATH": str(REPOSITORY),
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
                "OMP_NUM_THREADS": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self._read)
        self.said = threading.Condition()
        self.reader.start()
        return self

    def _read(self):
        for line in self.process.stdout:
            with self.said:
                self.lines.append(line)
                self.said.notify_all()

    def wait_for(self, pattern):
        with self.said:
            assert self.said.wait_for(lambda: re.search(pattern, self.log), timeout=100), self.log

    def end(self):
        try:
            code = self.process.wait(timeout=100)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.reader.join(timeout=30)
        assert not self.reader.is_alive(), "a process that outlived its host holds the log open"
        return code

    @property
    def log(self):
        return "".join(self.lines)

    @property
    def worker(self):
        """The process that `launch` started."""
        (child,) = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(child)

    @property
    def failure(self):
        file = self.base / "output" / "failure"
        return file.read_text() if file.exists() else None

    @property
    def epochs_told(self):
        return [int(epoch) for epoch in re.findall(r"^epoch=(\d+)/\d+; train:loss", self.log, re.MULTILINE)]

    @property
    def model(self):
        return {file.name for file in (self.base / "model").iterdir()}

    @property
    def weights(self):
        return load_file(self.base / "model" / "model.safetensors")

    @property
    def checkpoint(self):
        return state_of((self.base / "checkpoints" / LATEST).read_bytes())


@pytest.fixture
def job(tmp_path, shards):
    """Set up a job of some hosts."""

    def job(hosts, **hyperparameters):
        names = [f"algo-{number + 1}" for number in range(hosts)]
        return [
            Host(tmp_path / f"job-{hosts}" / name, name, names, shards, tmp_path.name, **hyperparameters)
            for name in names
        ]

    return job


def run(hosts):
    for host in hosts:
        host.start()
    return [host.end() for host in hosts]


MODEL = {"model.onnx", "model.safetensors", "signature.json"}


@pytest.mark.slow
def test_a_job_stopped_and_then_killed_ends_with_the_weights_of_the_undisturbed_job(job):
    (host,) = job(1)
    host.start().wait_for("epoch=1/3; train:loss")
    host.process.send_signal(signal.SIGTERM)
    assert host.end() == 143
    assert host.failure is None
    assert host.model == set()
    assert host.checkpoint["step"] >= STEPS

    host.start().wait_for("epoch=2/3; train:loss")
    host.process.kill()
    assert host.end() == -signal.SIGKILL
    assert host.checkpoint["step"] >= STEPS

    assert run([host]) == [0], host.log
    assert "training goes on from its checkpoint" in host.log
    assert host.epochs_told[-1] == 3
    assert host.model == MODEL
    ended = host.weights

    assert run([host]) == [0]
    assert host.epochs_told == [1, 2, 3], "a training that is over leaves no checkpoint, so this one was undisturbed"
    assert all(torch.equal(ended[name], host.weights[name]) for name in ended)


@pytest.mark.slow
def test_two_hosts_train_one_model_that_the_first_writes(job):
    first, second = job(2)
    (second.base / "checkpoints").mkdir()
    (second.base / "checkpoints" / LATEST).write_bytes(b"a copy that nobody would renew")
    assert run([first, second]) == [0, 0], first.log + second.log
    assert first.epochs_told == [1, 2, 3]
    assert first.model == MODEL
    assert second.epochs_told == []
    assert second.model == set()
    assert list((second.base / "checkpoints").iterdir()) == []
    assert first.failure is second.failure is None


@pytest.mark.slow
def test_two_hosts_of_which_one_is_stopped_save_together_and_go_on_together(job):
    first, second = hosts = job(2)
    for host in hosts:
        host.start()
    first.wait_for("epoch=1/3; train:loss")
    second.process.send_signal(signal.SIGTERM)
    assert [host.end() for host in hosts] == [143, 143], first.log + second.log
    assert first.failure is second.failure is None
    assert first.checkpoint["step"] >= STEPS
    shutil.copytree(first.base / "checkpoints", second.base / "checkpoints", dirs_exist_ok=True)  # as SageMaker does
    assert run(hosts) == [0, 0], first.log + second.log
    assert "training goes on from its checkpoint" in first.log
    assert first.model == MODEL
    assert list((second.base / "checkpoints").iterdir()) == [], "old copies would take the place of the first host's"


def test_what_goes_wrong_on_one_host_is_the_reason_on_all(job):
    first, second = hosts = job(2)
    file = second.base / "input" / "data" / "train" / "algo-1-00050" / "images.npy"
    file.write_bytes(file.read_bytes()[:5000])
    assert run(hosts) == [1, 1]
    assert f"{file} cannot be read as an array" in second.failure
    assert first.failure == second.failure
    assert "Traceback" not in first.log + second.log


@pytest.mark.slow
def test_a_training_process_that_is_killed_ends_the_job_with_a_sentence_on_every_host(job):
    first, second = hosts = job(2, epochs="1000")
    for host in hosts:
        host.start()
    first.wait_for("epoch=1/1000; train:loss")
    os.kill(second.worker, signal.SIGKILL)
    assert [host.end() for host in hosts] == [1, 1]
    assert "training process 0 of this host was killed by SIGKILL" in second.failure
    assert first.failure.startswith("a training process went away without saying why")


@pytest.mark.slow
def test_a_host_that_is_killed_leaves_no_process_that_trains_on(job):
    first, _ = hosts = job(2, epochs="1000")
    for host in hosts:
        host.start()
    first.wait_for("epoch=1/1000; train:loss")
    for host in hosts:
        host.process.kill()
    assert [host.end() for host in hosts] == [-signal.SIGKILL] * 2  # and both logs have come to their end
