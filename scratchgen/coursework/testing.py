"""What the tests of the exercises are written with. A test is a function of `exercise`, the student's work, and `rng`:

    @points(2)
    def test_forward(exercise, rng):
        \"\"\"y = x W + b.\"\"\"
        x, W, b = rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)
        close("y", exercise.linear(x, W, b), x @ W + b)

`exercise.linear(…)` calls the student's function; `exercise.run("linear_backward", …)` a driver (see drivers.py). Both work on copies, and fail
if the student's code changes what it is given. Where changing is the task, the test says which arguments, by position, and gets them back:

    p, m, v = exercise.in_place("adam_step", (0, 2, 3), p, g, m, v, …)

The same test runs in the student's folder, where these are plain calls, and when grading, where they are messages to a locked process.

What is right is never computed from what a student's code returned, and no inputs are fixed: each point needs the mathematics. A gradient is
compared with difference quotients, whose diagnosis helps, and then with the library's own, on inputs where only a formula is exact.
"""

import copy
import functools

import numpy as np

from scratchgen.coursework import drivers
from scratchgen.gradcheck import assert_gradients, check_function, check_loss
from scratchgen.gradcheck.subjects import positional_names


def points(n):
    """Decorate a test: passing it gives n points."""

    def mark(test):
        test.points = n
        return test

    return mark


class Work:
    """A student's work, as tests see it: `exercise.f(x)` calls f on copies, and is an AssertionError if f changes them.

    A subclass says how a call is made: _call("function" or "driver", name, args) -> what is returned, and the arguments as they are afterwards;
    _names(name, n): names of the first n arguments of a function.
    """

    def run(self, driver, *args):
        """Call a function of drivers.py on the student's module."""
        return self._checked("driver", driver, args)[0]

    def in_place(self, name, positions, *args):
        """Call a function that is to change the arguments at these positions -> those, as they are afterwards."""
        _, after = self._checked("function", name, args, positions)
        return [after[position] for position in positions]

    def __getattr__(self, name):
        return lambda *args: self._checked("function", name, args)[0]

    def _checked(self, kind, name, args, in_place=()):
        value, after = self._call(kind, name, args)
        changed = [i for i in range(len(args)) if i not in in_place and not _same(args[i], after[i])]
        if changed:
            names = positional_names(getattr(drivers, name), len(args) + 1)[1:] if kind == "driver" else self._names(name, len(args))
            raise AssertionError(f"your function changes its argument {names[changed[0]]}; leave it as it is, and work on a copy")
        return value, after


def _same(before, after):
    """Whether an argument still holds what it held."""
    return not isinstance(before, (np.ndarray, list)) or np.array_equal(before, after)


class Student(Work):
    """A student's work in this process."""

    def __init__(self, module):
        self._module = module

    def _call(self, kind, name, args):
        args = [copy.deepcopy(arg) for arg in args]
        function = functools.partial(getattr(drivers, name), self._module) if kind == "driver" else self._function(name)
        return function(*args), args

    def _names(self, name, n):
        return positional_names(self._function(name), n)

    def _function(self, name):
        if not hasattr(self._module, name):
            raise AssertionError(f"your file has no {name} any more; the tests need it under that name")
        return getattr(self._module, name)


def close(name, got, want, *, rtol=1e-9):
    """AssertionError unless got has the shape of want and agrees with it to rounding; `name` says what it is in the message."""
    got, want = _comparable(name, got, want)
    place, wrong = _worst(got, want, rtol * (np.abs(want) + np.max(np.abs(want), initial=1e-3)))
    if wrong:
        raise AssertionError(f"{name}{list(place) or ''} is {got[place]:.10g}; right is {want[place]:.10g} ({wrong} of {got.size} wrong)")


def exactly(name, got, want, *, rtol=2e-14):
    """AssertionError unless each element of got agrees with that of want within a hundred roundings, as a formula does and no difference quotient.

    For inputs at which no formula cancels, among them numbers so large that a small step is lost in them.
    """
    got, want = _comparable(name, got, want)
    place, wrong = _worst(got, want, rtol * np.abs(want))
    if wrong:
        raise AssertionError(
            f"{name}{list(place) or ''} is {got[place]:.17g}; right is {want[place]:.17g} ({wrong} of {got.size} wrong). "
            f"The inputs here are such that only a derived formula is exact; a gradient is not to be computed numerically"
        )


def _comparable(name, got, want):
    """Both as arrays of floats; AssertionError unless they have the same shape and are finite in the same places."""
    want = np.asarray(want, dtype=float)
    try:
        got = np.asarray(got, dtype=float)
    except (TypeError, ValueError):
        kind = "None" if got is None else f"{len(got)} values" if isinstance(got, (tuple, list)) else f"a {type(got).__name__}"
        raise AssertionError(f"{name} is {kind}; wanted is an array of shape {want.shape}") from None
    if got.shape != want.shape:
        raise AssertionError(f"{name} has shape {got.shape}; wanted is {want.shape}")
    if got.size and not np.all(np.isfinite(got) == np.isfinite(want)):
        raise AssertionError(f"{name} has NaN or infinity where finite numbers are wanted")
    return got, want


def _worst(got, want, limit):
    """-> index of the element that is furthest beyond its limit, number of those that are beyond it."""
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.abs(got - want)
        wrong = ~(error <= limit)  # True for NaN
        place = np.unravel_index(np.argmax(np.where(wrong, np.nan_to_num(error / limit, nan=np.inf), -1)), error.shape) if wrong.any() else ()
    return tuple(map(int, place)), np.count_nonzero(wrong)


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
