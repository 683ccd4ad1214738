"""What the tests of the exercises are written with. A test is a function of `exercise`, the student's work, and `rng`:

    @points(2)
    def test_forward(exercise, rng):
        \"\"\"y = x W + b.\"\"\"
        x, W, b = rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)
        close("y", exercise.linear(x, W, b), x @ W + b)

`exercise.linear(…)` calls the student's function; `exercise.run("linear_backward", …)` a driver (see drivers.py). The same test runs in
the student's folder, where both are plain calls, and when grading, where they are messages to a locked process.
"""

import functools

import numpy as np

from scratchgen.coursework import drivers
from scratchgen.gradcheck import assert_gradients, check_function, check_loss


def points(n):
    """Decorate a test: passing it gives n points."""

    def mark(test):
        test.points = n
        return test

    return mark


class Student:
    """A student's work in this process: `exercise.f(x)` calls f of their module."""

    def __init__(self, module):
        self._module = module

    def run(self, driver, *args):
        """Call a function of drivers.py on their module."""
        return getattr(drivers, driver)(self._module, *args)

    def __getattr__(self, name):
        if not hasattr(self._module, name):
            raise AssertionError(f"your file has no {name} any more; the tests need it under that name")
        return getattr(self._module, name)


def close(name, got, want, *, rtol=1e-9):
    """AssertionError unless got has the shape of want and agrees with it to rounding; `name` says what it is in the message."""
    want = np.asarray(want)
    try:
        got = np.asarray(got, dtype=float)
    except (TypeError, ValueError):
        kind = "None" if got is None else f"{len(got)} values" if isinstance(got, (tuple, list)) else f"a {type(got).__name__}"
        raise AssertionError(f"{name} is {kind}; wanted is an array of shape {want.shape}") from None
    if got.shape != want.shape:
        raise AssertionError(f"{name} has shape {got.shape}; wanted is {want.shape}")
    if got.size and not np.all(np.isfinite(got) == np.isfinite(want)):
        raise AssertionError(f"{name} has NaN or infinity where finite numbers are wanted")
    with np.errstate(invalid="ignore"):
        error = np.abs(got - want)
    limit = rtol * (np.abs(want) + np.max(np.abs(want), initial=1e-3))
    if np.all(error <= limit):  # False for NaN
        return
    worst = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error / limit)), error.shape)
    place = f"{name}[{', '.join(map(str, worst))}]" if worst else name
    wrong = np.count_nonzero(~(error <= limit))
    raise AssertionError(f"{place} is {float(got[worst]):.10g}; right is {float(want[worst]):.10g} ({wrong} of {got.size} wrong)")


def check_gradient(name, f, f_backward, *args):
    """GradientMismatch, with its diagnosis, unless f_backward is the derivative of `y, cache = f(*args)`; what the student's code raises.

    name: of the student's function, for the message.
    """
    raised = []
    forward = functools.wraps(f)(lambda *inputs: f(*inputs))
    forward.__name__ = name
    report = check_function(forward, _noting(raised, f_backward), *args)
    if raised:
        raise raised[0]
    assert_gradients(report)


def check_loss_gradient(name, value, gradient, *args, wrt):
    """The same for a loss: value(*args) is right, gradient(*args) the student's gradient with respect to the argument called `wrt`."""
    raised = []
    gradient = _noting(raised, gradient)
    loss = functools.wraps(value)(lambda *inputs: (value(*inputs), gradient(*inputs)))
    loss.__name__ = name
    report = check_loss(loss, *args, wrt=wrt)
    if raised:
        raise raised[0]
    assert_gradients(report)


def _noting(raised, function):
    """The function, with what it raises noted: the checker would report it as a broken contract, and the test wants it as it is."""

    def noting(*args):
        try:
            return function(*args)
        except BaseException as error:
            raised.append(error)
            raise

    return noting


def values(result, n, what):
    """The n values that a function returned; AssertionError if it returned something else."""
    if not isinstance(result, (tuple, list)) or len(result) != n:
        kind = "None" if result is None else f"{len(result)} values" if isinstance(result, (tuple, list)) else f"a {type(result).__name__}"
        raise AssertionError(f"the function returns {kind}; wanted are {n}: {what}")
    return result


def dtype_kept(name, got, dtype):
    """AssertionError unless got is an array of that dtype."""
    if np.asarray(got).dtype != dtype:
        raise AssertionError(f"{name} is {np.asarray(got).dtype} for inputs of {np.dtype(dtype)}; keep the dtype of the inputs")
