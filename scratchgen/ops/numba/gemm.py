"""Any matrix product, cut into register tiles and shared out to threads:  C = f(A B + bias),  C = f_backward(A B, y)  or  C += A B.

The tile (tile.py) multiplies ROWS rows of A by a *panel* of B, WIDTH columns wide. The rest is a matter of reading each number from the
nearest cache as often as possible before it is thrown out of it:

    for each band of rows of C                       A's band, one block deep, fits half of the second-level cache (1 MiB)
        for each block of k                          up to 512 deep: B's panel, one block deep, is at most 64 KiB; A's tiles are packed (pack.py)
            for each panel of B                      packed where several tiles will read it, on the way where that is possible
                for each tile of the band            C tile += A tile · B panel, the sums in registers; lines of the next panel come near
                                                     after the last block: the bias and f, or f_backward (epilogue.py), on numbers still in the cache
                where B is dy                        the panel's columns are summed: the gradient of a bias

Threads. The tiles are counted in this order and the count is divided evenly, so that every thread computes about as many multiply-adds as the
others, whatever the shape. Each copies for itself the panels that it needs: nobody waits for anybody until the end. A border between two
threads that runs down C costs both of them time, since in each row they write to the same cache line in turn (100 × 20 × 500: 15 µs, 10 with
borders along the rows); so each thread gets bands of its own unless all of B is too much for it to read. Which thread computes an element
changes nothing in how it is computed: k is cut by shape alone, and the sum over a block runs in order.

Where k is the longest by far (the weight gradients of a narrow network: xᵀ dy, k the batch), k is cut between the threads instead, so that each
reads only rows of x and dy that it computed itself before; what another core has in its cache takes ten times as long to get. Each part of k
makes a sum of its own, and the sums are added in order. Their number follows from the shape alone, as the blocks of k do (512 × 128 × 128, four
threads, x and dy just written by them: 48 µs instead of 57).

The bias and f cost one more pass over numbers that are in the cache; as operations of their own they would cost one or two through main memory.
The same is true of the sums of B's columns, which with A = xᵀ and B = dy are the gradient of a bias: they are left to the thread that computes the
first tile of a panel, and so has just read it.
"""

import functools
from typing import NamedTuple

import numpy as np
from numba import prange, types
from numba.np.ufunc.parallel import _iget_num_threads as get_num_threads

from scratchgen.ops.numba import threads
from scratchgen.ops.numba.compile import c_function, jit
from scratchgen.ops.numba.epilogue import epilogue_address
from scratchgen.ops.numba.memory import LINE, VECTOR_BYTES, call_address, numbers_at, prefetch_line, size_of
from scratchgen.ops.numba.pack import Matrix, pack_band, pack_panel, packed_strip, part, round_up
from scratchgen.ops.numba.threads import kernel
from scratchgen.ops.numba.tile import ROWS, VECTORS, tile

WIDTH_BYTES = VECTORS * VECTOR_BYTES  # a row of a panel
BAND_BYTES = 2**20  # most of a in a band, one block deep: half of the second-level cache
SHARED_ROW = 1200  # bytes of b that a thread reads in the time that two threads lose to a row of C that they share
OWN_BAND = 128  # rows that repay a thread the copying of all of b
BLOCK = 512  # most of k in a block
PART, MOST_PARTS = 64, 16  # least steps of k in a part, where k is cut between threads; parts are 2, 4, 8 or 16, as threads often are
PACK_B = 3  # tiles that must read a panel to repay its copying
PACK_A = 8  # panels that must meet a band to repay its copying, where a's columns are contiguous already


class Cut(NamedTuple):
    """How C is cut: bands of rows, each `tiles` tiles high and `panels` panels wide; `blocks` blocks of k."""

    bands: int
    tiles: int
    panels: int
    blocks: int
    panel_work: int  # work is counted in tiles one vector wide
    band_work: int


@jit(inline=True)
def ceil_div(a, b):
    return (a + b - 1) // b


