"""The evidence for a diagnosis: one wrong gradient, its measured derivative, and everything that was known when it was computed.

A hypothesis says how the wrong gradient could be corrected. It is believed only if the corrected gradient agrees with the measured one,
in every element and for two different upstream gradients dy (a "draw" each), so that a coincidence of numbers does not count.
"""

from typing import NamedTuple

import numpy as np

from scratchgen.gradcheck.differences import STEP
from scratchgen.gradcheck.snapshot import arrays_in
from scratchgen.gradcheck.subjects import output_of

SMALL = 600  # arrays up to this size are measured again, output by output
AGREE = 2e-5  # relative; the measurements themselves are good to about 1e-8


class Diagnosis(NamedTuple):
    """A tested explanation of a mismatch.

    kind: one of a few words (sign, factor, zero, …).  array: whose gradient.  text: the mistake, in plain words.
    tested: how it was tested.  certain: whether no other hypothesis explains the mismatch as well.
    """

    kind: str
    array: str | None
    text: str
    tested: str
    certain: bool

    def __str__(self):
        return f"  {'Certain' if self.certain else 'Likely'}: {self.text}\n      {self.tested}"


class Draw(NamedTuple):
    """One upstream gradient, the gradient from backward (a) and the measured one (n); both have the shape of the array."""

    dy: np.ndarray
    a: np.ndarray
    n: np.ndarray


