"""Which test images show the same things: the catalog's groups."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steps.catalog_files import read_images
from steps.contract import StepError
from steps.shards import Ids


def group_numbers(catalog: Path, ids: Ids) -> NDArray[np.int64]:
    """Number the groups of the images `ids` str [N] from 0: int64 [N].

    Raises:
        StepError: the catalog is missing or broken, or does not know an image.
    """
    groups = {image.id: image.group for image in read_images(catalog, products=False)}
    unknown = [name for name in ids.tolist() if name not in groups]
    if unknown:
        raise StepError(
            f"the catalog does not know {len(unknown)} of the {len(ids)} test images, {unknown[0]} the first: "
            "give the catalog that these images were ingested from"
        )
    _, numbers = np.unique([groups[name] for name in ids.tolist()], return_inverse=True)
    return numbers.astype(np.int64)
