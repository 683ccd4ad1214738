"""The compiled twins for multicore CPUs. `twins()` is the whole interface: {operation name: function}.

elementary.py       exp, tanh, log … in arithmetic that vectorises
elementwise.py      a formula for one element becomes a kernel
activations.py  losses.py  optimizers.py  normalisation.py  random.py  arrays.py       the formulas
matmul.py           the matrix products, on the register tile of tile.py
threads.py  compile.py  target.py       when to use threads, how to compile, for which instructions
"""

from scratchgen.ops.numba import activations, arrays, losses, matmul, normalisation, optimizers, random


def twins():
    """Every compiled operation, by the name of its definition. Same arguments, same results; float32 and float64 (else TypeError)."""
    return arrays.TWINS | matmul.TWINS | activations.TWINS | losses.TWINS | optimizers.TWINS | normalisation.TWINS | random.TWINS
