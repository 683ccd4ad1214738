"""Compile kernels for a real GPU without one: operations run as they are, but each launch only compiles its kernel for the types of its arguments.

    python ptx.py [name …]      prints, for each operation and type, what was compiled; exit status 1 if something could not be

It needs numba-cuda with its compiler, not a driver; and a process of its own, because the simulator can be neither switched on nor off later.
"""

import contextlib
import itertools
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numba import cuda
from numba.core import types
from numba.cuda import dispatcher
from numba.np.numpy_support import from_dtype

from scratchgen.ops.cuda import driver, twins

CC = (9, 0)
dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=CC)  # device functions ask for it


class View:
    """What driver.view gives: no memory, only a type."""

    def __init__(self, owner, address, shape, strides, dtype):
        wanted = [dtype.itemsize * int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]
        layout = "C" if all(n == 1 or a == b for n, a, b in zip(shape, strides, wanted, strict=True)) and 0 not in strides else "A"
        if layout == "A" and len(shape) == 2 and strides[0] == dtype.itemsize and strides[1] == dtype.itemsize * shape[0]:
            layout = "F"
        self.shape, self.type = shape, types.Array(from_dtype(dtype), len(shape), layout)


def number_type(x):
    return {float: types.float64, int: types.int64, bool: types.boolean}[type(x)] if type(x) in (float, int, bool) else from_dtype(x.dtype)


class Compiler:
    """Stands in for the driver; `ptx` {(kernel's name, types): PTX}."""

    def __init__(self):
        self.ptx = {}
        self.addresses = itertools.count(4096, 4096)

    def configured(self, kernel, blocks, threads):
        assert np.prod(threads) <= 1024 and np.min(blocks) >= 1
        assert len(blocks) <= 3 if isinstance(blocks, tuple) else blocks < 2**31

        def compile(*arguments):
            signature = tuple(a.type if isinstance(a, View) else number_type(a) for a in arguments)
            if (kernel, signature) not in self.ptx:
                self.ptx[kernel, signature] = cuda.compile_ptx(kernel.py_func, signature, cc=CC)[0]

        return compile


@contextlib.contextmanager
def compiling():
    """Within this context launches compile -> the Compiler."""
    compiler = Compiler()
    driver.configured, driver.view = compiler.configured, View
    driver.allocate = lambda n_bytes: (None, next(compiler.addresses))
    driver.upload, driver.stream = lambda target, x: None, lambda: None
    driver.download = lambda source: np.zeros(source.shape, np.float32)
    yield compiler


def main(names):
    sys.path.insert(0, str(Path(__file__).parent))
    from test_twins import CASES, Draw

    from scratchgen.ops.cuda.array import array

    compiled, failed = twins(), 0
    with compiling() as compiler:
        for name, dtype in itertools.product(names or compiled, (np.float32, np.float64)):
            before = len(compiler.ptx)
            try:
                for layout in ("contiguous", "strided"):
                    for arguments in CASES[name](Draw(np.dtype(dtype), 4, 6, layout)):
                        compiled[name](*[array(a) if isinstance(a, np.ndarray) else a for a in arguments])
            except Exception as error:
                failed += 1
                print(f"FAILED {name} {dtype.__name__}: {type(error).__name__}: {error}")
            new = list(compiler.ptx.items())[before:]
            for (kernel, _), ptx in new:
                body = ptx[ptx.index("{") :]
                print(f"{name} {dtype.__name__} {kernel.py_func.__name__} {len(body.splitlines())} lines{', float64' if '.f64' in body else ''}")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
