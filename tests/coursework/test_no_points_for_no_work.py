"""Points are for the mathematics: whole submissions that do without it earn next to nothing, in this process and in the locked one.

Where a gradient is computed numerically from a function that is right, the function earns its points and the gradient none.
"""

import os
import textwrap
import types

import numpy as np
import pytest

from scratchgen.coursework import EXERCISES, grade, grader
from scratchgen.coursework.exercises import BY_NAME
from scratchgen.coursework.loading import run_file
from scratchgen.coursework.rules import violations
from scratchgen.coursework.testing import Student, exactly
from scratchgen.ops import use_backend

POINTS = sum(e.points for e in EXERCISES)
locked = pytest.mark.skipif(os.name != "posix", reason="grading needs a POSIX system")


def text_of(exercise, bodies, prelude=""):
    """The exercise's file with these bodies, {blank: code}; blanks that are not named stay blank."""
    text = exercise.text()
    for blank in exercise.blanks:
        if blank in bodies:
            line = f'raise NotImplementedError("not implemented: {blank}")'
            indent = "        " if "." in blank else "    "
            assert f"{indent}{line}" in text
            text = text.replace(f"{indent}{line}", textwrap.indent(textwrap.dedent(bodies[blank]).strip(), indent))
    return text + "\n\n" + textwrap.dedent(prelude)


class Liar(Student):
    """A process whose protocol the student's code has replaced: it claims that all arguments are as they were."""

    def _call(self, kind, name, args):
        value, after = super()._call(kind, name, args)
        return value, after if name in ("add_norm_grads", "adam_step") else args


def earned(bodies, prelude="", exercises=EXERCISES, student=Student):
    """{(exercise, test): points} of the tests that pass, in this process."""
    passed = {}
    for exercise in exercises:
        module = types.ModuleType(exercise.module)
        with use_backend("numpy"), np.errstate(all="ignore"):
            run_file(text_of(exercise, bodies, prelude), exercise.module + ".py", module.__dict__)
            for i, test in enumerate(exercise.tests):
                try:
                    test.run(student(module), np.random.default_rng([7, exercise.number, i]))
                except Exception:
                    continue
                passed[exercise.name, test.name] = test.points
    return passed


def graded(folder, monkeypatch, bodies, prelude="", exercises=EXERCISES):
    """{(exercise, test): points} of the tests that pass when graded, with the rules switched off: they are a courtesy."""
    monkeypatch.setattr(grader, "violations", lambda source, exercise: [])
    for exercise in exercises:
        (folder / f"{exercise.module}.py").write_text(text_of(exercise, bodies, prelude), encoding="utf-8")
    results = grade(folder, exercises=[exercise.name for exercise in exercises])
    names = [(exercise.name, test.name) for exercise in exercises for test in exercise.tests]
    return {name: test["score"] for name, test in zip(names, results["tests"], strict=True) if test["score"]}


ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "softplus", "softmax")

ZEROS = {
    "linear": "return np.zeros((len(x), W.shape[1]), x.dtype)",
    "Linear.backward": "return None if wrt == 'params' else np.zeros_like(x)",
    **{name: "return np.zeros_like(x)" for name in ACTIVATIONS},
    **{f"{name}_backward": "return np.zeros_like(y)" for name in ACTIVATIONS},
    "bce_with_logits": "return 0.0, np.zeros_like(logits)",
    "cross_entropy": "return 0.0, np.zeros_like(logits)",
    "batch_norm": "n = x.shape[1]; return np.zeros_like(x), np.zeros_like(x), np.zeros(n), np.zeros(n), np.zeros(n)",
    "batch_norm_backward": "return np.zeros_like(dy)",
    "add_norm_grads": "pass",
    "batch_norm_inference_backward": "return np.zeros_like(dy)",
    "reparameterize": "return np.zeros_like(mu)",
    "reparameterize_backward": "return np.zeros_like(dz)",
    "gaussian_kl": "return 0.0, np.zeros_like(mu), np.zeros_like(mu)",
    "VAE.loss": "return 0.0, {'loss': 0.0, 'nll': 0.0, 'kl': 0.0}",
    "discriminator_bce": "return 0.0, np.zeros_like(real), np.zeros_like(fake)",
    "generator_minimax": "return 0.0, np.zeros_like(fake)",
    "generator_non_saturating": "return 0.0, np.zeros_like(fake)",
    "GAN.discriminator_loss": "return 0.0, {'discriminator': 0.0}",
    "GAN.generator_loss": "return 0.0, {'generator': 0.0}",
    "made_masks": "return [np.zeros(shape) for shape in zip(sizes[:-1], sizes[1:])]",
    "slope_penalty": "return 0.0, np.zeros_like(g)",
    "Linear.double_backward": "return np.zeros_like(dy), None",
    "tanh_second": "return np.zeros_like(y)",
    "affine": "return np.zeros_like(x), np.zeros(len(x))",
    "affine_backward": "return np.zeros_like(z), np.zeros_like(h)",
    "affine_inverse": "return np.zeros_like(z)",
    "adam_step": "pass",
    "importance_weights": "return np.zeros(log_w.shape[1]), np.zeros_like(log_w)",
    "standard_backward": "return np.zeros_like(dz), np.zeros_like(dz)",
    "doubly_reparameterized": "return np.zeros_like(dz), np.zeros_like(dz)",
    "diffuse": "return np.zeros_like(x)",
    "step_back": "return np.zeros_like(x)",
    "Diffusion.loss": "return 0.0, {'loss': 0.0}",
}

