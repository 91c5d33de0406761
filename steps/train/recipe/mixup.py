"""Blend pairs of training images and of their targets, so that the network answers gradually between examples.

Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018.
"""

from numpy.random import Generator
from torch import Tensor


def mixup(images: Tensor, targets: Tensor, alpha: float, random: Generator) -> tuple[Tensor, Tensor]:
    """Blend each image, and its target, with those at the opposite place in the batch.

    The share l of an image in itself is drawn once a batch, Beta(alpha, alpha), and is at least 1/2: a pair is met from
    both sides, so l and 1 - l mean the same, and an image's own label stays the dominant one.

    Args:
        images: float32 [N, ...] of a shuffled batch.
        targets: float32 [N, classes].
        alpha: the larger, the more even the blends; 0 leaves both as they are.
        random: decides the share.
    """
    if not alpha:
        return images, targets
    share = random.beta(alpha, alpha)
    share = max(share, 1 - share)
    return images.flip(0).lerp_(images, share), targets.flip(0).lerp_(targets, share)
