"""The vectorising exp, tanh, log … are as accurate as their file says, over their whole range, and answer NaN and infinity as NumPy does."""

import numba
import numpy as np
import pytest

from scratchgen.layers.sigmoid import sigmoid
from scratchgen.layers.softplus import softplus as softplus_operation
from scratchgen.layers.tanh import tanh
from scratchgen.ops import op, use_backend
from scratchgen.ops.numba import elementary

# Largest error allowed, in units in the last place: what the file's docstring states.
ULPS = {"exp": 1.1, "expm1": 1.9, "tanh": 2.5, "sigmoid": 2.3, "softplus": 3.3, "log": 2.9}
TURN_ULPS = 0.8  # of cos 2πu and sin 2πu, in those of 1

# The reference: float64 for float32; for float64 NumPy's widest type (80 bits on x86; where it has no more than 64, the reference errs too).
WIDE = {np.float32: np.float64, np.float64: np.longdouble}
REFERENCE_ULPS = {np.float32: 0, np.float64: 0 if np.finfo(np.longdouble).eps < 1e-18 else 2}


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


REFERENCES = {"exp": np.exp, "expm1": np.expm1, "tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "softplus": softplus, "log": np.log}


@op
def exponential(x):
    return np.exp(x)


@op
def exponential_less_one(x):
    return np.expm1(x)


@op
def logarithm(x):
    return np.log(x)


OPERATIONS = {
    "exp": exponential, "expm1": exponential_less_one, "tanh": tanh, "sigmoid": sigmoid, "softplus": softplus_operation, "log": logarithm,
}  # fmt: skip


def compiled(operation):
    """The operation as it is compiled for numba."""

    def call(x):
        with use_backend("numba"):
            return operation(x)

    return call


LOOPS = {name: compiled(operation) for name, operation in OPERATIONS.items()}


def over(f, n_arguments=1):
    """A scalar function of elementary.py as a function of arrays."""
    if n_arguments == 1:

        @numba.njit
        def loop(y, x):
            for i in range(x.size):
                y[i] = f(x[i])
    else:

        @numba.njit
        def loop(y, x, z):
            for i in range(x.size):
                y[i] = f(x[i], z[i])

    def call(*arrays):
        y = np.empty_like(arrays[0])
        loop(y, *arrays)
        return y

    return call


def arguments(real, name, n=100_000):
    """Numbers from the whole range: evenly spread, close to zero, and of every magnitude."""
    rng = np.random.default_rng(0)
    edge = 87 if real == np.float32 else 708
    x = np.concatenate([rng.uniform(-edge, edge, n), rng.uniform(-3, 3, n), rng.choice([-1, 1], n) * np.exp(rng.uniform(-25, np.log(edge), n))])
    if name == "log":
        x = np.concatenate([np.exp(x), rng.uniform(0.5, 2, n)])
    return x.astype(real)


@pytest.mark.parametrize("real", WIDE)
@pytest.mark.parametrize("name", ULPS)
def test_error_is_what_the_docstring_says(name, real):
    x = arguments(real, name)
    exact = REFERENCES[name](x.astype(WIDE[real]))
    normal = np.abs(exact) >= np.finfo(real).tiny
    error = np.abs(LOOPS[name](x) - exact)[normal] / np.spacing(np.abs(exact[normal]).astype(real))
    assert error.max() <= ULPS[name] + REFERENCE_ULPS[real]


@pytest.mark.parametrize("real", WIDE)
@pytest.mark.parametrize("name", ULPS)
def test_edges_of_the_range(name, real):
    largest, tiny = np.finfo(real).max, np.finfo(real).tiny
    x = np.array([np.nan, np.inf, 1.0, tiny, largest] + ([] if name == "log" else [-np.inf, 0.0, -0.0, -tiny, tiny / 8, -largest, -1e4, 1e4]), real)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        wanted = REFERENCES[name](x.astype(WIDE[real])).astype(real)
    np.testing.assert_allclose(LOOPS[name](x), wanted, rtol=8 * np.finfo(real).eps, atol=tiny / 2**20)


@pytest.mark.parametrize("real", WIDE)
def test_exp_underflows_gradually(real):
    x = np.linspace(np.log(np.finfo(real).smallest_subnormal), np.log(np.finfo(real).tiny), 1001).astype(real)
    error = np.abs(LOOPS["exp"](x) - np.exp(x.astype(WIDE[real]))) / np.finfo(real).smallest_subnormal
    assert error.max() <= 1.1


@pytest.mark.parametrize("real", WIDE)
def test_cosine_and_sine_of_turns(real):
    @numba.njit
    def loop(cosine, sine, u):
        for i in range(u.size):
            cosine[i], sine[i] = elementary.cos_sin_turns(u[i])

    u = np.concatenate([np.arange(0, 1, 1 / 64), np.random.default_rng(0).random(100_000)]).astype(real)
    cosine, sine = np.empty_like(u), np.empty_like(u)
    loop(cosine, sine, u)
    angle = 2 * np.arccos(WIDE[real](-1)) * u.astype(WIDE[real])
    allowed = (TURN_ULPS + REFERENCE_ULPS[real]) * np.finfo(real).eps
    assert np.abs(cosine - np.cos(angle)).max() <= allowed
    assert np.abs(sine - np.sin(angle)).max() <= allowed


def test_an_element_has_the_same_bits_wherever_it_stands():
    """In a full vector or in the remainder of a loop: threads may split an array anywhere."""
    for name, loop in LOOPS.items():
        x = np.abs(arguments(np.float32, name, n=500)) + np.float32(0.01)
        one_by_one = np.concatenate([loop(x[i : i + 1]) for i in range(x.size)])
        assert loop(x).tobytes() == one_by_one.tobytes(), name


SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0]


@pytest.mark.parametrize("real", WIDE)
def test_log_one_plus(real):
    """For 0 ≤ e ≤ 1, as softplus asks for it; as accurate as the logarithm, whose series it is."""
    e = np.concatenate([np.linspace(0, 1, 10_001), np.exp(-np.linspace(0, 80, 10_001))]).astype(real)
    exact = np.log1p(e.astype(WIDE[real]))
    error = np.abs(over(elementary.log_one_plus)(e) - exact) / np.spacing(np.abs(exact).astype(real))
    assert error.max() <= ULPS["log"] + REFERENCE_ULPS[real]
    assert np.isnan(over(elementary.log_one_plus)(np.array([np.nan], real))).all()


@pytest.mark.parametrize("real", WIDE)
@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_maximum_and_minimum_keep_nan(name, real):
    x, y = (a.ravel().astype(real) for a in np.meshgrid(SPECIAL, SPECIAL))
    np.testing.assert_array_equal(over(getattr(elementary, name), 2)(x, y), getattr(np, name)(x, y))


@pytest.mark.parametrize("real", WIDE)
def test_log_or_nan(real):
    """−∞ at 0, NaN below, right among the subnormal numbers too."""
    x = np.array([*SPECIAL, np.finfo(real).tiny, np.finfo(real).tiny / 2**10, np.finfo(real).smallest_subnormal, np.finfo(real).max], real)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.testing.assert_allclose(over(elementary.log_or_nan)(x), np.log(x.astype(WIDE[real])).astype(real), rtol=4 * np.finfo(real).eps)
