"""Example arguments for every operation of the library, within its domain: for tests, gradient checks and the bench.

    examples(tanh, Draw(np.float32, batch=7, n=5))     [(x,), (30 x,)]: lists of arguments, the typical call first

The name of an argument says what it is: x an input (batch, n), p the parameters that an optimizer updates. An operation with other arguments, or
for which more should be tried, has a line in EXAMPLES. The tests compare every compiled form with its definition on these, in many shapes
(tests/ops/test_twins.py), and the bench times the first of each at the size of a small network (scratchgen/bench/operations.py). One of your own
needs no line: check_operation (operations.py) takes any arguments. Layers, losses and optimizers have their tables in catalogue.py.
"""

import inspect
import sys

import numpy as np

from scratchgen import layers, losses, models, optim  # noqa: F401  that define operations
from scratchgen.ops import definitions

LAYOUTS = ("contiguous", "strided", "transposed")
SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40)


def lay(a, layout):
    """A copy of the array with that memory layout."""
    if layout == "contiguous" or a.ndim == 0:
        return a.copy()
    if layout == "transposed":
        return np.asfortranarray(a) if a.ndim > 1 else np.repeat(a, 3)[::3]
    return np.repeat(a, 2, axis=-1)[..., ::-2][..., ::-1]


def strew(a, rng):
    """A copy of the array with NaN, infinities, zeros and a subnormal number in one of 40 places; each at least once, if there is room."""
    a = a.copy()
    places = rng.permutation(a.size)[: max(a.size // 40, len(SPECIAL))]
    a.flat[places] = np.resize(SPECIAL, places.size)
    return a


class Draw:
    """Makes the arguments of one call: random arrays of one type and memory layout, with NaN and infinity strewn in if `special`.

    batch, n: rows and columns.  outputs: columns of a product.  n_params: numbers that an optimizer updates, batch · n by default.
    """

    def __init__(self, dtype, batch, n, layout="contiguous", special=False, seed=0, outputs=9, n_params=None):
        self.dtype, self.batch, self.n, self.layout, self.special = np.dtype(dtype), batch, n, layout, special
        self.outputs, self.n_params = outputs, batch * n if n_params is None else n_params
        self.rng = np.random.default_rng(seed)

    def lay(self, a):
        """The array in this type and memory layout."""
        a = a.astype(self.dtype)
        return lay(strew(a, self.rng) if self.special else a, self.layout)

    def normal(self, *shape):
        return self.lay(self.rng.normal(size=shape))

    def unit(self, *shape):
        return self.lay(self.rng.random(shape or (self.batch, self.n)))

    def matrix(self):
        return self.normal(self.batch, self.n)

    def matrices(self, count):
        return tuple(self.matrix() for _ in range(count))

    def row(self):
        return self.normal(self.n)

    def parameters(self):
        return self.normal(self.n_params)

    def positive(self):
        return self.lay(2 + self.rng.random(self.n_params))

    def both_sides(self, n):
        """Numbers (n, 1) above 1.2 and below −1.2, in turn."""
        return self.lay(np.resize([1, -1], (n, 1)) * (1.2 + np.abs(self.rng.normal(size=(n, 1)))))

    def labels(self):
        return self.rng.integers(0, self.n, self.batch)


# What an argument of this name is, as in the glossary of `scratchgen`. An operation all of whose arguments are here needs no line below.
NOTATION = {
    **dict.fromkeys(("x", "y", "z", "dx", "dy", "dz", "ddx", "mu", "logvar", "logits", "x_hat", "a", "b", "out"), Draw.matrix),
    **dict.fromkeys(("gamma", "beta", "mean"), Draw.row),
    **dict.fromkeys(("p", "g", "m"), Draw.parameters),
    **dict.fromkeys(("s", "v"), Draw.positive),
    "real": lambda d: d.normal(d.batch, 1), "fake": lambda d: d.normal(d.n, 1),
    "targets": Draw.unit, "labels": Draw.labels,
    "slope": lambda d: 0.2, "alpha": lambda d: 0.7, "lr": lambda d: 0.1, "momentum": lambda d: 0.9, "weight_decay": lambda d: 0.01,
}  # fmt: skip

# name of the operation, or of a loss that calls some -> lists of arguments, the typical call first
EXAMPLES = {
    "matmul": lambda d: [(d.matrix(), d.normal(d.n, d.outputs))],
    "matmul_nt": lambda d: [(d.matrix(), d.normal(d.outputs, d.n))],
    "matmul_tn": lambda d: [(d.matrix(), d.normal(d.batch, d.outputs))],
    "add_matmul_tn": lambda d: [(d.normal(d.n, d.outputs), d.matrix(), d.normal(d.batch, d.outputs))],
    "linear": lambda d: [(d.matrix(), d.normal(d.n, d.outputs), d.normal(d.outputs)), (d.matrix(), d.normal(d.n, d.outputs), None)],
    "add_column_sums": lambda d: [(d.row(), d.matrix())],
    "stack_rows": lambda d: [(d.matrix(), d.normal(3, d.n))],
    "join_columns": lambda d: [(d.matrix(), d.normal(d.batch, 3))],
    "fill": lambda d: [(d.parameters(), 0.0), (d.matrix(), 0.7)],
    "clip_norm": lambda d: [(d.parameters(), 1e9), (d.parameters(), 0.3)],
    "accumulate": lambda d: [(np.array(1.5), 0.25)],
    "take_rows": lambda d: [(d.matrix(), d.rng.integers(0, d.batch, 4)), (d.row(), d.rng.integers(0, d.n, 3))] if d.batch else [],
    "random_uniform": lambda d: [(2**64 - 7, 3, d.batch * d.n, d.dtype), (11, 2**32 - 2, 45, d.dtype)],
    "random_normal": lambda d: [(2**63 + 5, 3, d.batch * d.n, d.dtype), (11, 2**32 - 2, 45, d.dtype)],
    "dropout_mask": lambda d: [(d.unit(), 0.3)],
    "binarize": lambda d: [(d.unit(), d.unit())],
    "reparameterize": lambda d: [d.matrices(3)],
    "reparameterize_backward": lambda d: [d.matrices(3)],
    "elu": lambda d: [(d.matrix(), 0.7), (d.matrix(), 1)],
    "tanh": lambda d: [(d.matrix(),), (30 * d.matrix(),)],
    "sigmoid": lambda d: [(d.matrix(),), (30 * d.matrix(),)],
    "softplus": lambda d: [(d.matrix(),), (30 * d.matrix(),)],
    "softmax": lambda d: [(d.matrix(),), (30 * d.matrix(),)],
    "maxout": lambda d: [(d.normal(d.batch, 3 * d.n), 3), (d.matrix(), 1), (d.lay(d.rng.integers(0, 2, (d.batch, 4 * d.n))), 4)],
    "maxout_backward": lambda d: [(d.matrix(), d.rng.integers(0, 3, (d.batch, d.n)), 3)],
    "maxout_double_backward": lambda d: [(d.normal(d.batch, 3 * d.n), d.rng.integers(0, 3, (d.batch, d.n)), 3)],
    "pack": lambda d: [(d.matrix(), 1), (d.matrix(), 3)],
    "pack_backward": lambda d: [(d.normal(d.batch // m, m * d.n), d.matrix(), m) for m in (1, 3)],
    "join_one_hot": lambda d: [(d.matrix(), d.rng.integers(0, 3, d.batch), 3, 1), (d.matrix(), d.rng.integers(0, 4, 2 * d.batch + 1), 4, 2)],
    "distance": lambda d: [(m := d.normal(d.batch), m)],
    "add_distance": lambda d: [(d.normal(d.batch, d.batch), m := d.normal(d.batch), m)],
    "closeness": lambda d: [(d.unit(d.batch, d.batch),)],
    "one_column": lambda d: [(d.normal(d.batch, 1),)],
    "closeness_backward": lambda d: [(do := d.normal(d.batch), do, d.unit(d.batch, d.batch))],
    "distance_backward": lambda d: [(d.normal(d.batch), d.normal(d.batch, d.batch), m := d.normal(d.batch), m)],
    "add_to": lambda d: [d.matrices(2)],
    "first_columns": lambda d: [(d.matrix(), 1)],
    "spread": lambda d: [(d.unit(),)],
    "batch_norm": lambda d: [(d.matrix(), d.row(), d.row(), 1e-5)],
    "batch_norm_backward": lambda d: [(*d.matrices(2), d.unit(d.n), d.row())],
    "add_norm_grads": lambda d: [(d.row(), d.row(), *d.matrices(2))],
    "batch_norm_inference": lambda d: [(d.matrix(), d.row(), d.row(), d.row(), d.unit(d.n), 1e-5)],
    "batch_norm_inference_backward": lambda d: [(d.matrix(), d.unit(d.n), d.row())],
    "update_running": lambda d: [(d.row(), d.row(), 0.9, 0.11)],
    "layer_norm": lambda d: [(d.matrix(), d.row(), d.row(), 1e-5)],
    "layer_norm_backward": lambda d: [(*d.matrices(2), d.unit(d.batch), d.row())],
    "normalise_backward": lambda d: [(*d.matrices(2), d.unit(d.batch))],
    "layer_norm_double_backward": lambda d: [(*d.matrices(3), d.unit(d.batch), d.row())],
    "affine_map": lambda d: [(d.unit(6), d.row(), d.row(), 0.4, 0.3, 0.2, 2.0, 1.0)],
    "interpolation": lambda d: [(d.normal(d.batch), d.normal(d.batch), d.row(), d.row())],
    "of_categories": lambda d: [(d.normal(d.batch, 2), d.normal(d.batch, d.n + 3)), (d.matrix(), d.normal(d.batch, d.n + 1))],
    "mean_row": lambda d: [(d.unit(),)],
    "entropy_of": lambda d: [(d.unit(d.n),)],
    "agreement": lambda d: [(d.unit(), d.matrix(), d.row(), 1.5, 4.0)],
    "two_looks": lambda d: [(*d.matrices(2), 4.0), (30 * d.matrix(), 30 * d.matrix(), 1)],
    "fourier_features": lambda d: [(d.matrix(), d.normal(d.batch, 3))],
    "waves_backward": lambda d: [(*[d.normal(d.batch, d.n + 6) for _ in range(2)], d.n)],
    "time_embedding": lambda d: [(d.matrix(), d.normal(3))],
    "time_embedding_backward": lambda d: [(*[d.normal(d.batch, d.n + 6) for _ in range(2)], d.normal(3))],
    "draw_times": lambda d: [(d.unit(d.batch, 1), 100)],
    "diffuse": lambda d: [(*d.matrices(2), d.unit(d.batch, 1), 0.3, 2.0)],
    "with_time": lambda d: [(d.matrix(), 0.3)],
    "step_back": lambda d: [(*d.matrices(3), 0.6, 0.8, 0.8, 0.6, 0.1)],
    "unscale": lambda d: [(d.matrix(), 0.3, 2.0)],
    "missed_noise": lambda d: [(*d.matrices(2),)],
    "straight_path": lambda d: [(*d.matrices(2), d.unit(d.batch, 1), 0.3, 2.0)],
    "early_times": lambda d: [(d.normal(d.batch, 1),)],
    "end_weight": lambda d: [(d.unit(d.batch, 1),)],
    "path_to_data": lambda d: [(*d.matrices(2), d.unit(d.batch, 1), d.normal(d.batch, 1), 0.3, 2.0)],
    "weigh": lambda d: [(d.normal(d.batch, 1), d.matrix())],
    "velocity_to": lambda d: [(*d.matrices(2), 0.3)],
    "euler_step": lambda d: [(*d.matrices(2), 0.1)],
    "heun_step": lambda d: [(*d.matrices(3), 0.1)],
    "affine": lambda d: [(d.matrix(), d.normal(d.batch, 2 * d.n))],
    "affine_backward": lambda d: [(d.matrix(), d.normal(d.batch), d.matrix(), d.normal(d.batch, 2 * d.n))],
    "affine_inverse": lambda d: [(d.matrix(), d.normal(d.batch, 2 * d.n))],
    "standardize": lambda d: [(d.matrix(), d.row(), 1 + d.unit(d.n))],
    "standardize_backward": lambda d: [(d.matrix(), 1 + d.unit(d.n))],
    "unstandardize": lambda d: [(d.matrix(), d.row(), 1 + d.unit(d.n))],
    "choose_row": lambda d: [(d.matrix(), d.batch // 2)],
    "write_mask": lambda d: [(d.matrix(), d.normal(d.batch), d.row()), (d.matrix(), np.floor(d.normal(d.batch)), np.floor(d.row()))],
    "join_three": lambda d: [(*d.matrices(2), d.normal(d.batch, 3))],
    "sum_of_features": lambda d: [(d.matrix(),)],
    "mixture_nll": lambda d: [(d.normal(d.batch, 1), *d.matrices(3), 4)],
    "mixture_log_density": lambda d: [(d.normal(d.batch, 1), *d.matrices(3))],
    "gaussian_mixture_nll": lambda d: [(d.matrix(), *(d.normal(d.batch, d.n, 3) for _ in range(3)))],
    "dequantize": lambda d: [(d.matrix(), d.unit(), 0.1)],
    "flow_nll": lambda d: [(d.matrix(), d.normal(d.batch))],
    "flow_log_likelihood": lambda d: [(d.matrix(), d.normal(d.batch))],
    "put_feature": lambda d: [(*d.matrices(2), k) for k in {0, d.n - 1}],
    "slope_penalty": lambda d: [(d.matrix(), 1.0, 10.0), (d.matrix(), 0.0, 0.5)],
    "bce_with_logits": lambda d: [(d.matrix(), d.unit()), (20 * d.matrix(), d.unit())],
    "bernoulli_log_likelihood": lambda d: [(d.unit(), d.matrix())],
    "bernoulli_nll": lambda d: [(d.unit(), d.matrix())],
    "cross_entropy": lambda d: [(d.matrix(), d.labels()), (20 * d.matrix(), d.labels().astype(np.uint8))],
    "discriminator_hinge": lambda d: [(d.both_sides(d.batch), d.both_sides(d.n))],
    "smoothed_bce": lambda d: [(d.normal(d.batch, 1), d.normal(d.n, 1), 0.9)],
    "discriminator_bce_smoothed": lambda d: [(d.normal(d.batch, 1), d.normal(d.n, 1), 0.9)],
    "squared_distance": lambda d: [(d.row(), d.row())],
    "column_means_backward": lambda d: [(d.row(), d.matrix())],
    "feature_matching": lambda d: [(d.matrix(), d.normal(3, d.n))],
    "column_means": lambda d: [(d.matrix(),)],
    "from_center": lambda d: [(d.matrix(), d.row())],
    "squared_lengths": lambda d: [(d.matrix(),)],
    "gaussian_kernels": lambda d: [(d.normal(d.batch) ** 2, d.row() ** 2, d.matrix(), (0.5, 2.0))],
    "symmetric_uniform": lambda d: [(d.unit(),)],
    "square_root": lambda d: [(np.float64(1.5), d.matrix()), (np.float64(0), d.matrix())],
    "draw_categories": lambda d: [(d.unit(d.batch), 7)],
    "lower_bound": lambda d: [(d.matrix(), 2.3)],
    "without_codes": lambda d: [(d.normal(d.batch, 1), d.matrix())],
    "discrepancy": lambda d: [d.matrices(3)],
    "discrepancy_backward": lambda d: [(d.matrix(), d.normal(d.batch), d.matrix(), d.normal(d.batch), d.matrix(), 3)],
    "mmd": lambda d: [(d.matrix(), d.normal(3, d.n), (0.5, 2.0))],
    "between": lambda d: [(*d.matrices(2), d.normal(d.batch, 1))],
    "clip_weights": lambda d: [(d.parameters(), 0.5)],
    "kick": lambda d: [(*d.matrices(3), 0.3, 0.1)],
    "drift": lambda d: [(*d.matrices(2), 0.1)],
    "energy": lambda d: [(*d.matrices(2), d.normal(d.batch), 0.3)],
    "accept": lambda d: [(d.unit(d.batch), d.normal(d.batch), d.normal(d.batch))],
    "choose": lambda d: [(d.rng.random(d.batch) < 0.5, d.normal(d.batch), d.normal(d.batch))],
    "choose_rows": lambda d: [(d.rng.random(d.batch) < 0.5, *d.matrices(2))],
    "fixed_gaussian_nll": lambda d: [(*d.matrices(2), 0.5, -0.7)],
    "fixed_gaussian_log_likelihood": lambda d: [(*d.matrices(2), 0.5, -0.7)],
    "scaled": lambda d: [(d.matrix(), 3.0), (np.array(1.5), 3.0)],
    "scaled_difference": lambda d: [(*d.matrices(2), 3.0)],
    "weighted_sum": lambda d: [(*d.matrices(2), 3.0), (np.array(1.5), np.array(0.25), 3.0)],
    "log_weight": lambda d: [(d.normal(d.batch), *d.matrices(3))],
    "importance_weights": lambda d: [(d.matrix(),), (300 * d.matrix(),)] if d.batch else [],
    "minus_mean": lambda d: [(d.normal(d.batch),)],
    "weigh_rows": lambda d: [(d.matrix(), d.unit(d.batch), 3)],
    "standard_backward": lambda d: [(d.matrix(), d.unit(d.batch), *d.matrices(3), 4)],
    "doubly_reparameterized": lambda d: [(d.matrix(), d.unit(d.batch), *d.matrices(3), 4)],
    "repeat": lambda d: [(d.normal(1, d.n), 3)],
    "sum_rows": lambda d: [(d.matrix(),)],
    "join_scaled": lambda d: [(d.matrix(), d.normal(d.batch, 3), 0.5)],
    "flow_kl": lambda d: [(*d.matrices(2), d.normal(d.batch), 0.5)],
    "flow_kl_rows": lambda d: [(d.normal(d.batch), *d.matrices(2), d.normal(d.batch))],
    "gated": lambda d: [(d.matrix(), d.normal(d.batch, 2 * d.n))],
    "gated_backward": lambda d: [(d.matrix(), 0.3, d.matrix(), d.normal(d.batch, 2 * d.n))],
    "momentum_step": lambda d: [(d.parameters(), d.parameters(), d.parameters(), 0.1, 0.9, nesterov, 0.01) for nesterov in (False, True)],
    "classical_momentum_step": lambda d: [(d.parameters(), d.parameters(), d.parameters(), 0.1, 0.9, nesterov, 0.01) for nesterov in (False, True)],
    "adagrad_step": lambda d: [(d.parameters(), d.parameters(), d.positive(), 0.1, 1e-10, 0.01)],
    "rmsprop_step": lambda d: [
        (d.parameters(), d.parameters(), d.positive(), 0.1 * d.parameters(), d.parameters(), 0.1, 0.99, 1e-8, 0.5, centered, 0.01)
        for centered in (False, True)
    ],
    "adadelta_step": lambda d: [(d.parameters(), d.parameters(), d.positive(), d.positive(), 1.0, 0.9, 1e-6, 0.01)],
    "adam_step": lambda d: [
        (d.parameters(), d.parameters(), d.parameters(), d.positive(), 3, 0.1, 0.9, 0.999, 1e-8, 0.01, decoupled) for decoupled in (False, True)
    ],
}


def examples(operation, draw):
    """Lists of arguments for an operation, or a loss, of the library. Raises LookupError, which says what to do, for unknown arguments."""
    name, parameters = operation.__name__, inspect.signature(operation).parameters
    if name in EXAMPLES:
        return EXAMPLES[name](draw)
    unknown = [p for p in parameters if p not in NOTATION]
    if unknown:
        raise LookupError(f"{name} takes {unknown[0]}, which gradcheck/examples.py does not know: give {name} a line in EXAMPLES there")
    return [tuple(NOTATION[p](draw) for p in parameters)]


def operations():
    """{name: operation} of all operations of the library, by name."""
    from scratchgen import metrics  # noqa: F401  here, because they and what binarizes take long to import
    from scratchgen.data import binarize  # noqa: F401

    ours = [definition for definition in definitions.values() if definition.__module__.startswith("scratchgen.")]
    return {f.__name__: getattr(sys.modules[f.__module__], f.__name__) for f in sorted(ours, key=lambda f: f.__name__)}
