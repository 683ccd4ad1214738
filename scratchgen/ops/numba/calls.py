"""Calling compiled operations: from arrays to a table of addresses, as fast as Python can.

For each kind of arguments (types, numbers of axes, layout) an operation is traced and compiled once, and a Python function is written that leads from
the arguments to the kernels, like this one:

    def tanh_backward(dy, y):
        s = (dy.shape, y.shape)
        if not (s[0][0] == s[1][0] and s[0][1] == s[1][1]): return NotImplemented        another kind
        out0 = empty((s[0][0], s[0][1],), f32)
        rows0, columns0 = s[0][0], s[0][1]
        places = pack0(rows0, columns0, 3, id(dy), id(y), id(out0), …)
        run(…)
        return out0
"""

import struct

import numpy as np
from numba.core.errors import NumbaError

from scratchgen.ops import checks
from scratchgen.ops.host_state import FloatTerm, IntTerm
from scratchgen.ops.nodes import Dim, Untraceable
from scratchgen.ops.numba import driver, sums, workers
from scratchgen.ops.numba.kernels import Kernel, Writer, kernels
from scratchgen.ops.plan import element_by_element
from scratchgen.ops.source import TYPES, names_of, type_name
from scratchgen.ops.tracing import trace

FLOAT32, FLOAT64 = checks.REALS
MOST_CALLS = 64  # of one kind of arguments: a definition that needs the value of a number is compiled for each anew
BYTES_HEADER = bytes.__basicsize__ - 1  # where a bytes object's data begin
# the names in a call that are no parameter's
WORDS = {
    "s", "np", "empty", "run", "pool", "rows", "static", "totals", "places", "contiguous", "definition", "share", "folded", "shared", "n_threads",
    "id", "len", "range", "not_writable", "BYTES", *TYPES.values(),
}  # fmt: skip
PATTERN = r"(out|rows|columns|pack)\d+"


class Operation:
    """The compiled form of a definition, called like it."""

    def __init__(self, definition, parameters):
        self.definition, self.name, self.parameters = definition, definition.__name__, parameters
        self.kinds = {}  # kind of arguments -> [Call]
        self.untraceable = {}  # kind of arguments -> why it cannot be traced for them
        self.as_written = checks.as_written(definition, parameters)

    def __call__(self, *arguments):
        kind = tuple([(x.dtype, x.ndim, x.flags.c_contiguous) if type(x) is np.ndarray else type(x) for x in arguments])  # self.kind, inline
        try:
            for call in self.kinds.get(kind, ()):
                result = call(*arguments)
                if result is not NotImplemented:
                    return result
            return self.first(kind, arguments)
        except struct.error:  # a whole number of more than 64 bits
            return self.as_written(*arguments)

    def kind(self, arguments):
        """What calls are told apart by: types, numbers of axes, layout."""
        return tuple([(x.dtype, x.ndim, x.flags.c_contiguous) if type(x) is np.ndarray else type(x) for x in arguments])

    def call_for(self, arguments, results):
        """(the Call for arguments like those of an earlier call, what its `table` gives), or (None, None)."""
        kind = tuple([(x.dtype, x.ndim, x.flags.c_contiguous) if type(x) is np.ndarray else number_type(x) for x in arguments])
        for call in self.kinds.get(kind, ()):
            made = call.table(*arguments, *results)
            if made is not NotImplemented:
                return call, made
        return None, None

    def first(self, kind, arguments):
        """Compile for arguments of a new kind, and run; or run the definition, if it cannot be compiled."""
        if kind in self.untraceable:
            return self.as_written(*arguments)
        given, arguments = arguments, checks.all_plain(self.name, self.parameters, arguments)
        arrays = [x for x in arguments if isinstance(x, np.ndarray)]
        if not arrays:
            return self.as_written(*arguments)
        checks.check_types(self.name, arrays)
        if any(x is not y for x, y in zip(arguments, given, strict=True)):
            return self(*arguments)
        if any(x.ndim > 2 for x in arrays):
            return self.flattened(arguments, arrays)
        try:
            program = trace(self.definition, arguments, self.parameters)
            if not program.stores and not program.outputs:  # it computes nothing: it was given a number where it would write to an array
                return self.as_written(*arguments)
            call = Call(program, arguments)
        except (TypeError, AttributeError, LookupError, ArithmeticError, RecursionError, NumbaError) as error:
            result = self.as_written(*arguments)
            said = f"{self.name} cannot be compiled: {type(error).__name__}, {' '.join(str(error).split())[:200]}"
            self.untraceable[kind] = str(error) if isinstance(error, Untraceable) else said  # only now: what NumPy refuses, too, proves nothing
            return result
        result = call(*arguments)
        if result is NotImplemented:  # a fixed argument that does not equal itself
            return self.as_written(*arguments)
        calls = self.kinds.setdefault(kind, [])
        calls.append(call)
        if len(calls) == MOST_CALLS:
            self.untraceable[kind] = f"{self.name} is compiled for {MOST_CALLS} values of its arguments; for others it runs as written"
        return result

    def flattened(self, arguments, arrays):
        """Arrays with more than two axes: flattened, if they and the results have one shape and the axes do not matter; else the definition runs."""
        shape = arrays[0].shape
        if any(x.shape != shape or not x.flags.c_contiguous for x in arrays):
            return self.as_written(*arguments)
        rows = [x.reshape(-1) if isinstance(x, np.ndarray) else x for x in arguments]
        try:
            program = trace(self.definition, rows, self.parameters)
        except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError):  # NumPy refuses them too, or axes matter
            return self.as_written(*arguments)
        if not element_by_element(program):
            return self.as_written(*arguments)
        result = self(*rows)
        back = lambda x: x.reshape(shape) if isinstance(x, np.ndarray) else x
        return tuple(map(back, result)) if isinstance(result, tuple) else back(result)


