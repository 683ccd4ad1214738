"""Every compiled twin does what its NumPy definition does: every operation, both types, odd shapes, any layout, NaN and infinity.

An operation without a case here fails, so nobody forgets one.
"""

import importlib
import os
import pkgutil
import subprocess
import sys

import numba
import numpy as np
import pytest

import scratchgen
from scratchgen.ops import definitions
from scratchgen.ops.numba import threads, twins

for module in pkgutil.walk_packages(scratchgen.__path__, "scratchgen."):
    if module.name.split(".")[1] in ("data", "layers", "losses", "models", "optim"):  # where operations are defined
        importlib.import_module(module.name)

OPERATIONS = sorted(name for name, definition in definitions.items() if definition.__module__.startswith("scratchgen."))
TWINS = twins()
DTYPES = [np.dtype(np.float32), np.dtype(np.float64)]
SHAPES = [(1, 1), (2, 3), (7, 1), (1, 13), (5, 64), (31, 129), (0, 5), (67, 200)]
LAYOUTS = ["contiguous", "strided", "transposed"]
pytestmark = pytest.mark.filterwarnings("ignore:Mean of empty slice")
ACTIVATIONS = [("relu",), ("leaky_relu", 0.2), ("elu", 0.7), ("tanh",), ("sigmoid",), ("softplus",)]


class Draw:
    """Makes the arguments of one call: random arrays of one type and memory layout, with NaN and infinity strewn in if `special`."""

    def __init__(self, dtype, batch, n, layout="contiguous", special=False, seed=0):
        self.dtype, self.batch, self.n, self.layout, self.special = dtype, batch, n, layout, special
        self.rng = np.random.default_rng(seed)

    def lay(self, a):
        """The array in this type and memory layout."""
        a = a.astype(self.dtype)
        if self.special:
            where = self.rng.random(a.shape) < 0.1
            a[where] = self.rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40], np.count_nonzero(where))
        if self.layout == "contiguous":
            return a
        if self.layout == "transposed":
            return np.asfortranarray(a) if a.ndim > 1 else np.repeat(a, 3)[::3]
        return np.repeat(a, 2, axis=-1)[..., ::-2][..., ::-1]

    def normal(self, *shape):
        return self.lay(self.rng.normal(size=shape))

    def unit(self, *shape):
        return self.lay(self.rng.random(shape))

    def matrix(self):
        return self.normal(self.batch, self.n)

    def matrices(self, count):
        return tuple(self.matrix() for _ in range(count))

    def rows(self):
        return self.normal(self.n)

    def parameters(self):
        return self.normal(self.batch * self.n)

    def positive(self):
        return self.lay(2 + self.rng.random(self.batch * self.n))

    def labels(self):
        return self.rng.integers(0, self.n, self.batch)


