"""How many processes share a training changes nothing of what is learnt and measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]

# A network without batch normalisation, which alone looks at the other images of a process, and no random changes. With
# 128 images in batches of 20, the last step has one of 8 in the second half of its accumulation.
PROGRAM = """
import json, sys, torch, torch.distributed as group
from dataclasses import asdict
from pathlib import Path
from torch import nn
from steps.shards import Shards
from steps.train.device import Compute
from steps.train.loop import Loop
from steps.train.settings import TrainSettings
from steps.train.hosts.team import Team, leave

class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(32 * 32 * 3, 8), nn.Tanh(), nn.Linear(8, 4))
    def forward(self, images):
        return self.layers(images.float() / 255)

rank, size, folder, store = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
group.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=size)
torch.manual_seed(0)
still = dict.fromkeys(["flip_horizontal", "rotation", "zoom", "shift", "brightness", "contrast"], 0)
settings = TrainSettings(
    epochs=2, batch_size=20, accumulate=2, learning_rate=1e-3, averaging=0.3, class_weights="balanced", **still
)
loop = Loop(
    settings, Plain(), Shards(folder / "train"), Compute(torch.device("cpu"), bfloat16=False), team=Team(rank, size)
)
figures = [asdict(epoch) for epoch in loop.run(Shards(folder / "validation"))]
weights = [value.double().abs().sum().item() for value in loop.result().state_dict().values()]
Path(f"{store}-{rank}.json").write_text(json.dumps({"figures": figures, "weights": weights}))
del loop
leave()
"""


@pytest.fixture
def learn(shards, tmp_path):
    """Train as a team of some processes; each one's figures by epoch, and sums of its weights."""

    def learn(size):
        store = tmp_path / f"team-of-{size}"
        environment = {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(rank), str(size), str(shards), str(store)],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(size)
        ]
        errors = [process.communicate(timeout=200)[1] for process in processes]
        assert [process.returncode for process in processes] == [0] * size, errors
        return [json.loads(Path(f"{store}-{rank}.json").read_text()) for rank in range(size)]

    return learn


@pytest.mark.slow
def test_three_processes_learn_and_measure_what_one_does(learn):
    (alone,) = learn(1)
    for member in learn(3):
        assert member["weights"] == pytest.approx(alone["weights"], rel=1e-5)
        for found, expected in zip(member["figures"], alone["figures"], strict=True):
            for name in expected.keys() - {"images_per_second"}:
                assert found[name] == pytest.approx(expected[name], rel=1e-5), name
