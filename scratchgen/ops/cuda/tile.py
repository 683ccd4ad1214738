"""The matrix product on the device, in one kernel:  C = f(A B + bias, Y)  or  C += A B.

A multiprocessor of an H100 starts 128 multiply-adds in a cycle, and every other instruction takes their place. So each number, once read, must be
used as often as possible, at each level of memory:

    device memory → shared memory       a block of threads computes a tile of C, 128 × 128: each number that it reads is used 128 times
    shared memory → registers           a thread computes 8 × 8 numbers of the tile: from 16 numbers come 64 multiply-adds
    registers                           the 64 sums stay there from the first k to the last

    sums = 0
    for each slice of k, `depth` wide
        write the slice of A and of B to shared memory       into one of two buffers in turn: other threads may still read the slice before
        wait for all threads of the block
        read the next slice into registers                   it is on its way while the multiply-adds run
        for each k of the slice
            sums += my part of A's column k × my part of B's row k
    C = f(sums + bias, Y)           f: any formula of an element, such as an activation; or, with a matrix Y, the way back through one

In shared memory k runs slowest in both slices, so that a thread finds its numbers side by side. An operand whose neighbours in memory are
neighbours in k, A in a b or B in a bᵀ, is transposed on its way there; so one kernel serves all three products. No two threads of a warp may read
different rows of one memory bank at a time: the rows of a slice are padded by a vector, and a warp's 32 lanes form a patch of 4 × 8 in which lanes 0
and 1 read the same numbers of B, lanes 0 and 2 the same of A, because the hardware serves such pairs at once.

A few tiles cannot fill a hundred multiprocessors. Then k is cut as well: several blocks compute the same tile, each over its part of k, and write
their sums to `partials`. The block that finishes last (sums.py) adds up the parts in the order of k, so that it does not matter which that is.

Operands come as one row of numbers each, with the distances between rows and between columns; Y is contiguous. Where all of these are multiples of 16
bytes, the kernel is compiled `wide`, to move 16 bytes at once.
"""

import functools
from typing import NamedTuple

import numpy as np

from scratchgen.ops.cuda.driver import NONE_ALLOWED, SIMULATED, cuda, device
from scratchgen.ops.cuda.sums import last_of
from scratchgen.ops.cuda.vectors import BYTES, load_vector, move, store_vector

STEPS = 8  # of k without a loop around them: a loop's own arithmetic would take a fifth of the time
int32 = int if SIMULATED else np.int32  # 64-bit indices would take the registers that the sums need


class Tile(NamedTuple):
    """How a block of threads computes its tile of C. A vector is 16 bytes, 4 float32 or 2 float64."""

    threads_m: int  # threads along the rows, a multiple of 4 (2 in a block of less than a warp)
    threads_n: int  # threads along the columns, a multiple of 8
    vectors_m: int  # of each thread
    vectors_n: int
    depth: int  # of a slice of k
    blocks: int  # that a multiprocessor should hold at once, which limits the registers of a thread

    @property
    def threads(self):
        return self.threads_m * self.threads_n

    def shape(self, dtype):
        """Rows and columns of C in a tile."""
        vector = BYTES // np.dtype(dtype).itemsize
        return self.threads_m * self.vectors_m * vector, self.threads_n * self.vectors_n * vector


LARGE = Tile(16, 16, 2, 2, 8, 2)
MEDIUM = Tile(8, 8, 2, 2, 16, 5)
SMALL = Tile(8, 8, 1, 1, 32, 8)
TINY = Tile(2, 2, 1, 1, 8, 1)  # for the simulator, whose threads are slow; not a whole warp


