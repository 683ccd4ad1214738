"""The checker itself: what it accepts, what it refuses, what it reports."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen import gradcheck, losses
from scratchgen import layers as L
from scratchgen.gradcheck import GradientMismatch, assert_gradients, check_function, check_layer, check_loss, check_objective

F = np.float64


def affine_forward(x, w, b):
    return x.reshape(len(x), -1) @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)


# Functions


def test_function_style(rng):
    report = check_function(affine_forward, affine_backward, rng.normal(size=(3, 2, 2)), rng.normal(size=(4, 5)), rng.normal(size=5), limit=None)
    assert report.ok and list(report.arrays) == ["x", "w", "b"] and report.arrays["x"].numeric.shape == (3, 2, 2)


def test_function_with_settings_labels_and_a_single_gradient(rng):
    def scaled_forward(x, settings, times):
        settings["calls"] = settings.get("calls", 0) + 1
        return x**2 * settings["scale"] * times * settings["calls"], x

    settings = {"scale": 3.0}
    report = check_function(scaled_forward, lambda dout, x: 2 * x * dout * 6.0, rng.normal(size=(3, 2)), settings, 2)
    assert report.ok and settings == {"scale": 3.0}  # every evaluation had its own copy


def test_function_mistakes_are_reported_not_raised(rng):
    args = rng.normal(size=(3, 4)), rng.normal(size=(4, 5)), rng.normal(size=5)
    swapped = check_function(affine_forward, lambda dout, cache: affine_backward(dout, cache)[::-1], *args)
    assert not swapped.ok and any(fault.kind == "shape" for fault in swapped.faults)
    two = check_function(affine_forward, lambda dout, cache: affine_backward(dout, cache)[:2], *args)
    assert "backward returns 2 values; it must return dx, dw, db" in two.message
    raising = check_function(affine_forward, lambda dout, cache: 1 / 0, *args)
    assert "backward raises ZeroDivisionError: division by zero" in raising.message
    no_pair = check_function(lambda x: x, lambda dout, cache: dout, args[0])
    assert "it must return the pair (y, cache)" in no_pair.message
    noisy = check_function(lambda x: (x + np.random.default_rng().normal(), None), lambda dout, cache: dout, args[0])
    assert "two results for the same input" in noisy.message


# Losses


def test_losses_with_their_gradients(rng):
    x, mu, logvar = rng.normal(size=(3, 4, 2))
    assert check_loss(losses.gaussian_kl, mu, logvar, limit=None).ok
    report = check_loss(losses.gaussian_nll, x, mu, logvar, wrt=("mu", "logvar"))
    assert report.ok and list(report.arrays) == ["mu", "logvar"]
    assert check_loss(losses.gaussian_nll, x, mu, logvar, wrt=(1, 2)).ok
    assert check_loss(losses.softmax_cross_entropy, rng.normal(size=(5, 3)), np.array([0, 2, 1, 1, 0])).ok  # labels need no wrt
    with pytest.raises(ValueError, match="returns 2 gradients for x, mu, logvar; say with wrt"):
        check_loss(losses.gaussian_nll, x, mu, logvar)
    with pytest.raises(ValueError, match="returns 2 gradients and takes the float arrays x, mu, logvar"):
        check_loss(losses.gaussian_nll, x, mu, logvar, wrt=("mu", "sigma"))


def test_a_loss_that_is_averaged_but_its_gradient_summed(rng):
    report = check_loss(lambda x: (np.mean(x**2), 2 * x), rng.normal(size=(4, 3)))
    assert not report.ok and len(report.arrays["x"].wrong) == 12
    assert not check_loss(lambda x: (np.mean(x**2), 2 * x[0]), rng.normal(size=(4, 3))).ok
    with pytest.raises(TypeError, match=r"a loss returns \(loss, gradient"):
        check_loss(lambda x: np.mean(x), rng.normal(size=3))


# Objectives


@pytest.fixture
def vae():
    return sg.VAE(6, latent_dim=2, hidden=(5,), rng=0, dtype=F)


def test_whole_objective(vae, rng):
    x, eps = rng.uniform(size=(4, 6)), rng.normal(size=(4, 2))
    before = vae.flat_params.copy()
    vae.flat_grads[...] = 3.0
    report = check_objective(vae, lambda: vae.loss(x, eps), limit=None)
    assert report.ok and "encoder.0.W" in report.arrays
    assert np.array_equal(vae.flat_params, before) and np.all(vae.flat_grads == 3.0)
    assert check_objective(vae, lambda: vae.loss(x)).ok  # the model's own noise is repeated


def test_objective_of_a_layer_that_stands_alone(rng):
    """Its parameters are laid flat by the check itself, before those to be shifted are taken."""
    layer, x = L.Linear(3, 2, rng=0, dtype=F), rng.normal(size=(4, 3))

    def objective():
        y, cache = layer.forward(x)
        loss, dy = losses.squared_error(y, np.zeros((4, 2)))
        layer.backward(dy, cache)
        return loss

    assert check_objective(layer, objective).ok


def test_objective_with_a_term_dropped(vae, rng):
    x, eps = rng.uniform(size=(4, 6)), rng.normal(size=(4, 2))

    def without_kl_in_the_value():
        loss, parts = vae.loss(x, eps)
        return parts["nll"]

    report = check_objective(vae, without_kl_in_the_value)
    assert [name for name, check in report.arrays.items() if not check.ok] == ["encoder.0.W", "encoder.0.b", "encoder.2.W", "encoder.2.b"]


def test_objective_with_free_noise_is_refused(vae, rng):
    x, noise = rng.uniform(size=(4, 6)), np.random.default_rng(0)
    report = check_objective(vae, lambda: vae.loss(x, noise.normal(size=(4, 2))))
    assert not report.ok and "two values for the same parameters" in report.message


def test_generator_through_a_discriminator_with_dropout(rng):
    generator = L.mlp((3, 5, 4), "tanh", rng=0, dtype=F)
    critic = L.Sequential(L.Linear(4, 5, rng=1, dtype=F), L.Dropout(0.5, rng=2), L.LeakyReLU(0.2), L.Linear(5, 1, rng=3, dtype=F))
    z = rng.normal(size=(6, 3))

    def objective():
        x, cache = generator.forward(z)
        logits, critic_cache = critic.forward(x)
        loss, dlogits = losses.generator_non_saturating(logits)
        generator.backward(critic.backward(dlogits, critic_cache, wrt="input"), cache)
        return loss

    assert check_objective(generator, objective, context=(critic,), limit=None).ok
    assert not check_objective(generator, objective).ok  # the critic's masks change unless it is named


# The reports


def test_report_is_true_exactly_if_all_is_well(rng):
    good = check_layer(L.Tanh(), rng.normal(size=(3, 2)))
    bad = check_function(lambda x: (x**2, x), lambda dout, x: x * dout, rng.normal(size=(3, 2)))
    assert bool(good) is good.ok is True and bool(bad) is bad.ok is False
    assert assert_gradients(good) is good
    with pytest.raises(GradientMismatch, match="wrong: dx") as caught:
        assert_gradients(bad)
    assert caught.value.report is bad and isinstance(caught.value, AssertionError)


def test_assert_gradients_takes_layers_functions_and_reports(rng):
    args = rng.normal(size=(3, 4)), rng.normal(size=(4, 5)), rng.normal(size=5)
    assert assert_gradients(affine_forward, affine_backward, *args).ok
    assert assert_gradients(L.Softmax(), args[0], seed=3).seed == 3
    with pytest.raises(TypeError, match="it takes a layer and x, f and f_backward and their arguments, or a Report"):
        assert_gradients(3.0)


def test_worst_element(rng):
    x = rng.normal(size=(3, 2))
    report = check_function(lambda x: (x**3, x), lambda dout, x: dout * 3 * x**2 + (np.arange(6).reshape(3, 2) == 4) * 0.5, x)
    assert report.worst.array == "x" and report.worst.index == (2, 0) and np.isclose(report.worst.error, 0.5, rtol=1e-6)
    assert len(report.arrays["x"].wrong) == 1 and "dx[2, 0]: backward says" in report.message
    assert np.argmax(report.arrays["x"].relative_error) == 4
    good = check_layer(L.Tanh(), x)
    assert good.worst is not None and good.worst.badness <= 1


def test_tolerance_is_a_millionth(rng):
    x = rng.normal(size=(4, 3)) + 3
    square = lambda x: (x**2, x)
    assert check_function(square, lambda dout, x: dout * 2 * x * (1 + 5e-7), x).ok
    assert not check_function(square, lambda dout, x: dout * 2 * x * (1 + 3e-6), x).ok


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_never_pass(bad, rng):
    x = rng.normal(size=(3, 2))
    report = check_function(lambda x: (x, None), lambda dout, cache: np.where(np.arange(2) == 1, bad, dout), x)
    assert not report.ok and "NaN or infinity in 3 of 6 elements" in report.message
    forward = check_function(lambda x: (x * bad, None), lambda dout, cache: dout * bad, x)
    assert not forward.ok and "returns NaN or infinity" in forward.message


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_forward_that_breaks_beside_the_point_does_not_pass():
    root = check_function(lambda x: (np.sqrt(x), x), lambda dout, x: dout, np.zeros((2, 2)))
    assert not root.ok


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_steep_and_flat_functions(scale, rng):
    x = rng.normal(size=(4, 3))
    assert check_function(lambda x: (np.tanh(x / scale), x), lambda dout, x: dout * (1 - np.tanh(x / scale) ** 2) / scale, x * scale).ok
    assert check_function(lambda x: (scale * np.sin(x), x), lambda dout, x: dout * scale * np.cos(x), x).ok
    assert not check_function(lambda x: (scale * np.sin(x), x), lambda dout, x: dout * scale * np.cos(x) * 1.0001, x).ok


# Kinks


def test_an_element_at_a_kink_is_reported_and_does_not_fail():
    x = np.linspace(-1, 1, 40).reshape(4, 10)
    x[2, 3] = 0.0
    report = check_layer(L.ReLU(), x)
    assert report.ok and [element.index for element in report.arrays["x"].kinks] == [(2, 3)] and "1 at kinks" in report.message


@pytest.mark.parametrize("distance", [9e-6, 3e-6, 5e-7, 2e-8])
def test_a_kink_within_reach_of_the_step(distance):
    x = np.linspace(-1, 1, 40).reshape(4, 10)
    x[1, 1], x[2, 2] = distance, -distance
    report = check_layer(L.ReLU(), x)
    assert report.ok and {element.index for element in report.arrays["x"].kinks} == {(1, 1), (2, 2)}


def test_too_many_kinks_fail():
    x = np.linspace(-1, 1, 40).reshape(4, 10)
    x[0] = 0
    report = check_layer(L.ReLU(), x)
    assert not report.ok and "sit at kinks" in report.message


def test_a_kink_is_no_excuse_for_a_gradient_outside_the_two_slopes():
    x = np.linspace(-1, 1, 40).reshape(4, 10)
    x[2, 3] = 0.0
    report = check_function(lambda x: (np.maximum(x, 0), x), lambda dout, x: dout * (x > 0) + 9 * (x == 0), x)
    assert not report.ok and [element.index for element in report.arrays["x"].wrong] == [(2, 3)]


# Large arrays


def test_beyond_the_limit_a_seeded_sample(rng):
    layer, x = L.Linear(30, 20, rng=0, dtype=F), rng.normal(size=(4, 30))
    measured = [np.isfinite(check_layer(layer, x, limit=50, seed=seed).arrays["W"].numeric) for seed in (0, 0, 1)]
    assert measured[0].sum() == 50 and np.array_equal(measured[0], measured[1]) and not np.array_equal(measured[0], measured[2])
    assert check_layer(layer, x, limit=None).arrays["W"].n_checked == 600


def test_an_error_outside_the_sample_is_found_along_the_directions(rng):
    x = rng.normal(size=(40, 50))
    one_wrong = lambda dout, x: 2 * x * dout * np.where(np.arange(2000).reshape(40, 50) == 1234, 3.0, 1.0)
    report = check_function(lambda x: (x**2, x), one_wrong, x, limit=5)
    assert not report.arrays["x"].wrong and not report.ok and "along a random direction" in report.message


# What it refuses


def test_float32_is_refused_with_reason_and_cure(rng):
    with pytest.raises(TypeError, match=r"is float32; gradients are checked in float64, because .* use layer.astype\(np.float64\)"):
        check_layer(L.Linear(3, 2, rng=0), rng.normal(size=(4, 3)))
    with pytest.raises(TypeError, match="x of Tanh.* is float32"):
        check_layer(L.Tanh(), np.zeros((2, 2), np.float32))
    with pytest.raises(TypeError, match="is float32"):
        check_function(affine_forward, affine_backward, *(np.ones(s, np.float32) for s in [(2, 3), (3, 4), (4,)]))
    with pytest.raises(TypeError, match="is float32"):
        check_loss(lambda x: (x.sum(), np.ones_like(x)), np.ones(3, np.float32))
    model = sg.VAE(6, latent_dim=2, hidden=(5,), rng=0)
    with pytest.raises(TypeError, match="VAE is float32"):
        check_objective(model, lambda: model.loss(np.ones((2, 6), np.float32)))


def test_what_is_no_layer_is_refused(rng):
    with pytest.raises(TypeError, match="check_layer needs an instance"):
        check_layer(L.Tanh, rng.normal(size=(2, 2)))
    with pytest.raises(TypeError, match="check_objective needs"):
        check_objective(None, lambda: 0.0)
    with pytest.raises(TypeError, match="no float64 array"):
        check_function(lambda n: (n, None), lambda dout, cache: dout, 3)


def test_the_callers_x_is_never_touched(rng):
    x = rng.normal(size=(3, 4))
    x.flags.writeable = False
    assert check_layer(L.LayerNorm(4, dtype=F), x).ok
    assert check_layer(L.Tanh(), rng.normal(size=(4, 6))[:, ::2]).ok


# The contract


class Student(L.Layer):
    """y = W x elementwise, with hooks for mistakes."""

    def __init__(self):
        self.params, self.grads = {"W": np.array([1.0, -2.0, 0.5])}, {"W": np.zeros(3)}

    def forward(self, x):
        return self.params["W"] * x, x

    def backward(self, dy, x):
        self.grads["W"] += (dy * x).sum(axis=0)
        return dy * self.params["W"]


def kinds(layer, x):
    report = check_layer(layer, x)
    assert not report.ok
    return {fault.kind for fault in report.faults}


def test_each_breach_of_the_contract_has_its_own_message(rng):
    x = rng.normal(size=(4, 3))
    assert check_layer(Student(), x).ok

    class MutatesInput(Student):
        def forward(self, x):
            x *= 2
            return self.params["W"] * x / 2, x / 2

    class MutatesCache(Student):
        def backward(self, dy, x):
            result = Student.backward(self, dy, x)
            x += 1
            return result

    class ForgetsReturn(Student):
        def backward(self, dy, x):
            Student.backward(self, dy, x)

    class ForgetsGrad(Student):
        def __init__(self):
            self.params, self.grads = {"W": np.ones(3)}, {}

    class MisshapenGrad(Student):
        def __init__(self):
            self.params, self.grads = {"W": np.ones(3)}, {"W": np.zeros((3, 1))}

    class RaisesInBackward(Student):
        def backward(self, dy, x):
            self.grads["W"] += dy * x
            return dy

    class WrongWrt(Student):
        def backward(self, dy, x, wrt="both"):
            return Student.backward(self, dy, x)

    class Returns32(Student):
        def forward(self, x):
            return (self.params["W"] * x).astype(np.float32), x

    class CountsCalls(Student):
        calls = 0

        def backward(self, dy, x):
            self.calls += 1
            Student.backward(self, dy, x)
            return dy * self.params["W"] * self.calls

    expected = {
        MutatesInput: "mutated", MutatesCache: "mutated", ForgetsReturn: "missing", ForgetsGrad: "missing", MisshapenGrad: "missing",
        RaisesInBackward: "exception", WrongWrt: "wrt", Returns32: "forward", CountsCalls: "not repeatable",
    }  # fmt: skip
    for student, kind in expected.items():
        assert kind in kinds(student(), x), student.__name__


def test_the_parameters_survive_a_layer_that_updates_them(rng):
    class Updates(Student):
        def backward(self, dy, x):
            dx = Student.backward(self, dy, x)
            self.params["W"] -= 0.1 * self.grads["W"]
            return dx

    layer = Updates()
    assert "mutated" in kinds(layer, rng.normal(size=(4, 3)))


def test_a_forgotten_parameter_that_happens_to_be_one_or_zero_is_found(rng):
    class GammaForgotten(L.BatchNorm):
        def backward(self, dy, cache):
            self.grads["gamma"] += np.sum(dy * cache.x_hat, axis=0)
            self.grads["beta"] += np.sum(dy, axis=0)
            return cache.r * (dy - dy.mean(0) - cache.x_hat * np.mean(dy * cache.x_hat, axis=0))

    layer = GammaForgotten(3, dtype=F)
    report = check_layer(layer, rng.normal(size=(5, 3)))
    assert not report.arrays["x"].ok and "gamma is missing from dx" in report.message
    assert np.all(layer.params["gamma"] == 1) and np.all(layer.params["beta"] == 0)


def test_running_statistics_are_put_back_even_if_the_layer_makes_new_arrays(rng):
    class Rebinds(Student):
        def __init__(self):
            Student.__init__(self)
            self.buffers = {"mean": np.zeros(3)}

        def forward(self, x):
            self.buffers["mean"] = 0.9 * self.buffers["mean"] + 0.1 * x.mean(axis=0)
            return Student.forward(self, x)

    layer = Rebinds()
    mean = layer.buffers["mean"]
    assert check_layer(layer, rng.normal(size=(4, 3))).ok
    assert layer.buffers["mean"] is mean and not mean.any()


def test_a_cached_mask_of_booleans(rng):
    relu = lambda x: (np.maximum(x, 0), x > 0)
    assert check_function(relu, lambda dout, on: dout * on, rng.normal(size=(4, 3))).ok
    wrong = check_function(relu, lambda dout, on: dout * on * np.linspace(1, 2, 3), rng.normal(size=(4, 3)))
    assert not wrong.ok and not wrong.diagnoses[0].certain


def test_public_names():
    names = {"check_layer", "check_function", "check_loss", "check_objective", "assert_gradients", "GradientMismatch", "Report"}
    assert names <= set(gradcheck.__all__) and sg.gradcheck is gradcheck


# Changed inputs


def degenerate_loss(logits, targets):
    """Makes its inputs such that a constant loss and a zero gradient are right for them."""
    logits[...] = 0
    targets[...] = 0.5
    return logits.shape[1] * np.log(2), np.zeros_like(logits)


def test_a_loss_that_changes_its_inputs_is_a_breach():
    logits, targets = np.random.default_rng(0).normal(size=(3, 4)), np.random.default_rng(1).uniform(size=(3, 4))
    before = logits.copy(), targets.copy()
    report = check_loss(degenerate_loss, logits, targets, wrt="logits")
    assert not report.ok and {(fault.kind, fault.array) for fault in report.faults} == {("mutated", "logits"), ("mutated", "targets")}
    assert "degenerate_loss changes logits in place" in str(report) and "all gradients are right" not in str(report)
    assert np.array_equal(logits, before[0]) and np.array_equal(targets, before[1])


def test_labels_and_options_are_inputs_too():
    def loss(x, labels, weights):
        value, dx = float(np.sum(weights * x**2)), 2 * weights * x
        labels += 1
        weights *= 2
        return value, dx

    report = check_loss(loss, np.ones((2, 3)), np.arange(2), weights=np.ones(3))
    assert [fault.array for fault in report.faults] == ["labels", "weights"] and all(check.ok for check in report.arrays.values())

    def f(x, labels):
        labels[...] = 0
        return x * 2, None

    report = check_function(f, lambda dy, cache: 2 * dy, np.ones((2, 3)), np.arange(1, 3))
    assert [fault.array for fault in report.faults] == ["labels"]


def test_a_forward_that_changes_its_input_only_when_it_is_measured_is_found():
    x, calls = np.random.default_rng(0).normal(size=(2, 3)), []

    def f(x):
        calls.append(1)
        if len(calls) > 12:
            x[...] = 0
        return x * 1, None

    report = check_function(f, lambda dy, cache: dy if len(calls) < 12 else 0 * dy, x)
    assert not report.ok and ("mutated", "x") in {(fault.kind, fault.array) for fault in report.faults}


def test_an_objective_that_changes_parameters_is_a_breach():
    layer = L.Linear(2, 1, rng=0, dtype=np.float64)
    x = np.ones((3, 2))

    def objective():
        y, cache = layer.forward(x)
        layer.backward(np.full_like(y, 1 / 3), cache)
        layer.params["W"][...] *= 0.5
        return float(y.mean())

    before = layer.params["W"].copy()
    report = check_objective(layer, objective)
    assert [(fault.kind, fault.array) for fault in report.faults] == [("mutated", "W")] and np.array_equal(layer.params["W"], before)


def test_a_loss_may_return_an_argument():
    assert check_loss(lambda x: (0.5 * float(np.sum(x * x)), x), np.ones((2, 3))).ok


def test_parameters_of_another_forward_are_stale_too(rng):
    """What is computed from parameters belongs into the cache as well: they move between two steps."""

    class Doubled(L.Layer):
        def __init__(self):
            self.params, self.grads = {"W": rng.normal(size=(3, 2))}, {"W": np.zeros((3, 2))}

        def forward(self, x):
            self.twice = 2 * self.params["W"]
            return x @ self.twice, x

        def backward(self, dy, x):
            self.grads["W"] += 2 * x.T @ dy
            return dy @ self.twice.T

    report = check_layer(Doubled(), rng.normal(size=(4, 3)))
    assert [fault.kind for fault in report.faults] == ["stale"] and report.faults[0].array == "x"


@pytest.mark.parametrize("size", [1e-2, 1e-3, 1e-4, 1e-5])
def test_a_function_that_varies_on_a_small_scale(size):
    x = size * (1 + np.random.default_rng(0).random((2, 3)))
    assert check_loss(lambda p: (-np.log(p).sum(), -1 / p), x).ok
    assert not check_loss(lambda p: (-np.log(p).sum(), -1.00001 / p), x).ok


@pytest.mark.parametrize("size", [1e3, 1e4])
def test_inputs_that_are_large_beside_their_spread(size):
    x = size + np.random.default_rng(0).normal(size=(6, 4))
    assert check_layer(L.BatchNorm(4, dtype=np.float64), x).ok and check_layer(L.LayerNorm(4, dtype=np.float64), x).ok
    assert check_function(lambda x: (np.sin(x), x), lambda dy, x: dy * np.cos(x), x).ok


def test_what_is_only_unclear_is_not_called_wrong():
    x = np.random.default_rng(0).normal(size=(6, 4))
    x[0] = 0
    report = check_layer(L.ReLU(), x)
    assert not report.ok and not report.diagnoses and "ReLU(): unclear: dx" in str(report) and ">unclear</td>" in report._repr_html_()

    class WrongTanh(L.Tanh):
        def backward(self, dy, y):
            return -dy * (1 - y * y)

    report = check_layer(L.Sequential(L.ReLU(), WrongTanh()), x)
    assert "wrong: dx" in str(report) and [d.text for d in report.diagnoses] == ["layer 1, WrongTanh(): dx has the wrong sign"]


def test_zeros_alone_say_little():
    x = -1 - np.random.default_rng(0).random((6, 4))
    assert "all of them 0: other inputs would say more" in str(check_layer(L.ReLU(), x))
    assert not check_function(lambda x: (np.abs(x), None), lambda dy, _: 0.37 * dy, np.zeros((1, 1))).ok


def test_a_layer_that_remembers_is_found_out_with_ones_too():
    class Remembers(L.Layer):
        def forward(self, x):
            self.x = x
            return x**2, None

        def backward(self, dy, cache):
            return 2 * self.x * dy

    for x in (np.ones((4, 3)), np.array([[0.7]])):
        assert [fault.kind for fault in check_layer(Remembers(), x).faults] == ["stale"]


def test_a_loss_is_one_number_and_the_same_twice():
    x, net, noise = np.ones((3, 2)), L.mlp((2, 1), rng=0, dtype=np.float64), np.random.default_rng(0)
    for loss, error, words in (
        (lambda x: (x**2, 2 * x), TypeError, "returns an array of shape \\(3, 2\\) for the loss; it must be one number"),
        (lambda x: (np.nan, 2 * x), ValueError, "returns nan for the loss"),
        (lambda x: (np.sum(x**2) + noise.normal(), 2 * x), ValueError, "gives two values for the same arguments; fix its noise"),
    ):
        with pytest.raises(error, match=words):
            check_loss(loss, x)
    with pytest.raises(ValueError, match="the objective returns nan for the loss"):
        check_objective(net, lambda: np.nan)


def test_integers_have_no_gradient():
    class Embedding(L.Layer):
        def forward(self, labels):
            return np.eye(3)[labels], labels

    with pytest.raises(TypeError, match="labels of Embedding\\(\\) is int64, and has no gradient; check_function"):
        check_layer(Embedding(), np.array([0, 1]))
