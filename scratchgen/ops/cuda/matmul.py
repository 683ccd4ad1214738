"""The matrix products by name: what goes in and comes out, and how large the tiles are. The kernel is in tile.py.

A transposed operand is only another way to step through the same memory, so all products are one:  c = f(a b + bias, y)
or  c += a b.
"""

import functools
import math

from scratchgen.ops.checks import PRODUCTS, multipliable, not_multipliable
from scratchgen.ops.cuda import driver, tile
from scratchgen.ops.cuda.array import DeviceArray, check_device, convert, empty
from scratchgen.ops.cuda.kernels import unchanged
from scratchgen.ops.cuda.launch import launch
from scratchgen.ops.cuda.sums import tickets
from scratchgen.ops.cuda.vectors import BYTES

# The plan: which tile, and into how many parts k is cut. It depends on the shape alone, so that a result's bits do not depend on the card.

PROCESSORS = 132  # of an H100; a block of threads runs on one of them
MULTIPLY_ADDS = 128  # that one starts in a cycle
# tile: (fraction of the peak that it reaches on a full processor, cycles for a slice of k when a block has a processor to itself)
# These are estimates, from the compiled loops and known latencies; they should be measured on a card.
PACE = {tile.LARGE: (0.80, 1100), tile.MEDIUM: (0.70, 1500), tile.SMALL: (0.50, 1100)}
START, JOIN = 1500, 2500  # cycles before a block's first product and after its last; cycles for the tickets where k is cut
TRAFFIC = 48  # bytes that a processor exchanges with the second-level cache in a cycle


@functools.cache
def plan(m, n, k, dtype):
    """(tile, splits, length of a part of k) for a product of this shape."""
    if driver.SIMULATED:
        return tile.TINY, *cut(k, 2 if k > 3 * tile.TINY.depth else 1, tile.TINY.depth)
    return cheapest(m, n, k, dtype)


