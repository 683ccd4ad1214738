"""Random definitions, compiled, against NumPy: expressions of cells, rows, columns and totals on random shapes and layouts, with NaN and infinity."""

import copy
import linecache
import math

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.gradcheck.operations import OperationReport, check_operation
from scratchgen.ops import definitions, op
from scratchgen.ops.dispatch import active

# What is put together. Functions are gentle (no overflow, no wild slopes), so that rounding stays what it is.
ONE = [
    "np.tanh({})",
    "np.abs({})",
    "np.sqrt(np.abs({}))",
    "np.exp(-np.abs({}))",
    "np.minimum({}, 1)",
    "-{}",
    "np.square(np.tanh({}))",
    "np.log1p(np.abs({}))",
]
TWO = ["{} + {}", "{} - {}", "{} * {}", "np.maximum({}, {})", "np.where({} > 0, {}, 0.5)", "{} / (2 + np.abs({}))"]
FOLDS = {
    1: ["{}.sum(axis=1, keepdims=True) / {}.shape[1]", "{}.max(axis=1, keepdims=True)", "np.mean({}, axis=1)[:, None]"],
    0: ["{}.mean(axis=0)", "{}.min(axis=0)", "np.max({}, axis=0, keepdims=True)"],
}


def expression(rng, names, depth, axis):
    """Random code of an expression (batch, n) of arrays with these names."""
    if depth == 0:
        return str(rng.choice(names))
    kind = rng.integers(10)
    if kind < 3:
        return f"({rng.choice(ONE).format(expression(rng, names, depth - 1, axis))})"
    if kind < 8:
        return f"({rng.choice(TWO).format(expression(rng, names, depth - 1, axis), expression(rng, names, depth - 1, axis))})"
    cells = f"(x + {expression(rng, names, depth - 1, axis)})"
    return f"({rng.choice(names)} + {rng.choice(FOLDS[axis]).format(cells, cells)})"


def definition(seed):
    """A definition put together from that seed, and its code."""
    rng = np.random.default_rng(seed)
    axis = int(rng.integers(2))
    names = ["x", "y", "row", "column"]
    lines = ["def made(x, y, row, column, out, weight):", "    column = column[:, None]"]
    for k in range(rng.integers(1, 4)):
        lines.append(f"    t{k} = x + {expression(rng, names, rng.integers(1, 4), axis)}")
        names.append(f"t{k}")
    if rng.random() < 0.5:
        lines.append(f"    out += weight * {names[-1]}")
    if rng.random() < 0.3:
        lines.append(f"    out[...] = (x + {expression(rng, names, 2, axis)}) * out")
    returned = [names[-1]]
    if rng.random() < 0.5:
        returned.append(f"{rng.choice(names[4:])}.sum(axis={axis})")
    if rng.random() < 0.5:
        returned.append(f"np.sum({rng.choice(names[4:])}, dtype=np.float64) / x.shape[0]")
    lines.append(f"    return {', '.join(returned)}")
    code = "\n".join(lines) + "\n"
    scope, file = {"np": np, "__name__": __name__}, f"<made {seed}>"
    linecache.cache[file] = (len(code), None, code.splitlines(True), file)
    exec(compile(code, file, "exec"), scope)
    return op(scope["made"]), code


@pytest.fixture(autouse=True)
def names_are_free_again():
    before = dict(definitions)
    yield
    definitions.clear()
    definitions.update(before)


def check(seed):
    """The report for a random definition on arrays of two random shapes."""
    operation, code = definition(seed)
    rng = np.random.default_rng([seed, 1])
    for _ in range(2):
        batch, n = (int(rng.choice([1, 2, 3, 5, 8, 13, 40, 130])) for _ in range(2))
        x, y, out = rng.normal(size=(3, batch, n))
        report = check_operation(operation, x, y, rng.normal(size=n), rng.normal(size=batch), out, 0.3)
        if not report.ok:
            return report, f"{code}{batch} × {n}: {report}"
    return report, code


@pytest.mark.parametrize("block", range(8))
def test_random_definitions(block):
    for seed in range(5 * block, 5 * block + 5):
        report, text = check(seed)
        assert isinstance(report, OperationReport) and report.ok, text


@pytest.mark.slow
def test_many_random_definitions():
    for seed in range(1000, 1300):
        report, text = check(seed)
        assert report.ok, text


@op
def as_columns(x, w):
    return np.concatenate([x[:, None], w, np.exp(x)[:, None]], axis=1), np.sum(x[:, None] ** 2), x[:, None] * 2


@op
def into_a_column(a, x):
    a[:, 1:2] = x[:, None]


@op
def counted(x, n):
    return np.concatenate([x, x[:, :1] == np.arange(n, like=x)], axis=1)


@op
def second_of_the_first(a, y):
    return a * (y[:, 1:2] * y[:, 2:3])


