"""What owns parameters: a layer, a network of layers, a model of networks.

Every module keeps four dicts, all empty unless it needs them:

    params     what an optimizer trains                 grads    dLoss/d(that), identical keys and shapes
    buffers    state that is not trained (running statistics, masks)
    parts      the modules it is made of, by name       (a module has either parts or parameters of its own)

The parameters of a whole network lie in **one flat array**, and each layer's `params["W"]` is a
view of its slice:

    net.flat_params    [ 0.W ········ | 0.b ·· | 2.W ········ | 2.b ·· ]
    net.flat_grads     the same layout

so an optimizer updates everything with one operation, and a checkpoint is one array. Nesting keeps this: an
inner network's flat arrays are contiguous slices of the outer one's.
"""

import contextlib
import copy
import html
import weakref

import numpy as np

from scratchgen.ops import array, copy_of, copy_to, empty, fill, use_backend
from scratchgen.ops.checks import an_array


class Views(dict):
    """Names of views into a flat array.

    Assigning to a name writes the numbers into the flat array, so that no view comes loose:
    layer.params["W"] = W0 sets the weights of a network that an optimizer already trains.
    """

    def __setitem__(self, key, value):
        view = self.get(key)
        if view is None:
            raise TypeError(
                f"{key!r} is new, but the parameters lie in one array already: "
                f"{', '.join(self) or 'none'}; make a layer for it"
            )
        if value is not view:  # after params["W"] -= … it is the view itself, already written
            value = an_array("the network", key, value)
            if value.shape != view.shape:
                raise ValueError(f"{key} has shape {tuple(view.shape)}; given is {tuple(value.shape)}")
            copy_to(view, value)

    def update(self, *values, **more):  # dict's own would not ask __setitem__
        for key, value in dict(*values, **more).items():
            self[key] = value

    def __ior__(self, values):
        self.update(values)
        return self

    def __reduce__(self):  # copies are made whole, not name by name
        return Views, (dict(self),)


def move(values, flat):
    """Copy the values into the flat array, one after the other -> Views of it."""
    views, start = {}, 0
    for key, value in values.items():
        views[key] = flat[start : start + value.size].reshape(value.shape)
        copy_to(views[key], value)
        start += value.size
    return Views(views)


