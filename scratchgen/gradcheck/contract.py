"""The contract between forward and backward, tested: everything that can go wrong besides the values of the gradients.

Each breach has its own sentence. `Examination.run` also keeps the gradients, whose values are then compared with measurements.
"""

import numpy as np

from scratchgen.gradcheck.report import Fault, told
from scratchgen.gradcheck.snapshot import Unchanged, arrays_in, moved, other_values
from scratchgen.gradcheck.subjects import BrokenForward, describe


class Stop(Exception):
    """The examination cannot go on; carries the last fault."""


def same(a, b):
    """Equal up to rounding."""
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12 * max(1.0, np.max(np.abs(b), initial=0.0)))


class Examination:
    """One run through the contract.  Results: `faults`, and `gradients` {name: array}, or `raw_gradients` where these cannot be compared."""

    def __init__(self, subject):
        self.subject, self.gradients, self.raw_gradients, self.faults = subject, {}, {}, []

    def run(self, rng):
        """Test everything, for a LayerSubject or FunctionSubject -> the random dy; None if forward does not work."""
        dy = None
        try:
            self.pairs()
            dy = self.forward(rng)
            self.backward(dy)
            self.repeat(dy)
            self.interleave(dy)
            if self.subject.layer is not None:
                self.wrt(dy)
        except Stop:
            pass
        return dy

    def add(self, kind, array, text, stop=False):
        self.faults.append(Fault(kind, array, text))
        if stop:
            raise Stop

    def run_forward(self, **other):
        try:
            return self.subject.forward(**other)
        except BrokenForward as broken:
            self.add("forward", None, str(broken), stop=True)

    def run_backward(self, dy, cache, **wrt):
        """{name: gradient} of the inputs; the parameters' are in the layer."""
        try:
            result = self.subject.backward(dy, cache, **wrt)
        except Exception as error:  # whatever a student's code raises is a finding
            self.add("exception", None, f"backward raises {told(error)}", stop=True)
        if wrt.get("wrt") == "params":
            return result
        names = self.subject.inputs
        values = result if isinstance(result, (tuple, list)) else (result,)
        if len(values) != len(names) or any(value is None for value in values):
            wanted = ", ".join(f"d{name}" for name in names)
            hint = " (is there a `return`?)" if result is None else ""
            self.add("missing", None, f"backward returns {describe(result)}; it must return {wanted}{hint}", stop=True)
        return dict(zip(names, values, strict=True))

    def pairs(self):
        """Every parameter has a gradient array of the same shape."""
        live = self.subject.live_grads()
        for name, value in self.subject.params.items():
            if name not in live:
                self.add("missing", name, f"grads has no {name!r}; params and grads have the same keys")
            elif live[name].shape != value.shape:
                self.add("missing", name, f"grads[{name!r}] has shape {live[name].shape} but params[{name!r}] {value.shape}; they must be equal")
        if self.faults:
            raise Stop

    def forward(self, rng):
        """Forward works, repeats itself and changes nothing; returns a random dy."""
        watch = Unchanged(self.subject.given())
        with self.subject.restored():
            y, cache = self.run_forward()
        changed = watch.changed()
        watch.put_back()
        for name in changed:
            self.add("mutated", name, f"forward changes {name} in place; it must leave its inputs and parameters as they are")
        if changed:
            raise Stop
        y = np.array(y)
        with self.subject.restored():
            again, _ = self.run_forward()
        if not np.array_equal(y, again):
            why = "A difference quotient needs the same noise on both sides: nothing can be measured while each call draws new"
            of_layer = "draw it from a scratchgen.ops.Stream kept as self.stream, which the check rewinds, or give forward an argument for it"
            noise = of_layer if self.subject.layer else "give the function an argument for it"
            self.add("forward", None, f"forward gives two results for the same input. {why}; {noise}", stop=True)
        return rng.standard_normal(y.shape)

    def zero(self):
        for grad in self.subject.live_grads().values():
            grad[...] = 0

    def backward(self, dy):
        """Backward gives every gradient, finite and of the right shape and dtype, and changes nothing else."""
        self.zero()
        with self.subject.restored():
            _, cache = self.run_forward()
        given = dy.copy()
        watch = Unchanged(self.subject.arrays | {"dy": given} | dict(arrays_in(cache)))
        gradients = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in self.run_backward(given, cache).items()}
        changed = watch.changed()
        for name in changed:
            what = "backward updates the parameter {}; that is the optimizer's job" if name in self.subject.params else "backward changes {} in place"
            self.add("mutated", name, f"{what.format(name)}; leave it as it is")
        watch.put_back()
        live = self.subject.live_grads()
        for name in self.subject.replaced_grads():
            text = f"backward puts a new array in the place of grads[{name!r}], and its old content is lost; gradients accumulate: use +=, not ="
            self.add("overwritten", name, text)
        self.keep(gradients | live)
        if not self.gradients:
            raise Stop
        if changed:
            raise Stop  # later tests would only report the same again

    def keep(self, gradients):
        """Keep the gradients if all can be compared (finite arrays of the right shape and dtype); otherwise add faults."""
        before = len(self.faults)
        for name, value in self.subject.arrays.items():
            self.fits(name, gradients.get(name), value)
        if len(self.faults) > before:
            self.raw_gradients = gradients
        else:
            self.gradients = {name: np.array(gradients[name]) for name in self.subject.arrays}

    def fits(self, name, gradient, value):
        """Fault unless gradient is a finite float64 array of the shape of value."""
        if not isinstance(gradient, (np.ndarray, np.floating)):
            self.add("missing", name, f"d{name} is {describe(gradient)}; it must be an array of shape {value.shape}")
        elif gradient.shape != value.shape:
            self.add("shape", name, f"d{name} has shape {gradient.shape}; it must have that of {name}, {value.shape}")
        elif gradient.dtype != np.float64:
            self.add("dtype", name, f"d{name} is {gradient.dtype}; it must have the dtype of {name}, {value.dtype}")
        elif not np.all(np.isfinite(gradient)):
            n = int(np.sum(~np.isfinite(gradient)))
            self.add("not finite", name, f"d{name} has NaN or infinity in {n} of {gradient.size} elements")

    def repeat(self, dy):
        """A second backward from the same cache gives the same gradients, and adds them to grads."""
        with self.subject.restored():
            _, cache = self.run_forward()
        self.zero()
        with self.subject.restored():
            self.run_backward(dy, cache)
            inputs = self.run_backward(dy, cache)
        for name in self.subject.inputs:
            if not same(np.asarray(inputs[name]), self.gradients[name]):
                text = f"backward gives another d{name} when called again with the same cache; all that it needs, noise included, belongs there"
                self.add("not repeatable", name, text)
        live = self.subject.live_grads()
        self.subject.replaced_grads()
        reported = {fault.array for fault in self.faults if fault.kind == "overwritten"}
        for name in self.subject.params:
            once = self.gradients[name]
            if name in reported or same(live[name], 2 * once):
                continue
            if same(live[name], once):
                text = f"backward overwrites grads[{name!r}]; gradients accumulate: after two calls it must hold the sum (use +=, not =)"
                self.add("overwritten", name, text)
            else:
                text = f"after a second backward from the same cache grads[{name!r}] is not twice what it was: backward adds something else each time"
                self.add("not repeatable", name, text)
        if any(fault.kind == "not repeatable" for fault in self.faults):
            raise Stop

    def interleave(self, dy):
        """Two forwards before a backward: the cache of the first must still belong to the first."""
        inputs = {name: self.subject.arrays[name] for name in self.subject.inputs}
        others = {name: other_values(x) for name, x in inputs.items()}
        with self.subject.restored():
            _, cache = self.run_forward()
            watch = Unchanged(dict(arrays_in(cache)))
            with moved(self.subject.params):  # a cache may hold parameters as well
                _, other_cache = self.run_forward(**others)
            changed = watch.changed()
            second = self.gradients_from(dy, other_cache)  # the second first: this also shows what backward itself remembers
            first = self.gradients_from(dy, cache)
        for name in changed:
            self.add("stale", None, f"a second forward changes {name} of the first; every forward must make new arrays")
        wrong = [name for name, value in self.gradients.items() if not same(first[name], value)]
        if wrong and not changed:
            of_second = all(same(first[name], second[name]) for name in wrong)
            text = "it gives those of the second" if of_second else "they change with what is done in between"
            names = ", ".join(f"d{name}" for name in wrong)
            keep = "keep what backward needs in the cache that forward returns, not in self"
            self.add("stale", wrong[0], f"after a second forward, backward with the cache of the first no longer gives its {names}: {text}; {keep}")

    def gradients_from(self, dy, cache):
        """Copies of all gradients that backward gives with this cache, from zero."""
        self.zero()
        inputs = self.run_backward(dy, cache)
        gradients = {name: np.array(value) for name, value in (inputs | self.subject.live_grads()).items()}
        self.subject.replaced_grads()
        return gradients

    def wrt(self, dy):
        """wrt="input" leaves grads alone, wrt="params" returns None; apart from that the gradients are the same."""
        with self.subject.restored():
            _, cache = self.run_forward()
        self.zero()
        inputs = self.run_backward(dy, cache, wrt="input")
        if any(np.any(grad != 0) for grad in self.subject.live_grads().values()):
            self.add("wrt", None, 'backward(dy, cache, wrt="input") changes grads; it must leave them alone')
        self.subject.replaced_grads()
        if not all(same(np.asarray(inputs[name]), self.gradients[name]) for name in self.subject.inputs):
            self.add("wrt", None, 'backward(dy, cache, wrt="input") returns something else than backward(dy, cache)')
        self.zero()
        result = self.run_backward(dy, cache, wrt="params")
        if result is not None:
            self.add("wrt", None, f'backward(dy, cache, wrt="params") returns {describe(result)}; it must return None')
        live = self.subject.live_grads()
        self.subject.replaced_grads()
        if not all(same(live[name], self.gradients[name]) for name in self.subject.params):
            self.add("wrt", None, 'backward(dy, cache, wrt="params") gives other gradients than backward(dy, cache)')
