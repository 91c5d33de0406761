"""What the network is asked to answer: a target for each class of each image, and the loss against it."""

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, one_hot


def target_table(
    labels: Tensor, classes: int, softness: float = 0.0, smoothing: float = 0.0, balanced: bool = False
) -> Tensor:
    """The targets of each label, float32 [classes, classes]; row y is what is asked for an image of label y.

    Softness spreads a row over neighbouring counts, t_j ~ exp(-(j - y)^2 / (2 softness^2)), because taking 3 for 4 is
    less wrong than taking 0 for 4 (Diaz and Marathe, "Soft Labels for Ordinal Regression", CVPR 2019, with the squared
    distance). Smoothing then gives an equal share of it to all classes (Szegedy et al., 2016). Rows sum to 1; when they
    are balanced, to N / (classes present x images of the label), which weighs the images of every class the same and
    all images as before.

    Args:
        labels: int64 [N], of the training images.
        classes: how many classes there are.
        softness: standard deviation in classes; 0 for none.
        smoothing: share, 0 to 1.
        balanced: whether rare classes weigh more.
    """
    table = torch.eye(classes)
    if softness:
        distance = torch.arange(classes).view(1, -1) - torch.arange(classes).view(-1, 1)
        table = torch.softmax(-((distance.double() / softness) ** 2) / 2, dim=1).float()
    table = (1 - smoothing) * table + smoothing / classes
    if balanced:
        images = one_hot(labels, classes).sum(dim=0)
        weights = len(labels) / (int((images > 0).sum()) * images.clamp(min=1))
        table = table * weights.view(-1, 1)
    return table


def loss_against(targets: Tensor, logits: Tensor) -> Tensor:
    """Mean over the images of -sum_j t_j log p_j, the cross-entropy of weighted soft targets; a scalar.

    Args:
        targets: float32 [N, classes].
        logits: float32 [N, classes].
    """
    return -(targets * log_softmax(logits, dim=1)).sum(dim=1).mean()
