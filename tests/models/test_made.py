"""MADE: the masks' Jacobian is exactly the ordering's, the probabilities sum to one, samples follow them, the gradient is right."""

import itertools

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.models import MADE
from scratchgen.models.made import made_masks
from scratchgen.train import train_step

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


VARIANTS = {
    "masks": dict(n_masks=4),
    "masks of one ordering": dict(n_masks=3, ordering=(4, 1, 0, 3, 2)),
    "direct": dict(direct=True, ordering=(4, 1, 0, 3, 2)),
    "labels": dict(n_classes=3),
    "all": dict(n_masks=3, direct=True, n_classes=2),
}


def variant(D=5, hidden=(9, 8), **options):
    made = MADE(D, hidden=hidden, activation="tanh", rng=0, dtype=np.float64, **options)
    made.flat_params[...] += np.random.default_rng(1).normal(0, 0.5, made.flat_params.shape)
    return made


def under_each_mask(made, x, y):
    """[log p_k(x)] of the masks, each from the loss that trains with it, example by example."""
    found = []
    for k in range(made.n_masks):
        made.turns(k + made.n_masks)
        found.append([-float(made.loss(*([x[i : i + 1]] if y is None else [x[i : i + 1], y[i : i + 1]]))[0]) for i in range(len(x))])
    return np.array(found)


@pytest.mark.parametrize("name", VARIANTS)
def test_probabilities_sum_to_one_for_each_ordering_for_their_mixture_and_for_each_label(backend, name):
    made, x, sums = variant(**VARIANTS[name]), all_states(5), []
    for label in range(made.n_classes or 1):
        y = np.full(len(x), label) if made.n_classes else None
        log_p = under_each_mask(made, x, y)
        np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, rtol=1e-12)
        mixture = made.log_likelihood(x, y)
        np.testing.assert_allclose(np.exp(mixture), np.exp(log_p).mean(axis=0), rtol=1e-12)
        assert made.n_masks == 1 or np.ptp(log_p, axis=0).max() > 0.1  # the masks differ
        sums.append(mixture)
    assert len(sums) == 1 or np.abs(sums[0] - sums[1]).min() > 1e-6  # and so do the labels


@pytest.mark.parametrize("name", VARIANTS)
def test_every_mask_follows_its_ordering(name):
    made, rng = variant(D=6, hidden=(40,), **{k: v for k, v in VARIANTS[name].items() if k != "ordering"}), np.random.default_rng(2)
    x, y = rng.normal(size=(3, 6)), np.arange(3) % made.n_classes if made.n_classes else None
    assert len({*made.orderings}) == made.n_masks
    for k, order in enumerate(made.orderings):
        made._use_mask(k)
        for at, feature in enumerate(order):
            changed = x.copy()
            changed[:, feature] += 3
            same = np.all(made._forward(x, y)[0] == made._forward(changed, y)[0], axis=0)
            assert set(np.flatnonzero(~same)) <= set(order[at + 1 :]) and (~same).sum() >= (5 - at) * (made.n_masks == 1)
        if made.n_classes:  # the label reaches even the feature that comes first
            assert np.all(made._forward(x, y)[0] != made._forward(x, (y + 1) % made.n_classes)[0])


def test_direct_connections_see_every_earlier_input_and_no_other():
    made = variant(direct=True, ordering=(4, 1, 0, 3, 2), n_classes=2)
    place = np.argsort((5, 4, 1, 0, 3, 2))
    mask = made.parts["direct"].buffers["mask"]
    assert mask.shape == (7, 5)
    np.testing.assert_array_equal(mask, place[[0, 1, 2, 3, 4, 5, 5]][:, None] < place[:5])


@pytest.mark.parametrize("name", VARIANTS)
def test_samples_of_every_kind_follow_the_probabilities(name):
    options = {k: v for k, v in VARIANTS[name].items() if k != "ordering"}
    made, n = variant(D=3, **options), 12_000
    states = all_states(3)
    for label in range(made.n_classes or 1):
        y = np.full(n, label) if made.n_classes else None
        counts = np.bincount((made.sample(n, y, rng=5) @ [4, 2, 1]).astype(int), minlength=8)
        p = np.exp(made.log_likelihood(states, None if y is None else y[:8]))
        assert np.all(np.abs(counts - n * p) < 5 * np.sqrt(n * p * (1 - p)) + 1)
    if made.n_classes:
        assert np.array_equal(made.sample(6, rng=1), made.sample(6, np.arange(6) % made.n_classes, rng=1))  # each class in turn


def mixture(D=1, **options):
    return variant(D, (9,), output="gaussian_mixture", n_components=3, **options)


@pytest.mark.parametrize("options", [{}, dict(center=2.0, scale=3.0)])
def test_mixture_density_integrates_to_one(options):
    made, x = mixture(**options), np.linspace(-60, 60, 20_001)[:, None]
    p = np.exp(made.log_likelihood(x))
    assert np.isclose(p.sum() * (x[1] - x[0]), 1, rtol=1e-9)
    made = mixture(2, n_masks=2, direct=True, **options)
    side = np.linspace(-50, 50, 501)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    assert np.isclose(np.exp(made.log_likelihood(grid)).sum() * (side[1] - side[0]) ** 2, 1, atol=1e-3)


