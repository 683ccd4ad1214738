"""What every loss keeps to: sum over features, mean over the batch; value and gradients together; no broadcasting; nothing changed."""

import numpy as np
import pytest

from scratchgen import losses
from scratchgen.gradcheck.catalogue import LOSSES
from scratchgen.gradcheck.examples import Draw, examples


def arrays(name):
    """Its example, (batch, features); logits of a discriminator have one column, but keep to the same rules."""
    return examples(getattr(losses, name), Draw(np.float64, 4, 4, seed=6))[0]


def of_arrays_alone(name):
    """Whether it takes float arrays and nothing else: no labels, no setting. The others have rules of their own, and tests of them."""
    return all(getattr(a, "dtype", None) == np.float64 for a in arrays(name))


ARRAYS = {name: arrays(name) for name in LOSSES if of_arrays_alone(name)}
ROWS = {name: arrays(name) for name in losses.__all__ if name not in LOSSES}
ALL = ARRAYS | ROWS
each = pytest.mark.parametrize("name", ARRAYS)
each_and_rows = pytest.mark.parametrize("name", ALL)
with_two_arrays = pytest.mark.parametrize(
    "name", [name for name, arrays in ALL.items() if len(arrays) > 1 and all(a.ndim == 2 for a in arrays)]
)  # with (batch, features, K) another sentence: test_gaussian_mixture_loss.py


def call(name, arrays):
    """Everything the loss returns, as a tuple."""
    result = getattr(losses, name)(*arrays)
    return result if isinstance(result, tuple) else (result,)


@each
def test_the_same_batch_twice_costs_the_same(backend, name):
    loss, *gradients = call(name, ARRAYS[name])
    twice, *halves = call(name, [np.concatenate([a, a]) for a in ARRAYS[name]])
    assert float(twice) == pytest.approx(float(loss), rel=1e-14)
    for gradient, half in zip(gradients, halves, strict=True):
        np.testing.assert_allclose(np.concatenate([gradient, gradient]) / 2, half, rtol=1e-14)


@each
def test_the_same_features_twice_cost_double(backend, name):
    loss, *gradients = call(name, ARRAYS[name])
    twice, *same = call(name, [np.concatenate([a, a], axis=1) for a in ARRAYS[name]])
    assert float(twice) == pytest.approx(2 * float(loss), rel=1e-14)
    for gradient, doubled in zip(gradients, same, strict=True):
        np.testing.assert_allclose(np.concatenate([gradient, gradient], axis=1), doubled, rtol=1e-14)


@each_and_rows
def test_float32_gives_float32_close_to_float64(backend, name):
    exact, single = (call(name, [a.astype(dtype) for a in ALL[name]]) for dtype in (np.float64, np.float32))
    if name in ARRAYS:
        assert float(single[0]) == pytest.approx(float(exact[0]), rel=1e-6)
        exact, single = exact[1:], single[1:]
    for result, wanted in zip(single, exact, strict=True):
        assert result.dtype == np.float32
        assert wanted.dtype == np.float64
        np.testing.assert_allclose(result, wanted, rtol=2e-5, atol=1e-6)


@each
def test_a_large_batch_loses_no_digits(backend, name):
    """A million equal terms: a running sum in float32 would be off in the third digit."""
    large = [np.full((2**20, 1, *a.shape[2:]), a[0, 0], np.float32) for a in ARRAYS[name]]
    assert float(call(name, large)[0]) == pytest.approx(float(call(name, [a[:1] for a in large])[0]), rel=1e-6)


@each_and_rows
def test_inputs_stay_as_they_are(backend, name):
    arrays = [a.copy() for a in ALL[name]]
    results = call(name, arrays)
    for a, before in zip(arrays, ALL[name], strict=True):
        np.testing.assert_array_equal(a, before)
        assert not any(np.shares_memory(a, result) for result in results)


@each_and_rows
def test_a_nan_is_not_hidden(backend, name):
    arrays = [a.copy() for a in ALL[name]]
    arrays[0][1, 0] = np.nan
    wanted = [True] if name in ARRAYS else [False, True, False, False]
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(np.isnan(np.atleast_1d(call(name, arrays)[0])), wanted)


