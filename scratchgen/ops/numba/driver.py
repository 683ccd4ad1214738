"""The driver: it runs the kernels of an operation, or of a whole recorded step, on one thread or on all.

A *program* is a list of kernels, each with the table of its arguments. A kernel can compute any piece of its work, so that the work can be dealt out
in chunks:

    kernel 1      ▮▮▮▮▮▮▮▮            a thread claims a chunk, computes it, claims the next; first those of its own part of the row,
    kernel 2      ▮                   then what is left of the others' parts
    kernel 3      ▮▮▮▮                a kernel begins when all chunks of the one before are done

A thread that has claimed nothing is not waited for: while the system has suspended it (because another program runs), the others do its part. With
OpenMP, where each thread has a fixed share, all wait for it at the end of every loop, four milliseconds each time (two cores beside one busy
program, a small GAN's step: 20–32 ms, here 1.3). Which thread computes a chunk does not change the result. The threads
are those of workers.py.
"""

import os

import numpy as np

from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.memory import add_shared, call_c, call_kernel, load_shared, numbers_at, pause, store_shared, swap_shared

# A row of a program: eight int64
KIND, CODE, TABLE, PRICE, CHUNKS, BEFORE = range(6)
ROW = 8
# kinds of kernels, by the pieces into which their work falls
CELLS, FREE, ROWS, COLUMNS, SINGLE, PRODUCT = range(6)  # FREE: cells of which no sum is taken
KINDS = {"cells": CELLS, "rows": ROWS, "columns": COLUMNS, "numbers": SINGLE}
# A table begins with the numbers of rows and columns and of pointers, then the pointers
HEAD = 3

BLOCK = 2048  # cells that make a piece
STRIPE = 64  # columns that make a piece
WORTH = 4_000  # ns of work above which several threads are faster than one
PIECE = 25_000  # approximate ns of work in a chunk
PIECE_OF_PRODUCT = 400_000  # likewise: each chunk of a product packs panels for itself
MOST_CHUNKS = 1000  # per thread
MOST_OF_PRODUCT = 4  # likewise, of a product: in smaller chunks no packed panel is used often enough (2048³, two threads: 80 ms instead of 120)
SPINS = 2_000  # turns for which a thread spins, waiting for the next operation: some eighty microseconds
PATIENCE = 5_000  # turns for which a thread spins, waiting for others within a program
EAGER = 64  # most kernels of one operation

# The state that threads share, in words of eight bytes, each on its own cache line
EPOCH, PROGRAM, LENGTH, START, DONE, SLEEPERS, INSIDE, THREADS, CLAIMS = range(0, 72, 8)
WAIT, WAKE, LOCK, UNLOCK, SLEEP, TIME, WORK = range(72, 79)  # addresses of C functions, of the time to sleep, of `work`
MUTEX, CONDITION = 80, 96
WORDS = 128
POSIX = os.name == "posix"
TAG = 2**31 - 1  # the bits of an epoch that a claim's word holds
CLOSED = -1  # the epoch while a new program is being set up
zero64 = np.int64(0)


@jit(inline=True)
def word(address, k):
    return address + 8 * k


