"""Compile kernels for a real GPU without one: operations run as they are, but each launch only compiles its kernel for the types of its arguments.

    python ptx.py CC [operation …]      CC such as 90; a line of JSON for each kernel that was compiled, or for what could not be

It needs numba-cuda with its compiler, not a driver; and a process of its own, because the simulator can be neither switched on nor off later.
With NVIDIA's linker, a part of numba-cuda[cu13], machine code is made as well, and its registers are reported.
"""

import contextlib
import functools
import itertools
import json
import re
import sys
from types import SimpleNamespace

import numpy as np
from numba import cuda
from numba.core import types
from numba.cuda import dispatcher
from numba.np.numpy_support import from_dtype

from scratchgen.bench import card_probes
from scratchgen.gradcheck.examples import Draw, examples, operations
from scratchgen.ops import use_backend
from scratchgen.ops.cuda import driver, ladder, matmul, program
from scratchgen.ops.cuda.array import array, empty
from scratchgen.ops.cuda.kernels import epilogue
from scratchgen.ops.cuda.launch import launch
from scratchgen.ops.tracing import trace

CC = tuple(map(int, sys.argv[1]))
dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=CC)  # device functions ask for it
# (m, k, n) that call for large, middling and small tiles, whole and cut in k, moved by vectors and number by number
PRODUCTS = [
    (4096, 4096, 4096),
    (1024, 1024, 1024),
    (8192, 512, 784),
    (512, 512, 512),
    (784, 100, 500),
    (100, 784, 500),
    (101, 785, 501),
    (8191, 785, 513),
]


class View:
    """What driver.view gives: no memory, only a type."""

    def __init__(self, owner, address, shape, strides, dtype):
        wanted = [dtype.itemsize * int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]
        layout = "C" if all(n == 1 or a == b for n, a, b in zip(shape, strides, wanted, strict=True)) and 0 not in strides else "A"
        if layout == "A" and len(shape) == 2 and strides[0] == dtype.itemsize and strides[1] == dtype.itemsize * shape[0]:
            layout = "F"
        self.shape, self.type = shape, types.Array(from_dtype(dtype), len(shape), layout)


def number_type(x):
    if x is None:
        return types.none
    return {float: types.float64, int: types.int64, bool: types.boolean}[type(x)] if type(x) in (float, int, bool) else from_dtype(x.dtype)


def head_of(ptx):
    """What stands before the kernel's instructions: its name and parameters."""
    return ptx[ptx.index(".entry") :].partition("{")[0]


def n_parameters(kernel, x, kind):
    """How many parameters Numba makes of an argument that is no array, when it launches the kernel."""
    parameters = []
    owner = SimpleNamespace(extensions=kernel.targetoptions.get("extensions") or [])
    dispatcher._Kernel._prepare_args(owner, kind, x, 0, [], parameters)
    return len(parameters)


class Compiler:
    """Stands in for the driver; `ptx` {(kernel, types): PTX}."""

    def __init__(self):
        self.ptx, self.launches = {}, 0
        self.addresses = itertools.count(4096, 4096)

    def configured(self, kernel, blocks, threads):
        assert np.prod(threads) <= 1024 and np.min(blocks) >= 1
        assert len(blocks) <= 3 if isinstance(blocks, tuple) else blocks < 2**31

        def compile(*arguments):
            self.launches += 1
            signature = tuple(a.type if isinstance(a, View) else number_type(a) for a in arguments)
            if (kernel, signature) not in self.ptx:
                bounds = kernel.targetoptions.get("launch_bounds")
                self.ptx[kernel, signature] = ptx = cuda.compile_ptx(kernel.py_func, signature, cc=CC, launch_bounds=bounds)[0]
                given = sum(
                    5 + 2 * len(a.shape) if isinstance(a, View) else n_parameters(kernel, a, t) for a, t in zip(arguments, signature, strict=True)
                )
                assert len(re.findall(r"^\s*\.param", head_of(ptx), re.M)) == given, "the kernel takes another number of parameters"

        return compile


@contextlib.contextmanager
def compiling():
    """Within this context the backend is in force, and launches compile -> the Compiler."""
    compiler = Compiler()
    driver.missing, driver.configured, driver.view = lambda: None, compiler.configured, View
    driver.allocate = lambda n_bytes: (None, next(compiler.addresses))
    driver.upload, driver.stream = lambda target, x: None, lambda: None
    driver.download = lambda source: np.zeros(source.shape, np.float32)
    with use_backend("cuda"):
        yield compiler


def machine_code(ptx):
    """{"registers", "spilled" bytes} of the machine code for that PTX; empty where NVIDIA's linker is not installed."""
    try:
        from cuda.bindings import nvjitlink
    except ImportError:
        return {}
    options = [f"-arch=sm_{CC[0]}{CC[1]}", "-verbose"]
    handle = nvjitlink.create(len(options), options)
    nvjitlink.add_data(handle, nvjitlink.InputType.PTX, ptx.encode(), len(ptx.encode()), "kernel")
    nvjitlink.complete(handle)
    log = bytearray(nvjitlink.get_info_log_size(handle))
    nvjitlink.get_info_log(handle, log)
    registers, spilled = (re.search(pattern, log.decode(errors="replace")) for pattern in (r"Used (\d+) registers", r"(\d+) bytes spill stores"))
    return {"registers": int(registers[1]), "spilled": int(spilled[1])}