class Call:
    """A program compiled for one kind of arguments, and the Python function that calls it."""

    def __init__(self, program, arguments):
        self.program, self.name, self.epilogues = program, program.name, {}
        self.plan, self.kernels = kernels(program)
        self.static = {i: arguments[i] for i in range(len(arguments)) if i not in program.arrays and i not in program.numbers}
        self.source = self.written(arguments)
        scope = {
            "np": np, "empty": np.empty, "contiguous": np.ascontiguousarray, "run": driver.run, "pool": workers.pool, "n_threads": workers.n_threads,
            "static": self.static, "len": len, "range": range, "not_writable": checks.not_writable,
            "definition": self.program.definition, "share": checks.share_memory, "folded": checks.folded,
            **{f"pack{k}": struct.Struct(form).pack for k, form in enumerate(self.formats)},
            **{name: np.dtype(kind) for kind, name in TYPES.items()}, "BYTES": BYTES_HEADER,
        }  # fmt: skip
        self.rows = np.array(self.program_rows, np.int64)
        scope["rows"] = self.rows.ctypes.data
        exec(compile(self.source, f"<call of {self.name}>", "exec"), scope)
        self.function, self.table = scope["call"], scope["table"]

    def __call__(self, *arguments):
        return self.function(*arguments)

    def epilogue(self, argument):
        """The kernel as a product's epilogue.  argument: the position of the product, which the result overwrites; None: the product is kept."""
        if argument is None:
            return self.kernels[0]
        if argument not in self.epilogues:
            self.epilogues[argument] = Kernel(Writer(self.plan, self.plan.nests[0], 0, {("arg", argument): ("out", 0)}))
        return self.epilogues[argument]

    def written(self, arguments):
        """The source of `call`, and of `table`, which only makes the kernels' tables for given arguments and results: for recording."""
        program, names = self.program, names_of(self.program.parameters, WORDS, PATTERN)
        place, fixed, meet = {}, [], self.meetings(names, arguments)
        shapes = ", ".join(f"{names[i]}.shape" if i in program.arrays else "None" for i in range(len(names)))
        first = [f"s = ({shapes},)"]
        if test := program.condition(names, self.static):
            first.append(f"if not ({test}): return NotImplemented")
        for i in program.written:
            first.append(f"if not {names[i]}.flags.writeable: raise not_writable({self.name!r})")
        for i in program.arrays:
            place["arg", i] = names[i]
            if arguments[i].ndim and not arguments[i].flags.c_contiguous:
                first.append(f"{names[i]}_ = {names[i]} if {self.in_rows(names[i], arguments[i].ndim)} else contiguous({names[i]})")
                place["arg", i] = f"{names[i]}_"
                if i in program.written:
                    fixed.append(f"if {names[i]}_ is not {names[i]}: {names[i]}[...] = {names[i]}_")
        made = []
        for k, (shape, dtype) in enumerate(program.outputs):
            place["out", k] = f"out{k}"
            made.append(f"out{k} = empty({self.shape_text(shape)}, {type_name(dtype)})")
        packs, workspace = self.packs(arguments, names, place)
        run = [
            "shared = pool()",
            f"run(rows, {len(self.program_rows)}, id(places) + BYTES, shared.state, shared.program, shared.claims, n_threads())",
        ]
        apart, laid = ([f"if {meet}: return {what}"] if meet else [] for what in (f"definition({', '.join(names)})", "NotImplemented"))
        call = [*first, *apart, *made, *packs, *run, *fixed, f"return {self.returned(program.returns, place, names)}"]
        outs = [f"out{k}" for k in range(len(program.outputs))]
        copies = [f"{x}_ is not {x}" for x in names if f"{x}_ = {x} if" in "".join(first)]
        table = [*first, *laid, *packs, f"return places, ({' '.join(x + ',' for x in workspace)}), {' or '.join(copies) or 'False'}"]
        text = lambda name, parameters, lines: f"def {name}({', '.join(parameters)}):\n" + "".join(f"    {line}\n" for line in lines)
        return text("call", names, call) + "\n" + text("table", names + outs, table)

    def meetings(self, names, arguments):
        """The code of the test whether a changed array shares memory with another, or with itself: then NumPy's order of work matters."""
        written = self.program.written
        pairs = [(i, k) for i in written for k in self.program.arrays if k > i or k not in written]
        tests = [f"share({names[i]}, {names[k]})" for i, k in pairs]
        tests += [f"folded({names[i]})" for i in written if not arguments[i].flags.c_contiguous]
        return " or ".join(tests)

    def in_rows(self, name, ndim):
        """The code of the test whether an array's rows are contiguous."""
        return f"{name}.strides[-1] == {name}.itemsize or {name}.shape[-1] {'<= 1' if ndim == 1 else '== 1'}"

    def packs(self, arguments, names, place):
        """Lines that make `places`, the tables of all kernels; and the names of the arrays that only the kernels use."""
        lines, packs, workspace, size = [], [], [], 0
        self.formats, self.program_rows, self.number_slots = [], [], []
        if self.plan.totals:
            lines.append(f"totals = empty({len(self.plan.totals)}, f64)")
            place["totals",] = "totals"
            workspace.append("totals")
        for number, kernel in enumerate(self.kernels):
            nest, layout = kernel.nest, kernel.layout
            rows, columns = (d.text if isinstance(d, Dim) else "1" for d in (nest.rows, nest.columns))
            lines.append(f"rows{number}, columns{number} = {rows}, {columns}")
            for k in range(len(nest.totals)):
                pieces = f"{nest.kind}{number} + 1" if nest.kind != "cells" else f"rows{number} * (1 + columns{number} // {driver.BLOCK}) + 1"
                place["partials", k] = f"partials{number}_{k}"
                lines.append(f"{place['partials', k]} = empty({pieces}, f64)")
                workspace.append(place["partials", k])
            values = [f"rows{number}", f"columns{number}", str(len(layout.pointers)), *(f"id({place[what]})" for what in layout.pointers)]
            values += [f"{place[what]}.strides[0]" if self.ndim(what, arguments) > 1 else "0" for what in layout.strides]
            form = "=" + "q" * len(values)
            for what, of, kind in layout.numbers:
                if what == "number":
                    self.number_slots.append((of, size // 8 + len(values)))
                values.append(names[of] if what == "number" else of)
                form += "d" if kind is float else "q"
            kind = driver.FREE if nest.kind == "cells" and not nest.totals else driver.KINDS[nest.kind]
            self.add_row(form, values, kind, kernel.address, kernel.price, packs, size)
            size += 8 * len(values)
            for k, x in enumerate(nest.totals):
                left = "columns" if nest.kind == "columns" else "rows"  # each column, or row, leaves a partial result
                values = [f"{left}{number}", f"columns{number}", "2", f"id({place['partials', k]})", "id(totals)"]
                values.append(str(next(i for i, y in enumerate(self.plan.totals) if y is x)))
                values.append(str(sums.OF_CELLS if nest.kind == "cells" else sums.OF_ROWS))
                self.add_row("=" + "q" * len(values), values, driver.SINGLE, sums.joined(x.op).address, 0, packs, size)
                size += 8 * len(values)
        if len(packs) > driver.EAGER:
            raise Untraceable(f"{self.name} cannot be compiled because it takes more than {driver.EAGER} loops")
        return [*lines, f"places = {' + '.join(packs)}"], workspace

    def add_row(self, form, values, kind, address, price, packs, size):
        self.formats.append(form)
        packs.append(f"pack{len(packs)}({', '.join(values)})")
        row = [0] * driver.ROW
        row[driver.KIND], row[driver.CODE], row[driver.TABLE], row[driver.PRICE] = kind, address, size, price
        self.program_rows.append(row)

    def ndim(self, what, arguments):
        return arguments[what[1]].ndim if what[0] == "arg" else len(self.program.outputs[what[1]][0])

    def shape_text(self, shape):
        return "(" + "".join(f"{d.text if isinstance(d, Dim) else d}, " for d in shape) + ")"

    def returned(self, what, place, names):
        if what is None:
            return "None"
        if what and isinstance(what[0], tuple):
            return "(" + "".join(self.returned(x, place, names) + ", " for x in what) + ")"
        if what[0] == "const":
            return repr(what[1])
        return names[what[1]] if what[0] == "arg" else place[what]


def number_type(x):
    """The type of a number, the plain one for terms of a recorded step (host_state.py)."""
    return int if isinstance(x, IntTerm) else float if isinstance(x, FloatTerm) else type(x)