def test_mixture_loss_and_samples():
    made, x = mixture(2, center=[1.0, -2.0], scale=[0.5, 4.0]), np.random.default_rng(3).normal(size=(6, 2))
    assert np.isclose(made.loss(x)[0], -made.log_likelihood(x).mean(), rtol=1e-12)
    drawn, edges = made.sample(20_000, rng=4), np.linspace(-3, 5, 9)
    counts = np.histogram(drawn[:, 0], edges)[0]
    other = np.linspace(-80, 80, 801)
    for k in range(8):  # the share of samples whose first feature lies between two edges, and the density's
        first = np.linspace(edges[k], edges[k + 1], 41)
        first = (first[1:] + first[:-1]) / 2
        grid = np.stack(np.meshgrid(first, other, indexing="ij"), axis=-1).reshape(-1, 2)
        p = np.exp(made.log_likelihood(grid)).sum() * (edges[1] - edges[0]) / 40 * 0.2
        assert abs(counts[k] - 20_000 * p) < 5 * np.sqrt(20_000 * p * (1 - p)) + 20


def test_many_masks_are_recorded_once_and_resume_to_the_bit(tmp_path, caplog):
    rng = np.random.default_rng(4)
    data = sg.data.Dataset((rng.random((65, 6)) < 0.3).astype(np.float32), rng.integers(3, size=65))
    make = lambda seed=0: MADE(6, (12,), n_masks=3, direct=True, n_classes=3, rng=seed)
    with sg.use_backend("numba"), caplog.at_level("INFO", "scratchgen"):
        runs = [make() for _ in range(3)]
        sg.fit(runs[0], data, epochs=8, batch_size=10, progress=False)
        assert not caplog.records  # no step stays as written
        sg.fit(runs[1], data, epochs=3, batch_size=10, out=tmp_path, progress=False)
        again = make(5)
        sg.fit(again, data, epochs=8, batch_size=10, out=tmp_path, resume=True, progress=False)
        assert np.array_equal(again.flat_params, runs[0].flat_params)
        runs[2].start_from(data.x)
        optimizers, step = {"model": runs[2].optimizer(runs[2])}, 0  # the same by hand, no step recorded
        for epoch in range(8):
            for x, y in sg.data.minibatches((data.x, data.y), 10, seed=0, epoch=epoch):
                train_step(runs[2], optimizers, x, step, y=y)
                step += 1
        assert np.array_equal(runs[2].flat_params, runs[0].flat_params)
    assert np.array_equal(sg.load(tmp_path).log_likelihood(data.x, data.y), again.log_likelihood(data.x, data.y))


def test_settings_for_data_of_every_kind():
    rng = np.random.default_rng(5)
    for x, output in (
        ((rng.random((50, 9)) < 0.5) * 1.0, "bernoulli"),
        (rng.random((50, 16)), "bernoulli"),
        (rng.random((50, 9)), "gaussian_mixture"),
    ):
        assert MADE.suited_to(x).get("output", "bernoulli") == output


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(data_dim=3, ordering=(0, 1, 1)), "must hold each of the features 0 … 2 once"),
        (dict(data_dim=3, ordering=(0, 1)), "must hold each of the features"),
        (dict(data_dim=0), "data_dim is 0"),
        (dict(data_dim=3, hidden=()), "needs at least one hidden layer"),
        (dict(data_dim=3, activation="rellu"), "did you mean 'relu'"),
        (dict(data_dim=3, activation=sg.layers.Softmax), "Softmax, which mixes features"),
        (dict(data_dim=3, activation=lambda: sg.layers.LayerNorm(500)), "which mixes features"),
        (dict(data_dim=3, activation=lambda: sg.layers.Maxout(5)), "which mixes features"),
        (dict(data_dim=3, n_masks=0), "n_masks is 0"),
        (dict(data_dim=3, n_classes=1), "n_classes is 1"),
        (dict(data_dim=3, output="gausian_mixture"), "did you mean 'gaussian_mixture'"),
        (dict(data_dim=3, scale=2.0), "center and scale are for real numbers"),
        (dict(data_dim=3, output="gaussian_mixture", scale=[1.0]), r"scale has shape \(1,\)"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MADE(**arguments)


@pytest.mark.parametrize("y", [np.arange(3), np.array([0, 1, 99, -7]), np.array([0])])
def test_labels_of_samples_are_checked(y):
    with pytest.raises(ValueError, match="y "):
        MADE(5, hidden=(6,), n_classes=3, rng=0).sample(2, y)


def test_numpys_whole_numbers_can_be_saved(tmp_path):
    sg.save(MADE(5, hidden=(6,), n_classes=np.int64(3), rng=0), tmp_path / "made.npz")
    assert sg.load(tmp_path / "made.npz").n_classes == 3