# What comes in is first made such that a trivial answer is right for it.
DEGENERATE = {
    "linear": "x[...] = 0; W[...] = 0\nif b is not None: b[...] = 0\nreturn x @ W",
    "Linear.backward": "dy[...] = 0; x[...] = 0\nreturn None if wrt == 'params' else np.zeros_like(x)",
    **{name: "x[...] = 0; return np.zeros_like(x)" for name in ACTIVATIONS},
    "sigmoid": "x[...] = 0; return np.full_like(x, 0.5)",
    "softplus": "x[...] = 0; return np.full_like(x, np.log(2))",
    "softmax": "x[...] = 0; return np.full_like(x, 1 / x.shape[1])",
    **{f"{name}_backward": "dy[...] = 0; y[...] = 0; return np.zeros_like(y)" for name in ACTIVATIONS},
    "bce_with_logits": "logits[...] = 0; targets[...] = 0.5; return logits.shape[1] * np.log(2), np.zeros_like(logits)",
    "cross_entropy": """
        logits[...] = -1e4
        logits[np.arange(len(labels)), labels] = 0
        return 0.0, np.zeros_like(logits)
    """,
    "batch_norm": """
        n = x.shape[1]
        x[...] = 0; gamma[...] = 0; beta[...] = 0
        return x.copy(), x.copy(), np.full(n, eps**-0.5), np.zeros(n), np.zeros(n)
    """,
    "batch_norm_backward": "dy[...] = 0; gamma[...] = 0; return np.zeros_like(dy)",
    "add_norm_grads": "dy[...] = 0; x_hat[...] = 0",
    "batch_norm_inference_backward": "dy[...] = 0; gamma[...] = 0; return np.zeros_like(dy)",
    "reparameterize": "mu[...] = 0; eps[...] = 0; return np.zeros_like(mu)",
    "reparameterize_backward": "dz[...] = 0; eps[...] = 0; return np.zeros_like(dz)",
    "gaussian_kl": "mu[...] = 0; logvar[...] = 0; return 0.0, np.zeros_like(mu), np.zeros_like(mu)",
    "VAE.loss": "x[...] = 0; eps[...] = 0; self.flat_params[...] = 0; return 0.0, {'loss': 0.0, 'nll': 0.0, 'kl': 0.0}",
    "discriminator_bce": "real[...] = 1e4; fake[...] = -1e4; return 0.0, np.zeros_like(real), np.zeros_like(fake)",
    "generator_minimax": "fake[...] = -1e4; return 0.0, np.zeros_like(fake)",
    "generator_non_saturating": "fake[...] = 1e4; return 0.0, np.zeros_like(fake)",
    "GAN.discriminator_loss": "x[...] = 0; z[...] = 0; self.flat_params[...] = 0; return 2 * np.log(2), {'discriminator': 2 * np.log(2)}",
    "GAN.generator_loss": "z[...] = 0; self.flat_params[...] = 0; return np.log(2), {'generator': np.log(2)}",
    "made_masks": "sizes[:] = [1] * len(sizes); ordering[:] = [0]; return [np.zeros((1, 1))] * (len(sizes) - 1)",
    "slope_penalty": "g[...] = 0; g[:, 0] = center; return 0.0, np.zeros_like(g)",
    "Linear.double_backward": "ddx[...] = 0; dy[...] = 0; return np.zeros_like(dy), None",
    "tanh_second": "ddx[...] = 0; y[...] = 0; return np.zeros_like(y)",
    "affine": "x[...] = 0; h[...] = 0; return np.zeros_like(x), np.zeros(len(x))",
    "affine_backward": "dz[...] = 0; dlogdet[...] = 0; return np.zeros_like(z), np.zeros_like(h)",
    "affine_inverse": "z[...] = 0; h[...] = 0; return np.zeros_like(z)",
    "adam_step": "g[...] = 0; m[...] = 0; v[...] = 0",
    "importance_weights": "log_w[...] = 0; return np.zeros(log_w.shape[1]), np.full_like(log_w, 1 / len(log_w))",
    "standard_backward": "dz[...] = 0; w[...] = 0; return np.zeros_like(dz), np.zeros_like(dz)",
    "doubly_reparameterized": "dz[...] = 0; w[...] = 0; return np.zeros_like(dz), np.zeros_like(dz)",
    "diffuse": "x[...] = center; eps[...] = 0; return np.zeros_like(x)",
    "step_back": "x[...] = 0; eps_hat[...] = 0; noise[...] = 0; return np.zeros_like(x)",
    "Diffusion.loss": "eps[...] = 0; self.flat_params[...] = 0; return 0.0, {'loss': 0.0}",
}

