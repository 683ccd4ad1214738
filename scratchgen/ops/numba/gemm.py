"""Matrix products, cut into register tiles and dealt out in chunks:  C = A B,  C = f(A B + bias, …)  or  C += A B.

The tile (tile.py) multiplies ROWS rows of A by a *panel* of B, WIDTH columns wide. Everything else serves to read each number from the nearest
cache as often as possible before it is evicted:

    for each band of rows of C                       A's band, one block deep, fits half of the second-level cache (1 MiB)
        for each block of k                          up to 512 deep: B's panel, one block deep, is at most 64 KiB; A's tiles are packed (pack.py)
            for each panel of B                      packed where several tiles read it, by the first tile where that is possible
                for each tile of the band            C tile += A tile · B panel, the sums in registers; lines of the next panel are prefetched
                                                     after the last block: the bias and f, an epilogue (ops/fusing.py), on numbers still in the cache
                where B is dy                        the panel's columns are summed: the gradient of a bias

Threads. The tiles are counted in this order and the count is divided evenly, so that every thread computes about as many multiply-adds as the
others, whatever the shape. Each copies the panels that it needs, so that no thread waits for another until the end. A border between two threads
that runs down C costs both of them time, since in each row they write to the same cache line in turn (100 × 20 × 500: 15 µs, 10 with borders
along the rows); so each thread gets bands of its own unless all of B is too much for it to read. The result does not depend on which thread
computes an element: k is cut by shape alone, and the sum over a block runs in order.

The bias and f cost one more pass over numbers that are in the cache; as separate operations they would cost one or two through main memory. The same
holds for the sums of B's columns, which with A = xᵀ and B = dy are the gradient of a bias: the thread that computes the first tile of a panel adds
them up, because it has just read the panel.
"""

import functools
import operator
import struct
from typing import NamedTuple

import numpy as np
from numba import types

from scratchgen.ops.numba import driver
from scratchgen.ops.numba.compile import c_function, jit
from scratchgen.ops.numba.driver import HEAD, zero64
from scratchgen.ops.numba.memory import VECTOR_BYTES, call_kernel, numbers_at, size_of
from scratchgen.ops.numba.pack import Matrix, pack_band, pack_panel, packed_strip, part, round_up
from scratchgen.ops.numba.tile import ROWS, VECTORS, call_tile, tile

WIDTH_BYTES = VECTORS * VECTOR_BYTES  # a row of a panel
BAND_BYTES = 2**20  # largest part of a in a band, one block deep: half of the second-level cache
SHARED_ROW = 1200  # bytes of b that a thread reads in the time that two threads lose to a row of C that they share
OWN_BAND = 128  # rows per thread for which copying all of b pays
BLOCK = 512  # largest depth of a block of k
PACK_B = 3  # tiles that must read a panel for its copy to pay
PACK_A = 8  # panels that must be multiplied with a band for its copy to pay, where a's columns are contiguous already
MULTIPLY_ADD = {4: 0.015, 8: 0.03}  # approximate ns on one core, by size of a number in bytes

# The table of a product: m, n, 5, the addresses of a, b, c, bias and column sums, and then
K, A_ROW, A_COLUMN, B_ROW, B_COLUMN, C_ROW, ACCUMULATE, HAS_BIAS, HAS_SUMS, BANDS, TILES, TILE_CODES, EPILOGUE, EPILOGUE_TABLE = range(
    HEAD + 5, HEAD + 19
)
TABLE = struct.Struct("=" + "q" * (HEAD + 19))


class Cut(NamedTuple):
    """How C is cut: bands of rows, each `tiles` tiles high."""

    bands: int
    tiles: int


