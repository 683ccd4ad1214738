"""The gradient check: does backward give the derivative of forward?

    L = Σ dy ∘ y      dy random, so that every output counts and no symmetry hides an error (under L = Σ y the gradient of softmax is zero,
                      and a backward that returns zeros passes)

Each element of each gradient is compared with a difference quotient of L (see differences.py):

    |a − n| ≤ 1e-6 · max(|a|, |n|) + a few ε |L| / h          a from backward, n measured; NaN never passes

Arrays of more than `limit` elements: a random sample of their elements, and two random directions through the whole array.
There is no complex-step variant: definitions with abs, maximum or comparisons are not analytic, and central differences already
reach 1e-10 where it would be exact.
"""

import numpy as np

from scratchgen.gradcheck.engine import LIMIT, check_subject
from scratchgen.gradcheck.report import Fault, GradientMismatch, Report
from scratchgen.gradcheck.snapshot import restored
from scratchgen.gradcheck.subjects import FunctionSubject, LayerSubject, LossSubject, ObjectiveSubject, describe
from scratchgen.gradcheck.twice import BackwardOf


def check_layer(layer, inputs, *, seed=0, training=True, limit=LIMIT):
    """Check a layer, or a whole Sequential: its gradients and the contract of forward and backward (see contract.py) -> Report.

    layer: an instance of a Layer, parameters in float64.  inputs: x, or a tuple of arrays for a layer of several inputs, float64.
    seed: of the upstream gradient and the sample.  training: the mode of forward.  limit: how many elements of each array are measured;
    None for all of them.  Parameters are shifted in place and put back exactly (those that are all 0 or all 1, as a new bias or gamma, hold
    random numbers meanwhile, so that a backward that forgets them fails); gradients, streams and buffers are restored.
    Raises TypeError for float32, and whatever forward raises for inputs that it refuses.
    """
    inputs = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    subject = LayerSubject(layer, inputs, training)
    grads = {name: grad.copy() for name, grad in subject.live_grads().items()}
    try:
        return check_subject(subject, seed, limit)
    finally:
        for name, grad in subject.live_grads().items():
            grad[...] = grads[name]


def check_double_backward(layer, x, *, seed=0, training=True, limit=LIMIT):
    """Check layer.double_backward, the gradients of the gradient dx = backward(dy, cache) with respect to dy, x and the parameters -> Report.

    Arguments as in check_layer; dy is drawn from the seed.  Raises NotImplementedError for a layer without it.
    """
    with restored(layer):
        y, cache = layer.forward(x, training=training)
        dy = np.random.default_rng([seed, 1]).standard_normal(y.shape)
        layer.double_backward(np.zeros(x.shape), dy, cache)  # here, so that a layer without one says so
    return check_layer(BackwardOf(layer), (x, dy), seed=seed, training=training, limit=limit)


def check_function(f, f_backward, *args, seed=0, limit=LIMIT, **options):
    """Check plain functions `y, cache = f(*args, **options)` and `gradients = f_backward(dy, cache)` -> Report.

    args: the gradients of the float64 arrays among them are expected, in order (a tuple, or one array for one); anything else (integer
    labels, numbers, dicts of settings) is passed through, dicts as fresh copies.
    Raises TypeError for float32 arrays.
    """
    return check_subject(FunctionSubject(f, f_backward, args, options), seed, limit)


def check_loss(loss, *args, wrt=None, seed=0, limit=LIMIT, **options):
    """Check a loss that returns its gradients with it, `value, gradient… = loss(*args, **options)` -> Report.

    wrt: names or positions of the arguments that the gradients belong to, in order; default: all float arrays.
    Raises TypeError for a value that is not one number, ValueError for one that is not finite, or not the same twice.

    >>> check_loss(gaussian_nll, x, mu, logvar, wrt=("mu", "logvar")).ok
    True
    """
    return check_subject(LossSubject(loss, args, wrt, options), seed, limit)


def check_objective(module, objective, *, context=(), seed=0, limit=LIMIT):
    """Check a whole model's objective, end to end -> Report.

    module: whose parameters are shifted and whose gradients the objective fills, float64.
    objective: () -> the loss, or a tuple that begins with it; must be the same at every call once streams and buffers are put back (fix the noise).
    context: other modules whose noise and running statistics the objective moves.

    >>> check_objective(vae, lambda: vae.loss(x, eps)).ok
    True
    """
    subject = ObjectiveSubject(module, objective, context)
    grads = module.flat_grads.copy()
    try:
        if not subject.is_steady():
            return Report(subject.title, {}, [Fault("forward", None, "the objective gives two values for the same parameters; fix its noise")], seed)
        return check_subject(subject, seed, limit)
    finally:
        module.flat_grads[...] = grads


def assert_gradients(subject, *args, **options):
    """Raise GradientMismatch unless the gradients are right; returns the Report.

    subject, args: a layer and its inputs (as check_layer), two functions and their arguments (as check_function), or the Report of any check.
    """
    if isinstance(subject, Report):
        report = subject
    elif callable(getattr(subject, "backward", None)):
        report = check_layer(subject, *args, **options)
    elif callable(subject) and args and callable(args[0]):
        report = check_function(subject, *args, **options)
    else:
        raise TypeError(f"assert_gradients is given {describe(subject)}; it takes a layer and x, f and f_backward and their arguments, or a Report")
    if not report.ok:
        raise GradientMismatch(report)
    return report
