"""Calling operations: from device arrays and numbers to launches.

For each kind of arguments (types, numbers of axes, layout) an operation is traced once, and a Python function is written that leads from the
arguments to the kernels, like this one:

    def call(dy, y):
        s = (dy.shape, y.shape,)
        if not (s[0][0] == s[1][0] and s[0][1] == s[1][1]): return NotImplemented        another kind
        out0 = empty((s[0][0], s[0][1],), f32)
        if not (dy.size and y.size and out0.size): return on_host(dy, y)
        rows0, columns0 = 1, s[0][0] * s[0][1]
        blocks0, threads0 = kernel0.grid(rows0, columns0)
        launch(kernel0.run, blocks0, threads0, dy.flat(), y.flat(), columns0, out0.flat())
        return out0

A kernel cannot take arrays without elements: for these the definition itself runs, on the host.
"""

import warnings

import numpy as np

from scratchgen.ops import checks
from scratchgen.ops.cuda import functions
from scratchgen.ops.cuda.array import DeviceArray, array, check_device, convert, empty, scalar, to_host
from scratchgen.ops.cuda.kernels import kernels
from scratchgen.ops.cuda.launch import launch
from scratchgen.ops.cuda.moving import moving
from scratchgen.ops.cuda.sums import tickets
from scratchgen.ops.dispatch import use_backend
from scratchgen.ops.nodes import Dim
from scratchgen.ops.plan import element_by_element
from scratchgen.ops.source import names_of, type_name
from scratchgen.ops.tracing import trace

MOST_CALLS = 64  # of one kind of arguments that are kept: a definition that needs the value of a number is compiled for each anew


class Operation:
    """The compiled form of a definition, called like it. TypeError if the definition cannot be compiled; the message names the line."""

    def __init__(self, definition, parameters):
        self.definition, self.name, self.parameters = definition, definition.__name__, parameters
        self.kinds = {}  # kind of arguments -> [Call]

    def __call__(self, *arguments):
        kind = tuple([(x.dtype, x.ndim, x.contiguous) if isinstance(x, DeviceArray) else type(x) for x in arguments])
        for call in self.kinds.get(kind, ()):
            result = call.function(*arguments)
            if result is not NotImplemented:
                return result
        return self.first(kind, arguments)

    def first(self, kind, arguments):
        """Compile for arguments of a new kind, and run."""
        arrays = [x for x in arguments if isinstance(x, (DeviceArray, np.ndarray))]
        if not arrays:
            return self.definition(*arguments)
        check_device(self.name, arrays)
        checks.check_types(self.name, arrays)
        if any(x.ndim > 2 for x in arrays):
            return self.flattened(arguments, arrays)
        call = Call(self.definition, trace(self.definition, arguments, self.parameters), arguments)
        calls = self.kinds.setdefault(kind, [])
        calls.append(call)
        del calls[:-MOST_CALLS]
        return call.function(*arguments)

    def flattened(self, arguments, arrays):
        """Arrays with more than two axes, flattened; they must have one shape, and the axes must not matter to the operation."""
        shape = arrays[0].shape
        if any(x.shape != shape or not x.contiguous for x in arrays):
            given = " and ".join(str(x.shape) for x in arrays)
            raise ValueError(f"{self.name}: arrays of more than 2 axes must be contiguous and of one shape; given {given}")
        rows = [x.reshape(-1) if isinstance(x, DeviceArray) else x for x in arguments]
        program = trace(self.definition, rows, self.parameters)
        if not element_by_element(program):
            raise ValueError(f"{self.name} takes arrays of up to 2 axes; given {shape}")
        result = self(*rows)
        return tuple(x.reshape(shape) for x in result) if isinstance(result, tuple) else None if result is None else result.reshape(shape)


