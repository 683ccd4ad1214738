"""The matrix products by cuBLAS, through CuPy."""

import cupy

from scratchgen.bench.products import shapes_of
from scratchgen.bench.timing import EventClock, timed


def prepare(product, m, k, n, dtype):
    """A function that does that product once. CuPy computes float32 in float32, unless its variable CUPY_TF32 says otherwise."""
    a, b = (cupy.random.standard_normal(shape, dtype=dtype) for shape in shapes_of(product, m, k, n))
    a, b = a.T if product == "matmul_tn" else a, b.T if product == "matmul_nt" else b
    return timed(lambda: a @ b, EventClock(record, seconds))


def record():
    """An event after the work queued so far."""
    event = cupy.cuda.Event()
    event.record()
    return event


def seconds(start, stop):
    """Between two events."""
    stop.synchronize()
    return 1e-3 * cupy.cuda.get_elapsed_time(start, stop)


def has_gpu():
    """Whether this CuPy can use a GPU."""
    return cupy.is_available()