class Module:
    """Owner of parameters. Subclasses fill `params` and `grads`, or call `set_parts`."""

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)  # here, not in __init__: a student's layer needs no super().__init__()
        self.params, self.grads, self.buffers, self.parts = {}, {}, {}, {}
        self._flat = None  # (flat_params, flat_grads) once laid out
        self._leaves = None
        self._parent = None
        return self

    def set_parts(self, **parts):
        """Make this module of these others, and lay all their parameters in one flat array.

        Raises ValueError if one module stands in two places, TypeError for something that is no module, for
        mixed dtypes, or if this module has parameters of its own.
        """
        if self.params and not self.parts:
            raise TypeError(
                f"{type(self).__name__} has parameters of its own, {', '.join(self.params)}; "
                "one with parts has none: make a layer of them"
            )
        for name, part in parts.items():
            if not isinstance(part, Module):
                raise TypeError(
                    f"part {name} of {type(self).__name__} is {part!r}; "
                    "it must be a layer (an instance, not a class)"
                )
            if part._parent is not None and part._parent() is not None:
                raise ValueError(
                    f"{part!r} stands in two places; its gradients would mix: make a second layer"
                )
            part._parent = weakref.ref(self)
        self.parts, self._leaves = parts, None
        self.lay_flat()

    # One flat array

    @property
    def flat_params(self):
        """All parameters in one array, (n_params,); `params` are views of it."""
        if self._flat is None:
            self.lay_flat()
        return self._flat[0]

    @property
    def flat_grads(self):
        """All gradients in one array, (n_params,); `grads` are views of it."""
        if self._flat is None:
            self.lay_flat()
        return self._flat[1]

    def lay_flat(self):
        """Copy all parameters and gradients into two new flat arrays
        and make `params` and `grads` views of them.

        Raises TypeError for mixed dtypes or others than float32 and float64, ValueError if the keys or shapes
        of `params` and `grads` differ.
        """
        leaves = [leaf for _, leaf in self.leaves()]
        for leaf in leaves:
            for values in (leaf.params, leaf.grads):
                others = {key: value for key, value in values.items() if type(value) is not np.ndarray}
                values.update({key: an_array(repr(leaf), key, value) for key, value in others.items()})
            shapes = [
                {key: value.shape for key, value in values.items()} for values in (leaf.params, leaf.grads)
            ]
            if shapes[0] != shapes[1]:
                raise ValueError(
                    f"{leaf!r}: params have shapes {shapes[0]} but grads {shapes[1]}; they must be equal"
                )
        values = [value for leaf in leaves for value in leaf.params.values()]
        dtypes = sorted({str(value.dtype) for value in values})
        if len(dtypes) > 1:
            raise TypeError(
                f"{type(self).__name__} mixes parameters of {' and '.join(dtypes)}; "
                "make all layers of one dtype"
            )
        n, dtype = sum(value.size for value in values), dtypes[0] if dtypes else "float32"
        if dtype not in ("float32", "float64"):
            raise TypeError(
                f"{type(self).__name__} has parameters of dtype {dtype}; they must be float32 or float64"
            )
        self._bind(empty(n, dtype), empty(n, dtype))

    def _bind(self, flat_params, flat_grads):
        """Move into these arrays: copy the values, then point at the new places."""
        self._flat = flat_params, flat_grads
        start = 0
        for part in self.parts.values():
            stop = start + part.n_params
            part._bind(flat_params[start:stop], flat_grads[start:stop])
            start = stop
        if self.parts:
            parts = self.parts.items()
            params = {f"{name}.{key}": value for name, part in parts for key, value in part.params.items()}
            grads = {f"{name}.{key}": value for name, part in parts for key, value in part.grads.items()}
            self.params, self.grads = Views(params), Views(grads)
        else:
            self.params, self.grads = move(self.params, flat_params), move(self.grads, flat_grads)

    # The whole tree

    def leaves(self):
        """[(dotted name, module)] of every module below that has no parts;
        a leaf gives itself, under the name "".
        """
        if not self.parts:
            return [("", self)]
        if self._leaves is None:  # walked once: a step asks for them several times
            self._leaves = [
                (f"{name}.{below}".rstrip("."), leaf)
                for name, part in self.parts.items()
                for below, leaf in part.leaves()
            ]
        return self._leaves

    @property
    def n_params(self):
        """Number of parameters."""
        return sum(value.size for _, leaf in self.leaves() for value in leaf.params.values())

    @property
    def dtype(self):
        """dtype of the parameters."""
        return self.flat_params.dtype

    @property
    def couples_batch(self):
        """Whether one example's output depends on the others in the batch (batch normalisation)."""
        return any(part.couples_batch for part in self.parts.values())

    def zero_grads(self):
        """Set every gradient to zero; backward adds to them."""
        fill(self.flat_grads, 0.0)

    def all_buffers(self):
        """{dotted name: array} of the buffers of every module below."""
        return {f"{name}.{key}": value for name, leaf in self.leaves() for key, value in leaf.buffers.items()}

    @contextlib.contextmanager
    def frozen_buffers(self):
        """Within this context, whatever happens to the buffers is undone at its end:
        a pass that must leave no trace.
        """
        before = {key: copy_of(value) for key, value in self.all_buffers().items()}
        try:
            yield
        finally:
            for key, value in self.all_buffers().items():
                copy_to(value, before[key])

    def streams(self):
        """{dotted name: Stream} of every module below that draws noise, this one included."""
        own = {"stream": self.stream} if self.parts and hasattr(self, "stream") else {}
        below = {f"{name}.stream": leaf.stream for name, leaf in self.leaves() if hasattr(leaf, "stream")}
        return own | below

    def astype(self, dtype):
        """A copy with all parameters, gradients and buffers of that dtype (float32 or float64)."""
        twin = copy.deepcopy(self)
        for _, leaf in twin.leaves():
            for values in (leaf.params, leaf.grads, leaf.buffers):
                dict.update(values, {key: array(value, dtype) for key, value in values.items()})
        twin.lay_flat()
        return twin

    def to(self, backend):
        """Move parameters, gradients and buffers to where that backend keeps its arrays:
        "cuda", the GPU; "numba" or "numpy", host memory -> self.

        Computing there is another matter: sg.use_backend. Make optimizers afterwards;
        theirs stay where they are.
        Raises ValueError for a part of something larger, or an unknown backend;
        RuntimeError if the backend cannot run here.
        """
        whole = self._parent and self._parent()
        if whole is not None:
            raise ValueError(
                f"{self!r} is a part of a {type(whole).__name__}, "
                "whose parameters lie in one array; move that"
            )
        with use_backend(backend):
            for _, leaf in self.leaves():
                for values in (leaf.params, leaf.grads, leaf.buffers):
                    dict.update(values, {key: array(value) for key, value in values.items()})
            self.lay_flat()
        return self

    def __getstate__(self):
        # deepcopy and pickle make separate arrays of views, so lay them flat again afterwards
        return self.__dict__ | {"_flat": None, "_parent": None}

    def __setstate__(self, state):
        self.__dict__.update(state)
        if self.parts:
            for part in self.parts.values():
                part._parent = weakref.ref(self)
            self.lay_flat()

    def _table(self):
        """[(name, layer, shapes of its parameters, their number)] in words,
        and at the end how many there are in all.
        """
        rows = []
        for name, leaf in self.leaves():
            shapes = "  ".join(f"{key} {tuple(value.shape)}" for key, value in leaf.params.items())
            rows.append((name, repr(leaf), shapes, f"{leaf.n_params:,}" if leaf.params else ""))
        return [*rows, ("", "parameters", "", f"{self.n_params:,}")]

    def __str__(self):
        """The table that print() shows."""
        rows = self._table()
        name, layer, shapes, count = (max(map(len, column)) for column in zip(*rows, strict=True))
        lines = [
            f"  {row[0]:{name}}  {row[1]:{layer}}  {row[2]:{shapes}}  {row[3]:>{count}}".rstrip()
            for row in rows
        ]
        return "\n".join([type(self).__name__, *lines])

    def _repr_html_(self):
        """The table that a notebook shows."""
        rows = (
            "".join(f"<td style='text-align: left'>{html.escape(cell)}</td>" for cell in row)
            for row in self._table()
        )
        body = "".join(f"<tr>{cells}</tr>" for cells in rows)
        return f"<table><caption>{html.escape(repr(self))}</caption>{body}</table>"
