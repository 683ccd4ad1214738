"""The penalty on a network's gradient: difference quotients, closed forms, PyTorch's autograd, and what it refuses."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.gradcheck import assert_gradients, check_double_backward, check_layer, check_objective
from scratchgen.layers import (
    ELU,
    BatchNorm,
    Dropout,
    Identity,
    Layer,
    LayerNorm,
    LeakyReLU,
    Linear,
    MaskedLinear,
    Maxout,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
)  # fmt: skip
from scratchgen.models import gradient_penalty

X = np.random.default_rng(1).normal(size=(8, 5))


def linear(n_in, n_out, **options):
    return Linear(n_in, n_out, rng=n_in + n_out, dtype=np.float64, **options)


def net(*layers):
    network = Sequential(*layers)
    network.flat_params[...] += np.random.default_rng(2).normal(0, 0.5, network.n_params)
    return network


NETWORKS = {
    "smooth": lambda: net(linear(5, 7), Tanh(), linear(7, 6), Softplus(), linear(6, 4), Sigmoid(), linear(4, 1)),
    "piecewise linear": lambda: net(linear(5, 7), LeakyReLU(0.2), linear(7, 6), ReLU(), linear(6, 6), Maxout(2), linear(3, 1)),
    "normalised": lambda: net(linear(5, 6), LayerNorm(6, dtype=np.float64), ELU(0.7), linear(6, 1)),
    "softmax": lambda: net(linear(5, 6), Tanh(), linear(6, 3), Softmax(), linear(3, 2)),
    "masked": lambda: net(MaskedLinear(np.tri(5, 6), rng=0, dtype=np.float64), Tanh(), Identity(), linear(6, 1, bias=False)),
    "nested": lambda: net(Sequential(linear(5, 4), Tanh()), Sequential(linear(4, 6), LayerNorm(6, dtype=np.float64)), linear(6, 1)),
}


@pytest.mark.parametrize("center", [0.0, 1.0, 0.3])
@pytest.mark.parametrize("name", NETWORKS)
def test_against_difference_quotients(backend, name, center):
    network = NETWORKS[name]()
    assert_gradients(check_objective(network, lambda: gradient_penalty(network, X, center, 2.5), limit=None))


def test_with_dropout(backend):
    network = net(linear(5, 7), Tanh(), Dropout(0.4, rng=0), linear(7, 1))
    assert_gradients(check_objective(network, lambda: gradient_penalty(network, X), limit=None))


def test_of_a_linear_critic_in_closed_form(backend):
    """D(x) = x w: the gradient is w everywhere, P = λ (‖w‖ − 1)² and dP/dw = 2 λ (‖w‖ − 1) w / ‖w‖;  with center 0, P = λ ‖w‖²."""
    critic = net(linear(5, 1))
    w = critic.params["0.W"][:, 0]
    norm = np.linalg.norm(w)
    for center, P, dw in ((1.0, 10 * (norm - 1) ** 2, 20 * (norm - 1) * w / norm), (0.0, 10 * norm**2, 20 * w)):
        critic.zero_grads()
        assert float(gradient_penalty(critic, X, center, 10.0)) == pytest.approx(P, rel=1e-13)
        np.testing.assert_allclose(critic.grads["0.W"][:, 0], dw, rtol=1e-13)
        assert not critic.grads["0.b"].any()


def test_gradients_are_added_and_the_input_is_left_alone(backend):
    network, x = NETWORKS["smooth"](), X.copy()
    gradient_penalty(network, x)
    once = network.flat_grads.copy()
    gradient_penalty(network, x)
    np.testing.assert_allclose(network.flat_grads, 2 * once, rtol=1e-12)
    assert (x == X).all() and once.any()


def test_a_flat_network_has_no_direction_to_push(backend):
    network = net(linear(5, 1))
    network.params["0.W"] = np.zeros((5, 1))
    assert float(gradient_penalty(network, X)) == 1 and np.isfinite(network.flat_grads).all()


def test_two_backends_agree_in_float32():
    network, x = NETWORKS["normalised"]().astype(np.float32), X.astype(np.float32)
    found = []
    for backend in ("numpy", "numba"):
        with sg.use_backend(backend):
            network.zero_grads()
            found.append((float(gradient_penalty(network, x)), network.flat_grads.copy()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-3, atol=1e-5)


def test_layers_without_a_double_backward_say_so():
    with pytest.raises(NotImplementedError, match=r"BatchNorm\(6\).*couples.*LayerNorm"):
        gradient_penalty(net(linear(5, 6), BatchNorm(6, dtype=np.float64), linear(6, 1)), X)

    class Square(Layer):
        def forward(self, x):
            return x**2, x

        def backward(self, dy, x):
            return 2 * x * dy

    with pytest.raises(NotImplementedError, match=r"Square\(\).*no double_backward"):
        gradient_penalty(net(linear(5, 6), Square(), linear(6, 1)), X)


class Cube(Layer):
    """y = x³, as a student would write it."""

    slip = 1.0

    def forward(self, x):
        return x**3, x

    def backward(self, dy, x):
        return 3 * x**2 * dy

    def double_backward(self, ddx, dy, x):
        return 3 * x**2 * ddx, self.slip * 6 * x * dy * ddx


def test_the_double_backward_of_a_students_layer_is_checked():
    assert check_double_backward(Cube(), X).ok and check_layer(Cube(), X).ok
    wrong = Cube()
    wrong.slip = 0.5
    report = check_double_backward(wrong, X)
    assert not report.ok and report.worst.array == "x"
    with pytest.raises(NotImplementedError, match="no double_backward"):
        check_double_backward(type("Plain", (Layer,), {"forward": Cube.forward, "backward": Cube.backward})(), X)


def torch_output(torch, network, x, params):
    """The network's output, by PyTorch."""
    functions = {Tanh: torch.tanh, Softplus: torch.nn.functional.softplus, Sigmoid: torch.sigmoid, ReLU: torch.relu}
    for i, layer in enumerate(network.layers):
        if isinstance(layer, Linear):
            x = x @ params[f"{i}.W"] + params[f"{i}.b"]
        elif isinstance(layer, LayerNorm):
            x = torch.nn.functional.layer_norm(x, (layer.n,), params[f"{i}.gamma"], params[f"{i}.beta"], layer.eps)
        elif isinstance(layer, ELU):
            x = torch.nn.functional.elu(x, layer.alpha)
        elif isinstance(layer, LeakyReLU):
            x = torch.nn.functional.leaky_relu(x, layer.slope)
        elif isinstance(layer, Maxout):
            x = x.reshape(len(x), -1, layer.pieces).max(-1).values
        elif isinstance(layer, Softmax):
            x = torch.softmax(x, 1)
        else:
            x = functions[type(layer)](x)
    return x