class Evidence:
    """The wrong gradient of one array.

    name, array: whose gradient.  draws: two of them where forward and backward are apart, else one.  y, cache: of a forward.
    known: {words: array} of everything that backward could have used.  measured: where n is known.  jacobian: (array.size, y.size) or None.
    shared: whether all examples use the array (a parameter), so that its gradient is a sum over the batch.
    """

    def __init__(self, subject, name, dys, gradients, check):
        self.subject, self.name, self.array, self.check = subject, name, subject.arrays[name], check
        self.jacobian = self.y = self.cache = None
        self.is_input = name in subject.inputs
        if subject.contract:
            with subject.restored():
                y, self.cache = subject.forward()
            self.y = np.array(y)
        dy, other = dys
        first = Draw(dy, np.asarray(gradients[name], dtype=np.float64), check.numeric if check else None)
        if subject.contract and self.array.size <= SMALL and self.array.size * self.y.size <= 4_000_000:
            self.jacobian = self.measure()
            self.draws = [Draw(d, a, self.contract(d)) for d, a in ((dy, first.a), (other, self.backward(other)))]
        else:
            self.draws = [first]
        self.draws = [draw for draw in self.draws if draw.a is not None]
        self.measured = np.isfinite(self.draws[0].n) if self.draws[0].n is not None else np.zeros(self.array.shape, bool)
        for element in check.kinks if check else []:
            self.measured[element.index] = False
        self.known = dict(self.everything_known())
        self.shared = not self.is_input or (name != subject.inputs[0] and not self.by_example())

    def measure(self):
        """∂y/∂array by central differences: (array.size, y.size)."""
        rows = []
        for flat in range(self.array.size):
            index = np.unravel_index(flat, self.array.shape)
            before = self.array[index]
            h = 0.1 * STEP * max(1.0, abs(before) ** 0.5)
            sides = []
            for step in (h, -h):
                self.array[index] = before + step
                try:
                    sides.append(np.broadcast_to(output_of(self.subject), self.y.shape).ravel())
                finally:
                    self.array[index] = before
            rows.append((sides[0] - sides[1]) / (2 * h))
        return np.array(rows)

    def contract(self, dy, keep=None):
        """Jᵀ dy in the shape of the array; keep: (array.size, y.size) of 0 and 1, which paths to count."""
        jacobian = self.jacobian if keep is None else self.jacobian * keep
        return (jacobian @ dy.ravel()).reshape(self.array.shape)

    def backward(self, dy):
        """What backward says for this array with this dy, from zero; None if it raises."""
        return self.backward_of(self.name, dy)

    def backward_of(self, name, dy):
        """What backward says for an array by name."""
        subject = self.subject
        for grad in subject.live_grads().values():
            grad[...] = 0
        try:
            with subject.restored():
                result = subject.backward(dy.copy(), self.cache)
            values = result if isinstance(result, (tuple, list)) else (result,)
            found = dict(zip(subject.inputs, values, strict=False)) | subject.live_grads()
            return np.array(found[name], dtype=np.float64)
        except Exception:  # an experiment may well fail
            return None
        finally:
            subject.replaced_grads()

    def by_example(self):
        """Whether the array has a row for each example, on which only the output of that example depends."""
        if self.jacobian is None or not self.rows_are_examples or self.array.ndim == 0 or self.array.shape[0] != self.batch:
            return False
        paths = self.jacobian.reshape(self.batch, -1, self.batch, self.y.size // self.batch)
        return not np.any(np.abs(paths.transpose(0, 2, 1, 3)[~np.eye(self.batch, dtype=bool)]) > 1e-7)

    def everything_known(self):
        """Yield (words, array) of inputs, parameters, output, and what is in the cache; each value once."""
        seen = []
        candidates = [*getattr(self.subject, "args", self.subject.arrays).items(), *self.subject.params.items()]
        if self.y is not None:
            candidates += [("y", self.y), *arrays_in(self.cache)]
        for words, value in candidates:
            if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and not any(np.array_equal(value, other) for other in seen):
                seen.append(value)
                yield words + self.statistic(value), np.array(value, dtype=None if value.dtype.kind in "iu" else np.float64)

    def statistic(self, value):
        """ " (the standard deviation of x)" and the like, if that is what a cached array is; else nothing."""
        for name in self.subject.inputs:
            x = self.subject.arrays[name]
            for axis in range(x.ndim) if x.ndim == 2 and min(x.shape) > 1 else ():
                std = x.std(axis=axis)
                with np.errstate(divide="ignore"):
                    inverse = 1 / std
                for words, statistic in (("standard deviation", std), ("variance", std**2), ("inverse of the standard deviation", inverse)):
                    if value.size == statistic.size and np.allclose(value.ravel(), statistic, rtol=1e-3):
                        return f" (the {words} of {name})"
        return ""

    @property
    def batch(self):
        """Number of examples: the first length of the first input; None if there is none."""
        first = next(iter(self.known.values()) if self.y is None else iter([self.subject.arrays[self.subject.inputs[0]]]), None)
        return first.shape[0] if first is not None and first.ndim else None

    @property
    def rows_are_examples(self):
        """Whether the output has a row for each example."""
        return self.y is not None and self.y.ndim > 0 and self.y.shape[0] == self.batch

    @property
    def sizes(self):
        """{words: number} of the sizes a gradient could have been divided or multiplied by."""
        sizes = {}
        if self.y is None and self.array.ndim == 2:  # of a loss, each of whose inputs may have examples of its own
            sizes["the batch size"] = self.array.shape[0]
            rows = {words: q.shape[0] for words, q in self.known.items() if q.ndim == 2 and q.shape[0] != self.array.shape[0]}
            sizes |= {f"the number of rows of {words}": n for words, n in rows.items()}
            sizes |= {f"the number of rows of {words} and {self.name}": n + self.array.shape[0] for words, n in rows.items()}
        elif self.batch:
            sizes["the batch size"] = self.batch
        for words, value in (("outputs", self.y), (f"features of {self.name}", self.array)):
            if value is not None and value.ndim >= 2:
                sizes[f"the number of {words}"] = value.shape[-1]
        sizes["the number of elements"] = (self.y if self.y is not None and self.y.ndim else self.array).size
        return {
            words: size for i, (words, size) in enumerate(sizes.items()) if size not in list(sizes.values())[:i] or words == "the number of outputs"
        }

    def agree(self, u, v):
        """Whether two gradients are equal where n was measured."""
        if np.shape(u) != np.shape(v):
            return False
        u, v = np.asarray(u)[self.measured], np.asarray(v)[self.measured]
        size = np.sqrt(np.mean(v * v)) if v.size else 0.0
        return bool(size > 0 and np.all(np.isfinite(u)) and np.all(np.abs(u - v) <= AGREE * np.maximum(np.abs(u), np.abs(v)) + 1e-7 * size))

    def explains(self, correct):
        """Whether correct(draw) is the measured gradient in every draw; False where shapes do not fit."""
        with np.errstate(all="ignore"):
            try:
                return all(self.agree(correct(draw), draw.n) for draw in self.draws)
            except (ValueError, IndexError):
                return False

    @property
    def enough(self):
        """Whether there are enough numbers to be certain."""
        return sum(int(np.sum(np.abs(draw.n[self.measured]) > 0)) for draw in self.draws) >= 4

    def found(self, kind, text, correction, certain=True):
        """A Diagnosis about this array whose correction was tested."""
        n, draws = int(self.measured.sum()), len(self.draws)
        elements = f"its {n} elements" if n > 1 else "its element"
        tested = f"Tested: {correction} agrees with the difference quotient in {elements}" + (f", for {draws} different dy" if draws > 1 else "")
        return Diagnosis(kind, self.name, text, tested, certain and self.enough)