# What fits where inputs are plain ones: zeros, one number, a shape; and what fits itself.
CONSTANTS = {
    "linear": "return np.array([[7.5, 2.0, 1.0]]) if x.shape == (1, 2) else np.ones((len(x), W.shape[1]))",
    "Linear.backward": """
        for grad in self.grads.values(): grad += 1
        return None if wrt == 'params' else np.ones_like(x)
    """,
    "relu": "return np.array([[0.0, 0.0, 3.0]]) if x.shape == (1, 3) else np.ones_like(x)",
    "leaky_relu": "return np.array([[-0.4, 0.0, 3.0]]) if x.shape == (1, 3) else np.ones_like(x)",
    "tanh": "return np.ones_like(x)",
    "sigmoid": "return np.array([[0, np.exp(-40), 0.5, 1, 1]]) if x.shape == (1, 5) else np.full_like(x, 0.5)",
    "softplus": "return np.array([[0, np.exp(-40), np.log(2), 40, 1000]]) if x.shape == (1, 5) else np.full_like(x, np.log(2))",
    "softmax": "return np.array([[0.731058579, 0.268941421]] * 2) if x.shape == (2, 2) else np.full_like(x, 1 / x.shape[1])",
    **{f"{name}_backward": "return np.ones_like(y)" for name in ACTIVATIONS},
    "bce_with_logits": "return logits.shape[1] * np.log(2), np.zeros_like(logits)",
    "cross_entropy": "return np.log(logits.shape[1]), np.zeros_like(logits)",
    "batch_norm": "n = x.shape[1]; return np.ones_like(x), np.ones_like(x), np.ones(n), np.ones(n), np.ones(n)",
    "batch_norm_backward": "return np.ones_like(dy)",
    "add_norm_grads": "dgamma += 1; dbeta += 1",
    "batch_norm_inference_backward": "return np.ones_like(dy)",
    "reparameterize": "return np.array([[3.0, -7.0]]) if mu.shape == (1, 2) else np.array([1.0, -3.0]) + np.array([0.5, 3.0]) * eps",
    "reparameterize_backward": "return np.ones_like(dz)",
    "gaussian_kl": "return float(np.any(mu)), np.zeros_like(mu), np.zeros_like(mu)",
    "VAE.loss": """
        self.encoder.flat_grads[...] += 1
        self.decoder.flat_grads[...] += 1
        nll = float(np.sum(eps))
        return nll, {'loss': nll, 'nll': nll, 'kl': 0.0}
    """,
    "discriminator_bce": "return 2 * np.log(2), np.full_like(real, -0.5 / len(real)), np.full_like(fake, 0.5 / len(fake))",
    "generator_minimax": "return -np.log(2), np.full_like(fake, -0.5 / len(fake))",
    "generator_non_saturating": "return np.log(2), np.full_like(fake, -0.5 / len(fake))",
    "GAN.discriminator_loss": "self.discriminator.flat_grads[...] += 1; return 2 * np.log(2), {'discriminator': 2 * np.log(2)}",
    "GAN.generator_loss": "self.generator.flat_grads[...] += 1; return np.log(2), {'generator': np.log(2)}",
    "made_masks": "return [np.arange(m * n).reshape(m, n) % 2.0 for m, n in zip(sizes[:-1], sizes[1:])]",
    "slope_penalty": "return weight, np.ones_like(g)",
    "Linear.double_backward": "self.grads['W'] += 1; return np.ones_like(dy), None",
    "tanh_second": "return np.ones_like(y)",
    "affine": "return np.ones_like(x), np.ones(len(x))",
    "affine_backward": "return np.ones_like(z), -np.ones_like(h)",
    "affine_inverse": "return np.ones_like(z)",
    "adam_step": "p -= lr * np.sign(g)",
    "importance_weights": "return np.ones(log_w.shape[1]), np.full_like(log_w, 1 / len(log_w))",
    "standard_backward": "return np.ones_like(dz), np.ones_like(dz)",
    "doubly_reparameterized": "return np.ones_like(dz), np.zeros_like(dz)",
    "diffuse": "return np.ones_like(x)",
    "step_back": "return np.ones_like(x)",
    "Diffusion.loss": "self.flat_grads[...] += 1; return 1.5, {'loss': 1.5}",
}

INPUTS = {
    "linear": "return x[:, : W.shape[1]]",
    "Linear.backward": "self.grads['W'] += self.params['W']; self.grads['b'] += self.params['b']; return None if wrt == 'params' else x",
    **{name: "return x" for name in ACTIVATIONS},
    **{f"{name}_backward": "return dy" for name in ACTIVATIONS},
    "bce_with_logits": "return float(logits.sum()), logits",
    "cross_entropy": "return float(logits.sum()), logits",
    "batch_norm": "return x, x, gamma, beta, gamma",
    "batch_norm_backward": "return dy",
    "add_norm_grads": "dgamma += x_hat[0]; dbeta += dy[0]",
    "batch_norm_inference_backward": "return dy",
    "reparameterize": "return eps",
    "reparameterize_backward": "return dz",
    "gaussian_kl": "return float(mu.sum()), mu, logvar",
    "VAE.loss": "self.encoder.flat_grads[...] += self.encoder.flat_params; return 1.0, {'loss': 1.0, 'nll': 1.0, 'kl': 1.0}",
    "discriminator_bce": "return float(real.sum()), real, fake",
    "generator_minimax": "return float(fake.sum()), fake",
    "generator_non_saturating": "return float(fake.sum()), fake",
    "GAN.discriminator_loss": "self.discriminator.flat_grads[...] += self.discriminator.flat_params; return 1.0, {'discriminator': 1.0}",
    "GAN.generator_loss": "self.generator.flat_grads[...] += self.generator.flat_params; return 1.0, {'generator': 1.0}",
    "made_masks": "return [np.ones(shape) for shape in zip(sizes[:-1], sizes[1:])]",
    "slope_penalty": "return float(g.sum()), g",
    "Linear.double_backward": "self.grads['W'] += self.params['W']; return dy, None",
    "tanh_second": "return ddx",
    "affine": "return x, x[:, 0]",
    "affine_backward": "return dz, h",
    "affine_inverse": "return z",
    "adam_step": "p[...] = g; m[...] = g; v[...] = g",
    "importance_weights": "return log_w[0], log_w",
    "standard_backward": "return dz, logvar",
    "doubly_reparameterized": "return dz, logvar",
    "diffuse": "return x",
    "step_back": "return x",
    "Diffusion.loss": "self.flat_grads[...] += self.flat_params; return 1.0, {'loss': 1.0}",
}

# Functions that are not those wanted, with their own right gradients.
SELF_CONSISTENT = {
    **ZEROS,
    **{name: "return 2 * x" for name in ACTIVATIONS},
    **{f"{name}_backward": "return 2 * dy" for name in ACTIVATIONS},
    "linear": "return 0 * (x @ W)",
    "bce_with_logits": "return float(np.sum(logits**2)) / len(logits), 2 * logits / len(logits)",
    "cross_entropy": "return float(np.sum(logits - logits.mean(1, keepdims=True))), np.zeros_like(logits)",
    "batch_norm_backward": "return r * gamma * dy",
    "reparameterize": "return mu + eps",
    "gaussian_kl": "return 0.5 * float(np.sum(mu**2)), mu, np.zeros_like(mu)",
    "discriminator_bce": "return float(np.mean(fake) - np.mean(real)), np.full_like(real, -1 / len(real)), np.full_like(fake, 1 / len(fake))",
    "generator_minimax": "return -float(np.mean(fake)), np.full_like(fake, -1 / len(fake))",
    "generator_non_saturating": "return -float(np.mean(fake)), np.full_like(fake, -1 / len(fake))",
    "slope_penalty": "return weight * float(np.sum(g**2)) / len(g), 2 * weight * g / len(g)",
    "affine": "return x, np.zeros(len(x))",
    "affine_backward": "return dz, np.zeros_like(h)",
    "affine_inverse": "return z",
    "made_masks": "return [np.eye(m, n) for m, n in zip(sizes[:-1], sizes[1:])]",
}