@each_and_rows
def test_views_with_gaps_between_their_rows(backend, name):
    """Such as the two halves of an encoder's output, mu and logvar."""
    halves = [np.concatenate([a + 1, a], axis=1)[:, a.shape[1] :] for a in ALL[name]]
    assert name.startswith(("generator", "discriminator", "critic")) or not halves[0].flags.c_contiguous
    for result, wanted in zip(call(name, halves), call(name, ALL[name]), strict=True):
        np.testing.assert_allclose(result, wanted, rtol=1e-14)


def test_arguments_may_be_named():
    x, logits = ARRAYS["bernoulli_nll"]
    assert float(losses.bernoulli_nll(logits=logits, x=x)[0]) == float(losses.bernoulli_nll(x, logits)[0])
    mu, logvar = ARRAYS["gaussian_kl"]
    assert float(losses.gaussian_kl(mu, logvar=logvar)[0]) == float(losses.gaussian_kl(mu, logvar)[0])


@each_and_rows
def test_too_few_and_too_many_arguments(name):
    with pytest.raises(TypeError, match="missing a required argument: '|missing 1 required positional"):
        getattr(losses, name)(*ALL[name][:-1])
    with pytest.raises(TypeError, match="too many positional arguments|takes"):
        getattr(losses, name)(*ALL[name], ALL[name][0])


@with_two_arrays
@pytest.mark.parametrize("wrong", [lambda a: a[:, 0], lambda a: a[:, :0], lambda a: a[None], lambda a: np.concatenate([a, a], axis=1)])
def test_shapes_that_would_broadcast_are_refused(name, wrong):
    """(n, 1) against (n,) is the trap: NumPy makes (n, n) of it, and the loss of every pair."""
    first, second, *rest = [a[:, :1] for a in ALL[name]]
    with pytest.raises(ValueError, match=rf"has shape \([\d, ]+\); {name} needs that of \w+, \(4, 1\)"):
        getattr(losses, name)(first, wrong(second), *rest)
    with pytest.raises(ValueError, match=rf"has shape .*; {name} needs"):
        getattr(losses, name)(wrong(first), second, *rest)


@with_two_arrays
def test_batches_of_unequal_size_are_refused_except_between_real_and_generated(name):
    first, second, *rest = ALL[name]
    if name.startswith(("discriminator", "critic")):
        assert getattr(losses, name)(first, second[:3])[2].shape == (3, 1)
        return
    if name == "feature_matching":
        assert losses.feature_matching(first, second[:3])[1].shape == first.shape
        return
    with pytest.raises(ValueError, match=rf"has shape \(3, 4\); {name} needs that of \w+, \(4, 4\)"):
        getattr(losses, name)(first, second[:3], *rest)


@each_and_rows
def test_dtypes_that_do_not_fit(name):
    first, *rest = ALL[name]
    with pytest.raises(TypeError, match=f"is int64 and .*; {name} needs float32 or float64 for all"):
        getattr(losses, name)(first.astype(int), *rest)
    if rest:
        with pytest.raises(TypeError, match=f"is float32 and .* float64; {name} needs float32 or float64 for all"):
            getattr(losses, name)(first, *[a.astype(np.float32) for a in rest])


@pytest.mark.parametrize("wrong", [[[0.5]], None, memoryview(np.ones((4, 4))), "x", 0.5], ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("name", losses.__all__)
def test_what_is_no_array(backend, name, wrong):
    arrays = examples(getattr(losses, name), Draw(np.float64, 4, 4, seed=6))[0]
    for k in [k for k, a in enumerate(arrays) if hasattr(a, "dtype")]:
        given = [wrong if i == k else a for i, a in enumerate(arrays)]
        with pytest.raises(TypeError, match=rf"\w+ is (a|None).*; {name} needs an array"):
            call(name, given)
    with pytest.raises(TypeError, match=r"is a masked array"):
        call(name, [np.ma.masked_array(arrays[0], arrays[0] > 0), *arrays[1:]])


@each_and_rows
def test_numbers_that_are_not_real_or_not_ours(backend, name):
    for dtype in (np.float16, np.longdouble, complex, object, ">f8"):
        with pytest.raises(TypeError, match=rf"{name} needs float32 or float64 for all"):
            call(name, [a.astype(dtype) for a in ALL[name]])