@jit
def cut(m, n, k, size, parts):
    """How to cut C for `parts` threads. Only bands and heights depend on their number: no sum does."""
    vectors = ceil_div(n * size, VECTOR_BYTES)
    bands = ceil_div(m * min(k, BLOCK) * size, BAND_BYTES) if k > 0 else 1
    if k * n * size < SHARED_ROW * m or m >= OWN_BAND * parts:
        bands = min(ceil_div(bands, parts) * parts, m)
    height = ceil_div(m, bands)
    fewest = ceil_div(height, ROWS)
    tiles, least = fewest, np.int64(2**62)
    most = min(fewest + 4, height) if parts > 1 else fewest
    for candidate in range(fewest, most + 1):  # lower tiles where their number divides better
        busiest_thread = ceil_div(bands * candidate * vectors, parts * VECTORS) * (ceil_div(height, candidate) + 2)
        if busiest_thread < least:
            tiles, least = candidate, busiest_thread
    return Cut(bands, tiles, ceil_div(vectors, VECTORS), max(ceil_div(k, BLOCK), 1), tiles * VECTORS, tiles * vectors)


def share(
    zero, alpha, t, parts, m, n, k, a_address, a_row, a_column, b_address, b_row, b_column, c_address, c_row, accumulate, column_sums,
    epilogue, bias, y_address, y_row,
):  # fmt: skip
    """Compute the share of thread t of `parts`: the tiles whose work, counted through all bands, begins in its part of the total."""
    size = size_of(zero)
    a, b, c = Matrix(a_address, a_row, a_column), Matrix(b_address, b_row, b_column), Matrix(c_address, c_row, size)
    y = Matrix(y_address, y_row, size)
    bands, tiles, panels, blocks, panel_work, band_work = cut(m, n, k, size, parts)
    first, last = bands * band_work * t // parts, bands * band_work * (t + 1) // parts

    pack_a = a.row != size or last - first >= PACK_A * panel_work
    depth = ceil_div(k, blocks)
    memory = np.empty((1 + (ROWS + depth) * VECTORS) * VECTOR_BYTES + pack_a * tiles * depth * round_up(ROWS * size), np.uint8)
    corner = round_up(np.int64(memory.ctypes.data))
    b_buffer = corner + ROWS * WIDTH_BYTES
    a_buffer = b_buffer + depth * WIDTH_BYTES

    for band in range(first // band_work, ceil_div(last, band_work)):
        start, stop = max(first - band * band_work, 0), min(last - band * band_work, band_work)
        top, bottom = m * band // bands, m * (band + 1) // bands
        for block in range(blocks):
            k0, k1 = k * block // blocks, k * (block + 1) // blocks
            add, finishes = accumulate != 0 or block > 0, epilogue != 0 and block == blocks - 1
            if pack_a:
                pack_band(zero, part(a, top, k0), bottom - top, tiles, k1 - k0, a_buffer)
            for panel in range(start // panel_work, min(ceil_div(stop, panel_work), panels)):
                left = panel * WIDTH_BYTES // size
                columns = min(n - left, WIDTH_BYTES // size)
                vectors = ceil_div(columns * size, VECTOR_BYTES)
                tile0 = max(ceil_div(start - panel * panel_work, vectors), 0)
                tile1 = min(ceil_div(stop - panel * panel_work, vectors), tiles)
                b_panel, c_panel, next_panel = part(b, k0, left), part(c, top, left), part(b, k0, left + WIDTH_BYTES // size)
                packed = b.column != size or columns * size < vectors * VECTOR_BYTES
                if packed:
                    b_panel = pack_panel(zero, b_panel, k1 - k0, columns, vectors, b_buffer)
                for i in range(tile0, tile1):
                    row0, row1 = (bottom - top) * i // tiles, (bottom - top) * (i + 1) // tiles
                    a_tile = packed_strip(zero, a_buffer, i, k1 - k0) if pack_a else part(a, top + row0, k0)
                    copies = not packed and tile1 - i >= PACK_B
                    copy, later = b_buffer if copies else np.int64(0), ahead(zero, next_panel, k1 - k0, i - tile0, tile1 - tile0)
                    c_tile, y_tile = part(c_panel, row0, 0), part(y, top + row0, left)
                    if finishes and y_address != 0:
                        bring_near(y_tile, row1 - row0, columns * size)
                    multiply(zero, row1 - row0, columns, k1 - k0, a_tile, b_panel, c_tile, add, corner, copy, later)
                    if finishes:
                        added = bias + left * size if bias != 0 else np.int64(0)
                        call_address(epilogue, zero, alpha, (row1 - row0, columns, c_tile.address, c_row, added, y_tile.address, y_row))
                    if copies:
                        b_panel, packed = Matrix(b_buffer, vectors * VECTOR_BYTES, size), True
                if column_sums != 0 and band == 0 and tile0 == 0 and tile1 > 0:
                    add_panel(zero, column_sums + left * size, b_panel, k1 - k0, columns, corner)
    memory[0] = 0  # Numba frees an array after the last line that names it: this one, or the buffers would be gone while they are in use


@jit
def bring_near(matrix, rows, row_bytes):
    """Ask for the cache lines of so many bytes in so many rows."""
    for i in range(rows):
        address = matrix.address + i * matrix.row
        for byte in range(0, row_bytes, LINE):
            prefetch_line(address + byte)
        prefetch_line(address + row_bytes - 1)


@jit(inline=True)
def ahead(zero, panel, k, i, tiles):
    """The lines of the next panel that tile i of `tiles` should ask for, as rows: half of the panel's, since the tile asks at every other step of k;
    or, where its columns are contiguous, a piece of some columns."""
    if panel.column == size_of(zero):
        return part(panel, k // 2 * i // max(tiles - 1, 1), 0)
    return Matrix(part(panel, 0, WIDTH_BYTES // size_of(zero) * i // tiles).address, WIDTH_BYTES, panel.column)


@jit
def multiply(zero, rows, columns, k, a, b, c, add, corner, copy, ahead):
    """C tile = or += A tile · B panel. A tile that the right edge cuts through is computed whole in the corner, and copied as far as C goes."""
    vectors = ceil_div(columns * size_of(zero), VECTOR_BYTES)
    whole = columns * size_of(zero) == vectors * VECTOR_BYTES
    target = c if whole else Matrix(corner, WIDTH_BYTES, c.column)
    add_whole = np.int64(add and whole)
    tile(zero, rows, vectors, a.address, a.column, b.address, b.row, target.address, target.row, k, add_whole, copy, ahead.address, ahead.row)
    if not whole:
        for i in range(rows):
            computed, row = numbers_at(target.address + i * target.row, zero), numbers_at(c.address + i * c.row, zero)
            for j in range(columns):
                row[j] = row[j] + computed[j] if add else computed[j]


@jit
def add_panel(zero, sums, b, k, columns, corner):
    """sums += Σ over the rows of a panel of b: first among themselves, in the corner, because what is small is lost in a large sum."""
    sums, total = numbers_at(sums, zero), numbers_at(corner, zero)
    for j in range(columns):
        total[j] = zero
    for i in range(k):
        row = numbers_at(b.address + i * b.row, zero)
        for j in range(columns):
            total[j] += row[j]
    for j in range(columns):
        sums[j] += total[j]


@jit(cache=True, parallel=True)
def product(code, a, b, c, accumulate, column_sums, epilogue, alpha, bias, y, several):
    """The product as gemm describes it, shared out to threads. code, epilogue: the addresses of the compiled `share` and of an epilogue, or 0 for
    none; column_sums, bias and y are empty where there are none."""
    (m, n), k = c.shape, a.shape[1]
    if m == 0 or n == 0:
        return
    zero, alpha = c.dtype.type(0), c.dtype.type(alpha)
    a0, a_row, a_column = np.int64(a.ctypes.data), a.strides[0], a.strides[1]
    b0, b_row, b_column = np.int64(b.ctypes.data), b.strides[0], b.strides[1]
    c0, c_row = np.int64(c.ctypes.data), c.strides[0]
    bias0 = np.int64(bias.ctypes.data) if bias.size else np.int64(0)
    y0, y_row = np.int64(y.ctypes.data) if y.size else np.int64(0), y.strides[0]
    sums0 = np.int64(column_sums.ctypes.data) if column_sums.size else np.int64(0)
    places = a0, a_row, a_column, b0, b_row, b_column, c0, c_row
    what = accumulate, sums0, epilogue, bias0, y0, y_row
    if several:
        parts = np.int64(get_num_threads())
        for t in prange(parts):
            call_address(code, zero, alpha, (np.int64(t), parts, m, n, k, *places, *what))
    else:
        call_address(code, zero, alpha, (0, 1, m, n, k, *places, *what))


@kernel
def sum_of_parts(code, a, b, c, accumulate, column_sums, sums):
    """c = a b, or c += a b, and column_sums += Σ over the rows of b, with k cut into parts. sums (parts, m + 1, n): room for each part's product, and
    in the last row for its sums of columns."""
    parts, m, n = sums.shape[0], *c.shape
    k, zero = a.shape[1], c.dtype.type(0)
    a0, a_row, a_column = np.int64(a.ctypes.data), a.strides[0], a.strides[1]
    b0, b_row, b_column = np.int64(b.ctypes.data), b.strides[0], b.strides[1]
    sums0, part_bytes, row_bytes = np.int64(sums.ctypes.data), sums.strides[0], sums.strides[1]
    for p in prange(parts):
        k0, k1 = k * p // parts, k * (p + 1) // parts
        places = a0 + k0 * a_column, a_row, a_column, b0 + k0 * b_row, b_row, b_column, sums0 + p * part_bytes, row_bytes
        sums[p, m] = 0  # `share` adds to what is there; the product it overwrites
        last = sums0 + p * part_bytes + m * row_bytes if column_sums.size else np.int64(0)
        call_address(code, zero, zero, (0, 1, m, n, k1 - k0, *places, 0, last, 0, 0, 0, 0))
    for i in prange(m):
        join(c[i], sums, i, accumulate)
    if column_sums.size:
        join(column_sums, sums, m, True)


@jit
def join(row, sums, i, accumulate):
    """row = Σ row i of all sums, or row += that, in order of the parts."""
    for j in range(row.size):
        row[j] = sums[0, i, j] + (row[j] if accumulate else row.dtype.type(0))
    for p in range(1, sums.shape[0]):
        for j in range(row.size):
            row[j] += sums[p, i, j]


class Compiled(NamedTuple):
    """What a product of one type needs."""

    product: object  # for arrays of this type, past Numba's choice among overloads, which would cost 0.2 µs
    share: int  # the address of the compiled `share`
    no_vector: np.ndarray  # in place of one that is not there
    no_matrix: np.ndarray
    multiply_add_ns: float  # about how long one takes a core


@functools.cache
def compiled(dtype):
    """The products of float32 or float64, compiled once for all layouts of arrays."""
    threads.start()
    number = {"float32": types.float32, "float64": types.float64}[dtype.name]
    read = types.Array(number, 2, "A", readonly=True, aligned=False)
    written = types.Array(number, 2, "A", aligned=False)
    vector = types.Array(number, 1, "C", readonly=True, aligned=False)
    integer = types.int64
    kind = types.void(integer, read, read, written, integer, vector, integer, types.float64, vector, read, types.boolean)
    address = c_function(types.void(number, number, *[integer] * 19), share).address
    return Compiled(product.compile(kind), address, np.empty(0, dtype), np.empty((0, 0), dtype), 0.015 if dtype == np.float32 else 0.03)


def gemm(a, b, c, *, accumulate=False, column_sums=None, epilogue=None, alpha=0.0, bias=None, y=None):
    """c = a b, or c += a b where accumulate is true; column_sums += Σ over the rows of b; and then the epilogue of that name (epilogue.py).

    Nothing is checked here: a, b, c and y are matrices of one type whose shapes fit, c with at least one row if there are sums; the rows of c and y
    are contiguous, as are bias and column_sums.
    """
    product, share, no_vector, no_matrix, multiply_add_ns = compiled(c.dtype)
    if c.shape[1] == 1 and (epilogue is None or epilogue == "linear") and column_sums is None and c.strides[0] == c.itemsize:
        if epilogue is not None:
            c[...], epilogue, accumulate = bias, None, True
        a, b, c = b.T, a.T, c.T  # a column: as a row it fills the vectors
    (m, n), k = c.shape, a.shape[1]
    n_numbers = m * k + k * n + m * n
    work = multiply_add_ns * (m * max(n, 32) * k + 10 * n_numbers)  # a tile that C's edge cuts takes as long; getting a number is worth 10
    column_sums = no_vector if column_sums is None else column_sums
    if epilogue is None:
        parts = 1 << min(k // PART, MOST_PARTS).bit_length() >> 1
        by_rows = a.strides[0] == a.itemsize and b.strides[1] == b.itemsize  # xᵀ dy, x and dy contiguous
        if by_rows and parts > 1 and k >= max(m, n) and parts * m * n <= k * (m + n):
            sum_of_parts(work, share, a, b, c, accumulate, column_sums, np.empty((parts, m + 1, n), c.dtype))
            return
    address = 0 if epilogue is None else epilogue_address(epilogue, c.dtype)
    bias, y = no_vector if bias is None else bias, no_matrix if y is None else y
    several = threads.enter(work)
    try:
        product(share, a, b, c, accumulate, column_sums, address, alpha, bias, y, several)
    finally:
        if several:
            threads.leave()
