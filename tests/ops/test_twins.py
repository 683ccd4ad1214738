"""Every compiled operation does what its NumPy definition does: every operation, both types, odd shapes, any layout, NaN and infinity.

An operation for which gradcheck/examples.py knows no arguments fails, so nobody forgets one.
"""

import inspect
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from scratchgen import losses
from scratchgen.gradcheck import check_operation
from scratchgen.gradcheck.examples import LAYOUTS, Draw, examples, operations
from scratchgen.gradcheck.operations import copy_with_layout, difference, outcome
from scratchgen.ops import dispatch, use_backend

TABLE = operations()
OPERATIONS = list(TABLE)
CASES = {name: lambda draw, operation=operation: examples(operation, draw) for name, operation in TABLE.items()}
BY_HAND = ["add_matmul_tn", "linear", "matmul", "matmul_nt", "matmul_tn", "random_normal", "random_uniform", "take_rows"]
TYPED = [name for name in OPERATIONS if name not in ("accumulate", "random_normal", "random_uniform", "take_rows")]
DTYPES = [np.dtype(np.float32), np.dtype(np.float64)]
SHAPES = [(1, 1), (2, 3), (7, 1), (1, 13), (5, 64), (31, 129), (0, 5), (67, 200)]
LARGE = [(3, 2500), (2100, 3), (1, 5000)]  # rows longer than a piece, more rows than fit one
pytestmark = pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value encountered in cast")

__all__ = ["CASES", "DTYPES", "LAYOUTS", "OPERATIONS", "TYPED", "Draw", "copy_with_layout"]  # used by the tests of the device, too


@pytest.fixture(autouse=True)
def numba_backend():
    with use_backend("numba"):
        yield


def test_every_operation_is_compiled_and_few_by_hand():
    """And every line of the table is for an operation that there is."""
    from scratchgen.gradcheck.examples import EXAMPLES

    assert set(EXAMPLES) <= {*OPERATIONS, *losses.__all__}
    assert sorted(dispatch._load("numba").by_hand) == BY_HAND
    for name in OPERATIONS:
        for arguments in CASES[name](Draw(DTYPES[0], 4, 5)):
            report = check_operation(TABLE[name], *arguments)
            assert report.ok, report
            run = dispatch.active().operations[inspect.unwrap(TABLE[name])]
            assert (name in BY_HAND) == (not hasattr(run, "kinds")) and dispatch.why_not_compiled(TABLE[name], *arguments) is None


@pytest.mark.parametrize("name", OPERATIONS)
def test_compiled_equals_definition(name):
    for batch, n in SHAPES + LARGE:
        for arguments in CASES[name](Draw(DTYPES[1], batch, n)):
            report = check_operation(TABLE[name], *arguments)
            assert not report.differences, f"{batch} × {n}: {report}"


@pytest.mark.parametrize("layouts", [("contiguous", "transposed"), ("transposed", "contiguous"), ("strided", "transposed")], ids="-".join)
@pytest.mark.parametrize("name", OPERATIONS)
def test_arrays_that_lie_in_different_ways(name, layouts):
    """Arguments take turns: contiguous beside transposed."""
    first, second = (CASES[name](Draw(DTYPES[0], 13, 37, layout)) for layout in layouts)
    for one, other in zip(first, second, strict=True):
        arguments = [(a, b)[k % 2] for k, (a, b) in enumerate(zip(one, other, strict=True))]
        wanted, got = outcome(inspect.unwrap(TABLE[name]), arguments, np.asarray), outcome(TABLE[name], arguments, np.asarray)
        assert [text for a, b in zip(got, wanted, strict=True) if (text := difference("", a, b, DTYPES[0]))] == []


THREADS = """
import sys
import numba, numpy as np
sys.path.insert(0, {folder!r})
from test_twins import CASES, TABLE, Draw, outcome
from scratchgen.ops.numba import workers

assert workers.pool().most == 4
for name in TABLE:
    for batch, n in ((203, 331), (40, 5000)):
        for arguments in CASES[name](Draw(np.float32, batch, n))[:2]:
            bits = set()
            for count in (4, 1, 2, 3, 4):
                numba.set_num_threads(count)
                assert workers.n_threads() == count
                results = outcome(TABLE[name], arguments, np.asarray)
                bits.add(b"".join(np.asarray(a).tobytes() for a in results if not isinstance(a, (np.dtype, type(None)))))
            if len(bits) > 1:
                print(name, batch, n)
print("done")
"""