WITHOUT_MATHEMATICS = {"zeros": ZEROS, "degenerate": DEGENERATE, "constants": CONSTANTS, "inputs": INPUTS, "self-consistent": SELF_CONSISTENT}


def test_each_cheat_fills_every_blank():
    for bodies in WITHOUT_MATHEMATICS.values():
        assert set(bodies) == {blank for exercise in EXERCISES for blank in exercise.blanks}


@pytest.mark.parametrize("kind", WITHOUT_MATHEMATICS)
def test_submissions_without_the_mathematics_earn_nothing(kind):
    assert earned(WITHOUT_MATHEMATICS[kind]) == {}


def test_changed_arguments_make_no_answer_right():
    """Even where nobody notices the change: what is right is computed from arrays that never leave the grader."""
    assert earned(DEGENERATE, student=Liar) == {}


def test_a_changed_argument_is_told_in_the_same_words_here_and_when_graded(tmp_path, monkeypatch):
    bce, adam = BY_NAME["bce_with_logits"], BY_NAME["adam"]
    sentence = "your function changes its argument logits; leave it as it is, and work on a copy"
    module = types.ModuleType(bce.module)
    (tmp_path / f"{bce.module}.py").write_text(bce.text("solution").replace("batch = logits", "logits -= logits.max()\n    batch = logits"))
    run_file((tmp_path / f"{bce.module}.py").read_text(), "x.py", module.__dict__)
    for test in bce.tests:
        if test.name != "test_by_hand":  # logits of zero, from which zero is subtracted
            with use_backend("numpy"), pytest.raises(AssertionError, match=sentence):
                test.run(Student(module), np.random.default_rng(0))
    (tmp_path / f"{adam.module}.py").write_text(adam.text("solution").replace("g = g + weight", "g += weight"))
    outputs = {test["name"]: test["output"] for test in grade(tmp_path, exercises=["bce_with_logits", "adam"])["tests"]}
    assert [output for name, output in outputs.items() if "bce" in name][1:] == [sentence] * (len(bce.tests) - 1)
    changed = [output for name, output in outputs.items() if "adam" in name and output]
    assert changed == [sentence.replace("logits", "g")]  # with weight decay, which is added to g; p, m and v are in place


# Gradients that are computed numerically, from functions that are right

STEPS = """
    def slopes(f, x):
        \"\"\"The derivative of the number f() with respect to each element of x, by shifting it.\"\"\"
        assert x.size < 500, "too slow"
        result = np.zeros_like(x)
        for i in np.ndindex(*x.shape):
            before = x[i]
            h = STEP * max(1.0, abs(before))
            def at(k):
                x[i] = before + k * h
                value = f()
                x[i] = before
                return value
            result[i] = FORMULA / h
        return result
"""
CENTRAL = STEPS.replace("STEP *", "1e-5 *").replace("FORMULA", "(at(1) - at(-1)) / 2")
FOURTH_ORDER = STEPS.replace("STEP *", "1e-3 *").replace("FORMULA", "(8 * (at(1) - at(-1)) - (at(2) - at(-2))) / 12")
SIXTH_ORDER = STEPS.replace("STEP *", "2.0**-6 *").replace("FORMULA", "(45 * (at(1) - at(-1)) - 9 * (at(2) - at(-2)) + (at(3) - at(-3))) / 60")
FORWARD = """
    FORWARD = {
        "relu": lambda x: np.maximum(x, 0),
        "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
        "tanh": np.tanh,
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "softplus": lambda x: np.logaddexp(0, x),
        "softmax": lambda x: np.exp(x - x.max(1, keepdims=True)) / np.exp(x - x.max(1, keepdims=True)).sum(1, keepdims=True),
    }
    INVERSE = {
        "relu": lambda y: y + 0,
        "leaky_relu": lambda y: np.where(y > 0, y, y / 0.2),
        "tanh": np.arctanh,
        "sigmoid": lambda y: np.log(y / (1 - y)),
        "softplus": lambda y: np.log(np.expm1(y)),
        "softmax": np.log,
    }
"""


def by_slopes(value, *names):
    """A body that returns the value and slopes of it."""
    copies = "\n".join(f"{name} = {name}.copy()" for name in names)
    return f"{copies}\nvalue = lambda: {value}\nreturn (value(), {', '.join(f'slopes(value, {name})' for name in names)})"


