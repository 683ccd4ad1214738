"""A lesson: one definition followed from NumPy to the kernel.

    python -m scratchgen.ops.lesson tanh_backward

prints, for any operation of the library, the stages on the way:

    1  the definition           NumPy, as it stands in its file
    2  the expression           what NumPy would compute, line by line: the definition was called with symbols (tracing.py)
    3  the plan                 which loops compute it, and where a sum must be complete before the next can begin (plan.py)
    4  the kernel               the same lines inside those loops, as Python that Numba compiles (numba/kernels.py)
    5  the call                 from arrays to the kernel's table of addresses (numba/calls.py)

Take softmax next: its maximum and its sum make three passes of one. Then batch_norm, whose sums run down the columns; bce_with_logits, whose loss is
added up from the partial sums of all pieces; adam_step, which changes three arrays in place.
"""

import inspect
import sys

from scratchgen.ops.nodes import Dim
from scratchgen.ops.plan import plan
from scratchgen.ops.source import Scope, type_name
from scratchgen.ops.tracing import trace


def lesson(definition, arguments):
    """The five steps as one text.  arguments: arrays and numbers for which the definition is to be compiled.

    Raises Untraceable, whose message names the line, if it cannot be.
    """
    from scratchgen.ops.numba.calls import Call

    parameters = tuple(inspect.signature(definition).parameters)
    program = trace(definition, arguments, parameters)
    call = Call(program, arguments)
    kernels = "\n".join(kernel.source for kernel in call.kernels)
    steps = {
        "the definition": inspect.getsource(definition),
        "the expression": expression(program),
        "the plan": "\n".join(map(describe, plan(program).nests)),
        "the kernel": kernels,
        "the call": call.source[: call.source.index("def table(")],
    }
    return "\n".join(f"{k}  {title}\n\n" + indented(text) + "\n" for k, (title, text) in enumerate(steps.items(), 1))


def indented(text):
    return "\n".join("    " + line for line in text.strip().splitlines()) + "\n"


def expression(program):
    """The nodes of a program as lines, and what is stored."""

    def leaf(node):
        if node.op in ("input", "number"):
            return program.parameters[node.info[0]] + sliced(node)
        if node.op == "size":
            return node.info[0].replace("s[", "shape[")
        if node.op == "index":
            return f"index({node.dims[0].text})"
        return None

    scope = Scope(leaf)
    lines = []
    for store in program.stores:
        value = scope.code(store.node)
        kind, k = store.target
        place = program.parameters[k] if kind == "arg" else f"result {k}"
        offset = [x if isinstance(x, int) else scope.code(x) for x in store.offset]
        cut = (
            ""
            if all(x == 0 for x in offset) and set(store.step) <= {1}
            else f"[{', '.join(f'{a}::{b}' for a, b in zip(offset, store.step, strict=True))}]"
        )
        lines += [*scope.fresh(), f"{value}  ->  {place}{cut}  ({', '.join(length(n) for n in store.shape)}), {type_name(store.node.dtype)}"]
    return "\n".join(lines)


def sliced(node):
    if node.op != "input" or all(x == 0 for x in node.info[1]) and set(node.info[2]) <= {1}:
        return ""
    return "[" + ", ".join(f"{'…' if not isinstance(a, int) else a}::{b}" for a, b in zip(*node.info[1:], strict=True)) + "]"


def length(n):
    return n.root().text.replace("s[", "shape[") if isinstance(n, Dim) else str(n)


def describe(nest):
    """One nest in words."""
    lines = [f"{nest.kind}: {length(nest.rows)} × {length(nest.columns)}"]
    for number, each in enumerate(nest.passes, 1):
        parts = [f"{x.op} of {x.args[0].op}" for x in each.reductions] + [f"store {kind} {k}" for kind, k in (s.target for s in each.stores)]
        parts += [f"keep {x.op}" for x in each.kept]
        lines.append(f"    pass {number}: {', '.join(parts) or 'nothing'}")
    lines += [f"    then store {kind} {k}" for kind, k in (s.target for s in nest.vectors)]
    lines += [f"    every piece leaves a partial {x.op}" for x in nest.totals]
    return "\n".join(lines)


def main(names):
    """Print the lessons of these operations."""
    from scratchgen.gradcheck.examples import Draw, examples, operations  # for arguments only: nothing here depends on that floor
    from scratchgen.ops.dispatch import active, get_backend
    from scratchgen.terminal import tolerate_terminal

    tolerate_terminal()
    known = operations()
    for name in names or ["tanh_backward"]:
        if name not in known:
            raise SystemExit(f"there is no operation {name!r}; there are: {', '.join(sorted(known))}")
        if get_backend() == "numba" and name in active().by_hand:
            raise SystemExit(f"{name} is compiled by hand: scratchgen/ops/numba/__init__.py says why")
        print(lesson(known[name].__wrapped__, examples(known[name], Draw("float32", 100, 500))[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