def loops(lines):
    """The lines that run again and again: from a label to the last branch back to it."""
    labels = {line.strip().removesuffix(":"): k for k, line in enumerate(lines) if line.strip().endswith(":")}
    for k, line in enumerate(lines):
        target = re.search(r"\bbra(?:\.uni)?\s+(\S+);", line)
        if target and labels.get(target[1], k) < k:
            yield from lines[labels[target[1]] : k]


def describe(kernel, ptx):
    """What the tests ask about a kernel.  float64: whether its loops calculate in float64."""
    body = ptx[ptx.index("{") :]
    about = {
        "kernel": kernel.py_func.__name__,
        "float64": any(re.search(r"\b(add|sub|mul|div|fma|sqrt|rcp|max|min)\.(\w+\.)*f64\b", line) for line in loops(body.splitlines())),
        "local": ".local" in body,
        "vectors": body.count(".v4.f32") + body.count(".v2.f64"),
    }
    return about | machine_code(ptx)


def calls(table, names):
    """(operation, type, layout or shape, function, arguments) of calls to operations; of the products also large ones."""
    for name, dtype in itertools.product(names, (np.float32, np.float64)):
        for layout in ("contiguous", "strided"):
            for arguments in examples(table[name], Draw(np.dtype(dtype), 4, 6, layout)):
                yield name, dtype, layout, table[name], [array(x) if isinstance(x, np.ndarray) else x for x in arguments]
    for number, (m, k, n) in enumerate(PRODUCTS):
        shapes = {"matmul": [(m, k), (k, n)], "matmul_nt": [(m, k), (n, k)], "add_matmul_tn": [(m, n), (k, m), (k, n)]}
        for (name, operands), dtype in itertools.product(shapes.items(), (np.float32, np.float64)):
            if name in names and (name.startswith("add") or dtype == np.float32 and number % 5 == 0):
                yield name, dtype, f"{m}×{k}×{n}", table[name], [empty(shape, dtype) for shape in operands]


ACTIVATIONS = {"relu": (), "leaky_relu": (0.2,), "elu": (0.7,), "tanh": (), "sigmoid": (), "softplus": ()}


def fused(table):
    """Products with an operation on each element; likewise."""
    for dtype, (name, numbers) in itertools.product((np.float32, np.float64), ACTIVATIONS.items()):
        for what, arrays in ((name, 1), (f"{name}_backward", 2)):
            c = empty((4, 6), dtype)
            f = epilogue(trace(table[what].__wrapped__, [*[c] * arrays, *numbers], [f"x{k}" for k in range(arrays + len(numbers))]), 0)
            more = {"y": c, "number": 0.2} if arrays == 2 else {"number": 0.2}
            for m, k, n in [(4, 7, 6)] + [PRODUCTS[6]] * (name == "softplus"):
                a, b, c = empty((m, k), dtype), empty((k, n), dtype), empty((m, n), dtype)
                more |= {"y": c} if arrays == 2 else {"bias": empty(n, dtype)}
                yield f"matmul, {what}", dtype, f"{m}×{k}×{n}", functools.partial(matmul.multiply, "matmul", epilogue=f, **more), [a, b]


def others():
    """Kernels that no operation launches; likewise."""
    a, b = empty((6, 7)), empty((7, 5))
    for step in ladder.STEPS[:-1]:
        yield step.__name__, np.float32, "", step, [a, b]
    table = empty(3, np.uint64).flat()
    yield "grow", np.float32, "", launch, [program.grow, 1, 4, table, table]
    yield "triad", np.float32, "", launch, [card_probes.triad, 1, 4, a.flat(), np.float32(2), a.flat(), a.flat()]
    for number in (np.float32, np.float64):
        arguments = [card_probes.multiply_adds(number), 1, 4, number(2), empty(4, number).flat(), 3]
        yield f"probe_{number.__name__}", number, "", launch, arguments


def main(names):
    table = operations()
    with compiling() as compiler:
        work = calls(table, names) if names else itertools.chain(calls(table, table), fused(table), others())
        for name, dtype, what, function, arguments in work:
            found, before, launches = {"operation": name, "dtype": np.dtype(dtype).name, "what": what}, len(compiler.ptx), compiler.launches
            try:
                function(*arguments)
                assert compiler.launches > launches, "no kernel was launched"
            except Exception as error:
                print(json.dumps(found | {"error": f"{type(error).__name__}: {error}"}), flush=True)
            for (kernel, _), ptx in list(compiler.ptx.items())[before:]:
                print(json.dumps(found | describe(kernel, ptx)), flush=True)


if __name__ == "__main__":
    main(sys.argv[2:])
