"""How fast a GPU trains: our step, torchvision's reference recipe, and the bound that the network's arithmetic sets.

The bound is the rate of bfloat16 matrix products, measured in the same run, over the floating point operations of one
image's forward and backward pass. The reference is `train_one_epoch` of torchvision's references/classification: SGD
with momentum, cross-entropy, planar float images, in float32 as is its default and in float16 with `--amp`; it starts
from ready normalised batches, ours from bytes.
"""

import math
import statistics
import time
from collections.abc import Callable
from itertools import repeat

import pytest
import torch
import torchvision
from rich.console import Console
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from steps.train.device import choose_compute
from steps.train.feed import Batch
from steps.train.learner import Learner
from steps.train.networks.compilation import compiled
from steps.train.settings import TrainSettings
from steps.train.stopwatch import Stopwatch

COMPUTE = choose_compute()
DEVICE = COMPUTE.device
SIZE, BATCH, STEPS, ROUNDS, SIDE = 224, 256, 20, 5, 8192
CLASSES = 6


def flops_per_image(architecture: str, size: int, backward: bool = True) -> int:
    """Floating point operations of one image, a multiplication and an addition counted as two."""
    with torch.device("meta"):
        network = torchvision.models.get_model(architecture, num_classes=CLASSES)
        images = torch.empty(2, 3, size, size)
    with FlopCounterMode(display=False) as counter:
        answers = network(images)
        if backward:
            answers.sum().backward()
    return counter.get_total_flops() // len(images)


def wait() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def matmul_flops_per_second(side: int, rounds: int = 7, products: int = 10) -> float:
    """Rate of bfloat16 products of square matrices, the median of `rounds`."""
    left, right = (torch.randn(side, side, device=DEVICE, dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for _ in range(rounds + 1):  # the first warms up
        wait()
        start = time.perf_counter()
        for _ in range(products):
            torch.mm(left, right)
        wait()
        seconds.append(time.perf_counter() - start)
    return products * 2 * side**3 / statistics.median(seconds[1:])


def reference_step(architecture: str, size: int, batch: int, amp: bool) -> Callable[[], float]:
    """One iteration of torchvision's `train_one_epoch`, which reads loss and accuracy after each; answers the loss."""
    network = torchvision.models.get_model(architecture, num_classes=CLASSES).to(DEVICE)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    scaler = torch.amp.GradScaler(DEVICE.type, enabled=amp)
    images, labels = torch.randn(batch, 3, size, size, device=DEVICE), torch.arange(batch, device=DEVICE) % CLASSES

    def step() -> float:
        with torch.autocast(DEVICE.type, torch.float16, enabled=amp):
            answers = network(images)
            loss: Tensor = criterion(answers, labels)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        (answers.argmax(dim=1) == labels).float().mean().item()
        return loss.item()

    return step


def our_step(learner: Learner, size: int, batch: int) -> Callable[[], Tensor]:
    """One step of ours on a batch of bytes that lies on the device; answers the loss, which nobody waits for."""
    images = torch.randint(0, 256, (batch, size, size, 3), device=DEVICE, dtype=torch.uint8)
    feed = repeat(Batch(images, torch.arange(batch, device=DEVICE) % CLASSES))
    watch = Stopwatch(DEVICE)

    def step() -> Tensor:
        loss = learner.step(feed, [batch], watch).loss
        watch.next_step()
        return loss

    return step


def several(step: Callable[[], object], deterministic: bool) -> Callable[[], None]:
    """`STEPS` steps, with the choice of cuDNN's algorithms as training sets it, or as the reference does."""

    def run() -> None:
        with torch.backends.cudnn.flags(enabled=True, benchmark=not deterministic, deterministic=deterministic):
            for _ in range(STEPS):
                step()
            wait()

    return run


def say_what_limits(step: Callable[[], object]) -> None:
    """Print where a GPU's time goes, by operation."""
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiled:
        several(step, deterministic=True)()
    Console(width=200).print(profiled.key_averages().table(sort_by="self_device_time_total", row_limit=10))


@pytest.mark.benchmark
@pytest.mark.skipif(DEVICE.type != "cuda", reason="there is no GPU")
@pytest.mark.parametrize("architecture", ["resnet34", "resnet50"])
def test_training_on_a_gpu(
    architecture: str, make_learner: Callable[..., Learner], rates: Callable, show: Callable
) -> None:
    settings = TrainSettings(architecture=architecture, batch_size=BATCH)
    ours = our_step(make_learner(settings), SIZE, BATCH)
    fast = our_step(make_learner(settings, lambda model: compiled(model, COMPUTE, BATCH, SIZE)), SIZE, BATCH)
    measured = rates(
        {
            "torchvision reference, float32": several(reference_step(architecture, SIZE, BATCH, False), False),
            "torchvision reference, --amp": several(reference_step(architecture, SIZE, BATCH, True), False),
            "ours": several(ours, True),
            "ours, compiled": several(fast, True),
        },
        STEPS * BATCH,
        ROUNDS,
    )
    bound = matmul_flops_per_second(SIDE) / flops_per_image(architecture, SIZE)
    fractions = {name: f"{statistics.median(values) / bound:.2f}" for name, values in measured.items()}
    title = f"training {architecture} at {SIZE} px, batches of {BATCH}, on {COMPUTE}; bound {bound:,.0f} images/s"
    show(title, "images", measured, "torchvision reference, float32", {"of the bound": fractions})
    say_what_limits(fast)


@pytest.mark.parametrize(("architecture", "published"), [("resnet34", 3.664), ("resnet50", 4.089)])
def test_the_counted_operations_are_the_published_ones(architecture: str, published: float) -> None:
    """torchvision publishes 10^9 multiplications with additions of one image of 224 px into 1,000 classes."""
    forward = flops_per_image(architecture, 224, backward=False)
    assert forward / 2e9 == pytest.approx(published, rel=0.01)
    # Backward computes two products for each one of forward, except that pixels need no gradient.
    assert 2.9 < flops_per_image(architecture, 224) / forward < 3


def test_both_steps_of_the_comparison_change_the_weights_and_the_rate_is_a_rate(
    make_learner: Callable[..., Learner],
) -> None:
    reference = reference_step("resnet18", size=32, batch=6, amp=False)
    ours = our_step(make_learner(TrainSettings(architecture="resnet18", learning_rate=1e-3)), size=32, batch=6)
    for step in (reference, ours):
        losses = [float(step()) for _ in range(3)]
        assert all(math.isfinite(loss) for loss in losses)
        assert len(set(losses)) == 3, "the batch is the same every time, so only new weights change the loss"
    assert matmul_flops_per_second(64, rounds=1, products=1) > 0
