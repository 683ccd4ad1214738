"""What is compiled from a definition does what NumPy does with it; a definition for which no kernel can do so runs as written.

The definitions here are of other kinds than the library's own: each was once compiled into something else than it says.
"""

import inspect

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.ops import dispatch
from scratchgen.ops.nodes import Untraceable
from scratchgen.ops.numba import calls
from scratchgen.ops.plan import plan
from scratchgen.ops.tracing import trace

F = np.float32
X = np.random.default_rng(0).normal(size=(4, 6)).astype(F)
ZEROS = np.zeros((4, 6), F)


@pytest.fixture(autouse=True)
def restored():
    """The tests leave the operations as they found them."""
    names = set(dispatch.definitions)
    with sg.use_backend("numba"):
        yield
    for name in set(dispatch.definitions) - names:
        del dispatch.definitions[name]


def copies(arguments):
    return [x.copy("K") if isinstance(x, np.ndarray) else x for x in arguments]


def results(definition, arguments):
    """What a function returns, and what it leaves in its arguments, as a list; or the type of the error that it raises."""
    arguments = copies(arguments)
    try:
        returned = definition(*arguments)
    except Exception as error:
        return [type(error)]
    return [*(returned if isinstance(returned, tuple) else (returned,)), *arguments]


def compiled(definition, *arguments):
    """Whether a definition is compiled for these arguments. AssertionError where its results are not NumPy's; arguments are left as they are."""
    operation = sg.op(definition)
    with np.errstate(all="ignore"):
        wanted, got = results(definition, arguments), results(operation, arguments)
    assert len(wanted) == len(got), (wanted, got)
    for a, b in zip(wanted, got, strict=True):
        if isinstance(a, (np.ndarray, np.generic)):
            assert np.result_type(a) == np.result_type(b) and np.shape(a) == np.shape(b), (a, b)
            np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-6 if a.dtype.kind == "f" and a.size and abs(a).max() > 1e-3 else 0)
        else:
            assert a is b or a == b, (a, b)
    run = dispatch.active().operations[definition]
    kind = run.kind(copies(arguments))
    return kind in run.kinds and kind not in run.untraceable


def refused(definition, *arguments):
    """Why a definition is not compiled for these arguments; it then runs as written."""
    assert not compiled(definition, *arguments)
    with pytest.raises(Untraceable) as error:
        plan(trace(definition, arguments, tuple(inspect.signature(definition).parameters)))
    return str(error.value)


# Slices


def last_columns(x):
    return x[:, -2:] * 1


def into_last_column(out, x):
    out[:, -1:] = x


def as_many_as(x, y):
    return x[:, x.shape[1] - y.shape[1] :] * 2


def twice_sliced(x):
    return x[:, 1:][:, 1:] * 1


def sliced_as_column(v):
    return v[:, None][:2] * 1


def test_slices_that_begin_at_the_end():
    assert compiled(last_columns, X) and compiled(into_last_column, ZEROS, X[:, :1]) and compiled(as_many_as, X, X[:, :2])
    assert "begins before the first number" in refused(last_columns, X[:, :1])
    operation = sg.op(as_many_as)
    for y in (X[:, :2], X, np.ones((4, 9), F), X[:, :3]):  # one kind of arguments: the third needs more numbers than there are
        np.testing.assert_array_equal(operation(X, y), as_many_as(X, y))


def test_a_slice_of_a_slice_or_of_a_new_axis():
    for definition, x in ((twice_sliced, X), (sliced_as_column, X[0])):
        assert "only arguments can be sliced" in refused(definition, x)


# Names


def underscores(x, x_, x_0, x_1, x__):
    return x * x_ - x_0 + x_1 * x__ - x_.mean(axis=1)[:, None]


def of_the_call(n_threads, shared, out0, rows0, pack0, id, len, not_writable, BYTES, places, s):
    return n_threads + shared * out0 - rows0 * pack0 + id * len - not_writable * BYTES + places * s


def of_the_kernel(abs, BLOCK, sum0, sum0_whole, out_0, kept0, t1, i, tanh, totals, arg0):
    return np.abs(abs) * (BLOCK - BLOCK.mean(axis=0)) * sum0 - sum0_whole + out_0 * np.tanh(kept0) - t1 * i + tanh * totals - arg0


