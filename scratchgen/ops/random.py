"""Random numbers that are the same on every backend and any number of threads.

Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") is a *counter-based* generator: block n of the
stream is a hash of the pair (key, n), four 32-bit words. Any thread can compute any block, and the whole state is two integers.

    one round:   (hi0, lo0) = M0 · c0,   (hi1, lo1) = M1 · c2        32 × 32 -> 64-bit products
                 c  <-  (hi1 ⊕ c1 ⊕ k0,  lo1,  hi0 ⊕ c3 ⊕ k1,  lo0)
                 k  <-  (k0 + W0, k1 + W1)                           ten rounds

    uniform in [0, 1):   24 bits of one word · 2⁻²⁴ (float32);   53 bits of two words · 2⁻⁵³ (float64)
    normal (Box & Muller 1958):   √(−2 ln u₁) · (cos 2πu₂, sin 2πu₂),   u₁ in (0, 1]
"""

import math

import numpy as np

from scratchgen.errors import LARGEST, integer, integers, shown
from scratchgen.ops.checks import REALS, described
from scratchgen.ops.dispatch import op

M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)  # multipliers
W0, W1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)  # key increments: golden ratio, √3 − 1
LOW = np.uint64(0xFFFFFFFF)


def as_generator(rng):
    """`rng` as a numpy.random.Generator: a Generator is used as it is, an int is a seed, None asks the system for entropy.

    Raises TypeError for anything else.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None or (isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0):
        return np.random.default_rng(rng)
    raise TypeError(f"rng is {shown(rng)}; it must be a seed (an int ≥ 0), a numpy.random.Generator or None")


def philox(key, start, n_blocks):
    """Blocks start, start + 1, … of the stream `key`, two ints below 2⁶⁴ -> (n_blocks, 4) uint32 words."""
    counter = np.uint64(start) + np.arange(n_blocks, dtype=np.uint64)
    c0, c1 = counter & LOW, counter >> np.uint64(32)
    c2, c3 = np.zeros_like(counter), np.zeros_like(counter)
    k0, k1 = np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)
    for _ in range(10):
        p0, p1 = M0 * c0, M1 * c2
        c0, c1, c2, c3 = (p1 >> np.uint64(32)) ^ c1 ^ k0, p1 & LOW, (p0 >> np.uint64(32)) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + np.uint64(W0)) & LOW, (k1 + np.uint64(W1)) & LOW
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def words_per_value(dtype):
    """How many 32-bit words one uniform number takes: 1 for float32, 2 for float64."""
    return np.dtype(dtype).itemsize // 4


def check_draw(name, key, start, n, dtype):
    """The arguments of a drawing operation as ints and a dtype. Raises TypeError or ValueError for unusable ones."""
    key, start, n = integer("key", key, 0, 2**64 - 1), integer("start", start, 0, 2**64 - 1), integer("n", n, 0, LARGEST)
    known = isinstance(dtype, (np.dtype, type, str)) and next((each for each in REALS if each == dtype), None)
    if not known:
        raise TypeError(f"{name} draws float32 or float64; asked for {dtype if isinstance(dtype, (np.dtype, type, str)) else described(dtype)}")
    return key, start, n, known


@op
def random_uniform(key, start, n, dtype):
    """n numbers uniform in [0, 1) from block `start` of stream `key` -> (n,)."""
    key, start, n, dtype = check_draw("random_uniform", key, start, n, dtype)
    words = philox(key, start, -(-n * words_per_value(dtype) // 4)).ravel()
    if dtype == np.float32:
        return ((words >> np.uint32(8)).astype(np.float32) * np.float32(2**-24))[:n]  # exact: 24 bits fit a float32
    high, low = words[0::2].astype(np.uint64), words[1::2].astype(np.uint64)
    return ((((high << np.uint64(32)) | low) >> np.uint64(11)) * 2.0**-53)[:n]


@op
def random_normal(key, start, n, dtype):
    """n numbers of the standard normal distribution from block `start` of stream `key` -> (n,)."""
    key, start, n, dtype = check_draw("random_normal", key, start, n, dtype)
    u = random_uniform.__wrapped__(key, start, n + n % 2, dtype)
    radius, angle = np.sqrt(-2 * np.log(1 - u[0::2])), 2 * np.pi * u[1::2]  # 1 − u is in (0, 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel().astype(dtype)[:n]


class Stream:
    """A random stream whose whole state is two integers: the key, and the number of the next block.

    rng: a seed, a numpy.random.Generator (from which the key is drawn) or None.
    """

    counted = ("block",)  # what grows by the same amount in every training step: ops/recording.py

    def __init__(self, rng=None):
        self.key = int(as_generator(rng).integers(2**64, dtype=np.uint64))
        self.block = 0

    def _take(self, draw, shape, dtype):
        shape = integers("shape", shape, 0)
        n = math.prod(shape)
        numbers = draw(self.key, self.block, n, np.dtype(dtype)).reshape(shape)
        self.block += -(-n * words_per_value(dtype) // 4)
        return numbers

    def uniform(self, shape, dtype=np.float32):
        """Numbers uniform in [0, 1), an array of that shape, a tuple."""
        return self._take(random_uniform, shape, dtype)

    def normal(self, shape, dtype=np.float32):
        """Numbers of the standard normal distribution, an array of that shape, a tuple."""
        return self._take(random_normal, shape, dtype)

    @property
    def state(self):
        """(key, block): assign it back, and the stream repeats what followed."""
        return self.key, self.block

    @state.setter
    def state(self, state):
        self.key, self.block = int(state[0]), int(state[1])