def ceil_div(a, b):
    return -(-a // b)


def cut(m, n, k, size, chunks):
    """How to cut C for this number of chunks. Bands and heights depend on it; no sum does."""
    vectors = ceil_div(n * size, VECTOR_BYTES)
    bands = ceil_div(m * min(k, BLOCK) * size, BAND_BYTES) if k > 0 else 1
    if k * n * size < SHARED_ROW * m or m >= OWN_BAND * chunks:
        bands = min(ceil_div(bands, chunks) * chunks, m)
    height = ceil_div(m, bands)
    fewest = ceil_div(height, ROWS)
    if chunks == 1:
        return Cut(bands, fewest)

    def busiest(tiles):
        return ceil_div(bands * tiles * vectors, chunks * VECTORS) * (ceil_div(height, tiles) + 2)

    return Cut(bands, min(range(fewest, min(fewest + 4, height) + 1), key=busiest))  # lower tiles where their number divides better


def share(zero, chunk, chunks, table):
    """Compute chunk number `chunk` of `chunks`: the tiles whose work, counted through all bands, begins in its part of the total."""
    args = numbers_at(table, zero64)
    size = size_of(zero)
    m, n, k, bands, tiles = args[0], args[1], args[K], args[BANDS], args[TILES]
    a, b = Matrix(args[HEAD], args[A_ROW], args[A_COLUMN]), Matrix(args[HEAD + 1], args[B_ROW], args[B_COLUMN])
    c = Matrix(args[HEAD + 2], args[C_ROW], size)
    blocks = max((k + BLOCK - 1) // BLOCK, 1)
    panel_work, band_work = tiles * VECTORS, tiles * ((n * size + VECTOR_BYTES - 1) // VECTOR_BYTES)
    panels = (n * size + WIDTH_BYTES - 1) // WIDTH_BYTES
    first, last = bands * band_work * chunk // chunks, bands * band_work * (chunk + 1) // chunks

    pack_a = a.row != size or last - first >= PACK_A * panel_work
    depth = (k + blocks - 1) // blocks
    memory = np.empty((1 + (ROWS + depth) * VECTORS) * VECTOR_BYTES + pack_a * tiles * depth * round_up(ROWS * size), np.uint8)
    corner = round_up(np.int64(memory.ctypes.data))
    b_buffer = corner + ROWS * WIDTH_BYTES
    a_buffer = b_buffer + depth * WIDTH_BYTES

    for band in range(first // band_work, (last + band_work - 1) // band_work):
        start, stop = max(first - band * band_work, 0), min(last - band * band_work, band_work)
        top, bottom = m * band // bands, m * (band + 1) // bands
        for block in range(blocks):
            k0, k1 = k * block // blocks, k * (block + 1) // blocks
            add, finishes = args[ACCUMULATE] != 0 or block > 0, block == blocks - 1
            if pack_a:
                pack_band(zero, part(a, top, k0), bottom - top, tiles, k1 - k0, a_buffer)
            for panel in range(start // panel_work, min((stop + panel_work - 1) // panel_work, panels)):
                left = panel * WIDTH_BYTES // size
                columns = min(n - left, WIDTH_BYTES // size)
                vectors = (columns * size + VECTOR_BYTES - 1) // VECTOR_BYTES
                tile0 = max((start - panel * panel_work + vectors - 1) // vectors, 0)
                tile1 = min((stop - panel * panel_work + vectors - 1) // vectors, tiles)
                b_panel, c_panel, next_panel = part(b, k0, left), part(c, top, left), part(b, k0, left + WIDTH_BYTES // size)
                packed = b.column != size or columns * size < vectors * VECTOR_BYTES
                if packed:
                    b_panel = pack_panel(zero, b_panel, k1 - k0, columns, vectors, b_buffer)
                for i in range(tile0, tile1):
                    row0, row1 = (bottom - top) * i // tiles, (bottom - top) * (i + 1) // tiles
                    a_tile = packed_strip(zero, a_buffer, i, k1 - k0) if pack_a else part(a, top + row0, k0)
                    copies = not packed and tile1 - i >= PACK_B
                    copy, later = b_buffer if copies else np.int64(0), ahead(zero, next_panel, k1 - k0, i - tile0, tile1 - tile0)
                    c_tile = part(c_panel, row0, 0)
                    multiply(zero, args[TILE_CODES], row1 - row0, columns, k1 - k0, a_tile, b_panel, c_tile, add, corner, copy, later)
                    if finishes:
                        if args[HAS_BIAS] != 0:
                            add_bias(zero, c_tile, row1 - row0, columns, args[HEAD + 3] + left * size)
                        if args[EPILOGUE] != 0:
                            call_kernel(args[EPILOGUE], zero64, top + row0, top + row1, left, left + columns, args[EPILOGUE_TABLE])
                    if copies:
                        b_panel, packed = Matrix(b_buffer, vectors * VECTOR_BYTES, size), True
                if args[HAS_SUMS] != 0 and band == 0 and tile0 == 0 and tile1 > 0:
                    fresh = args[HAS_SUMS] == FRESH and block == 0
                    add_panel(zero, args[HEAD + 4] + left * size, b_panel, k1 - k0, columns, corner, fresh)
    memory[0] = 0  # Numba frees an array after the last line that names it; without this line the buffers would be freed while in use


ADDED, FRESH = 1, 2  # what HAS_SUMS says: whether the column sums are added to what is there, or written


@jit
def add_bias(zero, c, rows, columns, bias):
    """c += bias, row by row."""
    added = numbers_at(bias, zero)
    for i in range(rows):
        row = numbers_at(c.address + i * c.row, zero)
        for j in range(columns):
            row[j] = row[j] + added[j]


@jit(inline=True)
def ahead(zero, panel, k, i, tiles):
    """The lines of the next panel that tile i of `tiles` should prefetch, as rows: half of the panel's, since a tile prefetches at every other
    step of k; or, where its columns are contiguous, a piece of some columns."""
    if panel.column == size_of(zero):
        return part(panel, k // 2 * i // max(tiles - 1, 1), 0)
    return Matrix(part(panel, 0, WIDTH_BYTES // size_of(zero) * i // tiles).address, WIDTH_BYTES, panel.column)


@jit
def multiply(zero, codes, rows, columns, k, a, b, c, add, corner, copy, ahead):
    """C tile = or += A tile · B panel. A tile that the right edge cuts is computed whole in the buffer `corner`, and what lies within C is copied."""
    vectors = (columns * size_of(zero) + VECTOR_BYTES - 1) // VECTOR_BYTES
    whole = columns * size_of(zero) == vectors * VECTOR_BYTES
    target = c if whole else Matrix(corner, WIDTH_BYTES, c.column)
    code = numbers_at(codes, zero64)[vectors * (ROWS + 1) + rows]
    call_tile(code, a.address, a.column, b.address, b.row, target.address, target.row, k, np.int64(add and whole), copy, ahead.address, ahead.row)
    if not whole:
        for i in range(rows):
            computed, row = numbers_at(target.address + i * target.row, zero), numbers_at(c.address + i * c.row, zero)
            for j in range(columns):
                row[j] = row[j] + computed[j] if add else computed[j]


@jit
def add_panel(zero, sums, b, k, columns, corner, fresh):
    """sums += Σ over the rows of a panel of b, added up in `corner` first: small terms would be lost in a large sum."""
    sums, total = numbers_at(sums, zero), numbers_at(corner, zero)
    for j in range(columns):
        total[j] = zero
    for i in range(k):
        row = numbers_at(b.address + i * b.row, zero)
        for j in range(columns):
            total[j] += row[j]
    for j in range(columns):
        sums[j] = total[j] if fresh else sums[j] + total[j]


inlined = jit(share)


def product_of(zero):
    """The kernel of products of numbers of zero's type."""

    def product(chunk, chunks, r1, c0, c1, table):
        inlined(zero, chunk, chunks, table)

    return product


class Compiled:
    """The kernel for numbers of one type, and the addresses of its tiles, each compiled when a product first needs its shape."""

    def __init__(self, dtype):
        self.number = {4: types.float32, 8: types.float64}[dtype.itemsize]
        self.kept = [c_function(types.void(*[types.int64] * 6), product_of(dtype.type(0)), source=f"product {dtype}")]
        self.product = self.kept[0].address
        self.codes = np.zeros((VECTORS + 1) * (ROWS + 1), np.int64)
        self.codes_address = self.codes.ctypes.data

    def need(self, rows, vectors):
        """Compile the tile of that shape, unless that was done."""
        place = vectors * (ROWS + 1) + rows
        if rows > 0 and not self.codes[place]:
            compiled = tile(self.number, rows, vectors)
            self.kept.append(compiled)
            self.codes[place] = compiled.address


@functools.cache
def compiled(dtype):
    """The Compiled of float32 or float64."""
    return Compiled(dtype)


class Plan:
    """How a product of one shape is computed: its cut, its rows for the driver, its tiles compiled."""

    def __init__(self, m, n, k, dtype, threads):
        self.compiled, size = compiled(dtype), dtype.itemsize
        n_numbers = m * k + k * n + m * n
        # a tile that C's edge cuts takes as long as a whole one; loading a number costs as much as 10 multiply-adds
        self.work = int(MULTIPLY_ADD[size] * (m * max(n, 32) * k + 10 * n_numbers))
        pieces = min(max(1, self.work // (threads * driver.PIECE_OF_PRODUCT)), driver.MOST_OF_PRODUCT)
        self.chunks = threads * pieces if self.work >= driver.WORTH and m * n else 1
        self.cut = cut(m, n, k, size, self.chunks) if m * n else Cut(1, 1)
        vectors = ceil_div(n * size, VECTOR_BYTES)
        heights = m // self.cut.bands, ceil_div(m, self.cut.bands)
        for rows in {f(height, self.cut.tiles) for height in heights for f in (operator.floordiv, ceil_div)}:
            for v in {min(vectors, VECTORS), vectors % VECTORS or min(vectors, VECTORS)}:
                self.compiled.need(rows, v)
        self.rows = np.zeros((2, driver.ROW), np.int64)
        self.rows[0, [driver.KIND, driver.CODE, driver.PRICE, driver.CHUNKS]] = driver.PRODUCT, self.compiled.product, self.work, self.chunks
        self.address = self.rows.ctypes.data


@functools.lru_cache(4096)
def plan(m, n, k, dtype, threads):
    """The Plan of a product of that shape."""
    return Plan(m, n, k, dtype, threads)
