"""Packing: copying a part of a matrix so that the tile can read it at full speed.

The tile reads a panel of B from top to bottom, once for each tile of rows. In place, every step of k jumps by a whole row of B, to another page of
memory; the vectors lie across the borders of cache lines; and where the stride is a power of two, all the lines compete for the same few slots
of the cache. Packed, the panel is one contiguous stretch. Where B's rows are contiguous, the first tile of each panel packs it while it multiplies
(tile.py); otherwise it is packed here beforehand.

    B, k × n                 read at any stride               packed panel, k × width
    . . . b b b b . .                                         b b b b
    . . . b b b b . .        by rows; or, where the           b b b b
    . . . b b b b . .        columns of B are contiguous      b b b b
    . . . b b b b . .        (x Wᵀ), transposed on the way    b b b b

A panel at the right edge may hold fewer columns than its vectors have lanes: the lanes beyond hold 0, and their sums are discarded. They
must not hold what was in the buffer before: with a subnormal number (1e-40), every multiply-add falls into microcode, even if its result is
discarded (256 × 128 × 2: 1295 µs instead of 12).

A is packed in strips, as high as a tile, whose columns lie one after the other: in this order the tile reads them. Where A's rows are contiguous
(x W), they are transposed on the way, in squares that fit the registers.
"""

from typing import NamedTuple

from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.memory import VECTOR_BYTES, copy_lanes, copy_vector, numbers_at, size_of, transpose_square
from scratchgen.ops.numba.tile import ROWS

AT_ONCE = 16  # steps of k


class Matrix(NamedTuple):
    """Where a matrix lies: element (i, j) is at address + i · row + j · column, all in bytes."""

    address: int
    row: int
    column: int


@jit(inline=True)
def part(matrix, i, j):
    """The matrix from element (i, j) on."""
    return Matrix(matrix.address + i * matrix.row + j * matrix.column, matrix.row, matrix.column)


@jit
def pack_panel(zero, b, k, columns, vectors, buffer):
    """Copy k × columns numbers of b to the buffer, whose rows are `vectors` vectors long; return the copy."""
    size = size_of(zero)
    lanes = VECTOR_BYTES // size
    packed = Matrix(buffer, vectors * VECTOR_BYTES, size)
    edge = columns - (vectors - 1) * lanes  # numbers in the last vector of a row
    if b.column == size:
        for i in range(k):
            source, target = b.address + i * b.row, packed.address + i * packed.row
            for v in range(vectors - (edge < lanes)):
                copy_vector(source + v * VECTOR_BYTES, target + v * VECTOR_BYTES)
            if edge < lanes:
                copy_lanes(zero, source + (vectors - 1) * VECTOR_BYTES, target + (vectors - 1) * VECTOR_BYTES, edge)
    elif b.row == size and k >= lanes:
        for v in range(vectors):
            for i in range(0, k, lanes):
                top, left = min(i, k - lanes), v * lanes  # the last square overlaps the one before
                source, target = part(b, top, left), part(packed, top, left)
                transpose_square(zero, source.address, source.column, min(lanes, columns - left), target.address, target.row)
    else:
        copy_numbers(zero, b, packed, k, columns)
        for i in range(k):
            row = numbers_at(packed.address + i * packed.row, zero)
            for j in range(columns, vectors * lanes):
                row[j] = zero
    return packed


@jit
def pack_band(zero, a, height, tiles, k, buffer):
    """Copy height × k numbers of a to the buffer in `tiles` strips, one after the other."""
    # where columns are contiguous, some of all strips at a time: memory is read in long lines
    step = AT_ONCE if a.row == size_of(zero) else max(k, 1)
    for k0 in range(0, k, step):
        for t in range(tiles):
            row0, row1 = height * t // tiles, height * (t + 1) // tiles
            strip = packed_strip(zero, buffer, t, k)
            pack_strip(zero, part(a, row0, k0), row1 - row0, min(step, k - k0), part(strip, 0, k0))


@jit
def pack_strip(zero, a, rows, k, strip):
    """Copy rows × k numbers of a to the strip. No tile reads what else is in it."""
    size = size_of(zero)
    lanes = VECTOR_BYTES // size
    if a.row == size:
        for i in range(k):
            for row in range(0, rows, lanes):
                source, target = part(a, row, i), part(strip, row, i)
                copy_lanes(zero, source.address, target.address, min(lanes, rows - row))
    elif a.column == size and k >= lanes:
        for row in range(0, rows, lanes):
            for i in range(0, k, lanes):
                corner = min(i, k - lanes)  # the last square overlaps the one before
                source, target = part(a, row, corner), part(strip, row, corner)
                transpose_square(zero, source.address, source.row, min(lanes, rows - row), target.address, target.column)
    else:
        copy_numbers(zero, a, strip, rows, k)


@jit(inline=True)
def packed_strip(zero, buffer, t, k):
    """Strip number t of the buffer, for k columns."""
    column = round_up(ROWS * size_of(zero))
    return Matrix(buffer + t * k * column, size_of(zero), column)


@jit(inline=True)
def round_up(n_bytes):
    """The next multiple of a vector."""
    return (n_bytes + VECTOR_BYTES - 1) // VECTOR_BYTES * VECTOR_BYTES


@jit
def copy_numbers(zero, source, target, rows, columns):
    """Copy one number at a time."""
    for i in range(rows):
        for j in range(columns):
            from_, to = part(source, i, j), part(target, i, j)
            numbers_at(to.address, zero)[0] = numbers_at(from_.address, zero)[0]
