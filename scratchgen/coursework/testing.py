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

A wrong answer is explained by what the test knows: `known`, the arrays that it was computed from, and `mistakes`, {words: what comes out of
a common mistake}. Shapes are drawn by `sizes`, so that no two mistakes give one number.
"""

import copy
import functools

import numpy as np

from scratchgen.coursework import drivers
from scratchgen.gradcheck import assert_gradients, check_function, check_loss
from scratchgen.gradcheck.diagnosis import Diagnosis
from scratchgen.gradcheck.diagnosis.breaches import about_shapes
from scratchgen.gradcheck.diagnosis.values import explain_value, same
from scratchgen.gradcheck.subjects import describe, positional_names

SIZES = (5, 7, 11)  # primes, so coprime; none is another's N − 1; and ½, 2 and their quotients are far from one another


def sizes(rng, n):
    """n different numbers of examples, features, units: drawn, for each of them to have a factor of its own."""
    return [int(size) for size in rng.permutation(SIZES)[:n]]


def points(n, why=""):
    """Decorate a test: passing it gives n points. why: it is hidden, if it is."""

    def mark(test):
        test.points, test.why = n, why
        return test

    return mark


class Work:
    """A student's work, as tests see it: `exercise.f(x)` calls f on copies, and is an AssertionError if f changes them.

    A subclass says how a call is made: _call("function", "careful" or "driver", name, args) -> what is returned, and the arguments as they are
    afterwards; _names(name, n): names of the first n arguments of a function.
    """

    def run(self, driver, *args):
        """Call a function of drivers.py on the student's module."""
        return self._checked("driver", driver, args)[0]

    def in_place(self, name, positions, *args):
        """Call a function that is to change the arguments at these positions -> those, as they are afterwards."""
        _, after = self._checked("function", name, args, positions)
        return [after[position] for position in positions]

    def without_overflow(self, name, *args):
        """Call a function in whose task nothing may overflow, divide by zero or become NaN on the way, though the result may be right."""
        return self._checked("careful", name, args)[0]

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
        with drivers.strict(kind == "careful"):
            return function(*args), args

    def _names(self, name, n):
        return positional_names(self._function(name), n)

    def _function(self, name):
        if not hasattr(self._module, name):
            raise AssertionError(f"your file has no {name} any more; the tests need it under that name")
        return getattr(self._module, name)


def close(name, got, want, *, rtol=1e-9, known=None, mistakes=None, before=None):
    """AssertionError unless got has the shape of want and agrees with it to rounding; `name` says what it is in the message.

    known, mistakes: see explain_value.  before: what an array that is to be changed in place held; as it is then, nothing was written into it.
    """
    want = np.asarray(want, dtype=float)
    explain = lambda got: "".join(
        f"\n{diagnosis}" for diagnosis in explain_value(name, got, want, known, mistakes, 0.0 if before is None else before)
    )
    got = _comparable(name, got, want, explain)
    if before is not None and not same(before, want):
        written(name, got, before)
    place, wrong = _worst(got, want, rtol * (np.abs(want) + np.max(np.abs(want), initial=1e-3)))
    if wrong:
        raise AssertionError(
            f"{name}{list(place) or ''} is {got[place]:.10g}; right is {want[place]:.10g} ({wrong} of {got.size} wrong){explain(got)}"
        )


def written(name, after, before):
    """`after`, an array that was to be changed in place; AssertionError if it holds what it held before."""
    if same(after, before):
        raise AssertionError(
            f"{name} is as it was before. Is it computed, and written into the array? `{name} = …` and `{name} = {name} + …` make a new array, "
            f"of which the caller sees nothing; `{name} += …` and `{name}[...] = …` write into the one that is there"
        )
    return after


def accumulated(name, got, added, before):
    """AssertionError unless `added` was added to an array of gradients that held the number `before`."""
    mistakes = {
        f"{name} is overwritten: gradients accumulate, because backward may run several times before an update; use +=, not =": added,
        f"{name} is as it was before: nothing was added to it": np.full(np.shape(added), before),
    }
    close(f"{name}, from {before:g} on", got, added + before, rtol=1e-11, mistakes=mistakes)


def exactly(name, got, want, *, rtol=2e-14):
    """AssertionError unless each element of got agrees with that of want within a hundred roundings, as a formula does and no difference quotient.

    For inputs at which no formula cancels, among them numbers so large that a small step is lost in them.
    """
    want = np.asarray(want, dtype=float)
    got = _comparable(name, got, want, lambda got: "")
    place, wrong = _worst(got, want, rtol * np.abs(want))
    if wrong:
        raise AssertionError(
            f"{name}{list(place) or ''} is {got[place]:.17g}; right is {want[place]:.17g} ({wrong} of {got.size} wrong). "
            f"The inputs here are such that only a derived formula is exact; a gradient is not to be computed numerically"
        )


def _comparable(name, got, want, explain):
    """got as an array of floats; AssertionError unless it has the shape of want and is finite in the same places."""
    wanted = f"an array of shape {want.shape}" if want.ndim else "a number"
    try:
        array = np.asarray(got, dtype=float)
    except (TypeError, ValueError):
        hint = " (is there a `return`?)" if got is None else ""
        raise AssertionError(f"{name} is {describe(got)}; wanted is {wanted}{hint}") from None
    if got is None or array.shape != want.shape:
        hint = " (is there a `return`?)" if got is None else explain(array)
        raise AssertionError(f"{name} {'is None' if got is None else f'has shape {array.shape}'}; wanted is {wanted}{hint}")
    if array.size and not np.all(np.isfinite(array) == np.isfinite(want)):
        raise AssertionError(f"{name} has NaN or infinity where finite numbers are wanted{explain(array)}")
    return array


