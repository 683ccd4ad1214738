"""Arrays that live on the device. They have a shape and can be cut and reshaped; only operations compute with them.

    x = array(np.ones((2, 3)))          to the device
    x.shape, x[0:1], x.reshape(6)       views: the same memory
    to_host(x)                          back, as a NumPy array; waits until everything launched before is done

By `__cuda_array_interface__`, `ops.array(x)` takes a CuPy or PyTorch array without a copy, and they take ours.
"""

import math
import operator

import numpy as np

from scratchgen.ops.cuda import driver, memory
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.launch import THREADS, blocks_for, launch


class DeviceArray:
    """Numbers in a block of device memory. Made by `array` and `empty`."""

    __slots__ = ("_contiguous", "_flat", "_view", "address", "block", "dtype", "ndim", "shape", "size", "strides")

    def __init__(self, block, address, shape, strides, dtype):
        self.block, self.address, self.shape, self.strides, self.dtype = block, address, shape, strides, dtype
        self.ndim, self.size = len(shape), math.prod(shape)
        self._view = self._flat = self._contiguous = None

    @property
    def contiguous(self):
        """Whether the numbers lie one after the other, row by row."""
        if self._contiguous is None:
            axes = zip(self.shape, self.strides, c_strides(self.shape, self.dtype), strict=True)
            self._contiguous = self.size == 0 or all(n == 1 or given == wanted for n, given, wanted in axes)
        return self._contiguous

    def view(self):
        """The array as kernels take it."""
        if self._view is None:
            self._view = driver.view(self.block, self.address, self.shape, self.strides, self.dtype)
        return self._view

    def flat(self):
        """A contiguous array as one row, as kernels take it."""
        if self._flat is None:
            self._flat = driver.view(self.block, self.address, (self.size,), (self.dtype.itemsize,), self.dtype)
        return self._flat

    def reshape(self, *shape):
        """The same numbers in another shape, of which one length may be -1; a view where the array is contiguous, else of a copy."""
        shape = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        shape = tuple(map(operator.index, shape))
        if shape.count(-1) == 1:
            known = -math.prod(shape)
            shape = tuple(n if n >= 0 else self.size // known if known else 0 for n in shape)
        if math.prod(shape) != self.size or min(shape, default=0) < 0:
            raise ValueError(f"an array of shape {self.shape} cannot be reshaped to {shape}")
        base = self if self.contiguous else self.copy()
        return DeviceArray(base.block, base.address, shape, c_strides(shape, self.dtype), self.dtype)

    @property
    def T(self):
        """The transpose, a view."""
        return DeviceArray(self.block, self.address, self.shape[::-1], self.strides[::-1], self.dtype)

    def column(self):
        """A number or a vector as a matrix with one column, a view."""
        return DeviceArray(self.block, self.address, (self.size, 1), (self.strides[0] if self.ndim else 0, self.dtype.itemsize), self.dtype)

    def __getitem__(self, key):
        """A view of a part: ints, slices and one Ellipsis."""
        keys = key if isinstance(key, tuple) else (key,)
        if keys.count(Ellipsis) == 1:
            at = keys.index(Ellipsis)
            keys = keys[:at] + (slice(None),) * (self.ndim - len(keys) + 1) + keys[at + 1 :]
        keys += (slice(None),) * (self.ndim - len(keys))
        if len(keys) > self.ndim:
            raise IndexError(f"{len(keys)} indices for an array of shape {self.shape}")
        address, shape, strides = self.address, [], []
        for key, n, step in zip(keys, self.shape, self.strides, strict=True):
            if isinstance(key, slice):
                part = range(n)[key]
                address += step * part.start if len(part) else 0
                shape.append(len(part))
                strides.append(step * part.step)
            else:
                try:
                    address += step * range(n)[operator.index(key)]
                except TypeError:
                    raise TypeError(f"a device array takes ints and slices as indices, not {type(key).__name__}") from None
        return DeviceArray(self.block, address, tuple(shape), tuple(strides), self.dtype)

    def __len__(self):
        return self.shape[0]

    def copy(self):
        """A new contiguous array with the same numbers."""
        return self.astype(self.dtype)

    def astype(self, dtype):
        """A new contiguous array with these numbers in another type."""
        out = empty(self.shape, dtype)
        convert(out, self)
        return out

    def to_host(self):
        """A NumPy array with the same numbers. Waits until everything launched before is done."""
        source = self if self.contiguous else self.copy()
        return driver.download(source.flat()).reshape(self.shape)

    def __float__(self):
        if self.size != 1:
            raise TypeError(f"an array of shape {self.shape} is no number")
        return float(self.to_host().reshape(()))

    @property
    def __cuda_array_interface__(self):
        return {
            "data": (self.address, False), "shape": self.shape, "strides": None if self.contiguous else self.strides,
            "typestr": self.dtype.str, "version": 3, "stream": driver.handle(),
        }  # fmt: skip

    def __deepcopy__(self, copied):
        return self.copy()

    def __reduce__(self):
        return array, (self.to_host(),)

    def __repr__(self):
        return f"DeviceArray(shape={self.shape}, dtype={self.dtype})"

    def __getattr__(self, name):
        raise AttributeError(f"a device array has no {name!r}; to compute on the host, use scratchgen.ops.to_host(x) or net.to('numba')")

    def __array__(self, *args, **kwargs):
        raise TypeError("a device array is not a NumPy array; scratchgen.ops.to_host(x) makes it one")

    def __iter__(self):
        raise TypeError("a device array cannot be iterated over; scratchgen.ops.to_host(x) makes it a NumPy array")

    def __bool__(self):
        raise TypeError("a device array has no truth value; scratchgen.ops.to_host(x) makes it a NumPy array")


def _refuse(self, *other):
    raise TypeError("a device array has no operators; use the operations of scratchgen.ops, or scratchgen.ops.to_host(x) for a NumPy array")


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    for _side in ("", "r", "i"):
        setattr(DeviceArray, f"__{_side}{_name}__", _refuse)
for _name in ("neg", "pos", "abs", "eq", "ne", "lt", "le", "gt", "ge", "setitem"):
    setattr(DeviceArray, f"__{_name}__", _refuse)


@cuda.jit
def convert_row(out, a):
    for k in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[k] = a[k]


@cuda.jit
def convert_matrix(out, a):
    n = out.shape[1]
    for k in range(cuda.grid(1), out.shape[0] * n, cuda.gridsize(1)):
        out[k // n, k % n] = a[k // n, k % n]


def convert(out, a):
    """out = a, equal shapes; the numbers take on out's type."""
    if not out.size:
        return
    if out.contiguous and a.contiguous:
        launch(convert_row, blocks_for(out.size), THREADS, out.flat(), a.flat())
    else:
        launch(convert_matrix, blocks_for(out.size), THREADS, matrix(out).view(), matrix(a).view())


def matrix(x):
    """x as a matrix: itself, or a number or vector as a column."""
    if x.ndim > 2:
        raise ValueError(f"operations take an array with more than 2 axes only if it is contiguous; given shape {x.shape}, strides {x.strides}")
    return x if x.ndim == 2 else x.column()


def c_strides(shape, dtype):
    """Bytes between neighbours along each axis of a contiguous array."""
    strides, step = [], dtype.itemsize
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def empty(shape, dtype=np.float32):
    """A new array, values undefined."""
    shape = tuple(map(operator.index, shape)) if isinstance(shape, (tuple, list)) else (operator.index(shape),)
    dtype = np.dtype(dtype)
    block = memory.block(math.prod(shape) * dtype.itemsize)
    return DeviceArray(block, block.address, shape, c_strides(shape, dtype), dtype)


def array(x, dtype=None):
    """`x` on the device: a copy of anything that NumPy can make an array of; device arrays, also other libraries', are not copied."""
    if isinstance(x, DeviceArray):
        return x if dtype is None or x.dtype == dtype else x.astype(np.dtype(dtype))
    if hasattr(x, "__cuda_array_interface__"):
        return array(foreign(x), dtype)
    x = np.asarray(x, dtype)
    out = empty(x.shape, x.dtype)
    if x.size:
        driver.upload(out.flat(), np.ascontiguousarray(x).reshape(-1))
    return out


def foreign(x):
    """The array of another library, as ours: the same memory. Waits for the library's work in progress on its own stream."""
    about = x.__cuda_array_interface__
    if about.get("mask") is not None:
        raise TypeError("a masked array cannot be used on the device")
    driver.wait_for(about.get("stream"))
    dtype, shape = np.dtype(about["typestr"]), tuple(about["shape"])
    address = about["data"][0]
    return DeviceArray(memory.Foreign(x, address), address, shape, tuple(about.get("strides") or c_strides(shape, dtype)), dtype)


@cuda.jit
def add_numbers(out, a, b):
    out[0] = a[0] + b[0]


class Scalar(DeviceArray):
    """A number on the device, such as a loss. float() waits for it; + does not, and exists because a model's loss is the sum of its parts."""

    __slots__ = ()

    def __add__(self, other):
        out = scalar()
        launch(add_numbers, 1, 1, out.flat(), self.flat(), other.flat())
        return out


def scalar():
    """A new Scalar of float64, value undefined."""
    block = memory.block(8)
    return Scalar(block, block.address, (), (), np.dtype(np.float64))


def check_device(name, arrays):
    """TypeError unless all are device arrays."""
    for a in arrays:
        if not isinstance(a, DeviceArray):
            raise TypeError(f"{name} on backend 'cuda' takes device arrays; given a {type(a).__name__}, which scratchgen.ops.array(x) would make one")


def to_host(x):
    """A NumPy array with the numbers of x."""
    return x.to_host() if isinstance(x, DeviceArray) else np.asarray(x)
