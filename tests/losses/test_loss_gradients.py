"""Every gradient that a loss returns, against difference quotients; and a check of the check: seeded mistakes must not pass."""

import inspect

import numpy as np
import pytest

from scratchgen import losses
from scratchgen.gradcheck import assert_gradients, check_loss
from scratchgen.gradcheck.catalogue import LOSSES
from scratchgen.gradcheck.examples import Draw, examples
from scratchgen.losses import gaussian

# loss -> its arrays, and which of them get a gradient
CASES = {getattr(losses, name): (examples(getattr(losses, name), Draw(np.float64, 5, 4, seed=7))[0], wrt) for name, wrt in LOSSES.items()}
each = pytest.mark.parametrize("loss", CASES, ids=lambda loss: loss.__name__)


def test_every_loss_with_a_gradient_is_here():
    plain = {"bernoulli_log_likelihood", "gaussian_log_likelihood", "gaussian_kl_rows"}
    assert {loss.__name__ for loss in CASES} == set(losses.__all__) - plain


@each
def test_gradients(backend, loss):
    arrays, wrt = CASES[loss]
    assert_gradients(check_loss(loss, *arrays, wrt=wrt, limit=None))


@each
def test_gradients_of_one_example_and_one_feature(backend, loss):
    arrays, wrt = CASES[loss]
    keep = slice(0, 2 if loss is losses.softmax_cross_entropy else 1)  # one class has nothing to tell
    arrays = [a[:1, keep] if np.ndim(a) >= 2 else a[:1] if np.ndim(a) else a for a in arrays]
    assert_gradients(check_loss(loss, *arrays, wrt=wrt, limit=None))


@each
@pytest.mark.parametrize("size", [0.01, 6.0])
def test_gradients_near_zero_and_far_out(backend, loss, size):
    arrays, wrt = CASES[loss]
    arrays = [a * size if name_is_free(loss, i) else a for i, a in enumerate(arrays)]
    assert_gradients(check_loss(loss, *arrays, wrt=wrt, limit=None))


def name_is_free(loss, position):
    """Whether that argument may be any real number: no target in [0, 1], label, bandwidth or log-variance (its exponential would dwarf the rest)."""
    return (loss, position) not in {
        (losses.bce_with_logits, 1), (losses.bernoulli_nll, 0), (losses.softmax_cross_entropy, 1), (losses.gaussian_nll, 2), (losses.gaussian_kl, 1),
        (losses.mmd, 2), (losses.discriminator_bce_smoothed, 2), (losses.gaussian_mixture_nll, 3),
    }  # fmt: skip


# Mistakes that have been made. Each is the right loss with one slip in it.


def of(loss, slip):
    """`loss` with its results changed by slip(arrays, value, *gradients)."""
    return lambda *arrays: slip(arrays, *loss(*arrays))


def kl_of_logstd(mu, logvar):
    """Takes log σ for what is log σ², in the value and not in the gradient."""
    return losses.gaussian_kl(mu, 2 * logvar)[0], *losses.gaussian_kl(mu, logvar)[1:]


def nll_of_std(x, mu, logvar):
    """Divides by σ where it should by σ², in the value and not in the gradient."""
    _, dmu, dlogvar = losses.gaussian_nll(x, mu, logvar)
    squared = (x - mu) ** 2 * np.exp(-0.5 * logvar)
    return 0.5 * np.sum(gaussian.LOG_2PI + logvar + squared) / len(x), dmu, dlogvar


MISTAKES = {
    "averaged loss, summed gradient": (losses.bce_with_logits, lambda a, loss, d: (loss, d * len(d))),
    "summed loss, averaged gradient": (losses.squared_error, lambda a, loss, d: (loss * len(d), d)),
    "mean over features as well": (losses.squared_error, lambda a, loss, d: (loss, d / d.shape[1])),
    "squared error without its half": (losses.squared_error, lambda a, loss, d: (2 * loss, d)),
    "target minus probability": (losses.bce_with_logits, lambda a, loss, d: (loss, -d)),
    "gradient of the probability": (losses.bce_with_logits, lambda a, loss, d: (loss, d * np.exp(-np.logaddexp(0, a[0]) - np.logaddexp(0, -a[0])))),
    "softmax without its onehot": (losses.softmax_cross_entropy, lambda a, loss, d: (loss, d + np.eye(4)[a[1]] / len(d))),
    "KL's logvar gradient dropped": (losses.gaussian_kl, lambda a, loss, dmu, dlogvar: (loss, dmu, 0 * dlogvar)),
    "KL's − ½ dropped": (losses.gaussian_kl, lambda a, loss, dmu, dlogvar: (loss, dmu, dlogvar + 0.5 / len(dmu))),
    "KL's gradients swapped": (losses.gaussian_kl, lambda a, loss, dmu, dlogvar: (loss, dlogvar, dmu)),
    "log-variance's gradient without ½": (losses.gaussian_nll, lambda a, loss, dmu, dlogvar: (loss, dmu, 2 * dlogvar)),
    "variance forgotten in dmu": (losses.gaussian_nll, lambda a, loss, dmu, dlogvar: (loss, dmu * np.exp(a[2]), dlogvar)),
    "signs of real and generated flipped": (losses.discriminator_bce, lambda a, loss, dreal, dfake: (loss, -dreal, -dfake)),
    "generated averaged over all examples": (losses.discriminator_bce, lambda a, loss, dreal, dfake: (loss, dreal, dfake * 4 / 9)),
    "gradient of the other objective": (losses.generator_non_saturating, lambda a, loss, d: (loss, losses.generator_minimax(*a)[1])),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_does_not_pass(mistake):
    loss, slip = MISTAKES[mistake]
    arrays, _ = CASES[loss]
    report = check_loss(of(loss, slip), *arrays, wrt=positions(loss), limit=None)
    assert not report.ok, report


@pytest.mark.parametrize("wrong, right", [(kl_of_logstd, losses.gaussian_kl), (nll_of_std, losses.gaussian_nll)])
def test_a_standard_deviation_taken_for_a_log_variance_does_not_pass(wrong, right):
    arrays, wrt = CASES[right]
    assert not check_loss(wrong, *arrays, wrt=wrt, limit=None).ok


def test_the_slips_are_the_only_difference():
    """Without its slip, each wrapped loss passes the same check: the mistakes fail for the reason they should."""
    for loss in {loss for loss, _ in MISTAKES.values()}:
        assert_gradients(check_loss(of(loss, lambda arrays, *results: results), *CASES[loss][0], wrt=positions(loss), limit=None))


def positions(loss):
    """The arguments that get a gradient, by position: the wrapped loss has no names for them."""
    names = list(inspect.signature(loss).parameters)
    return tuple(names.index(name) for name in CASES[loss][1])