def _worst(got, want, limit):
    """-> index of the element that is furthest beyond its limit, number of those that are beyond it."""
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.abs(got - want)
        wrong = ~(error <= limit)  # True for NaN
        place = np.unravel_index(np.argmax(np.where(wrong, np.nan_to_num(error / limit, nan=np.inf), -1)), error.shape) if wrong.any() else ()
    return tuple(map(int, place)), np.count_nonzero(wrong)


def check_gradient(name, f, f_backward, *args, only=None, mistakes=None, cache_names=()):
    """GradientMismatch, with its diagnosis, unless f_backward is the derivative of `y, cache = f(*args)`; what the student's code raises.

    name: of the student's function, for the message.  only: the argument of f whose gradient counts here; the others are right, or tested
    elsewhere.  mistakes: {words: a wrong f_backward, for that argument alone} of common mistakes.  cache_names: what students call its parts.
    """
    raised = []
    forward = functools.wraps(f)(lambda *inputs: f(*inputs))
    forward.__name__ = name
    noting = _noting(raised, f_backward)
    report = check_function(forward, noting, *args)
    if raised:
        raise raised[0]
    if only is not None:
        report.arrays = {array: check for array, check in report.arrays.items() if array == only}
        report.faults = [fault for fault in report.faults if fault.array in (only, None)]
        report.diagnoses = [diagnosis for diagnosis in report.diagnoses if diagnosis.array in (only, None)]
    if not report.ok and mistakes and not _certain(report):
        y, cache = f(*args)
        dys, place = np.random.default_rng(0).normal(size=(2, *np.shape(y))), None if only is None else positional_names(f, len(args)).index(only)
        gradients = [noting(dy.copy(), cache) for dy in dys]
        gradients = gradients if place is None else [gradient[place] for gradient in gradients]
        _recognise(report, gradients, {words: [wrong(dy, cache) for dy in dys] for words, wrong in mistakes.items()})
    for i, diagnosis in enumerate(report.diagnoses):
        report.diagnoses[i] = diagnosis._replace(**{key: _named(getattr(diagnosis, key), cache_names) for key in ("text", "tested")})
    assert_gradients(report)


def check_loss_gradient(name, value, gradient, *args, wrt, mistakes=None):
    """The same for a loss: value(*args) is right, gradient(*args) the student's gradient with respect to the argument called `wrt`.

    mistakes: {words: a wrong gradient(*args)}.
    """
    raised = []
    gradient = _noting(raised, gradient)
    loss = functools.wraps(value)(lambda *inputs: (value(*inputs), gradient(*inputs)))
    loss.__name__ = name
    report = check_loss(loss, *args, wrt=wrt)
    if raised:
        raise raised[0]
    if not report.ok and mistakes and not _certain(report):
        _recognise(report, [gradient(*args)], {words: [wrong(*args)] for words, wrong in mistakes.items()})
    assert_gradients(report)


def _named(text, cache_names):
    """A text in which the parts of the cache have their names."""
    for i, name in enumerate(cache_names):
        text = text.replace(f"cache[{i}]" if len(cache_names) > 1 else "cache", name)
    return text


def _certain(report):
    """Whether the check itself knows what is wrong, so that listed mistakes need not be tried."""
    return any(diagnosis.certain for diagnosis in report.diagnoses)


def _recognise(report, gradients, mistakes):
    """Put those of {words: gradients} that are just what the student's code gives in the place of the report's diagnoses."""
    found = [words for words, wrong in mistakes.items() if all(same(u, v) for u, v in zip(gradients, wrong, strict=True))]
    certain = len(found) == 1 and sum(np.size(gradient) for gradient in gradients) > 3
    if found:
        report.diagnoses = [Diagnosis("listed", None, words, "Tested: all elements are what comes out then", certain) for words in found]


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
        hint = " (is there a `return`?)" if result is None else ""
        raise AssertionError(f"the function returns {describe(result)}; wanted are {n}: {what}{hint}")
    return result


def dtype_kept(name, got, dtype):
    """AssertionError unless got is an array of that dtype."""
    if np.asarray(got).dtype != dtype:
        raise AssertionError(f"{name} is {np.asarray(got).dtype} for inputs of {np.dtype(dtype)}; keep the dtype of the inputs")


def in_words(error, place=None):
    """What a student is told of an exception. place: file and line of theirs that raised it; None where another did."""
    message = str(error).strip()
    if isinstance(error, (AssertionError, NotImplementedError)) and message:
        return message
    return f"{f'{place}, raises' if place else 'your answer cannot be used:'} {type(error).__name__}: {message}{hint(type(error).__name__, message)}"


def hint(kind, message):
    """What may have led to an exception of that kind, as the end of a sentence; empty where nobody knows."""
    if kind == "FloatingPointError":
        return ". The task has a form in which nothing overflows and nothing is divided by zero, whatever the input"
    if kind == "KeyError" and message == "'b'":
        return ". A layer with bias=False has no b"
    words, _ = about_shapes(message)
    return f". Shapes do not fit: {words}" if words else ""
