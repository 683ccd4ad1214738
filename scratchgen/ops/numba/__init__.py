"""The backend for multicore CPUs. `backend()` is the whole interface.

calls.py  kernels.py  functions.py  sums.py    an operation is traced, its kernels are written, compiled and called
elementary.py                                  exp, tanh, log … in arithmetic that vectorises
driver.py  workers.py  program.py              runs kernels on all threads: those of an operation, or of a recorded step
matmul.py  gemm.py  pack.py  tile.py           the matrix products: checked, cut, copied, multiplied; ladder.py tells how they became fast
random.py                                      random bits
compile.py  target.py  memory.py               how to compile, for which instructions; memory by address

By hand, because no elementwise expression describes them: the matrix products, random bits, and rows by their numbers (where NumPy is as fast).
"""

from types import SimpleNamespace

import numpy as np

from scratchgen.errors import environment_integer

environment_integer("NUMBA_NUM_THREADS")  # before Numba reads it: its own message fills a page
from scratchgen.ops.arrays import take_rows  # noqa: E402
from scratchgen.ops.checks import as_written  # noqa: E402
from scratchgen.ops.numba import matmul, random  # noqa: E402
from scratchgen.ops.numba.calls import Operation  # noqa: E402
from scratchgen.ops.numba.memory import empty  # noqa: E402
from scratchgen.ops.numba.program import Program  # noqa: E402

__all__ = ["backend"]


def backend():
    """The backend as dispatch.py keeps it."""
    by_hand = {**matmul.BY_HAND, **random.BY_HAND, "take_rows": as_written(take_rows.__wrapped__, ("x", "rows"))}
    return SimpleNamespace(
        name="numba", by_hand=by_hand, compile=Operation, array=host_array, to_host=host_array, empty=empty, assemble=Program, is_async=False
    )


def host_array(x, dtype=None):
    """`x` as a NumPy array, also if it lives on a device."""
    return np.asarray(x.to_host() if hasattr(x, "to_host") else x, dtype)