@pytest.mark.parametrize("center", [0.0, 1.0])
@pytest.mark.parametrize("name", ["smooth", "piecewise linear", "normalised", "softmax"])
def test_against_pytorchs_double_backward(backend, name, center):
    torch = pytest.importorskip("torch")
    network = NETWORKS[name]()
    penalty = gradient_penalty(network, X, center, 2.5)
    params = {key: torch.tensor(value, requires_grad=True) for key, value in network.params.items()}
    x = torch.tensor(X, requires_grad=True)
    (g,) = torch.autograd.grad(torch_output(torch, network, x, params).sum(), x, create_graph=True)
    wanted = 2.5 * ((g.norm(dim=1) - center) ** 2).mean()
    assert float(penalty) == pytest.approx(wanted.item(), rel=1e-12)
    for key, dw in zip(params, torch.autograd.grad(wanted, list(params.values()), allow_unused=True), strict=True):
        np.testing.assert_allclose(network.grads[key], 0 if dw is None else dw.numpy(), rtol=1e-9, atol=1e-12, err_msg=key)


@pytest.mark.parametrize(
    ("options", "error"),
    [(dict(given=4), ValueError), (dict(given=-1), ValueError), (dict(center=-1.0), ValueError), (dict(weight=np.nan), ValueError),
     (dict(center="a"), TypeError)],
)  # fmt: skip
def test_what_cannot_be_meant(options, error):
    with pytest.raises(error, match=f"{next(iter(options))} is"):
        gradient_penalty(sg.layers.mlp((3, 4, 1), "tanh", rng=0), np.ones((2, 3), np.float32), **options)
