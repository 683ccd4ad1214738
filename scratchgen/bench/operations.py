"""Every operation against its NumPy definition, as it is called: with dispatch and checks, on arrays of the size that a small network has.

The arguments below are one typical call each; a test holds that no operation is without. The matrix products are in products.py.
"""

import sys
from statistics import median

import numpy as np

import scratchgen.data.binarize  # noqa: F401  the one operation that `import scratchgen` does not define
from scratchgen.bench.turns import in_turn, ratio
from scratchgen.ops import definitions

BATCH, FEATURES, PARAMETERS = 100, 500, 1_000_000


class Draw:
    """Random arguments: x() is (BATCH, FEATURES) of float32 unless another shape is given."""

    def __init__(self, scale=1):
        self.rng = np.random.default_rng(0)
        self.batch, self.n, self.params = (max(2, round(size * scale)) for size in (BATCH, FEATURES, PARAMETERS))

    def x(self, *shape):
        return self.rng.standard_normal(shape or (self.batch, self.n), dtype=np.float32)

    def unit(self, *shape):
        return self.rng.random(shape or (self.batch, self.n), dtype=np.float32)

    def row(self):
        return self.x(self.n)

    def p(self):
        return self.x(self.params)

    def moment(self):
        return self.unit(self.params) + 1


