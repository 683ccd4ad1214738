"""What one new idea costs: its own file, nowhere else a line. An activation, a loss, an optimizer and a model, outside the package."""

import importlib
import sys

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.gradcheck import check_function, check_layer, check_loss, check_objective, check_operation
from scratchgen.ops import dispatch, why_not_compiled

IDEA = """
import numpy as np

import scratchgen as sg
from scratchgen.layers import Layer, mlp
from scratchgen.models.model import Model
from scratchgen.optim import Optimizer


@sg.op
def swish(x):  # y = x σ(x)
    return x / (1 + np.exp(-x))


@sg.op
def swish_backward(dy, x):  # dx = dy ∘ (σ + x σ (1 − σ))
    s = 1 / (1 + np.exp(-x))
    return dy * (s + x * s * (1 - s))


class Swish(Layer):
    def forward(self, x):
        return swish(x), x

    def backward(self, dy, x):
        return swish_backward(dy, x)


@sg.op
def huber(y, targets, delta=1.0):  # squared near zero, straight beyond delta
    batch, d = y.shape[0], y - targets
    size = np.abs(d)
    loss = np.where(size <= delta, 0.5 * d * d, delta * (size - 0.5 * delta))
    return np.sum(loss, dtype=np.float64) / batch, np.clip(d, -delta, delta) / batch


@sg.op
def lion_step(p, g, m, lr, beta1, beta2):  # p <- p − lr sign(β₁ m + (1 − β₁) g);  m <- β₂ m + (1 − β₂) g
    u = beta1 * m + (1 - beta1) * g
    p -= lr * np.where(u > 0, 1.0, np.where(u < 0, -1.0, 0.0))
    m[...] = beta2 * m + (1 - beta2) * g


class Lion(Optimizer):
    def __init__(self, module, lr=1e-3, betas=(0.9, 0.99)):
        super().__init__(module, lr, state=("m",))
        self.betas = betas

    def update(self, p, g, m):
        lion_step(p, g, m, self.lr, *self.betas)


class Autoencoder(Model):
    def __init__(self, data_dim, hidden=8, rng=None, dtype=np.float32):
        self.data_dim, self.config = data_dim, dict(data_dim=data_dim, hidden=hidden)
        self.set_parts(net=mlp((data_dim, hidden, data_dim), activation=Swish, rng=rng, dtype=dtype))

    def loss(self, x):
        y, cache = self.parts["net"].forward(x)
        loss, dy = huber(y, x)
        self.parts["net"].backward(dy, cache, wrt="params")
        return loss, {"loss": loss}

    def sample(self, n, rng=None):
        return self.parts["net"](sg.ops.Stream(rng).normal((n, self.data_dim)))


@sg.op
def median_less(x):
    middle = x[:, :1]
    return x - np.median(x, axis=1)[:, None] + middle
"""


@pytest.fixture(scope="module")
def idea(tmp_path_factory):
    """The module, imported from a folder of its own; the library's operations are as they were afterwards."""
    folder, before = tmp_path_factory.mktemp("course"), dict(dispatch.definitions)
    (folder / "my_idea.py").write_text(IDEA)
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("my_idea")
    finally:
        sys.path.remove(str(folder))
        del sys.modules["my_idea"]
        dispatch.definitions.clear()
        dispatch.definitions.update(before)


def arguments(name, batch, n):
    rng = np.random.default_rng([batch, n])
    x, y = rng.normal(size=(2, batch, n)) * 2
    return {
        "swish": (x,), "swish_backward": (x, y), "huber": (x, y, 1.0), "lion_step": (x.ravel(), y.ravel(), (x + y).ravel(), 0.1, 0.9, 0.99),
    }[name]  # fmt: skip


@pytest.mark.parametrize("name", ["swish", "swish_backward", "huber", "lion_step"])
def test_each_operation_is_compiled_and_equals_its_definition(idea, name):
    for shape in [(1, 1), (2, 3), (7, 1), (1, 13), (31, 129), (0, 5), (3, 5000)]:
        report = check_operation(getattr(idea, name), *arguments(name, *shape))
        assert report.ok and report.not_compiled is None, report
    assert why_not_compiled(getattr(idea, name), *arguments(name, 4, 5)) is None


def test_a_form_that_is_not_its_definition_is_found(idea, monkeypatch):
    monkeypatch.setitem(dispatch._load("numba").operations, idea.swish.__wrapped__, lambda x: np.where(np.isnan(x), 0, x / (1 + np.exp(-x))))
    report = check_operation(idea.swish, *arguments("swish", 6, 5))
    assert not report.ok and not report
    assert "swish: the form compiled by numba differs from its definition" in str(report) and "with NaN and infinities: result 0[" in str(report)
    assert "contiguous" not in str(report)


def test_what_cannot_be_compiled_gets_one_sentence_with_function_and_line(idea):
    x = np.random.default_rng(0).normal(size=(3, 4))
    report = check_operation(idea.median_less, x)
    line = 1 + IDEA.splitlines().index("    return x - np.median(x, axis=1)[:, None] + middle")
    assert not report.ok and not report.differences
    assert str(report).startswith("median_less cannot be compiled because of np.median") and f"my_idea.py, line {line})" in str(report)
    assert "\n" not in str(report)
    with sg.use_backend("numba"):
        np.testing.assert_allclose(idea.median_less(x), idea.median_less.__wrapped__(x))


def test_what_is_no_operation_is_refused():
    with pytest.raises(TypeError, match="is no operation; write @sg.op above"):
        check_operation(lambda x: x, np.ones(3))


def test_gradients(idea, backend):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 6, 4)) * 2
    assert check_layer(idea.Swish(), x)
    assert check_function(lambda x: (idea.swish(x), x), idea.swish_backward, x)
    assert check_loss(idea.huber, x, y, wrt="y")
    model = idea.Autoencoder(4, rng=0, dtype=np.float64)
    assert check_objective(model, lambda: model.loss(x))
    assert not check_function(lambda x: (idea.swish(x), x), lambda dy, x: dy * x, x)


def test_training(idea):
    x = np.random.default_rng(0).normal(size=(400, 6)).astype(np.float32)
    losses = {}
    for backend in ("numpy", "numba"):
        with sg.use_backend(backend):
            model = idea.Autoencoder(6, hidden=12, rng=0)
            metrics = sg.fit(model, x, epochs=5, batch_size=50, seed=0, optimizer=lambda player: idea.Lion(player, lr=3e-3), progress=False)
            losses[backend] = metrics["loss"]
            assert model.sample(3, rng=0).shape == (3, 6)
    assert losses["numba"][-1] < 0.7 * losses["numba"][0]
    np.testing.assert_allclose(losses["numba"], losses["numpy"], rtol=1e-3)


def test_a_model_of_the_library_takes_the_new_activation(idea):
    x = np.random.default_rng(0).random((60, 5)).astype(np.float32)
    vae = sg.VAE(5, latent_dim=2, hidden=(6,), activation=idea.Swish, rng=0)
    metrics = sg.fit(vae, x, epochs=2, batch_size=20, seed=0, optimizer=idea.Lion, progress=False)
    assert np.isfinite(metrics["loss"]).all() and any(isinstance(layer, idea.Swish) for layer in vae.encoder.layers)
