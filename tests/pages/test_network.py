"""The page's layers are the library's: the same outputs, the same gradients."""

import numpy as np
import pytest

from scratchgen import layers
from scratchgen.pages import page, write_page
from scratchgen.pages.network import described, flat
from scratchgen.pages.slim import slim

N_IN = 7
NETWORKS = {
    "linear": lambda rng: [layers.Linear(N_IN, 3, rng=rng)],
    "no bias": lambda rng: [layers.Linear(N_IN, 3, bias=False, rng=rng)],
    "masked": lambda rng: [layers.MaskedLinear(rng.uniform(size=(N_IN, 3)) < 0.5, rng=rng)],
    "tanh": lambda rng: [layers.Linear(N_IN, 5, rng=rng), layers.Tanh(), layers.Linear(5, 2, rng=rng), layers.Sigmoid()],
    "relu": lambda rng: [layers.Linear(N_IN, 5, rng=rng), layers.ReLU(), layers.Linear(5, 2, rng=rng), layers.Softplus()],
    "affine": lambda rng: [layers.RandomAffine((1, N_IN), rng=rng), layers.Linear(N_IN, 5, rng=rng)],
    "leaky": lambda rng: [layers.Linear(N_IN, 5, rng=rng), layers.LeakyReLU(0.2), layers.Dropout(0.5, rng=rng), layers.ELU(0.7), layers.Identity()],
    "maxout": lambda rng: [layers.Linear(N_IN, 6, rng=rng), layers.Maxout(3)],
    "batch norm": lambda rng: [layers.Linear(N_IN, 5, rng=rng), layers.BatchNorm(5), layers.Tanh()],
    "time embedding": lambda rng: [layers.TimeEmbedding(6), layers.Linear(N_IN + 5, 3, rng=rng)],
    "waves": lambda rng: [layers.FourierFeatures(rng.normal(size=(N_IN, 3))), layers.Linear(N_IN + 6, 3, rng=rng)],
    "packs": lambda rng: [layers.Linear(N_IN, 3, rng=rng), layers.Pack(3), layers.Linear(9, 2, rng=rng)],  # of 4 examples one is left out
    "minibatch discrimination": lambda rng: [layers.MinibatchDiscrimination(N_IN, 3, 2, rng=rng), layers.Linear(N_IN + 3, 2, rng=rng)],
    "nested": lambda rng: [layers.Linear(N_IN, 3, rng=rng), layers.Sequential(layers.Tanh(), layers.Sequential(layers.Linear(3, 2, rng=rng)))],
    "layer norm": lambda rng: [layers.Linear(N_IN, 5, rng=rng), layers.LayerNorm(5), layers.Tanh()],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_forward_and_backward_agree(open_page, tmp_path, name):
    rng = np.random.default_rng(3)
    network = layers.Sequential(*NETWORKS[name](rng))
    x = rng.normal(size=(4, N_IN)).astype(np.float32)
    for layer in flat(network):  # numbers that tell every parameter and buffer from another
        for value in (*layer.params.values(), *(value for key, value in layer.buffers.items() if key != "mask")):
            value += rng.uniform(0.1, 0.9, value.shape).astype(np.float32)
    y, caches = network.forward(x, training=False)
    dy = rng.normal(size=y.shape).astype(np.float32)
    network.zero_grads()
    dx = network.backward(dy, caches)

    assert [one["layer"] for one in slim(network, x)] == [one["layer"] for one in described(network)]
    data = {"layers": described(network), "x": x, "dy": dy}
    write_page(tmp_path / "page.html", page("network", scripts=["network.js"], data=data))
    tab = open_page(tmp_path / "page.html")
    found = tab.page.evaluate("""() => {
        const network = new Sequential(data.layers), [y, caches] = network.forward(data.x), dx = network.backward(data.dy, caches);
        const grads = network.layers.flatMap((layer) => Object.values(layer.grads).map((grad) => Array.from(grad.values)));
        return [Array.from(y.values), Array.from(dx.values), grads];
    }""")
    for ours, theirs in ((y, found[0]), (dx, found[1])):
        assert np.allclose(np.ravel(ours), theirs, rtol=1e-5, atol=1e-5 * np.abs(ours).max())
    grads = [grad for layer in flat(network) for grad in layer.grads.values()]
    if name != "masked":  # there W travels multiplied by its mask
        for ours, theirs in zip(grads, found[2], strict=True):
            assert np.allclose(np.ravel(ours), theirs, rtol=1e-5, atol=1e-5 * np.abs(ours).max())


def test_an_unknown_layer_is_named(browser, tmp_path):
    write_page(tmp_path / "page.html", page("x", scripts=["network.js"]))
    context = browser.new_context()
    tab = context.new_page()
    tab.goto((tmp_path / "page.html").as_uri())
    assert "no layer Conv" in tab.evaluate("try { new Sequential([{ layer: 'Conv' }]) } catch (error) { error.message }")
    context.close()


TWICE = {
    "tanh": layers.Tanh, "sigmoid": layers.Sigmoid, "relu": layers.ReLU, "leaky": layers.LeakyReLU, "elu": lambda: layers.ELU(0.7),
    "softplus": layers.Softplus, "identity": layers.Identity,
}  # fmt: skip


@pytest.mark.parametrize("name", TWICE)
def test_double_backward_agrees(open_page, tmp_path, name):
    rng = np.random.default_rng(3)
    network = layers.Sequential(
        layers.Linear(N_IN, 5, rng=rng), TWICE[name](), layers.Linear(5, 4, rng=rng), TWICE[name](), layers.Linear(4, 2, rng=rng)
    )
    x, ddx, dy = (rng.normal(size=(4, n)).astype(np.float32) for n in (N_IN, N_IN, 2))
    _, caches = network.forward(x)
    network.zero_grads()
    ddy, dx = network.double_backward(ddx, dy, caches)

    data = {"layers": described(network), "x": x, "dy": dy, "ddx": ddx}
    write_page(tmp_path / "page.html", page("network", scripts=["network.js"], data=data))
    found = open_page(tmp_path / "page.html").page.evaluate("""() => {
        const network = new Sequential(data.layers), [, caches] = network.forward(data.x), read = ({ values }) => Array.from(values);
        network.backward(data.dy, caches, "input"); // leaves no trace in the gradients
        const [ddy, dx] = network.doubleBackward(data.ddx, data.dy, caches);
        return [read(ddy), dx && read(dx), network.layers.flatMap((layer) => Object.values(layer.grads).map(read))];
    }""")
    grads = [grad for layer in flat(network) for grad in layer.grads.values()]
    assert (dx is None) == (found[1] is None)
    for ours, theirs in zip((ddy, *grads, *([] if dx is None else [dx])), (found[0], *found[2], *([] if dx is None else [found[1]])), strict=True):
        assert np.allclose(np.ravel(ours), theirs, rtol=1e-5, atol=1e-5 * np.abs(ours).max())