ARGUMENTS = {
    "linear": lambda d: (d.x(), d.x(d.n, d.n), d.row()),
    "linear_activation": lambda d: (d.x(), d.x(d.n, d.n), d.row(), "tanh"),
    "matmul_nt_activation_backward": lambda d: (d.x(), d.x(d.n, d.n), d.x(), "tanh"),
    "add_linear_grads": lambda d: (d.x(d.n, d.n), d.row(), d.x(), d.x()),
    "add_matmul_tn": lambda d: (d.x(d.n, d.n), d.x(), d.x()),
    "add_column_sums": lambda d: (d.row(), d.x()),
    "add_product": lambda d: (d.x(), d.x(), d.x()),
    "add": lambda d: (d.x(), d.x()),
    "multiply": lambda d: (d.x(), d.x()),
    "stack_rows": lambda d: (d.x(), d.x()),
    "join_columns": lambda d: (d.x(), d.x()),
    "join_sums": lambda d: (d.x(), d.x(), d.x(), d.x()),
    "take_rows": lambda d: (d.x(), d.rng.permutation(d.batch)),
    "accumulate": lambda d: (np.zeros(()), 1.0),
    "fill": lambda d: (d.p(), 0.0),
    "copy_to": lambda d: (d.p(), d.p()),
    "clip_norm": lambda d: (d.p(), 1e9),
    "random_uniform": lambda d: (1, 0, d.batch * d.n, np.dtype(np.float32)),
    "random_normal": lambda d: (1, 0, d.batch * d.n, np.dtype(np.float32)),
    "dropout_mask": lambda d: (d.unit(), 0.5),
    "binarize": lambda d: (d.unit(), d.unit()),
    "reparameterize": lambda d: (d.x(), d.x(), d.x()),
    "reparameterize_backward": lambda d: (d.x(), d.x(), d.x()),
    "relu": lambda d: (d.x(),),
    "relu_backward": lambda d: (d.x(), d.x()),
    "leaky_relu": lambda d: (d.x(), 0.2),
    "leaky_relu_backward": lambda d: (d.x(), d.x(), 0.2),
    "elu": lambda d: (d.x(), 1.0),
    "elu_backward": lambda d: (d.x(), d.x(), 1.0),
    "tanh": lambda d: (d.x(),),
    "tanh_backward": lambda d: (d.x(), d.x()),
    "sigmoid": lambda d: (d.x(),),
    "sigmoid_backward": lambda d: (d.x(), d.unit()),
    "softplus": lambda d: (d.x(),),
    "softplus_backward": lambda d: (d.x(), d.unit()),
    "softmax": lambda d: (d.x(),),
    "softmax_backward": lambda d: (d.x(), d.unit()),
    "maxout": lambda d: (d.x(d.batch, 5 * d.n), 5),
    "maxout_backward": lambda d: (d.x(), d.rng.integers(0, 5, (d.batch, d.n)), 5),
    "batch_norm": lambda d: (d.x(), d.row(), d.row(), 1e-5),
    "batch_norm_backward": lambda d: (d.x(), d.x(), d.unit(d.n), d.row()),
    "add_norm_grads": lambda d: (d.row(), d.row(), d.x(), d.x()),
    "batch_norm_inference": lambda d: (d.x(), d.row(), d.row(), d.row(), d.unit(d.n), 1e-5),
    "batch_norm_inference_backward": lambda d: (d.x(), d.unit(d.n), d.row()),
    "update_running": lambda d: (d.row(), d.row(), 0.9, 0.1),
    "layer_norm": lambda d: (d.x(), d.row(), d.row(), 1e-5),
    "layer_norm_backward": lambda d: (d.x(), d.x(), d.unit(d.batch), d.row()),
    "bce_with_logits": lambda d: (d.x(), d.unit()),
    "bernoulli_log_likelihood": lambda d: (d.unit(), d.x()),
    "squared_error": lambda d: (d.x(), d.x()),
    "gaussian_kl": lambda d: (d.x(), d.x()),
    "gaussian_kl_rows": lambda d: (d.x(), d.x()),
    "gaussian_nll": lambda d: (d.x(), d.x(), d.x()),
    "gaussian_log_likelihood": lambda d: (d.x(), d.x(), d.x()),
    "cross_entropy": lambda d: (d.x(), d.rng.integers(0, d.n, d.batch)),
    "discriminator_bce": lambda d: (d.x(d.batch, 1), d.x(d.batch, 1)),
    "generator_minimax": lambda d: (d.x(d.batch, 1),),
    "generator_non_saturating": lambda d: (d.x(d.batch, 1),),
    "log_weight": lambda d: (d.x(d.batch), d.x(), d.x(), d.x()),
    "sgd_step": lambda d: (d.p(), d.p(), 1e-3, 0.0),
    "momentum_step": lambda d: (d.p(), d.p(), d.p(), 1e-3, 0.9, False, 0.0),
    "classical_momentum_step": lambda d: (d.p(), d.p(), d.p(), 1e-3, 0.9, False, 0.0),
    "adagrad_step": lambda d: (d.p(), d.p(), d.moment(), 1e-3, 1e-10, 0.0),
    "rmsprop_step": lambda d: (d.p(), d.p(), d.moment(), 0.1 * d.p(), d.p(), 1e-3, 0.99, 1e-8, 0.0, False, 0.0),
    "adadelta_step": lambda d: (d.p(), d.p(), d.moment(), d.moment(), 1.0, 0.9, 1e-6, 0.0),
    "adam_step": lambda d: (d.p(), d.p(), d.p(), d.moment(), 7, 1e-3, 0.9, 0.999, 1e-8, 0.0, False),
}


def prepare(name, scale=1):
    """A function that calls the operation as its callers do."""
    operation, arguments = getattr(sys.modules[definitions[name].__module__], name), ARGUMENTS[name](Draw(scale))
    return lambda: operation(*arguments)


def measure(sides, names, rounds, budget, progress=iter):
    """Operations of these names: sides {"scratchgen", "numpy": Side} -> list of dicts."""
    results = []
    for name in progress(names):
        for side in sides.values():
            side.prepare("scratchgen.bench.operations:prepare", name=name)
        seconds = in_turn(sides, rounds, budget)
        microseconds = {side: 1e6 * median(times) for side, times in seconds.items()}
        results.append({"operation": name, "microseconds": microseconds, "ratio": ratio(seconds["numpy"], seconds["scratchgen"])})
    return results
