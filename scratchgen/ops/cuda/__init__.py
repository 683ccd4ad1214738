"""The compiled twins for NVIDIA GPUs, in numba.cuda. `backend()` is the whole interface.

driver.py  memory.py  array.py       the device, its memory, and arrays that live there
launch.py  kernels.py                how a kernel is launched, and how a formula for one element becomes one
elementary.py  elementwise.py        exp, log … of one number; operations from the formulas in ops/formulas.py
sums.py                              sums in a fixed order
activations.py  softmax.py  batch_norm.py  layer_norm.py  maxout.py  losses.py  optimizers.py  random.py  arrays.py    the operations
matmul.py  tile.py  vectors.py       the matrix products; ladder.py tells how they became fast
moving.py  graph.py                  a training step, launched as a whole
"""

from types import SimpleNamespace

from scratchgen.ops.cuda import activations, arrays, batch_norm, driver, layer_norm, losses, matmul, maxout, optimizers, random, softmax, sums
from scratchgen.ops.cuda.array import array, empty, to_host
from scratchgen.ops.cuda.graph import Replayed


def twins():
    """Every compiled operation, by the name of its definition. Same arguments, on the device; float32 and float64 (else TypeError)."""
    modules = (arrays, sums, matmul, activations, softmax, batch_norm, layer_norm, maxout, losses, optimizers, random)
    return {name: twin for module in modules for name, twin in module.TWINS.items()}


def backend():
    """The backend as dispatch.py keeps it. Raises RuntimeError, in one sentence, if it cannot run here."""
    why = driver.missing()
    if why:
        raise RuntimeError(why)
    return SimpleNamespace(name="cuda", twins=twins(), array=array, to_host=to_host, empty=empty, replayed=Replayed, reading_waits=True)