@jit
def n_pieces(rows, columns):
    """The number of pieces of a nest of cells: whole rows while they are short, parts of a row where they are long."""
    if columns > BLOCK:
        return rows * ((columns + BLOCK - 1) // BLOCK)
    at_once = BLOCK // max(columns, 1)
    return (rows + at_once - 1) // at_once


@jit
def run_cells(code, table, first, last, rows, columns, free):
    """Run pieces first … last − 1 of a nest of cells; where that is possible, and no partial sums are taken (free), as one rectangle."""
    at_once = BLOCK // max(columns, 1)
    if free and rows == 1:
        call_kernel(code, first, zero64, rows, first * BLOCK, min(last * BLOCK, columns), table)
    elif free and columns <= BLOCK:
        call_kernel(code, first, first * at_once, min(last * at_once, rows), zero64, columns, table)
    elif columns <= BLOCK:
        for k in range(first, last):
            call_kernel(code, k, k * at_once, min((k + 1) * at_once, rows), zero64, columns, table)
    else:
        per_row = (columns + BLOCK - 1) // BLOCK
        for k in range(first, last):
            i, c = k // per_row, k % per_row * BLOCK
            call_kernel(code, k, i, i + 1, c, min(c + BLOCK, columns), table)


@jit
def run_chunk(kind, code, table, chunk, chunks):
    """Compute chunk number `chunk` of `chunks`."""
    if kind == PRODUCT:
        call_kernel(code, chunk, chunks, zero64, zero64, zero64, table)
        return
    args = numbers_at(table, zero64)
    rows, columns = args[0], args[1]
    if kind == CELLS or kind == FREE:
        pieces = n_pieces(rows, columns)
        first, last = pieces * chunk // chunks, pieces * (chunk + 1) // chunks
        if last > first:
            run_cells(code, table, first, last, rows, columns, kind == FREE)
    elif kind == ROWS:
        first, last = rows * chunk // chunks, rows * (chunk + 1) // chunks
        if last > first:
            call_kernel(code, zero64, first, last, zero64, columns, table)
    elif kind == COLUMNS:
        stripes = (columns + STRIPE - 1) // STRIPE
        for k in range(stripes * chunk // chunks, stripes * (chunk + 1) // chunks):
            call_kernel(code, k, zero64, rows, k * STRIPE, min((k + 1) * STRIPE, columns), table)
    else:
        call_kernel(code, zero64, zero64, zero64, zero64, zero64, table)


@jit
def work_of(row):
    """The approximate time of a kernel on one core, in nanoseconds."""
    if row[KIND] == PRODUCT:
        return row[PRICE]
    args = numbers_at(row[TABLE], zero64)
    return 20 + row[PRICE] * args[0] * args[1] // 1000


@jit
def n_chunks(row, threads):
    """The number of chunks of a kernel's work."""
    work, kind = work_of(row), row[KIND]
    if kind == PRODUCT:  # gemm.py chose it when it cut the product
        return row[CHUNKS]
    if work < WORTH or kind == SINGLE:
        return 1
    args = numbers_at(row[TABLE], zero64)
    rows, columns = args[0], args[1]
    pieces = n_pieces(rows, columns) if kind == CELLS or kind == FREE else rows if kind == ROWS else (columns + STRIPE - 1) // STRIPE
    return max(1, min(pieces, threads * min(max(1, work // (threads * PIECE)), MOST_CHUNKS)))


@jit
def claim(address, epoch):
    """The number of a chunk of this part that nobody has claimed in this epoch, or -1.

    A part is one word: the epoch, the number of chunks, the number claimed. So a thread that is late, in an older epoch, finds nothing.
    """
    while True:
        seen = load_shared(address)
        taken, n = seen & 0xFFFF, (seen >> 16) & 0xFFFF
        if seen >> 32 != epoch & TAG or taken >= n:
            return np.int64(-1)
        if swap_shared(address, seen, seen + 1):
            return taken


@jit
def wait_a_little(state, turns):
    """Spin for some turns; then sleep briefly each time, so that the core is free for the thread that is waited for."""
    if turns < PATIENCE:
        pause()
    else:
        shared = numbers_at(state, zero64)
        call_c(shared[SLEEP], shared[TIME], zero64)


def work(state, epoch, me, nothing, none, no):
    """Take part in the program of an epoch until nothing of it is left to claim."""
    program, length = load_shared(word(state, PROGRAM)), load_shared(word(state, LENGTH))
    start, claims = load_shared(word(state, START)), load_shared(word(state, CLAIMS))
    threads = load_shared(word(state, THREADS))
    if load_shared(word(state, EPOCH)) != epoch or me >= threads:  # otherwise the words may be of two programs
        return
    for r in range(length):
        row = numbers_at(program + 8 * ROW * r, zero64)
        turns = 0
        while load_shared(word(state, DONE)) < start + row[BEFORE]:
            if load_shared(word(state, EPOCH)) != epoch:
                return
            wait_a_little(state, turns)
            turns += 1
        for k in range(threads):
            part = (me + k) % threads
            while True:
                chunk = claim(claims + 64 * (r * threads + part), epoch)
                if chunk < 0:
                    break
                chunks = row[CHUNKS]
                run_chunk(row[KIND], row[CODE], row[TABLE], chunks * part // threads + chunk, chunks)
                add_shared(word(state, DONE), np.int64(1))


def serve(state, me):
    """What a thread does for the rest of its life."""
    seen, turns = np.int64(0), 0
    while True:
        epoch = load_shared(word(state, EPOCH))
        if epoch == seen or epoch == CLOSED:
            turns += 1
            if turns < SPINS:
                pause()
                continue
            shared = numbers_at(state, zero64)
            if not POSIX:
                call_c(shared[SLEEP], shared[TIME], zero64)
                continue
            call_c(shared[LOCK], word(state, MUTEX), zero64)
            add_shared(word(state, SLEEPERS), np.int64(1))
            while load_shared(word(state, EPOCH)) == seen:
                call_c(shared[WAIT], word(state, CONDITION), word(state, MUTEX))
            add_shared(word(state, SLEEPERS), np.int64(-1))
            call_c(shared[UNLOCK], word(state, MUTEX), zero64)
            turns = 0
            continue
        turns = 0
        add_shared(word(state, INSIDE), np.int64(1))
        call_kernel(numbers_at(state, zero64)[WORK], state, epoch, np.int64(me), zero64, zero64, zero64)
        seen = epoch
        add_shared(word(state, INSIDE), np.int64(-1))


@jit
def share_out(state, program, length, claims, threads):
    """Run a program, whose rows hold their numbers of chunks, on several threads."""
    shared = numbers_at(state, zero64)
    epoch = shared[EPOCH] + 1
    total = np.int64(0)
    for r in range(length):
        row = numbers_at(program + 8 * ROW * r, zero64)
        chunks = row[CHUNKS]
        row[BEFORE] = total
        total += chunks
        for part in range(threads):
            n = chunks * (part + 1) // threads - chunks * part // threads
            store_shared(claims + 64 * (r * threads + part), ((epoch & TAG) << 32) | (n << 16))
    store_shared(word(state, EPOCH), np.int64(CLOSED))
    start = load_shared(word(state, DONE))
    store_shared(word(state, PROGRAM), program)
    store_shared(word(state, LENGTH), length)
    store_shared(word(state, START), start)
    store_shared(word(state, CLAIMS), claims)
    store_shared(word(state, THREADS), threads)
    store_shared(word(state, EPOCH), epoch)
    if load_shared(word(state, SLEEPERS)) > 0:
        call_c(shared[LOCK], word(state, MUTEX), zero64)
        call_c(shared[WAKE], word(state, CONDITION), zero64)
        call_c(shared[UNLOCK], word(state, MUTEX), zero64)
    call_kernel(shared[WORK], state, epoch, zero64, zero64, zero64, zero64)
    turns = 0
    while load_shared(word(state, DONE)) < start + total:
        wait_a_little(state, turns)
        turns += 1


@jit
def run_alone(program, length):
    """Run a program on this thread."""
    for r in range(length):
        row = numbers_at(program + 8 * ROW * r, zero64)
        run_chunk(row[KIND], row[CODE], row[TABLE], zero64, np.int64(1))


@jit(cache=True)
def run(rows, length, places, state, program, claims, threads):
    """Run an operation's kernels.  rows: their address; each refers to its table of arguments by the offset from `places`, an address.

    program, claims: addresses of memory to use for them.  threads: how many may take part.
    """
    work = np.int64(0)
    for r in range(length):
        given, row = numbers_at(rows + 8 * ROW * r, zero64), numbers_at(program + 8 * ROW * r, zero64)
        for k in range(ROW):
            row[k] = given[k]
        row[TABLE] += places
        table = numbers_at(row[TABLE], zero64)
        for k in range(HEAD, HEAD + table[2]):  # arrays are given by id; the address of the data is 16 bytes into the object
            table[k] = numbers_at(table[k] + 16, zero64)[0]
        work += work_of(row)
    if work < WORTH or threads == 1:
        run_alone(program, length)
        return
    for r in range(length):
        row = numbers_at(program + 8 * ROW * r, zero64)
        row[CHUNKS] = n_chunks(row, threads)
    share_out(state, program, length, claims, threads)


@jit(cache=True)
def run_program(program, length, state, claims, threads):
    """Run a recorded program, whose tables hold addresses and whose rows hold their numbers of chunks."""
    if threads == 1:
        run_alone(program, length)
        return
    share_out(state, program, length, claims, threads)