# name -> the lists of arguments to try
CASES = {
    "matmul": lambda d: [(d.matrix(), d.normal(d.n, 9))],
    "matmul_nt": lambda d: [(d.matrix(), d.normal(9, d.n))],
    "matmul_tn": lambda d: [(d.matrix(), d.normal(d.batch, 9))],
    "add_matmul_tn": lambda d: [(d.normal(d.n, 9), d.matrix(), d.normal(d.batch, 9))],
    "linear": lambda d: [(d.matrix(), d.normal(d.n, 9), d.normal(9)), (d.matrix(), d.normal(d.n, 9), None)],
    "linear_activation": lambda d: [(d.matrix(), d.normal(d.n, 9), b, *f) for f in ACTIVATIONS for b in (d.normal(9), None)],
    "matmul_nt_activation_backward": lambda d: [(d.normal(d.batch, 9), d.normal(d.n, 9), d.matrix(), *f) for f in ACTIVATIONS],
    "add_linear_grads": lambda d: (
        [(d.normal(d.n, n), db, d.matrix(), d.normal(d.batch, n)) for n in (9, 1) for db in (d.normal(n), None)]
        + [(d.normal(0, d.n), d.rows(), d.normal(d.batch, 0), d.matrix())]
    ),
    "add_column_sums": lambda d: [(d.rows(), d.matrix())],
    "add_product": lambda d: [d.matrices(3)],
    "add": lambda d: [d.matrices(2)],
    "multiply": lambda d: [d.matrices(2)],
    "stack_rows": lambda d: [(d.matrix(), d.normal(3, d.n))],
    "join_columns": lambda d: [(d.matrix(), d.normal(d.batch, 3))],
    "join_sums": lambda d: [(*d.matrices(2), d.normal(d.batch, 3), d.normal(d.batch, 3))],
    "fill": lambda d: [(d.matrix(), 0.0), (d.parameters(), 0.7)],
    "copy_to": lambda d: [d.matrices(2)],
    "clip_norm": lambda d: [(d.parameters(), 0.3), (d.parameters(), 1e9)],
    "accumulate": lambda d: [(np.array(1.5), 0.25)],
    "take_rows": lambda d: [(d.matrix(), d.rng.integers(0, d.batch, 4)), (d.rows(), d.rng.integers(0, d.n, 3))] if d.batch else [],
    "random_uniform": lambda d: [(2**64 - 7, 3, d.batch * d.n, d.dtype), (11, 2**32 - 2, 45, d.dtype)],
    "random_normal": lambda d: [(2**63 + 5, 3, d.batch * d.n, d.dtype), (11, 2**32 - 2, 45, d.dtype)],
    "dropout_mask": lambda d: [(d.unit(d.batch, d.n), 0.3)],
    "binarize": lambda d: [(d.unit(d.batch, d.n), d.unit(d.batch, d.n))],
    "reparameterize": lambda d: [d.matrices(3)],
    "reparameterize_backward": lambda d: [d.matrices(3)],
    "relu": lambda d: [(d.matrix(),)],
    "relu_backward": lambda d: [d.matrices(2)],
    "leaky_relu": lambda d: [(d.matrix(), 0.2)],
    "leaky_relu_backward": lambda d: [(*d.matrices(2), 0.2)],
    "elu": lambda d: [(d.matrix(), 0.7), (d.matrix(), 1)],
    "elu_backward": lambda d: [(*d.matrices(2), 0.7)],
    "tanh": lambda d: [(d.matrix(),), (30 * d.matrix(),)],
    "tanh_backward": lambda d: [d.matrices(2)],
    "sigmoid": lambda d: [(d.matrix(),), (30 * d.matrix(),)],
    "sigmoid_backward": lambda d: [d.matrices(2)],
    "softplus": lambda d: [(d.matrix(),), (30 * d.matrix(),)],
    "softplus_backward": lambda d: [d.matrices(2)],
    "softmax": lambda d: [(d.matrix(),), (30 * d.matrix(),)],
    "softmax_backward": lambda d: [d.matrices(2)],
    "maxout": lambda d: [(d.normal(d.batch, 3 * d.n), 3), (d.matrix(), 1), (d.lay(d.rng.integers(0, 2, (d.batch, 4 * d.n))), 4)],
    "maxout_backward": lambda d: [(d.matrix(), d.rng.integers(0, 3, (d.batch, d.n)), 3)],
    "batch_norm": lambda d: [(d.matrix(), d.rows(), d.rows(), 1e-5)],
    "batch_norm_backward": lambda d: [(*d.matrices(2), d.unit(d.n), d.rows())],
    "add_norm_grads": lambda d: [(d.rows(), d.rows(), *d.matrices(2))],
    "batch_norm_inference": lambda d: [(d.matrix(), d.rows(), d.rows(), d.rows(), d.unit(d.n), 1e-5)],
    "batch_norm_inference_backward": lambda d: [(d.matrix(), d.unit(d.n), d.rows())],
    "update_running": lambda d: [(d.rows(), d.rows(), 0.9, 0.11)],
    "layer_norm": lambda d: [(d.matrix(), d.rows(), d.rows(), 1e-5)],
    "layer_norm_backward": lambda d: [(*d.matrices(2), d.unit(d.batch), d.rows())],
    "bce_with_logits": lambda d: [(d.matrix(), d.unit(d.batch, d.n)), (20 * d.matrix(), d.unit(d.batch, d.n))],
    "bernoulli_log_likelihood": lambda d: [(d.unit(d.batch, d.n), d.matrix())],
    "squared_error": lambda d: [d.matrices(2)],
    "gaussian_kl": lambda d: [d.matrices(2)],
    "gaussian_kl_rows": lambda d: [d.matrices(2)],
    "gaussian_nll": lambda d: [d.matrices(3)],
    "gaussian_log_likelihood": lambda d: [d.matrices(3)],
    "cross_entropy": lambda d: [(d.matrix(), d.labels()), (20 * d.matrix(), d.labels().astype(np.uint8))],
    "discriminator_bce": lambda d: [(d.normal(d.batch, 1), d.normal(d.n, 1))],
    "generator_minimax": lambda d: [(d.normal(d.batch, 1),)],
    "generator_non_saturating": lambda d: [(d.normal(d.batch, 1),)],
    "log_weight": lambda d: [(d.normal(d.batch), *d.matrices(3))],
    "sgd_step": lambda d: [(d.parameters(), d.parameters(), 0.1, 0.01)],
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


def run(function, arguments):
    """What the function returns, and then its arguments as it left them, each as an array; the arguments given stay as they are."""
    arguments = [copy_with_layout(a) if isinstance(a, np.ndarray) else a for a in arguments]
    with np.errstate(all="ignore"):
        result = function(*arguments)
    results = result if isinstance(result, tuple) else (result,)
    return [np.asarray(a) for a in (*results, *arguments) if isinstance(a, (np.ndarray, float))]


def copy_with_layout(a):
    if a.flags.c_contiguous or not a.size:
        return a.copy()
    owner = np.empty(a.base.size if a.base is not None else a.size, a.dtype)
    view = np.lib.stride_tricks.as_strided(owner, a.shape, a.strides)
    view[...] = a
    return view


def assert_same(name, dtype, arguments):
    got, wanted = run(TWINS[name], arguments), run(definitions[name], arguments)
    assert len(got) == len(wanted)
    tolerance = 250 * np.finfo(dtype).eps
    for a, b in zip(got, wanted, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype or b.ndim == 0
        scale = np.max(np.abs(b[np.isfinite(b)]), initial=1) if b.size else 1
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale, err_msg=name)


def test_every_operation_has_a_case_and_a_twin():
    assert sorted(CASES) == OPERATIONS
    assert sorted(TWINS) == OPERATIONS


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", OPERATIONS)
def test_twin_equals_definition(name, dtype):
    for batch, n in SHAPES:
        for layout in LAYOUTS:
            for arguments in CASES[name](Draw(dtype, batch, n, layout)):
                assert_same(name, dtype, arguments)


@pytest.mark.parametrize("name", OPERATIONS)
def test_nan_and_infinity_pass_as_in_numpy(name):
    for dtype in DTYPES:
        for batch, n in [(3, 5), (31, 40)]:
            for arguments in CASES[name](Draw(dtype, batch, n, special=True)):
                assert_same(name, dtype, arguments)


# One of each kind of kernel; compiling the parallel form of all the others takes a minute.
KINDS = {
    "add_column_sums", "add_linear_grads", "adam_step", "batch_norm", "bce_with_logits", "gaussian_kl_rows", "join_columns", "layer_norm",
    "linear_activation", "matmul", "matmul_nt_activation_backward", "matmul_tn", "maxout", "random_normal", "random_uniform", "softmax", "softplus",
}  # fmt: skip


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in KINDS else pytest.mark.slow) for name in OPERATIONS])
def test_same_bits_on_any_number_of_threads(name, monkeypatch):
    threads.enter(0)  # loads the threading layer, which sets _worth
    before = numba.get_num_threads()
    for arguments in CASES[name](Draw(DTYPES[0], 67, 200))[:2]:
        monkeypatch.setattr(threads, "_worth", np.inf)
        serial = run(TWINS[name], arguments)
        monkeypatch.setattr(threads, "_worth", 0)
        try:
            for count in range(1, before + 1):
                numba.set_num_threads(count)
                parallel = run(TWINS[name], arguments)
                assert [a.tobytes() for a in parallel] == [a.tobytes() for a in serial], f"{name} with {count} threads"
        finally:
            numba.set_num_threads(before)


