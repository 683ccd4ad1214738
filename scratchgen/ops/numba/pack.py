"""Packing: copying a part of a matrix to where the tile can read it at full speed.

The tile reads a panel of B from top to bottom, once for each tile of rows. In place, every step of k jumps by a whole row of B, to another page of
memory, and where the stride is a power of two, all the lines compete for the same few slots of the cache. Packed, the panel is one contiguous
stretch: 157 GFLOP/s instead of 112 (float32, one core, m = 112, k = 784, n = 512).

    B, k × n                 read at any stride               packed panel, k × width
    . . . b b b b . .                                         b b b b
    . . . b b b b . .        by rows; or, where the           b b b b
    . . . b b b b . .        columns of B are contiguous      b b b b
    . . . b b b b . .        (x Wᵀ), transposed on the way    b b b b

A panel at the right edge may hold fewer columns than its vectors have lanes: the lanes beyond hold anything, and their sums are thrown away.

A is packed where many panels will meet it: its rows stay rows, or its columns columns, for the tile takes any strides; only the gaps go.
"""

from typing import NamedTuple

from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.memory import VECTOR_BYTES, copy_vector, numbers_at, size_of, transpose_square


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
    whole = columns == vectors * lanes
    if b.column == size and (whole or b.row >= packed.row):
        inside = k if whole else k - 1  # a vector may reach into the next row of b, but not beyond the last row
        for i in range(inside):
            for v in range(vectors):
                copy_vector(b.address + i * b.row + v * VECTOR_BYTES, packed.address + i * packed.row + v * VECTOR_BYTES)
        copy_numbers(zero, part(b, inside, 0), part(packed, inside, 0), k - inside, columns)
    elif b.row == size and k >= lanes:
        for v in range(vectors):
            for i in range(0, k, lanes):
                top, left = min(i, k - lanes), v * lanes  # the last square overlaps the one before
                source, target = part(b, top, left), part(packed, top, left)
                transpose_square(zero, source.address, source.column, min(lanes, columns - left), target.address, target.row)
    else:
        copy_numbers(zero, b, packed, k, columns)
    return packed


@jit
def pack_rows(zero, a, rows, k, buffer):
    """Copy rows × k numbers of a to the buffer, without the gaps between rows or, where they are contiguous, columns; return the copy."""
    size = size_of(zero)
    if a.row == size:
        packed = Matrix(buffer, size, round_up(rows * size))
        copy_lines(zero, Matrix(a.address, a.column, size), Matrix(buffer, packed.column, size), k, rows)
    else:
        packed = Matrix(buffer, round_up(k * size) + VECTOR_BYTES, size)  # never a power of two
        copy_lines(zero, a, packed, rows, k)
    return packed


@jit(inline=True)
def packed_bytes(zero, rows, k):
    """How long a buffer pack_rows needs at most."""
    return max(rows * (round_up(k * size_of(zero)) + VECTOR_BYTES), k * round_up(rows * size_of(zero)))


@jit(inline=True)
def round_up(n_bytes):
    """The next multiple of a vector."""
    return (n_bytes + VECTOR_BYTES - 1) // VECTOR_BYTES * VECTOR_BYTES


@jit
def copy_lines(zero, source, target, lines, length):
    """Copy `lines` rows of `length` numbers, in vectors where the rows are contiguous; the last vector of a row overlaps the one before."""
    size = size_of(zero)
    lanes = VECTOR_BYTES // size
    if source.column != size or length < lanes:
        copy_numbers(zero, source, target, lines, length)
        return
    for i in range(lines):
        for j in range(0, length, lanes):
            offset = min(j, length - lanes) * size
            copy_vector(source.address + i * source.row + offset, target.address + i * target.row + offset)


@jit
def copy_numbers(zero, source, target, rows, columns):
    """Copy one number at a time."""
    for i in range(rows):
        for j in range(columns):
            from_, to = part(source, i, j), part(target, i, j)
            numbers_at(to.address, zero)[0] = numbers_at(from_.address, zero)[0]