@pytest.mark.parametrize("definition", [underscores, of_the_call, of_the_kernel])
def test_parameters_with_names_of_the_generated_code(definition):
    arguments = [k + X for k in range(len(inspect.signature(definition).parameters))]
    assert compiled(definition, *arguments) and compiled(definition, *[np.asfortranarray(x) for x in arguments])
    assert compiled(definition, *arguments[:-1], 2.0)


# Whole numbers, booleans, and Python's numbers

LABELS = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
SMALL = np.full((4, 6), 100, np.int8)


def truth(x, k):
    return np.logical_and(k, 1) & (x == x), np.logical_or(x, x > 0), np.logical_not(x)


def bits(x, k):
    return x * ~k


def masks_added(x):
    return (x > 0) + (x > 1) + x


def sums_of_small(x, b):
    return x - b, b.sum(axis=0), b.sum(axis=1), b.mean(axis=0), np.sum(b)


def extremes_of_masks(x):
    return x.sum(axis=0), (x > 0).min(axis=0), (x > 0).max(axis=0)


def extremes_of_small(x, b):
    return x - b, b.min(axis=0), b.max(axis=0)


def equals(x, labels, k):
    return x * (labels == -1) + (labels == 300), labels == k, labels < k


def wrapped(x, labels, b):
    return x * (labels - 100), labels - 100, x + b * b, x - abs(-b - 28), b * 3 // 2, labels & 6


def masked(x, labels):
    return x * 1, labels & 300


def set_to(b, x, k):
    b[...] = k
    return x * 1


def cubed(x, n):
    return x / n**3, x / (n * n * n), n**3 // 7 * x, x * (n**3 > n)


def shifted(x, k):
    return x * 2**k


def chosen(x, k):
    return np.where(x > 0, True, False), np.where(x > 0, k > 1, 1), np.where(x > 0, k, 1)


def of_numpys_type(x, n):
    return x * np.sqrt(n), x * np.maximum(n, 2), x * np.log(x.shape[0]), x * n


def filled(x):
    return np.full(x.shape, 1, like=x), np.full(x.shape, 0.5, like=x), x * 1


def whole_terms(x):
    return np.sum(x, dtype=int), x * 1


def mean_into(x, y):
    np.mean(x, axis=0, out=y)
    return x * 1


def long_unsigned(x, u):
    return x * (u + 1)


@pytest.mark.parametrize(
    ("definition", "arguments"),
    [(truth, (X, 2)), (sums_of_small, (X, SMALL)), (extremes_of_masks, (X,)), (extremes_of_small, (X, SMALL)), (equals, (X, LABELS, -1)),
     (equals, (X, LABELS, 300)), (equals, (X, LABELS, 20)), (wrapped, (X, LABELS, SMALL)), (set_to, (SMALL, X, 3)), (cubed, (X, 3_000_000)),
     (shifted, (X, -1)), (shifted, (X, 3)), (chosen, (X, 3)), (chosen, (X, 2.5)), (of_numpys_type, (X, 3)), (filled, (X,)), (whole_terms, (X,))],
)  # fmt: skip
def test_whole_numbers_and_booleans(definition, arguments):
    assert compiled(definition, *arguments)


def test_what_kernels_would_compute_otherwise_runs_as_written():
    assert "the bits of a number" in refused(bits, X, 5)
    assert "arithmetic with booleans" in refused(masks_added, X)
    assert "np.mean with out=" in refused(mean_into, X, np.zeros(6, F))
    assert "unsigned whole numbers of 64 bits" in refused(long_unsigned, X, LABELS.astype(np.uint64) + 2**63)
    assert results(sg.op(set_to), (SMALL, X, 300)) == results(sg.op(masked), (X, LABELS)) == [OverflowError]


# Sums over everything beside sums along columns


def centred(x):
    return x - x.mean(axis=0), np.sum(x), x.max(), np.sum(x > 0)


def spread(x):
    deviation = x - x.mean(axis=0)
    return deviation, np.sum(deviation**2, dtype=np.float64), np.sum(x.mean(axis=0) ** 2), np.max(np.abs(deviation)), np.sum(deviation > 0)


def shares_of_squares(x):
    squares = np.sum((x - x.mean(axis=0)) ** 2)
    return (x - x.mean(axis=0)) / squares, x.sum(axis=0)


