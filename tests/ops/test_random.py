"""Philox against its published answers; uniform and normal numbers by their moments; the same bits on both backends and any number of threads."""

import os
import subprocess
import sys

import numpy as np
import pytest

from scratchgen.ops import Stream, as_generator, use_backend
from scratchgen.ops.random import philox, random_normal, random_uniform

REALS = [np.float32, np.float64]
BACKENDS = ["numpy", "numba"]


def plain_philox(counter, key):
    """Philox4x32-10 in Python's integers, with the whole 128-bit counter: four words and two words -> four words."""
    c, k = list(counter), list(key)
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c[0], 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c[2], 2**32)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return tuple(c)


# The answers that the authors of Philox publish with their library Random123 (philox4x32, 10 rounds).
@pytest.mark.parametrize(
    "counter, key, words",
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_plain_philox_gives_the_published_answers(counter, key, words):
    assert plain_philox(counter, key) == words


@pytest.mark.parametrize("key, block", [(0, 0), (1, 2**32 - 2), (2**64 - 1, 2**40 + 17), (0x0123456789ABCDEF, 2**63)])
def test_philox_is_plain_philox(key, block):
    wanted = [plain_philox((n % 2**32, n >> 32, 0, 0), (key % 2**32, key >> 32)) for n in range(block, block + 4)]
    assert philox(key, block, 4).tolist() == [list(words) for words in wanted]


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("key, block", [(0, 0), (2**64 - 1, 2**40 + 17), (5, 2**32 - 3)])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 63, 1023, 1024, 1025, 5001])
def test_uniforms_have_the_same_bits_on_both_backends(key, block, n, real):
    with use_backend("numpy"):
        wanted = random_uniform(key, block, n, real)
    with use_backend("numba"):
        got = random_uniform(key, block, n, real)
    assert got.dtype == wanted.dtype == real
    assert got.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_uniform_moments(backend, real):
    with use_backend(backend):
        u = random_uniform(7, 0, 200_000, real).astype(np.float64)
    assert u.min() >= 0 and u.max() < 1
    centred, error = u - 0.5, 5 / np.sqrt(u.size)  # five standard errors
    assert abs(u.mean() - 0.5) < error * np.sqrt(1 / 12)
    assert abs(np.mean(centred**2) - 1 / 12) < error * np.sqrt(1 / 180)
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < error
    counts = np.histogram(u, bins=64, range=(0, 1))[0]
    assert np.sum((counts - u.size / 64) ** 2) / (u.size / 64) < 120  # χ² with 63 degrees of freedom; beyond 120 once in 50,000


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_normal_moments(backend, real):
    with use_backend(backend):
        x = random_normal(7, 0, 200_000, real).astype(np.float64)
    error = 5 / np.sqrt(x.size)
    for power, moment, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:  # E[xᵖ], Var[xᵖ]
        assert abs(np.mean(x**power) - moment) < error * np.sqrt(variance), power
    assert abs(np.corrcoef(x[0::2], x[1::2])[0, 1]) < error  # the two numbers of a pair
    assert abs(np.corrcoef(x[0::2] ** 2, x[1::2] ** 2)[0, 1]) < error
    assert abs(np.mean(np.abs(x) > 3) - 0.0026998) < error * np.sqrt(0.0027)


def test_a_stream_repeats_from_its_state_and_never_overlaps():
    stream = Stream(3)
    first = stream.normal((3, 5))
    state = stream.state
    second, third = stream.uniform((7,), np.float64), stream.normal((2,))
    stream.state = state
    assert np.array_equal(stream.uniform((7,), np.float64), second) and np.array_equal(stream.normal((2,)), third)
    assert not np.intersect1d(first, third).size
    assert np.array_equal(Stream(3).normal((3, 5)), first)
    assert not np.array_equal(Stream(4).normal((3, 5)), first)
    one_by_one = Stream(3)
    assert np.array_equal(np.concatenate([one_by_one.uniform((4,)) for _ in range(5)]), Stream(3).uniform((20,)))  # whole blocks follow each other


DRAW = """
import sys
from scratchgen.ops import Stream
stream = Stream(5)
sys.stdout.buffer.write(stream.uniform((300, 784)).tobytes() + stream.normal((100, 784)).tobytes())
"""


def test_any_number_of_threads_draws_the_same_bits():
    drawn = set()
    for threads in "123":
        environment = os.environ | {"NUMBA_NUM_THREADS": threads, "SCRATCHGEN_BACKEND": "numba"}
        drawn.add(subprocess.run([sys.executable, "-c", DRAW], env=environment, capture_output=True, check=True).stdout)
    assert len(drawn) == 1 and len(drawn.pop()) == 400 * 784 * 4


def test_as_generator():
    rng = np.random.default_rng(0)
    assert as_generator(rng) is rng
    assert as_generator(3).integers(2**60) == as_generator(np.int64(3)).integers(2**60) == np.random.default_rng(3).integers(2**60)
    assert as_generator(None).integers(2**60) != as_generator(None).integers(2**60)
    for wrong in (-1, 1.5, "0", True, np.random.RandomState(0)):
        with pytest.raises(TypeError, match="rng"):
            as_generator(wrong)
