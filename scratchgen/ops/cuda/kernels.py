"""Loops around a formula: the mathematics of one element is a scalar function, and here it becomes a kernel.

A thread takes elements i, i + (number of all threads), …, so that neighbouring threads read neighbouring numbers and one launch serves any size.
Each formula gets two loops: over contiguous arrays, all seen as one row; and over matrices with any strides, such as the left half of another.
"""

from scratchgen.ops.cuda import driver
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.launch import THREADS, blocks_for, launch

FLAT = """
def {name}({arguments}):
    for i in range(cuda.grid(1), {first}.size, cuda.gridsize(1)):
        {assignment}
"""

STRIDED = """
def {name}({arguments}):
    n = {first}.shape[1]
    for k in range(cuda.grid(1), {first}.shape[0] * n, cuda.gridsize(1)):
        i, j = k // n, k % n
        {assignment}
"""


def device(function):
    """A function that kernels call, and that becomes a part of them. In the simulator it stays as it is: Python does the same."""
    return function if driver.SIMULATED else cuda.jit(device=True, forceinline=True)(function)


def kernel(source, name, **names):
    """The kernel with this source; `names` are what it may use besides `cuda`."""
    scope = {"cuda": cuda, **names}
    exec(compile(source, f"<kernel {name}>", "exec"), scope)
    return cuda.jit(scope[name])


def listed(letter, n, after=""):
    """ "a0, a1, " for ("a", 2): names of arrays or numbers, each followed by `after`."""
    return "".join(f"{letter}{k}{after}, " for k in range(n))


class Loop:
    """out₀, out₁, … = formula(a₀, a₁, …, numbers…), element by element.

    n_out, n_in, n_numbers: how many of each.   changed: the first so many of the arrays read are themselves the arrays written.
    A formula that changes its arguments returns a tuple, another with one result that result as it is.
    """

    def __init__(self, formula, n_out, n_in, n_numbers=0, changed=0):
        self.flat, self.strided = (
            self.compiled(source, formula, n_out, n_in, n_numbers, changed, at) for source, at in ((FLAT, "[i]"), (STRIDED, "[i, j]"))
        )

    def compiled(self, source, formula, n_out, n_in, n_numbers, changed, at):
        name, out = formula.__name__, "a" if changed else "out"
        written = listed(out, n_out, at).rstrip() if changed else listed(out, n_out, at).removesuffix(", ")
        read = listed("a", n_in, at) + listed("x", n_numbers)
        arguments = ("" if changed else listed("out", n_out)) + listed("a", n_in) + listed("x", n_numbers)
        return kernel(source.format(name=name, arguments=arguments, first=f"{out}0", assignment=f"{written} = f({read})"), name, f=device(formula))

    def __call__(self, arrays, numbers=()):
        """Run over these arrays, of equal shape: first those written, then those only read; the numbers in the arrays' type."""
        first = arrays[0]
        if not first.size:
            return
        if all(a.contiguous for a in arrays):
            launch(self.flat, blocks_for(first.size), THREADS, *[a.flat() for a in arrays], *numbers)
        else:
            launch(self.strided, blocks_for(first.size), THREADS, *[matrix(a).view() for a in arrays], *numbers)


def matrix(x):
    """x as a matrix: itself, or a vector as a column."""
    if x.ndim > 2:
        raise ValueError(f"of arrays with more than 2 axes only contiguous ones can be computed with; given shape {x.shape}, strides {x.strides}")
    return x if x.ndim == 2 else x.column()