def unrolled(step, times):
    """step(i, …), step(i + 1, …), …, `times` in all (a power of two), without a loop: only with constant indices can arrays be registers."""
    if times == 1:
        return step
    half, later = unrolled(step, times // 2), times // 2

    @device
    def run(i, *arguments):
        half(i, *arguments)
        half(i + later, *arguments)

    return run


def carrier(tile, span, along_k, wide, dtype):
    """How a block brings its slice of an operand, `span` numbers × `depth`, to shared memory -> (numbers per thread, place, fetch, put).

    along_k: whether the operand's neighbours in memory are neighbours in k; those form a *line*, and each thread takes vectors out of several lines.
    """
    V = BYTES // np.dtype(dtype).itemsize
    VECTORS = span * tile.depth // (V * tile.threads)
    IN_LINE = (tile.depth if along_k else span) // V
    LINES = tile.threads // IN_LINE  # that all threads read at once
    WIDTH = span + V
    ZERO = dtype(0)

    @device
    def place(t):
        """(number of the span, number of k) at which thread t begins."""
        line, within = t // IN_LINE, t % IN_LINE * V
        return (int32(line), int32(within)) if along_k else (int32(within), int32(line))

    @device
    def fetch(held, x, at, span_stride, k_stride, span_inside, k_inside):
        """Read this thread's vectors from `at` on; what lies outside the matrix (span_inside and k_inside are what is left of it) counts as zero."""
        if along_k:
            line_stride, stride, lines_inside, inside = span_stride, k_stride, span_inside, k_inside
        else:
            line_stride, stride, lines_inside, inside = k_stride, span_stride, k_inside, span_inside
        for v in range(VECTORS):
            here = at + v * LINES * line_stride
            if wide and v * LINES < lines_inside and inside > 0:
                load_vector(held, v * V, x, here)
            else:
                for e in range(V):
                    held[v * V + e] = ZERO
                    if not wide and v * LINES < lines_inside and e < inside:
                        move(held, v * V + e, x, here + e * stride)

    @device
    def put(shared, at, held):
        """Write this thread's vectors to shared memory, where k runs slowest."""
        for v in range(VECTORS):
            if along_k:
                for e in range(V):
                    move(shared, at + e * WIDTH + v * LINES, held, v * V + e)
            else:
                store_vector(shared, at + v * LINES * WIDTH, held, v * V)

    return VECTORS * V, place, fetch, put


@functools.cache
def kernel(tile, dtype, a_along_k, b_along_k, wide, epilogue, accumulate):
    """The kernel of this kind; epilogue(sum + bias, y, number), a device function, is applied to each sum, unless accumulate: C += sum."""
    dtype = np.dtype(dtype).type
    V = BYTES // np.dtype(dtype).itemsize
    ROWS, COLUMNS = tile.shape(dtype)
    VECTORS_M, VECTORS_N, DEPTH = tile.vectors_m, tile.vectors_n, tile.depth
    STEP_M, STEP_N = tile.threads_m * V, tile.threads_n * V  # from one vector of a thread to its next
    M, N, SUMS = VECTORS_M * V, VECTORS_N * V, VECTORS_M * V * VECTORS_N * V
    WARPS_N = max(1, tile.threads_n // 8)
    A_WIDTH, B_WIDTH = ROWS + V, COLUMNS + V
    B_AT = DEPTH * A_WIDTH  # in a stage, B's slice follows A's
    STAGE = B_AT + DEPTH * B_WIDTH
    SHARED, PART, THREADS = 2 * STAGE, SUMS * tile.threads, tile.threads
    HELD_A, place_a, fetch_a, put_a = carrier(tile, ROWS, a_along_k, wide, dtype)
    HELD_B, place_b, fetch_b, put_b = carrier(tile, COLUMNS, b_along_k, wide, dtype)
    ZERO = dtype(0)

    @device
    def multiply_add(k, sums, shared, a_at, b_at):
        """sums += my part of A's column k × my part of B's row k."""
        a, b = cuda.local.array(M, dtype), cuda.local.array(N, dtype)
        for i in range(VECTORS_M):
            load_vector(a, i * V, shared, a_at + k * A_WIDTH + i * STEP_M)
        for j in range(VECTORS_N):
            load_vector(b, j * V, shared, b_at + k * B_WIDTH + j * STEP_N)
        for i in range(M):
            for j in range(N):
                sums[i * N + j] += a[i] * b[j]

    @device
    def complete(q, sums, added, y, row, column, m, n, number):
        i, j, beside = row + q // N // V * STEP_M + q // N % V, column + q % N // V * STEP_N + q % V, ZERO
        if y is not None:
            if i < m and j < n:
                beside = y[i * n + j]
        sums[q] = epilogue(sums[q] + added[q % N], beside, number)

    multiply_adds, complete_all = unrolled(multiply_add, STEPS), unrolled(complete, SUMS)

    def matmul(a, b, c, bias, y, number, m, n, k, k_of_block, a_row, a_column, b_row, b_column, c_row, c_column, partials, tickets):
        shared = cuda.shared.array(SHARED, dtype, alignment=BYTES)
        sums, held_a, held_b = cuda.local.array(SUMS, dtype), cuda.local.array(HELD_A, dtype), cuda.local.array(HELD_B, dtype)
        for i in range(SUMS):
            sums[i] = ZERO

        # where this block's tile begins, where in it this thread computes, and what it reads
        t = int32(cuda.threadIdx.x)
        lane, warp = t % 32, t // 32
        my_m = int32(warp // WARPS_N * 4 + lane % 2 + lane // 16 * 2) * V
        my_n = int32(warp % WARPS_N * 8 + lane // 2 % 8) * V
        tile_number, across = int32(cuda.blockIdx.x), int32((n + COLUMNS - 1) // COLUMNS)  # all in x: y and z end at 65,535
        top, left, k0 = int32(tile_number // across * ROWS), int32(tile_number % across * COLUMNS), int32(cuda.blockIdx.y * k_of_block)
        rest = int32(min(k - k0, k_of_block))  # of k from here
        a_m, a_k = place_a(t)
        b_n, b_k = place_b(t)
        a_at = int32((top + a_m) * a_row + (k0 + a_k) * a_column)
        b_at = int32((left + b_n) * b_column + (k0 + b_k) * b_row)
        a_to, b_to = int32(a_k * A_WIDTH + a_m), int32(B_AT + b_k * B_WIDTH + b_n)
        a_inside, b_inside = int32(m - top - a_m), int32(n - left - b_n)

        stage = int32(0)
        fetch_a(held_a, a, a_at, a_row, a_column, a_inside, int32(rest - a_k))
        fetch_b(held_b, b, b_at, b_column, b_row, b_inside, int32(rest - b_k))
        while True:
            put_a(shared, int32(stage + a_to), held_a)
            put_b(shared, int32(stage + b_to), held_b)
            cuda.syncthreads()
            rest = int32(rest - DEPTH)
            a_at = int32(a_at + DEPTH * a_column)
            b_at = int32(b_at + DEPTH * b_row)
            fetch_a(held_a, a, a_at, a_row, a_column, a_inside, int32(rest - a_k))
            fetch_b(held_b, b, b_at, b_column, b_row, b_inside, int32(rest - b_k))
            for step in range(0, DEPTH, STEPS):
                multiply_adds(0, sums, shared, int32(stage + step * A_WIDTH + my_m), int32(stage + B_AT + step * B_WIDTH + my_n))
            if rest <= 0:
                break
            stage = int32(STAGE - stage)

        if partials is not None:
            splits = cuda.gridDim.y
            first = tile_number * splits * PART + t * V
            for q in range(0, SUMS, V):
                store_vector(partials, first + cuda.blockIdx.y * PART + q * THREADS, sums, q)
            if not last_of(shared, tickets, tile_number, splits):
                return
            for i in range(SUMS):
                sums[i] = ZERO
            for z in range(splits):
                for q in range(0, SUMS, V):
                    part = cuda.local.array(V, dtype)
                    load_vector(part, 0, partials, first + z * PART + q * THREADS)
                    for e in range(V):
                        sums[q + e] += part[e]

        if not accumulate:
            added = cuda.local.array(N, dtype)
            for j in range(N):
                column = left + j // V * STEP_N + my_n + j % V
                added[j] = ZERO
                if bias is not None and column < n:
                    move(added, j, bias, column)
            complete_all(0, sums, added, y, int32(top + my_m), int32(left + my_n), m, n, number)
        for i in range(M):
            row = top + i // V * STEP_M + my_m + i % V
            for j in range(0, N, V):
                column = left + j // V * STEP_N + my_n
                at = row * c_row + column * c_column
                if accumulate:
                    before = cuda.local.array(V, dtype)
                    if wide and row < m and column < n:
                        load_vector(before, 0, c, at)
                    for e in range(V):
                        if not wide and row < m and column + e < n:
                            move(before, e, c, at + e * c_column)
                        sums[i * N + j + e] += before[e]
                if wide and row < m and column < n:
                    store_vector(c, at, sums, i * N + j)
                for e in range(V):
                    if not wide and row < m and column + e < n:
                        move(c, at + e * c_column, sums, i * N + j + e)

    options = {} if SIMULATED else {"launch_bounds": (tile.threads, tile.blocks), "lto": False, **NONE_ALLOWED}
    return cuda.jit(**options)(matmul)