def test_same_bits_on_any_number_of_threads():
    """In a process with four threads, on arrays so large that they share the work."""
    environment = os.environ | {"NUMBA_NUM_THREADS": "4", "SCRATCHGEN_BACKEND": "numba"}
    environment.pop("SCRATCHGEN_NUM_THREADS", None)
    code = textwrap.dedent(THREADS.format(folder=os.path.dirname(__file__)))
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=600)
    assert done.stdout.split() == ["done"], done.stdout + done.stderr[-2000:]


@pytest.mark.parametrize("name", TYPED)
def test_other_types_are_refused(name):
    arguments = CASES[name](Draw(DTYPES[0], 3, 5))[0]
    for wrong in (np.int64, np.float16):
        with pytest.raises(TypeError, match="float32"):
            TABLE[name](*[a.astype(wrong) if isinstance(a, np.ndarray) and a.dtype == np.float32 else a for a in arguments])


@pytest.mark.parametrize("name", [name for name in TYPED if len([a for a in CASES[name](Draw(DTYPES[0], 4, 5))[0] if isinstance(a, np.ndarray)]) > 1])
def test_mixed_types_are_refused(name):
    arguments = list(CASES[name](Draw(DTYPES[0], 4, 5))[0])
    floats = [k for k, a in enumerate(arguments) if isinstance(a, np.ndarray) and a.dtype == np.float32]
    if len(floats) > 1:
        arguments[floats[1]] = arguments[floats[1]].astype(np.float64)
        with pytest.raises((TypeError, ValueError), match="float32.*float64|float64.*float32"):
            TABLE[name](*arguments)


@pytest.mark.parametrize("name", ["add", "multiply", "add_product", "tanh_backward", "bce_with_logits", "gaussian_kl", "adam_step", "reparameterize"])
def test_unequal_shapes_are_refused(name):
    first, second, *rest = CASES[name](Draw(DTYPES[0], 4, 5))[0]
    with pytest.raises(ValueError, match="shape"):
        TABLE[name](first, second[:-1], *rest)


def test_an_array_that_is_to_be_changed_must_be_writable():
    changed = {}
    for name in OPERATIONS:
        for arguments in CASES[name](Draw(DTYPES[0], 4, 5)):
            before, after = (
                [a.copy() if isinstance(a, np.ndarray) else a for a in arguments],
                outcome(TABLE[name], arguments, np.asarray)[-len(arguments) :],
            )
            for k, (a, b) in enumerate(zip(before, after, strict=True)):
                if isinstance(a, np.ndarray) and not np.array_equal(a, b):
                    changed[name] = arguments, k
    assert {"fill", "copy_to", "add_column_sums", "add_matmul_tn", "adam_step", "clip_norm", "accumulate"} <= set(changed)
    for name, (arguments, k) in changed.items():
        arguments[k].flags.writeable = False
        with pytest.raises(ValueError, match=f"{name} changes an array that is read-only"):
            TABLE[name](*arguments)


BITS = """
import sys
import numpy as np
from scratchgen.layers.layer_norm import layer_norm
from scratchgen.layers.softmax import softmax
from scratchgen.losses.gaussian import gaussian_kl
from scratchgen.ops import clip_norm, matmul
x = np.random.default_rng(0).normal(size=(9, 300)).astype(np.float32)
results = layer_norm(x, x[0], x[1], 1e-5) + gaussian_kl(x, x) + (softmax(x), clip_norm(x.copy(), 1e9), matmul(x, x.T))
sys.stdout.buffer.write(b"".join(np.asarray(a).tobytes() for a in results))
"""


def test_same_bits_just_compiled_and_from_the_cache(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "SCRATCHGEN_BACKEND": "numba"}
    compiled, cached = (subprocess.run([sys.executable, "-c", BITS], env=environment, capture_output=True, check=True).stdout for _ in range(2))
    assert compiled == cached and len(compiled) > 9 * 300 * 4
