"""A team divides every batch among its processes without overlap, and adds up exactly what they found."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steps.contract import Hosts, StepError
from steps.train.hosts.launch import FIRST_PORT, PORTS, address_of, port_of
from steps.train.hosts.team import Team


@given(images=st.integers(0, 200), batch=st.integers(1, 40), size=st.integers(1, 8), smallest=st.integers(1, 2))
def test_every_image_of_an_epoch_goes_to_one_process_in_as_many_steps(images, batch, size, smallest):
    batch = max(batch, size * smallest)
    order = np.random.default_rng(0).permutation(images)
    plans = [Team(rank, size).slices(order, batch, smallest) for rank in range(size)]
    steps = [len(plan) for plan in plans]
    assert len(set(steps)) == 1
    taken = np.concatenate([np.empty(0, np.int64), *(part.rows for plan in plans for part in plan)])
    assert len(taken) == len(set(taken.tolist()))
    assert images - len(taken) < smallest * size
    for step in range(steps[0]):
        of_all = np.concatenate([plan[step].rows for plan in plans])
        assert set(of_all.tolist()) == set(order[step * batch : (step + 1) * batch].tolist())
        assert min(len(plan[step].rows) for plan in plans) >= smallest


@given(values=st.lists(st.floats(-10, 10), min_size=4, max_size=40), size=st.integers(1, 4))
def test_the_mean_of_the_weighted_means_is_the_mean_of_the_batch(values, size):
    losses = np.array(values)
    parts = [Team(rank, size).slices(np.arange(len(losses)), len(losses))[0] for rank in range(size)]
    weighted = [part.weight * losses[part.rows].mean() for part in parts]
    assert np.mean(weighted) == pytest.approx(losses.mean(), abs=1e-9)


def test_a_batch_too_small_to_be_shared_is_refused_with_the_smallest_that_is_not():
    with pytest.raises(StepError, match=r"batch_size is 6, but 4 processes .* set it to 8 or more"):
        Team(0, 4).slices(np.arange(100), 6, smallest=2)


def test_a_process_alone_is_its_own_answer():
    alone = Team()
    assert (alone.leads, alone.agree(True), alone.agree(False)) == (True, True, False)
    assert torch.equal(alone.total(torch.arange(3)), torch.arange(3))
    assert alone.share(b"x") == b"x"
    model = torch.nn.Linear(2, 2)
    assert alone.join(model) is model


PROGRAM = """
import sys, torch, torch.distributed as group
from steps.train.hosts.team import Team, leave
rank, size, store = int(sys.argv[1]), 3, sys.argv[2]
group.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=size)
team = Team(rank, size)
sums = torch.tensor([rank + 0.5, 1])
assert team.total(sums).tolist() == [4.5, 3]
assert sums.tolist() == [rank + 0.5, 1], "what was summed is left as it was"
assert [team.agree(wish) for wish in (rank == 2, False)] == [True, False]
assert team.share(b"kept" if team.leads else b"") == b"kept"
assert team.share(b"") == b""
assert team.share(b"leader's" if team.leads else b"ignored") == b"leader's"
norm = torch.nn.BatchNorm1d(2)
norm.running_mean += rank + 1
team.align(norm)
assert norm.running_mean.tolist() == [1, 1]
torch.manual_seed(rank)
model = torch.nn.Linear(2, 1)
joined = team.join(model)
joined(torch.full((1, 2), float(rank))).sum().backward()
assert model.weight.grad.tolist() == [[1, 1]], "the mean of 0, 1 and 2"
del joined
leave()
print("well", model.weight.tolist())
"""


def test_three_processes_find_the_same_sums_wishes_and_gradients(tmp_path):
    environment = {"PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(rank), str(tmp_path / "store")],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(3)
    ]
    answers = [process.communicate(timeout=200) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], answers
    assert len({out for out, _ in answers}) == 1, "the weights began as the first process's"


def test_jobs_meet_at_their_own_port_and_always_at_the_same():
    ports = {port_of(f"pipelines-abc-Train-{number}") for number in range(50)}
    assert len(ports) > 40
    assert all(FIRST_PORT <= port < FIRST_PORT + PORTS for port in ports)
    assert port_of("job") == port_of("job")


@pytest.mark.parametrize(("interface", "address"), [("eth0", "algo-1"), ("", "algo-1"), ("lo", "127.0.0.1")])
def test_hosts_meet_at_the_first_and_on_loopback_on_this_machine(interface, address):
    assert address_of(Hosts("algo-2", ("algo-1", "algo-2"), network_interface=interface)) == address
