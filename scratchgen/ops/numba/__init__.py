"""The compiled twins for multicore CPUs. `twins()` is the whole interface: {operation name: function}.

elementary.py       exp, tanh, log … in arithmetic that vectorises
elementwise.py  sums.py                 a formula for one element (ops/formulas.py) becomes a kernel; sums in a fixed order
activations.py  softmax.py  batch_norm.py  layer_norm.py  maxout.py  losses.py  optimizers.py  random.py  arrays.py    the operations
matmul.py  gemm.py  pack.py  tile.py  memory.py    the matrix products: checked, cut, copied, multiplied; ladder.py tells how they became fast
threads.py  compile.py  target.py       when to use threads, how to compile, for which instructions
"""

from scratchgen.ops.numba import activations, arrays, batch_norm, layer_norm, losses, matmul, maxout, optimizers, random, softmax, sums
from scratchgen.ops.numba.memory import empty

__all__ = ["empty", "twins"]


def twins():
    """Every compiled operation, by the name of its definition. Same arguments, same results; float32 and float64 (else TypeError)."""
    modules = (arrays, sums, matmul, activations, softmax, batch_norm, layer_norm, maxout, losses, optimizers, random)
    return {name: twin for module in modules for name, twin in module.TWINS.items()}