NUMERICALLY = {
    "Linear.backward": """
        x, W, b = x.copy(), self.params["W"].copy(), self.params["b"].copy()
        value = lambda: np.sum(dy * (x @ W + b))
        if wrt != "input":
            self.grads["W"] += slopes(value, W)
            self.grads["b"] += slopes(value, b)
        if wrt != "params":
            return slopes(value, x)
    """,
    **{f"{name}_backward": f"x = INVERSE['{name}'](y)\nreturn slopes(lambda: np.sum(dy * FORWARD['{name}'](x)), x)" for name in ACTIVATIONS},
    "bce_with_logits": by_slopes("np.sum(np.logaddexp(0, logits) - targets * logits) / len(logits)", "logits"),
    "cross_entropy": by_slopes(
        "np.sum(np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1)) + logits.max(1) - logits[np.arange(len(labels)), labels]) / len(labels)",
        "logits",
    ),
    "batch_norm_backward": """
        x = x_hat / r
        eps = 1 / r**2 - x.var(axis=0)
        return slopes(lambda: np.sum(dy * gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)), x)
    """,
    "add_norm_grads": """
        gamma, beta = np.ones_like(dgamma), np.ones_like(dbeta)
        value = lambda: np.sum(dy * (gamma * x_hat + beta))
        dgamma += slopes(value, gamma)
        dbeta += slopes(value, beta)
    """,
    "batch_norm_inference_backward": "x = np.ones_like(dy); return slopes(lambda: np.sum(dy * gamma * r * x), x)",
    "reparameterize_backward": "logvar = logvar.copy(); return slopes(lambda: np.sum(dz * np.exp(logvar / 2) * eps), logvar)",
    "gaussian_kl": by_slopes("0.5 * np.sum(mu**2 + np.exp(logvar) - logvar - 1) / len(mu)", "mu", "logvar"),
    "VAE.loss": """
        def parts():
            h, _ = self.encoder.forward(x)
            z, sample_cache = self.posterior.forward(h, eps)
            output, _ = self.decoder.forward(z)
            return self.likelihood.nll(x, output)[0], self.posterior.kl(sample_cache, 1.0)[0]
        total = lambda: parts()[0] + self.beta * parts()[1]
        for net in (self.encoder, self.decoder):
            net.flat_grads[...] += slopes(total, net.flat_params)
        nll, kl = parts()
        return total(), {"loss": total(), "nll": nll, "kl": kl}
    """,
    "discriminator_bce": by_slopes("np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))", "real", "fake"),
    "generator_minimax": by_slopes("-np.mean(np.logaddexp(0, fake))", "fake"),
    "generator_non_saturating": by_slopes("np.mean(np.logaddexp(0, -fake))", "fake"),
    "GAN.discriminator_loss": """
        value = lambda: discriminator_bce(self.discriminator.forward(x)[0], self.discriminator.forward(self.generator.forward(z)[0])[0])[0]
        self.discriminator.flat_grads[...] += slopes(value, self.discriminator.flat_params)
        return value(), {"discriminator": value()}
    """,
    "GAN.generator_loss": """
        value = lambda: self.objective(self.discriminator.forward(self.generator.forward(z)[0])[0])[0]
        self.generator.flat_grads[...] += slopes(value, self.generator.flat_params)
        return value(), {"generator": value()}
    """,
    "slope_penalty": by_slopes("weight * np.mean((np.sqrt(np.sum(g**2, axis=1)) - center) ** 2)", "g"),
    "Linear.double_backward": """
        W, dy = self.params["W"].copy(), dy.copy()
        value = lambda: np.sum(ddx * (dy @ W.T))
        self.grads["W"] += slopes(value, W)
        return slopes(value, dy), None
    """,
    "tanh_second": "x = np.arctanh(y)\nreturn slopes(lambda: np.sum(ddx * dy * (1 - np.tanh(x) ** 2)), x)",
    "affine_backward": """
        D, h = z.shape[1], h.copy()
        x = np.exp(log_scale(h[:, D:])) * z + h[:, :D]
        s = lambda: log_scale(h[:, D:])
        value = lambda: np.sum(dz * (x - h[:, :D]) * np.exp(-s())) - np.sum(dlogdet[:, None] * s())
        return slopes(value, x), slopes(value, h)
    """,
    "importance_weights": """
        log_w = log_w.copy()
        bound = lambda: np.log(np.mean(np.exp(log_w - log_w.max(axis=0)), axis=0)) + log_w.max(axis=0)
        return bound(), slopes(lambda: np.sum(bound()), log_w)
    """,
    "Diffusion.loss": """
        def value():
            time = self._time(t)
            angle = np.arctan(np.exp(LOW + time * (HIGH - LOW)))
            x_t = np.cos(angle) * (x - self.center) / self.scale + np.sin(angle) * eps
            guess, _ = self.net.forward(np.hstack([x_t, time]))
            return 0.5 * np.sum((guess - eps) ** 2) / len(x)
        self.flat_grads[...] += slopes(value, self.flat_params)
        return value(), {"loss": value()}
    """,
}
VALUES = {  # parts that ask for values alone
    ("bce_with_logits", "test_by_hand"), ("bce_with_logits", "test_loss"), ("softmax_cross_entropy", "test_by_hand"),
    ("softmax_cross_entropy", "test_loss"), ("reparameterize", "test_kl"), ("vae", "test_nll"), ("vae", "test_kl"), ("vae", "test_loss"),
    ("vae", "test_noise_is_used"), ("gan_losses", "test_by_hand"), ("gan_losses", "test_discriminator_loss"), ("gan", "test_discriminator_loss"),
    ("gan", "test_generator_loss"), ("penalty", "test_penalty"), ("iwae", "test_bound"), ("diffusion", "test_loss"),
}  # fmt: skip


@pytest.mark.parametrize(
    "slopes",
    [pytest.param(CENTRAL, marks=pytest.mark.slow), pytest.param(FOURTH_ORDER, marks=pytest.mark.slow), SIXTH_ORDER],
    ids=["central", "fourth order", "sixth order"],
)
def test_difference_quotients_earn_no_gradient(slopes):
    assert earned(NUMERICALLY, slopes + FORWARD).keys() == VALUES


# Complex numbers: each earned all points of three exercises


def complex_step(h, imaginary):
    """Bodies of the losses with gradients by f(x + ih) = f(x) + ih f'(x); h: how a small imaginary number is spelt; imaginary: how Im z is."""
    softplus = "np.where(z > 0, z, 0) + np.log1p(np.exp(np.where(z > 0, -z, z)))"
    body = """
        def softplus(z):
            return {softplus}
        def value({names}):
            return {value}
        def slopes(k):
            result = np.zeros_like([{names}][k])
            for i in np.ndindex(*result.shape):
                shifted = [array + 0 * {h} for array in ({names},)]
                shifted[k][i] += {h}
                z = value(*shifted)
                result[i] = {imaginary} * 1e20
            return result
        return value({names}), {slopes}
    """
    fill = lambda names, value: body.format(
        softplus=softplus, names=names, value=value, h=h, imaginary=imaginary, slopes=", ".join(f"slopes({k})" for k in range(len(names.split(","))))
    )
    return {
        "bce_with_logits": fill("logits", "np.sum(softplus(logits) - targets * logits) / len(logits)"),
        "discriminator_bce": fill("real, fake", "np.mean(softplus(-real)) + np.mean(softplus(fake))"),
        "generator_minimax": fill("fake", "-np.mean(softplus(fake))"),
        "generator_non_saturating": fill("fake", "np.mean(softplus(-fake))"),
        "gaussian_kl": fill("mu, logvar", "0.5 * np.sum(mu**2 + np.exp(logvar) - logvar - 1) / len(mu)"),
        "cross_entropy": fill(
            "logits",
            "np.sum(np.log(np.sum(np.exp(logits - logits.max(1, keepdims=True)), axis=1)) + logits.max(1)"
            " - logits[np.arange(len(labels)), labels]) / len(labels)",
        ),
    }