def cheapest(m, n, k, dtype):
    """The plan that takes the fewest cycles by the estimates above."""
    options = []
    for t, (share, alone) in PACE.items():
        rows, columns = t.shape(dtype)
        tiles = -(-m // rows) * -(-n // columns)
        for wanted in range(1, 65 if tiles < PROCESSORS * t.blocks else 2):  # cut k only where the tiles do not fill the card
            splits, part = cut(k, wanted, t.depth)
            if splits == wanted:
                blocks = -(-tiles * splits // PROCESSORS)  # on the busiest processor
                busy = blocks * part * rows * columns / (MULTIPLY_ADDS * share)
                waiting = -(-blocks // t.blocks) * (part // t.depth * alone + START)
                parts = (splits > 1) * (JOIN + (blocks + splits) * rows * columns * dtype.itemsize / TRAFFIC)  # the last block reads them all
                options.append((max(busy, waiting) + parts, t, splits, part))
    return min(options, key=lambda option: option[0])[1:]


def cut(k, wanted, depth):
    """(number of parts, length of each) for about `wanted` parts of k, each of whole slices."""
    slices = max(1, -(-k // depth))
    part = -(-slices // wanted)
    return -(-slices // part), part * depth


def multiply(name, a, b, out=None, *, bias=None, epilogue=None, y=None, number=0):
    """f(a b + bias, y, number) as a new array, f being that of an Epilogue (kernels.py); or out += a b.

    `name` says which of a and b is transposed. y has the shape of the product.
    """
    m, k, n = sizes(name, a, b)
    a, b = forwards(a), forwards(b)
    c = empty((m, n), a.dtype) if out is None else out
    for what, x, shape in (("b", bias, (n,)), ("what is added to", out, (m, n)), ("y", y, (m, n))):
        check_fits(f"{name}: {what}", x, shape, a.dtype)
    if not c.size:
        return c
    if min(c.strides) < 0:  # negative strides, which `forwards` has removed from a and b
        c = c.copy()
    numbers_apart = [[step // a.dtype.itemsize for step in x.strides] for x in (a, b, c)]
    (a_row, a_column), (b_row, b_column), (c_row, c_column) = numbers_apart
    a_turned, b_turned = PRODUCTS[name].transposed
    if a_turned:
        a_row, a_column = a_column, a_row
    if b_turned:
        b_row, b_column = b_column, b_row
    a_along_k, b_along_k = a_column == 1, b_row == 1 and b_column != 1
    wide = (
        (in_vectors(a, a_row, a_column, k) if a_along_k else in_vectors(a, a_column, a_row, m))
        and (in_vectors(b, b_column, b_row, k) if b_along_k else in_vectors(b, b_row, b_column, n))
        and in_vectors(c, c_row, c_column, n)
    )
    chosen, splits, part = plan(m, n, k, a.dtype)
    rows, columns = chosen.shape(a.dtype)
    blocks = -(-n // columns) * -(-m // rows), splits
    partials = empty(math.prod(blocks) * rows * columns, a.dtype).flat() if splits > 1 else None
    operands = [numbers(x if k else c) for x in (a, b)]  # if k is 0, nothing is read, but an empty array cannot be passed
    launch(
        tile.kernel(chosen, a.dtype, a_along_k, b_along_k, wide, (epilogue or unchanged()).function, out is not None), blocks, chosen.threads,
        *operands, numbers(c), row(bias), row(y), float(number),
        m, n, k, part, a_row, a_column, b_row, b_column, c_row, c_column, partials, tickets().flat() if splits > 1 else None,
    )  # fmt: skip
    if out is not None and c is not out:
        convert(out, c)
    return c


def row(x):
    """All numbers of x in one row, or None."""
    return None if x is None else x.reshape(-1).flat()


def in_vectors(x, line, step, length):
    """Whether x can be moved 16 bytes at a time: its lines, of `length` numbers `step` apart, begin `line` numbers apart."""
    lanes = BYTES // x.dtype.itemsize
    return step == 1 and line % lanes == length % lanes == x.address % BYTES == 0


def numbers(x):
    """x as the kernel takes it: one row from x's first number on; the kernel is told the strides."""
    if x.contiguous:
        return x.flat()
    return driver.view(x.block, x.address, (span(x),), (x.dtype.itemsize,), x.dtype)


def span(x):
    """How many numbers lie in memory from x's first to its last, including any between them that are not x's."""
    return 1 + sum((n - 1) * abs(step) for n, step in zip(x.shape, x.strides, strict=True)) // x.dtype.itemsize


def forwards(x):
    """x, or a copy of it if it has negative strides."""
    return x.copy() if min(x.strides) < 0 else x


def matmul(a, b):
    """a b:  (m, k), (k, n) -> (m, n), both float32 or both float64, any strides."""
    return multiply("matmul", a, b)


def matmul_nt(a, b):
    """a bᵀ:  (m, k), (n, k) -> (m, n)."""
    return multiply("matmul_nt", a, b)


def matmul_tn(a, b):
    """aᵀ b:  (k, m), (k, n) -> (m, n)."""
    return multiply("matmul_tn", a, b)


def add_matmul_tn(out, a, b):
    """out += aᵀ b:  out (m, n), a (k, m), b (k, n). out shares no memory with a or b."""
    multiply("add_matmul_tn", a, b, out)


def linear(x, W, b):
    """x W + b:  (batch, n_in), (n_in, n_out), (n_out,) or None -> (batch, n_out)."""
    return multiply("linear", x, W, bias=b)


def sizes(name, a, b):
    """(m, k, n) of that product. Raises ValueError or TypeError unless a and b can be multiplied so."""
    check_device(name, (a, b))
    a, b = (x.T if turned else x for x, turned in zip((a, b), PRODUCTS[name].transposed, strict=True))
    if not multipliable(a, b):
        raise not_multipliable(name, a, b)
    m, k, n = *a.shape, b.shape[1]
    longest = max(span(a), span(b), m * n)
    if longest >= 2**31:
        raise ValueError(f"{name}: the kernel counts numbers in 32 bits, and a matrix that spans {longest:,} of them has too many")
    return m, k, n


def check_fits(name, x, shape, dtype):
    """ValueError unless x is None or a device array of this shape and type."""
    if x is not None and (not isinstance(x, DeviceArray) or x.shape != shape or x.dtype != dtype):
        given = f"{x.shape} {x.dtype}" if isinstance(x, DeviceArray) else f"a {type(x).__name__}"
        raise ValueError(f"{name} is {given}; {shape} {dtype} on the device is needed")


BY_HAND = {
    "matmul": matmul,
    "matmul_nt": matmul_nt,
    "matmul_tn": matmul_tn,
    "add_matmul_tn": add_matmul_tn,
    "linear": linear,
}