@op
def from_the_mean(x, w):  # that x has one column, w says after it was summed along its rows
    return x - x.mean(axis=1, keepdims=True) + w, x.sum(axis=0) * w, w * np.max(x)


@pytest.mark.parametrize("operation, arguments", [
    (from_the_mean, (np.arange(4.0)[:, None], np.arange(5.0))), (from_the_mean, (np.arange(5.0)[None], np.ones((4, 5)))),
    (second_of_the_first, (np.ones((4, 3)), np.array([[2.0, 3.0, 5.0]]))),
    (as_columns, (np.arange(5.0), np.ones((5, 3)))), (into_a_column, (np.ones((5, 3)), np.arange(5.0))), (counted, (np.ones((4, 2)), 1)),
    (counted, (np.ones((4, 2)), 3)),
])  # fmt: skip
def test_columns_of_width_one_are_compiled(operation, arguments):
    with sg.use_backend("numba"):
        results = [copy.deepcopy(arguments) for _ in range(2)]
        returned = [function(*results[k]) for k, function in enumerate((operation, operation.__wrapped__))]
        np.testing.assert_equal(results[0], results[1])
        for got, wanted in zip(*(each if isinstance(each, tuple) else (each,) for each in returned), strict=True):
            assert got is wanted is None or np.testing.assert_allclose(got, wanted) is None
        assert not active().operations[operation.__wrapped__].untraceable


def test_what_numpy_does_not_join_is_not_joined():
    """Concatenation does not broadcast: rows of one number do not go under rows of two."""
    x, wide = np.ones((3, 1)), np.ones((2, 2))
    for backend in ("numpy", "numba"):
        with sg.use_backend(backend):
            for rows in ((x, wide), (wide, x)):
                with pytest.raises(ValueError):
                    sg.ops.stack_rows(*rows)
            with pytest.raises(ValueError):
                sg.ops.join_columns(np.ones((1, 2)), wide)
            assert sg.ops.stack_rows(x, np.ones((1, 1))).shape == (4, 1)
            assert sg.ops.join_columns(np.ones((1, 2)), np.ones((1, 1))).shape == (1, 3)


@op
def largest_of_each_row(x):
    return x.max(axis=1)


def test_of_no_numbers_none_is_the_largest():
    """As NumPy has it; whether the operation was compiled before or not. No rows are no difficulty."""
    for backend in ("numpy", "numba"):
        with sg.use_backend(backend):
            for _ in range(2):
                with pytest.raises(ValueError):
                    largest_of_each_row(np.ones((3, 0)))
                assert largest_of_each_row(np.ones((3, 2))).tolist() == [1, 1, 1]
                assert largest_of_each_row(np.ones((0, 2))).shape == (0,)


@op
def in_its_type(p, u):
    return (u < p).astype(p.dtype)


def test_a_number_has_a_type_only_if_it_is_numpys():
    u = np.array([0.2, 0.8])
    for backend in ("numpy", "numba"):
        with sg.use_backend(backend):
            for number in (np.float32(0.5), np.float64(0.5)):
                found = in_its_type(number, u)
                assert found.dtype == number.dtype and found.tolist() == [1, 0]
            for number in (3, 0.5):
                with pytest.raises(AttributeError, match="has no attribute 'dtype'"):
                    in_its_type(number, u)


@op
def beside_nothing(x, z):
    return x * 2, np.zeros_like(z), z - z


def test_a_result_that_is_not_printed_as_it_is_written():
    """A NumPy number is a constant to the trace; what becomes of it is an array that no code can hold."""
    with sg.use_backend("numba"):
        for z in (np.float32(0.5), np.float64(np.inf), 2, math.inf):
            doubled, zero, rest = beside_nothing(np.arange(3.0), z)
            assert doubled.tolist() == [0, 2, 4] and zero == 0 and (rest == 0 or math.isnan(rest))


@op
def widened(x, n):
    return np.full((x.shape[0], x.shape[1] * n), 1, dtype=x.dtype, like=x)


def test_a_length_is_a_whole_number():
    x = np.ones((2, 3))
    for backend in ("numpy", "numba"):
        with sg.use_backend(backend):
            assert widened(x, 2).shape == (2, 6)
            for n in (0.5, 2.0, math.nan, math.inf):
                with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
                    widened(x, n)


@op
def counted_to(x, n):
    for _ in range(n):
        x = x * 1.5
    return x


def test_a_loop_of_many_rounds_runs_as_written():
    """Its trace would grow with every round."""
    x = np.full(3, 1e-300)
    with sg.use_backend("numba"):
        assert np.array_equal(counted_to(x, 20_000), np.full(3, np.inf))
        assert any("a loop of too many rounds" in why for why in active().operations[counted_to.__wrapped__].untraceable.values())