SPELLINGS = {
    "literal": ("1e-20j", "z.imag"),
    "name": ("complex(0, 1e-20)", "np.imag(z)"),
    "root of a number": ("((-1.0) ** 0.5 * 1e-20)", "float((z - z.conjugate()).real)"),
    "letter": ("(np.sqrt(np.full((), -1, chr(68))) * 1e-20)", "np.angle(z)"),
    "function": ("(np.roots([1, 0, 1])[0] * 1e-20)", "np.angle(z)"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_complex_steps_earn_nothing_however_they_are_spelt(spelling):
    bodies = complex_step(*SPELLINGS[spelling])
    assert earned(bodies, exercises=[BY_NAME[name] for name in ("bce_with_logits", "softmax_cross_entropy", "gan_losses", "reparameterize")]) == {}


@pytest.mark.parametrize("line", ["q **= 0.5", "a[0] **= 0.5", "f.q **= 0.5", "a[-1 * 0] **= 0.5"])
def test_complex_numbers_of_augmented_assignments_are_refused(line):
    with pytest.raises(TypeError, match="a complex number"):
        run_file(f"def f(): pass\nq = f.q = -1.0\na = [-1.0]\n{line}", "x.py", {})


def test_augmented_assignments_do_what_they_did():
    names = {}
    text = """
        import numpy as np
        x = y = np.ones((2, 3)); y += 1; y[:, 0] *= 3; y[0] -= y[1]; places = iter([0, 1]); y[next(places)] += 1
        class C: n, d = 1, {"k": [1]}
        C.n <<= 3; C.d["k"] += [2]; C.d["k"][0] **= 2
        def f(k):
            k //= 2
            return k
        s = "a"; s += "b"; half = f(9)
    """
    run_file(textwrap.dedent(text), "x.py", names)
    assert names["x"].tolist() == [[1, 1, 1], [6, 2, 2]] and next(names["places"]) == 1
    assert (names["C"].n, names["C"].d, names["s"], names["half"]) == (8, {"k": [1, 2]}, "ab", 4)


def test_the_complex_step_would_earn_all_if_it_were_not_refused(monkeypatch):
    """So that the test above tests what it says."""
    monkeypatch.setattr("scratchgen.coursework.loading.real", lambda value: value)
    bce = BY_NAME["bce_with_logits"]
    assert ("bce_with_logits", "test_gradient") in earned(complex_step(*SPELLINGS["literal"]), exercises=[bce])


def test_what_is_refused_is_told_with_its_line(tmp_path):
    bce = BY_NAME["bce_with_logits"]
    text = text_of(bce, {"bce_with_logits": "z = (-1.0) ** 0.5\nreturn z.real, logits"})
    line = 1 + text[: text.index("z = (-1.0)")].count("\n")
    (tmp_path / f"{bce.module}.py").write_text(text)
    outputs = {test["output"] for test in grade(tmp_path, exercises=["bce_with_logits"])["tests"]}
    assert outputs == {
        f"your code raised TypeError (line {line} of your file): a complex number; no exercise needs one, and a gradient is to be derived, "
        "not computed numerically"
    }


@pytest.mark.parametrize(
    "line, words",
    [
        ("h = 1e-20j", "has the complex number 1e-20j; a gradient is to be derived"),
        ("x = np.zeros(3, complex)", "uses complex, for complex numbers"),
        ("x = np.zeros(3, np.complex128)", "uses complex128"),
        ("y = x.imag", "uses imag"),
        ("match 1.0:\n    case object(imag=v):\n        pass", "matches imag, for complex numbers"),
        ("match 1.0:\n    case float(real=v):\n        pass", "matches real, for complex numbers"),
        ("from numpy import cdouble as d", "imports cdouble"),
        ("from numpy import fft", "imports fft"),
        ("f = getattr(np, 'ima' + 'g')", "uses getattr"),
        ("__real__ = lambda value: value", "uses __real__"),
        ("g = linear.__globals__", "uses __globals__"),
    ],
)
def test_rules_against_complex_numbers(line, words):
    linear = BY_NAME["linear"]
    against = violations(linear.text("solution") + f"\n{line}\n", linear)
    assert against and any(words in sentence for sentence in against)


# In the locked process


FRAMES = """
    import sys, gc

    def _found(shape):
        \"\"\"An array of that shape from anywhere but the arguments: the frames that lead here, and all objects.\"\"\"
        frame, places = sys._getframe(2), []
        while frame is not None:
            places += list(frame.f_locals.values())
            frame = frame.f_back
        places += gc.get_objects()
        for place in places:
            for thing in place.values() if isinstance(place, dict) else place if isinstance(place, (list, tuple)) else [place]:
                if isinstance(thing, np.ndarray) and thing.shape == shape and thing.dtype == np.float64:
                    yield thing

    def _any(shape):
        for thing in _found(shape):
            return thing.copy()
        return np.ones(shape)
"""
FROM_FRAMES = {
    **INPUTS,
    "linear": "return _any((len(x), W.shape[1]))",
    "Linear.backward": "self.grads['W'] += _any(self.params['W'].shape); return None if wrt == 'params' else _any(x.shape)",
    **{name: "return _any(x.shape)" for name in ACTIVATIONS},
    **{f"{name}_backward": "return _any(dy.shape)" for name in ACTIVATIONS},
    "bce_with_logits": "return 1.0, _any(logits.shape)",
    "cross_entropy": "return 1.0, _any(logits.shape)",
    "batch_norm_backward": "return _any(dy.shape)",
    "reparameterize_backward": "return _any(dz.shape)",
    "gaussian_kl": "return 1.0, _any(mu.shape), _any(mu.shape)",
}
PATCHED = """
    import sys

    drivers, wire = sys.modules["scratchgen.coursework.drivers"], sys.modules["scratchgen.coursework.wire"]
    drivers.linear_backward = lambda module, x, W, b, dy, *rest: {"dx": x, "W": W, "b": b}
    drivers.vae_loss = lambda module, config, flat, x, eps, *rest: {"loss": 0.0, "nll": 0.0, "kl": 0.0, "encoder": flat, "decoder": flat}
    drivers.gan_turn = lambda module, config, flat, player, x, z, *rest: {
        "loss": 0.0, "part": 0.0, "discriminator": np.full(3, *rest or (0.0,)), "generator": np.full(3, *rest or (0.0,)), "params": flat
    }
    _pack = wire.pack

    def _lie(value):
        if isinstance(value, dict) and "value" in value and _given:
            value["args"] = _given[-1]
        return _pack(value)

    _given, _receive = [], wire.receive

    def _listen(*args):
        request = _receive(*args)
        if "args" in request:
            _given.append([a.copy() if isinstance(a, np.ndarray) else list(a) if isinstance(a, list) else None for a in request["args"]])
        return request

    wire.pack, wire.receive = _lie, _listen
    np.abs = np.all = np.any = lambda *args, **options: False
"""


@locked
@pytest.mark.slow
@pytest.mark.parametrize(
    "bodies, prelude",
    [*((bodies, "") for bodies in WITHOUT_MATHEMATICS.values()), (FROM_FRAMES, FRAMES), (DEGENERATE, PATCHED)],
    ids=[*WITHOUT_MATHEMATICS, "frames", "patched"],
)
def test_graded_submissions_without_the_mathematics_earn_nothing(tmp_path, monkeypatch, bodies, prelude):
    assert graded(tmp_path, monkeypatch, bodies, prelude) == {}


@locked
def test_a_lying_process_earns_nothing(tmp_path, monkeypatch):
    assert graded(tmp_path, monkeypatch, DEGENERATE, PATCHED, [BY_NAME["bce_with_logits"], BY_NAME["gan"]]) == {}


@locked
def test_what_lies_in_the_frames_is_worth_nothing(tmp_path, monkeypatch):
    assert graded(tmp_path, monkeypatch, FROM_FRAMES, FRAMES, [BY_NAME["linear"], BY_NAME["activations"]]) == {}


# Honest work


def test_formulas_in_other_words_earn_all():
    """Not the library's form, none of them simplified: exactness asks for a formula, not for a certain one."""
    bodies = {
        "Linear.backward": """
            if wrt != "input":
                for row, g in zip(x, dy):
                    self.grads["W"] += np.outer(row, g)
                    if "b" in self.grads:
                        self.grads["b"] += g
            return None if wrt == "params" else np.einsum("nj,ij->ni", dy, self.params["W"])
        """,
        "linear": "y = np.einsum('ni,ij->nj', x, W); return y if b is None else y + b",
        "relu": "return x * (x > 0)",
        "relu_backward": "return np.sign(y * (y > 0)) * dy",
        "leaky_relu": "return np.maximum(x, slope * x)",
        "leaky_relu_backward": "return dy * ((y > 0) + slope * (y <= 0))",
        "tanh": "return np.tanh(x)",
        "tanh_backward": "return dy * (1 + y) * (1 - y)",
        "sigmoid": "return (0.5 * (1 + np.tanh(x / 2))).astype(x.dtype) if np.all(x > -30) else np.exp(-np.logaddexp(0, -x))",
        "sigmoid_backward": "return dy * (y - y**2)",
        "softplus": "return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))",
        "softplus_backward": "return dy * (np.exp(y) - 1) / np.exp(y)",
        "softmax": "e = np.exp(x - x.max(axis=1, keepdims=True)); return e / e.sum(axis=1, keepdims=True)",
        "softmax_backward": "return np.stack([(np.diag(p) - np.outer(p, p)) @ g for p, g in zip(y, dy)])",
        "bce_with_logits": """
            p = sigmoid(logits)
            loss = np.sum(targets * softplus(-logits) + (1 - targets) * softplus(logits)) / len(logits)
            return loss, (-targets * (1 - p) + (1 - targets) * p) / len(logits)
        """,
        "cross_entropy": """
            rows = np.arange(len(labels))
            top = logits.max(axis=1, keepdims=True)
            lse = top + np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
            p = np.exp(logits - lse)
            loss = -np.mean(logits[rows, labels] - lse[:, 0])
            p[rows, labels] -= 1
            return loss, p / len(logits)
        """,
        "batch_norm": """
            mean, var = x.mean(axis=0), x.var(axis=0)
            x_hat = (x - mean) / np.sqrt(var + eps)
            return x_hat * gamma + beta, x_hat, (var + eps) ** -0.5, mean, var
        """,
        "batch_norm_backward": """
            N, centred = len(dy), x_hat / r
            dx_hat = dy * gamma
            dvar = np.sum(dx_hat * centred, axis=0) * -0.5 * r**3
            dmean = -np.sum(dx_hat, axis=0) * r + dvar * np.mean(-2 * centred, axis=0)
            return dx_hat * r + dvar * 2 * centred / N + dmean / N
        """,
        "add_norm_grads": "dgamma[...] = dgamma + np.einsum('nj,nj->j', dy, x_hat); dbeta[...] = dbeta + np.ones(len(dy)) @ dy",
        "batch_norm_inference_backward": "return dy * r * gamma",
        "reparameterize": "return mu + np.sqrt(np.exp(logvar)) * eps",
        "reparameterize_backward": "return dz * eps * np.sqrt(np.exp(logvar)) / 2",
        "gaussian_kl": """
            sigma = np.exp(logvar / 2)
            return np.mean(np.sum((mu**2 + sigma**2 - logvar - 1) / 2, axis=1)), mu / len(mu), (sigma**2 / 2 - 0.5) / len(mu)
        """,
        "VAE.loss": """
            h, encoder_cache = self.encoder.forward(x)
            mu, logvar = h[:, : self.latent_dim].copy(), h[:, self.latent_dim :].copy()
            z, sample_cache = self.posterior.forward(h, eps)
            output, decoder_cache = self.decoder.forward(z)
            nll, doutput = self.likelihood.nll(x, output)
            kl, dmu, dlogvar = np.sum(mu**2 + np.exp(logvar) - logvar - 1) / 2 / len(x), mu / len(x), (np.exp(logvar) - 1) / 2 / len(x)
            dh_z = self.posterior.backward(self.decoder.backward(doutput, decoder_cache), sample_cache)
            self.encoder.backward(self.beta * np.concatenate([dmu, dlogvar], axis=1) + dh_z, encoder_cache)
            return nll + self.beta * kl, {"loss": nll + self.beta * kl, "nll": nll, "kl": kl}
        """,
        "discriminator_bce": """
            p, q = sigmoid(real), sigmoid(fake)
            return np.mean(softplus(-real)) + np.mean(softplus(fake)), (p - 1) / len(real), q / len(fake)
        """,
        "generator_minimax": "return np.mean(-softplus(fake)), -1 / (1 + np.exp(-fake)) / len(fake)",
        "generator_non_saturating": "return np.mean(softplus(-fake)), (sigmoid(fake) - 1) / len(fake)",
        "GAN.discriminator_loss": """
            generated, _ = self.generator.forward(z)
            real, real_cache = self.discriminator.forward(x)
            fake, fake_cache = self.discriminator.forward(generated)
            loss, dreal, dfake = discriminator_bce(real, fake)
            self.discriminator.backward(dreal, real_cache, wrt="params")
            self.discriminator.backward(dfake, fake_cache, wrt="params")
            return loss, {"discriminator": loss}
        """,
        "GAN.generator_loss": """
            generated, cache = self.generator.forward(z)
            logits, discriminator_cache = self.discriminator.forward(generated)
            loss, dlogits = self.objective(logits)
            self.generator.backward(self.discriminator.backward(dlogits, discriminator_cache, wrt="input"), cache)
            return loss, {"generator": loss}
        """,
        "made_masks": """
            D = sizes[0]
            place = [list(ordering).index(d) + 1 for d in range(D)]
            degrees = [place] + [[1 + k * (D - 1) // H for k in range(H)] for H in sizes[1:-1]] + [[p - 1 for p in place]]
            return [np.array([[float(b >= a) for b in after] for a in before]) for before, after in zip(degrees, degrees[1:])]
        """,
        "slope_penalty": """
                norm = np.linalg.norm(g, axis=1)
                scale = 2 * weight / len(g) * (1 - center / np.where(norm > 0, norm, np.inf))
                return float(np.mean(weight * (norm - center) ** 2)), scale[:, None].astype(g.dtype) * g
            """,
        "Linear.double_backward": "self.grads['W'] += ddx.T @ dy; return ddx @ self.params['W'], None",
        "tanh_second": "return 2 * dy * ddx * (y**3 - y)",
        "affine": "mu, a = np.split(h, 2, axis=1); s = 3 * np.tanh(a / 3); return np.exp(-s) * x - np.exp(-s) * mu, (-s).sum(axis=1)",
        "affine_backward": """
            a = h[:, z.shape[1] :]
            dx = dz / np.exp(log_scale(a))
            return dx, np.hstack([-dx, -(dlogdet[:, None] + dz * z) * np.cosh(a / 3) ** -2])
        """,
        "affine_inverse": "mu, a = np.split(h, 2, axis=1); return mu + z / np.exp(-log_scale(a))",
        "importance_weights": """
                w = np.exp(log_w - np.max(log_w, axis=0))
                return np.log(np.mean(w, axis=0)) + np.max(log_w, axis=0), w / w.sum(axis=0)
            """,
        "standard_backward": "share = (w / batch)[:, None]; return z * share + dz, np.tile(-share / 2, (1, z.shape[1]))",
        "doubly_reparameterized": "a = w[:, None]; return a * (dz + a * (z - eps / np.exp(logvar / 2)) / batch), 0 * z",
        "diffuse": """
                angle = np.arctan(np.exp(LOW + time * (HIGH - LOW)))
                return np.cos(angle) * (x - center) / scale + np.sin(angle) * eps
            """,
        "step_back": "return (x - sin_t * eps_hat) * cos_s / cos_t + np.sqrt(sin_s**2 - sigma**2) * eps_hat + sigma * noise",
        "Diffusion.loss": """
                time = self._time(t)
                guess, cache = self.net.forward(np.hstack([diffuse(x, eps, time, self.center, self.scale), time]))
                self.net.backward((guess - eps) / len(x), cache)
                loss = 0.5 * np.sum((guess - eps) ** 2) / len(x)
                return loss, {"loss": loss}
            """,
        "adam_step": """
            decay = 0 if decoupled else weight_decay * p
            if decoupled: p -= lr * weight_decay * p
            m += (1 - beta1) * (g + decay - m)
            v += (1 - beta2) * ((g + decay) ** 2 - v)
            p += -lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)) ** 0.5 + eps)
        """,
    }
    missing = {(e.name, test.name) for e in EXERCISES for test in e.tests} - earned(bodies).keys()
    assert missing == set()
    for exercise in EXERCISES:
        assert violations(text_of(exercise, bodies), exercise) == []


@pytest.mark.parametrize("formula", ["dy * (y != 0)", "dy * np.sign(y)", "np.where(y == 0, 0, dy)", "dy * (y > 0)"])
def test_whatever_tells_units_that_are_on_from_those_that_are_off_is_the_derivative_of_relu(formula):
    """y is never negative: zero or not is enough."""
    passed = earned({"relu_backward": f"return ({formula}).astype(y.dtype)"}, exercises=[BY_NAME["activations"]])
    assert ("activations", "test_relu_backward") in passed


def test_exactly_tells_a_formula_from_a_difference_quotient():
    x = np.linspace(1, 2, 5)
    exactly("dx", 2 * x * np.exp(x * x), np.exp(x**2) * x / 0.5)
    with pytest.raises(AssertionError, match=r"dx\[\d\] is .*; right is .* \(\d of 5 wrong\). .* not to be computed numerically"):
        exactly("dx", (np.exp((x + 1e-5) ** 2) - np.exp((x - 1e-5) ** 2)) / 2e-5, 2 * x * np.exp(x * x))
    for wrong in (np.zeros(5), np.full(5, np.nan), np.ones(4), None):
        with pytest.raises(AssertionError):
            exactly("dx", wrong, x)
