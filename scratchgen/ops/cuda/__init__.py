"""The backend for NVIDIA GPUs, in numba.cuda. `backend()` is the whole interface.

calls.py  kernels.py  writer.py      an operation is traced, its kernels are written, compiled and launched
functions.py  elementary.py  sums.py what their source calls: exp, log … of one number, sums in a fixed order
driver.py  memory.py  array.py       the device, its memory, and arrays that live there
launch.py                            how a kernel is launched
matmul.py  tile.py  vectors.py       the matrix products; ladder.py tells how they became fast
random.py  arrays.py                 random bits; rows by their numbers
program.py  moving.py  graph.py      a training step, launched as a whole

By hand, because no elementwise expression describes them: the matrix products, random bits, and rows by their numbers.
"""

from types import SimpleNamespace

from scratchgen.ops.cuda import arrays, driver, matmul, random
from scratchgen.ops.cuda.array import array, empty, to_host
from scratchgen.ops.cuda.calls import Operation
from scratchgen.ops.cuda.program import Program

__all__ = ["backend"]


def backend():
    """The backend as dispatch.py keeps it. Raises RuntimeError, in one sentence, if it cannot run here."""
    why = driver.missing()
    if why:
        raise RuntimeError(why)
    by_hand = {**matmul.BY_HAND, **random.BY_HAND, **arrays.BY_HAND}
    return SimpleNamespace(
        name="cuda", by_hand=by_hand, compile=Operation, array=array, to_host=to_host, empty=empty, assemble=Program, is_async=True
    )
