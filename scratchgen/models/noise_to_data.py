"""What diffusion and flow matching share: the time beside x, the scale of the data,
and a picture of the way from noise to data.
"""

import numpy as np

from scratchgen.layers import FourierFeatures, Sequential, TimeEmbedding, mlp
from scratchgen.models.model import is_square
from scratchgen.ops import op, to_host

HIGHEST = 10.0  # of the waves' frequencies: that wave is two thirds of the data's standard deviation long


def network(data_dim, hidden, activation, time_features, waves, rng, dtype):
    """An MLP from [x | t] to something of x's shape,
    told the time by a TimeEmbedding, and each number of x by so many waves.
    """
    n, layers = data_dim + time_features, [TimeEmbedding(time_features, dtype=dtype)]
    if waves:
        of_x = np.kron(np.eye(data_dim), np.geomspace(1, HIGHEST, waves))  # (data_dim, data_dim · waves)
        layers.append(FourierFeatures(np.pad(of_x, ((0, time_features), (0, 0))), dtype=dtype))
        n += 2 * data_dim * waves
    return Sequential(*layers, mlp((n, *hidden, data_dim), activation, rng=rng, dtype=dtype))


@op
def with_time(x, t):  # [x | t], one time for all rows
    return np.concatenate([x, np.full_like(x[:, :1], 0) + t], axis=1)


@op
def unscale(x, center, scale):  # back to the data's numbers
    return center + scale * x


def check_draws(who, x, t, eps, first, last):
    """ValueError unless t is (batch,) or (batch, 1), times from first to last, and eps has the shape of x;
    None is no draw, but the model's own.
    """
    if eps is not None and tuple(eps.shape) != tuple(x.shape):
        raise ValueError(f"eps has shape {tuple(eps.shape)}; {who} needs that of x, {tuple(x.shape)}")
    if t is None:
        return
    t = to_host(t)
    if np.shape(t) not in ((x.shape[0],), (x.shape[0], 1)):
        raise ValueError(f"t has shape {np.shape(t)}; {who} needs ({x.shape[0]},)")
    if not ((t >= first) & (t <= last)).all():
        raise ValueError(f"t runs from {np.min(t)} to {np.max(t)}; {who} needs times from {first} to {last}")


def draw_path(model, x, plots, folder):
    """path.png of a model with `path(n, rng, keep)`:
    pictures, or points of the plane over data x, on their way from noise to data.
    """
    if is_square(model.data_dim):
        states = [to_host(state) for state in model.path(8, rng=0, keep=10)]
        grid = np.stack(states, axis=1).reshape(-1, model.data_dim)
        plots.sample_grid(grid, folder / "path.png", columns=len(states))
    elif model.data_dim == 2:
        states = [to_host(state) for state in model.path(1000, rng=0, keep=6)]
        plots.stages(states, folder / "path.png", real=x[:1000])