class Call:
    """A program compiled for one kind of arguments.  function: calls it; returns NotImplemented for arguments of another kind."""

    def __init__(self, definition, program, arguments):
        self.definition, self.program = definition, program
        self.contiguous = {i: arguments[i].contiguous for i in program.arrays}
        self.plan, self.kernels = kernels(program, self.contiguous)
        self.static = {i: x for i, x in enumerate(arguments) if i not in program.arrays and i not in program.numbers}
        self.names = names_of(program.parameters, WORDS, PATTERN)
        self.source = self.written()
        scope = SCOPE | {"on_host": self.on_host, "static": self.static} | {f"kernel{k}": x for k, x in enumerate(self.kernels)}
        exec(compile(self.source, f"<call of {program.name}>", "exec"), scope)
        self.function = scope["call"]

    def written(self):
        """The source of the function."""
        program, names = self.program, self.names
        lines = ["s = (" + "".join(f"{names[i]}.shape, " if i in program.arrays else "None, " for i in range(len(names))) + ")"]
        if test := program.condition(names, self.static):
            lines.append(f"if not ({test}): return NotImplemented")
        for k, (shape, dtype) in enumerate(program.outputs):
            lengths = "".join(f"{d.text if isinstance(d, Dim) else d}, " for d in shape)
            lines.append(f"out{k} = empty(({lengths}), {type_name(dtype)})" if shape else f"out{k} = scalar()")
        arrays = [names[i] for i in program.arrays] + [f"out{k}" for k in range(len(program.outputs))]
        lines.append(f"if not ({' and '.join(f'{x}.size' for x in arrays)}): return on_host({', '.join(names)})")
        used = {what for kernel in self.kernels for what in kernel.parameters}
        lines += [f"{names[i]}, {names[i]}_moved = moving({names[i]})" for kind, i in sorted(used, key=str) if kind == "moved"]
        if ("totals", None) in used:
            lines.append(f"totals = empty({len(self.plan.totals)}, f64)")
        for k, kernel in enumerate(self.kernels):
            lines.append(f"rows{k}, columns{k} = {kernel.rows}, {kernel.columns}")
            lines.append(f"blocks{k}, threads{k} = kernel{k}.grid(rows{k}, columns{k})")
            given = [self.argument(k, kernel, *what) for what in kernel.parameters]
            lines.append(f"launch(kernel{k}.run, blocks{k}, threads{k}, {', '.join(given)})")
        lines.append(f"return {self.returned(program.returns)}")
        return f"def call({', '.join(names)}):\n" + "\n".join("    " + line for line in lines) + "\n"

    def argument(self, k, kernel, kind, which):
        """The code of the argument that kernel number k takes as that parameter."""
        if kind in ("arg", "out"):
            ndim = len(self.program.shapes[which] if kind == "arg" else self.program.outputs[which][0])
            name = self.names[which] if kind == "arg" else f"out{which}"
            return f"{name}.flat()" if ndim == 0 or kernel.flat else f"{name}.view()"
        if kind == "number":
            return self.names[which] if ("moved", which) in kernel.parameters else f"float({self.names[which]})"
        if kind in ("moved", "size"):
            return f"{self.names[which]}_moved" if kind == "moved" else which
        return {
            "rows": f"rows{k}", "columns": f"columns{k}", "tickets": "tickets().flat()", "totals": "totals.flat()",
            "partials": f"empty(kernel{k}.room(blocks{k}, columns{k}), f64).flat()",
        }[kind]  # fmt: skip

    def returned(self, what):
        """The code of what the definition returns."""
        if what is None:
            return "None"
        if what and isinstance(what[0], tuple):
            return "(" + "".join(self.returned(x) + ", " for x in what) + ")"
        kind, x = what
        return repr(x) if kind == "const" else self.names[x] if kind == "arg" else f"out{x}"

    def on_host(self, *arguments):
        """Run the definition on the host; for arrays without elements."""
        given = [to_host(x).copy() if isinstance(x, DeviceArray) else x for x in arguments]
        with use_backend("numpy"), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # NumPy's, about the mean of nothing
            result = self.definition(*given)
        for i in self.program.written:
            convert(arguments[i], array(given[i]))
        same = {id(x): argument for x, argument in zip(given, arguments, strict=True)}
        results = [same.get(id(x), x) if x is None or id(x) in same else on_device(x) for x in (result if isinstance(result, tuple) else (result,))]
        return tuple(results) if isinstance(result, tuple) else results[0]


def on_device(x):
    """An array or number of the host on the device; a number as a Scalar."""
    if np.ndim(x):
        return array(x)
    result = scalar()
    convert(result, array(np.asarray(x, np.float64)))
    return result


SCOPE = {
    "empty": empty, "scalar": scalar, "launch": launch, "tickets": tickets, "moving": moving, "len": len, "range": range, "int": int, "float": float,
    **{type_name(d): np.dtype(d) for d in ("f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")},
}  # fmt: skip
# the names in a call, or in a kernel, that are no parameter's
WORDS = {"s", "static", "on_host", *SCOPE, *functions.WORDS}
PATTERN = rf"(kernel|rows|columns|blocks|threads)\d+|{functions.PATTERN}"
