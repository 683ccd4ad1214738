"""Memory of the device, reused: asking the driver for memory waits for all work in progress, so freed blocks are kept for later arrays.

A block returns to its pool as soon as the last array in it is deleted. Kernels that use it may still be waiting to run; but whatever gets the block
next is launched after them on the same stream, so nothing is overwritten too early.
"""

import contextlib

from scratchgen.ops.cuda import driver

# Sizes are rounded up to multiples of 512 bytes, above a megabyte to multiples of a megabyte, so that more blocks fit again.
SMALL, LARGE = 512, 2**20


class Pool:
    """Unused blocks, by size.  `taken`: all memory from the driver, as (first address, end)."""

    def __init__(self):
        self.free, self.taken = {}, []

    def block(self, n_bytes):
        """A Block of at least that many bytes, what it holds undefined. Raises MemoryError if the device has no more."""
        unit = SMALL if n_bytes <= LARGE else LARGE
        size = max(1, -(-n_bytes // unit)) * unit
        unused = self.free.get(size)
        return Block(self, size, *(unused.pop() if unused else self.ask(size)))

    def ask(self, size):
        """New memory from the driver; if there is none, unused blocks of other sizes are freed first."""
        try:
            owner, address = driver.allocate(size)
        except Exception:
            _shared.free.clear()  # not this pool's own: a recorded step still writes to its blocks
            try:
                owner, address = driver.allocate(size)
            except Exception as error:
                raise MemoryError(f"the device has no {size:,} bytes of memory left ({driver.in_short(error)})") from None
        self.taken.append((address, address + size))
        return owner, address

    def holds(self, address):
        """Whether that address lies in memory that this pool asked for."""
        return any(first <= address < last for first, last in self.taken)


class Block:
    """A piece of device memory at `address`, of `size` bytes, which returns to its pool when it is deleted."""

    __slots__ = ("address", "owner", "pool", "size")

    def __init__(self, pool, size, owner, address):
        self.pool, self.size, self.owner, self.address = pool, size, owner, address

    def __del__(self):
        self.pool.free.setdefault(self.size, []).append((self.owner, self.address))


class Foreign:
    """Another library's memory, at `address`, which `owner` keeps alive."""

    __slots__ = ("address", "owner")

    def __init__(self, owner, address):
        self.owner, self.address = owner, address


_shared = _pool = Pool()  # the common pool; the pool in force


def block(n_bytes):
    """A Block from the pool in force."""
    return _pool.block(n_bytes)


@contextlib.contextmanager
def using(pool):
    """Within this context, blocks come from that pool."""
    global _pool
    before, _pool = _pool, pool
    try:
        yield
    finally:
        _pool = before
