"""What the page of a MADE of pictures needs: the network with its masks multiplied in, and the order of the pixels.

Of many masks the first. Masks leave no matrix of low rank, so that of earlier epochs all weights travel, in 8 bits, and the page has few of them.
"""

import numpy as np

from scratchgen.ops import array
from scratchgen.pages.slim import exact, slim

PICTURES, MOST_EPOCHS = 22, 3


def shared(model, test):
    """Test examples and the order."""
    return {
        "features": model.data_dim, "classes": model.n_classes, "order": np.array(model.orderings[0], np.int32),
        "labels": None if test.y is None else test.y[:PICTURES].astype(np.uint8),
        "pictures": np.round(255 * test.x[:PICTURES].clip(0, 1)).astype(np.uint8),
    }  # fmt: skip


def snapshot(model, test, is_last):
    """The network, and the direct connections where it has them."""
    model._use_mask(0)
    networks = {"net": model.net} | ({"direct": model.parts["direct"]} if "direct" in model.parts else {})
    if is_last:
        return {name: exact(network) for name, network in networks.items()}
    x = model.labels.given(array(test.x[:PICTURES].astype(model.dtype)), array(test.y[:PICTURES], np.int64) if model.n_classes else None)
    return {name: slim(network, x, rank=0) for name, network in networks.items()}
