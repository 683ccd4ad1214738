"""What the page of a model of points in the plane needs: its samples, what it says of each place, the way from noise to data.

All of it as the library computes it, for each epoch: the page draws.
"""

import numpy as np

from scratchgen.models.flow import Flow
from scratchgen.ops import array, to_host
from scratchgen.pages.explore_gan import means_probability
from scratchgen.pages.explore_noise import stations

SAMPLES, STAGES, GRID = 600, 9, 72  # points; stations of their way from noise; places on each side of the plane
ELBO_SAMPLES = 20


def shared(model, test):
    """The data, and the part of the plane that is shown: a square around it."""
    x = test.x[: 2 * SAMPLES]
    low, high = np.quantile(x, 0.002, axis=0), np.quantile(x, 0.998, axis=0)
    centre, half = (low + high) / 2, 0.62 * float((high - low).max())
    return {
        "real": x.astype(np.float32), "corner": (centre - half).astype(np.float32), "width": 2 * half, "grid": GRID
    } | surface_of(model)[0]  # fmt: skip


def snapshot(model, test, is_last):
    """Samples, stations of their way where it has some, and the surface with its slope at the samples."""
    view, (_, value, slope) = shared(model, test), surface_of(model)
    path = stations(model, SAMPLES, STAGES) if hasattr(model, "path") or isinstance(model, Flow) else [model.draw(SAMPLES, rng=0)]
    found = {"path": np.stack([to_host(state) for state in path]).astype(np.float32)}
    if value is not None:
        places = (np.arange(GRID) + 0.5) / GRID * view["width"]
        x1, x2 = np.meshgrid(view["corner"][0] + places, view["corner"][1] + places)
        found["surface"] = value(np.stack([x1.ravel(), x2.ravel()], axis=1).astype(model.dtype)).astype(np.float32)
    if slope is not None:
        found["slope"] = slope(found["path"][-1].astype(model.dtype)).astype(np.float32)
    return found


def surface_of(model):
    """-> what the surface is, {"surface"}; value (n, 2) -> (n,) and its slope (n, 2) -> (n, 2), None where the model says nothing of a place."""
    move = lambda x: array(np.asarray(x, model.dtype))
    if (
        means_probability(model) is not None
        and model.n_classes is None
        and not model.discriminator.couples_batch
        and model.config.get("pack", 1) == 1
    ):
        squash = (lambda y: 1 / (1 + np.exp(-y))) if means_probability(model) else (lambda y: y)

        def slope(x):
            y, cache = model.discriminator.forward(move(x), training=False)
            dy = np.zeros(y.shape)
            dy[:, 0] = 1
            return to_host(model.discriminator.backward(array(dy, y.dtype), cache, wrt="input"))

        return {"surface": "D"}, lambda x: squash(to_host(model.discriminator(move(x)))[:, 0]), slope
    names = list(model.likelihoods(move([[-0.5, 1.5]]), rng=0)) if model.n_classes is None else []
    if not names:
        return {"surface": None}, None, None
    name = names[0]
    return {"surface": name}, lambda x: np.exp(model.likelihoods(move(x), rng=0, n_samples=ELBO_SAMPLES)[name]), None