TYPED = [name for name in OPERATIONS if name not in ("accumulate", "random_normal", "random_uniform", "take_rows")]


@pytest.mark.parametrize("name", TYPED)
def test_other_types_are_refused(name):
    arguments = CASES[name](Draw(DTYPES[0], 3, 5))[0]
    for wrong in (np.int64, np.float16):
        with pytest.raises(TypeError, match="float32"):
            TWINS[name](*[a.astype(wrong) if isinstance(a, np.ndarray) and a.dtype == np.float32 else a for a in arguments])


@pytest.mark.parametrize("name", ["add", "multiply", "add_product", "tanh_backward", "bce_with_logits", "gaussian_kl", "adam_step", "reparameterize"])
def test_unequal_shapes_are_refused(name):
    first, second, *rest = CASES[name](Draw(DTYPES[0], 4, 5))[0]
    with pytest.raises(ValueError, match="shape"):
        TWINS[name](first, second[:-1], *rest)


ROWS = """
import sys
import numpy as np
from scratchgen.ops.numba import twins
x = np.random.default_rng(0).normal(size=(9, 300)).astype(np.float32)
twins = twins()
results = twins["layer_norm"](x, x[0], x[1], 1e-5) + twins["gaussian_kl"](x, x) + (twins["softmax"](x), twins["clip_norm"](x.copy(), 1e9))
sys.stdout.buffer.write(b"".join(np.asarray(a).tobytes() for a in results))
"""


def test_same_bits_just_compiled_and_from_the_cache(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    compiled, cached = (subprocess.run([sys.executable, "-c", ROWS], env=environment, capture_output=True, check=True).stdout for _ in range(2))
    assert compiled == cached and len(compiled) > 9 * 300 * 4


def test_an_array_that_is_to_be_changed_must_be_writable():
    a, b = np.zeros(5, np.float32), np.zeros((2, 5), np.float32)
    a.flags.writeable = False
    for name, arguments in {"fill": (a, 1.0), "add_column_sums": (a, b), "add_linear_grads": (np.zeros((5, 5), np.float32), a, b, b)}.items():
        with pytest.raises(ValueError, match="read-only"):
            TWINS[name](*arguments)


def test_numbers_and_labels_that_do_not_belong_are_refused():
    x, W = np.ones((2, 3), np.float32), np.ones((3, 4), np.float32)
    with pytest.raises(TypeError, match="leaky_relu takes one number besides x; given 0"):
        TWINS["linear_activation"](x, W, None, "leaky_relu")
    with pytest.raises(TypeError, match="relu takes no number besides x; given 1"):
        TWINS["linear_activation"](x, W, None, "relu", 0.5)
    with pytest.raises(TypeError, match="labels that are integers; given float64"):
        TWINS["cross_entropy"](x, np.array([0.5, 1.5]))
