"""Device arrays: views as NumPy makes them, other libraries' arrays in and out, memory that is used again, and one clear sentence where they end."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.ops import add, array, empty, to_host, use_backend
from scratchgen.ops.cuda import driver, memory
from scratchgen.ops.cuda.array import DeviceArray

pytestmark = [pytest.mark.cuda, pytest.mark.filterwarnings("ignore::RuntimeWarning")]


@pytest.fixture(autouse=True)
def on_cuda():
    with use_backend("cuda"):
        yield


KEYS = [0, -1, slice(1, 3), slice(None, None, 2), slice(3, None, -1), slice(7, 2), (slice(1, 4), slice(2, None)), (2, slice(None)),
        (slice(None), -2), (3, 4),
        ..., (..., 1), (slice(None), slice(4, 0, -2)), (slice(2, 2), 0)]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_slices_are_numpy_s(key):
    a = np.arange(30, dtype=np.float32).reshape(5, 6)
    x, b = array(a)[key], a[key]
    assert x.shape == b.shape and x.ndim == b.ndim and x.size == b.size and x.dtype == b.dtype
    assert x.contiguous == b.flags.c_contiguous
    np.testing.assert_array_equal(to_host(x), b)
    if b.size:
        np.testing.assert_array_equal(to_host(x.reshape(-1)), b.reshape(-1))


def test_a_view_is_the_same_memory():
    x = array(np.zeros((4, 6), np.float32))
    sg.ops.fill(x[1:3, ::2], 1.0)
    sg.ops.fill(x.T[5], 2.0)
    wanted = np.zeros((4, 6), np.float32)
    wanted[1:3, ::2], wanted.T[5] = 1, 2
    np.testing.assert_array_equal(to_host(x), wanted)
    assert to_host(x.reshape(2, -1)).shape == (2, 12) and to_host(x.reshape((3, 8))).shape == (3, 8)


@pytest.mark.parametrize("wrong", [lambda x: x.reshape(5, 5), lambda x: x[1.5], lambda x: x[1, 2, 3], lambda x: x[7], lambda x: x[[0, 1]]])
def test_impossible_views_are_refused(wrong):
    with pytest.raises((ValueError, TypeError, IndexError)):
        wrong(array(np.zeros((4, 6))))


def test_types_and_copies():
    a = np.arange(6)
    x = array(a, np.float32)
    assert x.dtype == np.float32 and array(x) is x and array(x, np.float64).dtype == np.float64
    y = x.copy()
    sg.ops.fill(y, 0.0)
    np.testing.assert_array_equal(to_host(x), a)
    assert float(array(2.5)) == 2.5 and array(2.5).shape == ()
    assert empty((2, 3)).dtype == np.float32 and len(empty((2, 3))) == 2


@pytest.mark.parametrize(
    "use",
    [lambda x: x + x, lambda x: 2 * x, lambda x: np.float32(2) * x, lambda x: -x, lambda x: x == x, lambda x: x @ x, lambda x: np.sum(x),
     lambda x: list(x), lambda x: bool(x), lambda x: np.asarray(x), lambda x: x.sum(), lambda x: float(x), lambda x: x.__setitem__(0, 1)],
)  # fmt: skip
def test_there_is_no_arithmetic_outside_operations(use):
    with pytest.raises((TypeError, AttributeError), match="device array|no number"):
        use(array(np.ones((2, 2))))


def test_arrays_of_other_libraries_come_in_without_a_copy():
    theirs = array(np.arange(12, dtype=np.float32).reshape(3, 4))
    about = dict(theirs.__cuda_array_interface__, stream=None)
    alias = array(SimpleNamespace(__cuda_array_interface__=about, keeps=theirs))
    strided = array(SimpleNamespace(__cuda_array_interface__=about | {"shape": (3, 2), "strides": (16, 8)}, keeps=theirs))
    sg.ops.fill(theirs[1], 9.0)
    np.testing.assert_array_equal(to_host(alias), to_host(theirs))
    np.testing.assert_array_equal(to_host(strided), to_host(theirs)[:, ::2])
    with pytest.raises(TypeError, match="mask"):
        array(SimpleNamespace(__cuda_array_interface__=about | {"mask": theirs}))


@pytest.mark.skipif(driver.SIMULATED, reason="CuPy and PyTorch need a GPU")
@pytest.mark.parametrize("library", ["cupy", "torch"])
def test_ours_go_to_cupy_and_pytorch_and_back(library):
    module = pytest.importorskip(library)
    x = array(np.arange(6, dtype=np.float32).reshape(2, 3))
    theirs = module.asarray(x) if library == "cupy" else module.as_tensor(x, device="cuda")
    np.testing.assert_array_equal(to_host(array(theirs * 2)), to_host(x) * 2)


def test_memory_is_used_again(monkeypatch):
    pool = memory.Pool()
    with memory.using(pool):
        first = empty((10, 10))
        address = first.address
        view = first[2:]
        del first
        assert empty((10, 10)).address != address  # the view still needs it
        del view
        assert len(pool.taken) == 2
        second = empty(90)  # a size that is rounded up to the same
        third = empty((10, 10))
        assert {second.address, third.address} <= {first for first, _ in pool.taken} and len(pool.taken) == 2
        assert pool.holds(second.address) and not pool.holds(0)
    monkeypatch.setattr(driver, "allocate", lambda n_bytes: 1 / 0)
    with pytest.raises(MemoryError, match="the device has no 1,024 bytes of memory left"), memory.using(memory.Pool()):
        empty(200)


def test_a_result_does_not_lie_in_memory_that_is_still_in_use():
    x = array(np.ones((4, 4), np.float32))
    total = x
    for _ in range(5):
        total = add(total, x)
    np.testing.assert_array_equal(to_host(total), np.full((4, 4), 6))
    np.testing.assert_array_equal(to_host(x), np.ones((4, 4)))


def test_host_and_device_do_not_mix():
    x = array(np.ones((2, 2), np.float32))
    with pytest.raises(TypeError, match="add on backend 'cuda' takes device arrays; given a ndarray"):
        add(x, np.ones((2, 2), np.float32))
    for backend in ("numpy", "numba"):
        with use_backend(backend):
            with pytest.raises((TypeError, AttributeError), match="device array"):
                add(x, x)
            assert isinstance(array(x), np.ndarray) and not isinstance(array(x), DeviceArray)


@pytest.mark.skipif(not driver.SIMULATED, reason="there is a GPU")
def test_without_a_gpu_there_is_one_clear_sentence():
    environment = {key: value for key, value in os.environ.items() if key != "NUMBA_ENABLE_CUDASIM"}
    done = subprocess.run([sys.executable, "-c", "import scratchgen as sg; sg.use_backend('cuda')"], env=environment, capture_output=True, text=True)
    (last,) = done.stderr.strip().splitlines()[-1:]
    assert last.startswith("RuntimeError: backend 'cuda' needs ")