@pytest.mark.parametrize("definition", [centred, spread, shares_of_squares])
def test_totals_beside_columns(definition):
    for shape in ((4, 6), (1, 3), (3, 1), (2100, 3), (3, 200), (5000, 70)):
        x = np.random.default_rng(0).normal(size=shape)
        assert compiled(definition, x) and compiled(definition, np.asfortranarray(x)) and dispatch.why_not_compiled(sg.op(definition), x) is None


# Numbers whose values are part of what is compiled


def stepped(x, rate, axes):
    return x * rate if rate else x.sum(axis=axes) - x


def test_a_fixed_number_is_compiled_once():
    for rate in (0.7, np.float32(0.7), np.float32("nan"), float("nan"), np.float64("nan"), np.int16(3)):
        for _ in range(3):
            assert compiled(stepped, X, type(rate)(rate), (0, 1))
    run = dispatch.active().operations[stepped]
    assert [len(calls) for calls in run.kinds.values()] == [2, 2, 1, 1]  # 0.7 and NaN, in two types
    assert compiled(stepped, X, 0.0, (0, 1)) and compiled(stepped, X, 0.0, (-2, 1)) and compiled(stepped, X, 0.0, (0,))


def test_few_are_kept(monkeypatch):
    monkeypatch.setattr(calls, "MOST_CALLS", 3)
    operation = sg.op(stepped_further)
    for k in range(6):
        np.testing.assert_array_equal(operation(X, 1.5 + k), stepped_further(X, 1.5 + k))
    run = dispatch.active().operations[stepped_further]
    assert [len(calls) for calls in run.kinds.values()] == [3]
    assert "runs as written" in next(iter(run.untraceable.values()))


def stepped_further(x, rate):
    return x * rate if rate else x


# The order of assignments


def shares_and_zero(x):
    y = x / x.sum()
    y[:, :1] = 0
    return y


def part_and_whole(a, x):
    a[:, :1] = 5
    a[...] = x


def whole_and_part(a, x):
    a[...] = x
    a[:, :1] = 5


def total_and_zero(x):
    y = x * 2
    y[:, :1] = x.sum()
    y[:, :1] = 0
    return y


def overlapping(a, x):
    a[:, 0:3] = x
    a[:, 1:4] = 2 * x


def taking_turns(a, x):
    a[:, 0::2] = x
    a[:, 1::2] = 2 * x


def test_the_last_assignment_is_what_an_array_holds():
    assert compiled(part_and_whole, ZEROS, X) and compiled(whole_and_part, ZEROS, X) and compiled(taking_turns, ZEROS, X[:, :3])
    for definition, *arguments in ((shares_and_zero, X), (total_and_zero, X), (overlapping, ZEROS, X[:, :3])):
        assert "of which the later must come last" in refused(definition, *arguments)


def less_first_row(a):
    a -= a[:1]


def less_first_column(a):
    a -= a[:, :1]


def less_means(a):
    a -= a.mean(axis=1)[:, None]


def test_what_is_read_elsewhere_than_it_is_changed():
    for definition in (less_first_row, less_first_column):
        assert "changed in one place and read in another" in refused(definition, X)
    assert compiled(less_means, X)


# Views


def added_to_a_part(out, x):
    part = out[:, :2]
    part += x[:, :2]
    return x * 2


def part_set(out, x):
    part = out[:, :2]
    part[...] = x[:, :2]
    return x * 2


def part_of_a_view(out, x):
    view = out[...]
    view[:, :2] = x[:, :2]
    return x * 2


def view_of_a_result(x):
    h = x * 1
    view = h[:]
    view += 1
    return h


def view_read_late(out, x):
    part = out[:, :2]
    out[...] = x
    return part * 1


def part_in_place(out, x):
    out[:, :2] += x[:, :2]


def all_in_place(out, x):
    out[...] *= x


def number_in_place(x):
    total = x.sum()
    other = total
    other += 1
    return total, other


def no_copy(x):
    h = x * 1
    same = h.astype(h.dtype, copy=False)
    same += 1
    return h


def test_views_share_their_memory():
    for definition in (added_to_a_part, part_set, part_of_a_view):
        assert "a view that is assigned to" in refused(definition, ZEROS, X)
    assert "a view that is assigned to" in refused(view_of_a_result, X)
    assert "assigned to in the meantime" in refused(view_read_late, ZEROS, X)
    assert compiled(part_in_place, X, X) and compiled(all_in_place, X, X) and compiled(number_in_place, X) and compiled(no_copy, X)
