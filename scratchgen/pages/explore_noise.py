"""What the page of a model that turns noise into pictures needs, diffusion, flow matching or a flow: its samples on their way, and the network.

The way is the library's own. The network of diffusion and of flow matching travels too, so that the page can ask it what is under the noise; that of
earlier epochs slim.
"""

import numpy as np

from scratchgen.models import Diffusion, FlowMatching
from scratchgen.models.diffusion import HIGH, LOW
from scratchgen.models.flow import Flow
from scratchgen.ops import array, to_host
from scratchgen.pages.slim import exact, slim

SAMPLES, STAGES, PICTURES = 10, 9, 22


def shared(model, test):
    """Test examples, and how noise is mixed with data."""
    kind = "diffusion" if isinstance(model, Diffusion) else "matching" if isinstance(model, FlowMatching) else "flow"
    return {
        "features": model.data_dim, "classes": None, "kind": kind, "predict": model.config.get("predict"), "low": LOW, "high": HIGH,
        "center": model.config["center"] if kind != "flow" else 0, "scale": model.config["scale"] if kind != "flow" else 1,
        "pictures": np.round(255 * test.x[:PICTURES].clip(0, 1)).astype(np.uint8),
    }  # fmt: skip


def snapshot(model, test, is_last):
    """Pictures (stages, samples, pixels) as bytes, from noise to data, and the network."""
    path = np.stack([to_host(state) for state in stations(model, SAMPLES, STAGES)])
    found = {"path": np.round(255 * path.clip(0, 1)).astype(np.uint8)}
    if isinstance(model, Flow):
        return found
    if is_last:
        return found | {"net": exact(model.net)}
    rng, n = np.random.default_rng(0), min(600, len(test.x))
    share = rng.random((n, 1))
    x_t = np.sqrt(share) * (test.x[:n] - model.center) / model.scale + np.sqrt(1 - share) * rng.normal(size=(n, model.data_dim))
    return found | {"net": slim(model.net, array(np.hstack([x_t, rng.random((n, 1))]), model.dtype), rank=48)}


def stations(model, n, keep):
    """The same n samples on their way from noise to data: list of arrays (n, data_dim), the last the samples. A flow has one after each bijection."""
    if hasattr(model, "path"):
        return model.path(n, rng=0, keep=keep)
    states = [array(np.random.default_rng(0).normal(size=(n, model.data_dim)), model.dtype)]
    for bijection in reversed(model.chain.parts.values()):
        states.append(bijection.inverse(states[-1]))
    return states
