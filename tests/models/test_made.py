"""MADE: the masks' Jacobian is exactly the ordering's, the probabilities sum to one, samples follow them, the gradient is right."""

import itertools

import numpy as np
import pytest

from scratchgen.models import MADE
from scratchgen.models.made import made_masks

CASES = [
    (1, (3,), None),
    (2, (1,), (1, 0)),
    (5, (4,), None),
    (6, (5, 7), (3, 0, 5, 1, 4, 2)),
    (7, (20, 6, 9), (6, 5, 4, 3, 2, 1, 0)),
]


def make(D, hidden, ordering, seed=0):
    made = MADE(D, hidden=hidden, activation="tanh", ordering=ordering, rng=seed, dtype=np.float64)
    made.flat_params[...] += np.random.default_rng(seed).normal(0, 0.5, made.flat_params.shape)
    return made


def all_states(D):
    return np.array(list(itertools.product([0.0, 1.0], repeat=D)))


@pytest.mark.parametrize("D, hidden, ordering", CASES)
def test_output_sees_every_earlier_input_and_no_other(D, hidden, ordering):
    made, rng = make(D, hidden, ordering), np.random.default_rng(1)
    x = rng.normal(size=(1, D))
    jacobian = np.empty((D, D))  # [i, d] = ∂ output d / ∂ input i
    for d in range(D):
        _, cache = made.net.forward(x)
        jacobian[:, d] = made.net.backward(np.eye(D)[[d]], cache)[0]
    place = {feature: i for i, feature in enumerate(ordering or range(D))}
    earlier = np.array([[place[i] < place[d] for d in range(D)] for i in range(D)])
    assert np.all(jacobian[~earlier] == 0)
    assert np.all(np.abs(jacobian[earlier]) > 1e-8)


@pytest.mark.parametrize("D, hidden, ordering", CASES)
def test_a_later_input_does_not_change_an_output(D, hidden, ordering):
    """Finite changes, by forward alone: no smoothness, no backward."""
    made, rng = make(D, hidden, ordering), np.random.default_rng(2)
    x, order = rng.normal(size=(4, D)), list(ordering or range(D))
    for at, feature in enumerate(order):
        changed = x.copy()
        changed[:, feature] += 3
        same = np.all(made.net(x) == made.net(changed), axis=0)
        assert set(np.flatnonzero(~same)) == set(order[at + 1 :])


def test_few_hidden_units_cut_connections_but_never_add_one():
    first, second = made_masks((6, 2, 6), range(6))
    paths = first @ second
    assert np.all(paths[np.tril_indices(6)] == 0) and 0 < np.count_nonzero(paths) < 15


@pytest.mark.parametrize("D, hidden, ordering", [(6, (5,), None), (8, (16, 9), (7, 1, 5, 0, 2, 6, 3, 4))])
def test_probabilities_of_all_states_sum_to_one(D, hidden, ordering):
    log_p = make(D, hidden, ordering).log_likelihood(all_states(D))
    assert log_p.shape == (2**D,) and np.ptp(log_p) > 1
    assert np.isclose(np.exp(log_p).sum(), 1, rtol=1e-12)


def test_loss_is_the_mean_negative_log_likelihood():
    made, x = make(6, (10,), None), all_states(6)[::3]
    loss, parts = made.loss(x)
    assert np.isclose(loss, -made.log_likelihood(x).mean(), rtol=1e-12) and parts == {"nll": loss}
    assert np.isclose(made.evaluate(x)["log_likelihood"], -loss, rtol=1e-12)


@pytest.mark.parametrize("backend_dtype", [np.float32, np.float64])
def test_samples_follow_the_probabilities(backend_dtype):
    D, n = 4, 20_000
    made = make(D, (8,), (2, 0, 3, 1)).astype(backend_dtype)
    x = made.sample(n, rng=5)
    assert x.shape == (n, D) and x.dtype == backend_dtype and set(np.unique(x)) == {0, 1}
    counts = np.bincount((x @ [8, 4, 2, 1]).astype(int), minlength=16)
    p = np.exp(made.log_likelihood(all_states(D).astype(backend_dtype)))
    assert np.all(np.abs(counts - n * p) < 5 * np.sqrt(n * p * (1 - p)) + 1)


def test_samples_repeat_with_the_seed_and_follow_the_stream_without():
    made = make(5, (6,), None)
    assert np.array_equal(made.sample(30, rng=1), made.sample(30, rng=1))
    assert not np.array_equal(made.sample(30), made.sample(30))


def test_gradient_of_the_whole_objective():
    """Every parameter, central differences; the masked weights have gradient exactly zero."""
    made, x = make(5, (6, 5), (4, 2, 0, 1, 3)), all_states(5)[::4]
    made.zero_grads()
    made.loss(x)
    grads, h = made.flat_grads.copy(), 1e-5
    numeric = np.empty_like(grads)
    for i in range(grads.size):
        p = made.flat_params[i]
        made.flat_params[i] = p + h
        above = made.loss(x)[0]
        made.flat_params[i] = p - h
        below = made.loss(x)[0]
        made.flat_params[i] = p
        numeric[i] = (above - below) / (2 * h)
    assert np.all(np.abs(grads - numeric) <= 1e-6 * np.maximum(np.abs(grads), np.abs(numeric)) + 1e-9)
    masks = {name: leaf.buffers["mask"] for name, leaf in made.leaves() if "mask" in leaf.buffers}
    made.zero_grads()
    made.loss(x)
    for name, mask in masks.items():
        dW = made.grads[f"{name}.W"]
        assert np.all(dW[mask == 0] == 0) and np.count_nonzero(dW[mask == 1]) > 0


def test_config_makes_an_equal_model():
    made = make(6, (7, 5), (5, 4, 3, 2, 1, 0))
    twin = MADE(**made.config, dtype=np.float64)
    twin.flat_params[...] = made.flat_params
    assert np.array_equal(made.log_likelihood(all_states(6)), twin.log_likelihood(all_states(6)))


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(data_dim=3, ordering=(0, 1, 1)), "must hold each of the features 0 … 2 once"),
        (dict(data_dim=3, ordering=(0, 1)), "must hold each of the features"),
        (dict(data_dim=0), "data_dim is 0"),
        (dict(data_dim=3, hidden=()), "needs at least one hidden layer"),
        (dict(data_dim=3, activation="rellu"), "did you mean 'relu'"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MADE(**arguments)
