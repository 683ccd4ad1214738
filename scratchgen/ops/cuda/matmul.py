"""The matrix products: tiles of both operands are brought to shared memory once, and used by a whole block of threads.

    c_ij = f(Σ_k a_ik b_kj + bias_j)            or  c_ij += Σ_k a_ik b_kj

Each thread computes one number of c. A transposed operand is only another way to step through the same memory, so all products are one.
"""

from scratchgen.errors import unknown_name
from scratchgen.ops.cuda import activations, driver
from scratchgen.ops.cuda.array import DeviceArray, empty
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.elementwise import REALS, check_device
from scratchgen.ops.cuda.kernels import device
from scratchgen.ops.cuda.launch import launch

TILE = 2 if driver.SIMULATED else 16
SHAPES = {
    "matmul": "(m, k) and (k, n)",
    "matmul_nt": "(m, k) and (n, k)",
    "matmul_tn": "(k, m) and (k, n)",
    "add_matmul_tn": "(k, m) and (k, n)",
    "linear": "(batch, n_in) and (n_in, n_out)",
    "linear_activation": "(batch, n_in) and (n_in, n_out)",
}


def product(finish, real):
    """The kernel for numbers of type `real`. finish(sum, old value of c, bias, alpha): what becomes of each sum."""
    finish = device(finish)

    def tiled(c, a, b, bias, alpha):
        a_tile = cuda.shared.array((TILE, TILE), real)
        b_tile = cuda.shared.array((TILE, TILE), real)
        row, column = cuda.threadIdx.y, cuda.threadIdx.x
        i, j = cuda.blockIdx.x * TILE + row, cuda.blockIdx.y * TILE + column
        m, n, length = c.shape[0], c.shape[1], a.shape[1]
        total = real(0)
        for k in range(0, length, TILE):
            a_tile[row, column] = a[i, k + column] if i < m and k + column < length else real(0)
            b_tile[row, column] = b[k + row, j] if k + row < length and j < n else real(0)
            cuda.syncthreads()
            for l in range(TILE):
                total += a_tile[row, l] * b_tile[l, column]
            cuda.syncthreads()
        if i < m and j < n:
            c[i, j] = finish(total, c[i, j], bias[min(j, bias.size - 1)], alpha)

    return cuda.jit(tiled)


def store(total, old, bias, alpha):
    return total


def accumulate(total, old, bias, alpha):
    return old + total


def add_bias(total, old, bias, alpha):
    return total + bias


def activated(formula, n_numbers, with_bias):
    """The function `finish` that applies an activation."""
    f = device(formula)
    if n_numbers:
        return (lambda total, old, bias, alpha: f(total + bias, alpha)) if with_bias else (lambda total, old, bias, alpha: f(total, alpha))
    return (lambda total, old, bias, alpha: f(total + bias)) if with_bias else (lambda total, old, bias, alpha: f(total))


ACTIVATIONS = {formula.__name__: (formula, n_numbers) for formula, n_numbers in activations.FORWARD.items()}
FINISH = {"store": store, "accumulate": accumulate, "add_bias": add_bias}
for _name, _formula in ACTIVATIONS.items():
    FINISH[_name], FINISH[f"{_name} and bias"] = activated(*_formula, False), activated(*_formula, True)
KERNELS = {(name, dtype): product(finish, dtype.type) for name, finish in FINISH.items() for dtype in REALS}


def multiply(a, b, c, finish="store", bias=None, alpha=0.0):
    """c = finish(a b), any strides."""
    blocks = -(-c.shape[0] // TILE), -(-c.shape[1] // TILE)
    if c.size:
        bias = c[0] if bias is None else bias  # where it is not used, anything will do
        launch(KERNELS[finish, c.dtype], blocks, (TILE, TILE), c.view(), a.view(), b.view(), bias.view(), c.dtype.type(alpha))


def matmul(a, b):
    """a b:  (m, k), (k, n) -> (m, n), both float32 or both float64, any strides."""
    c = output("matmul", a, b)
    multiply(a, b, c)
    return c


def matmul_nt(a, b):
    """a bᵀ:  (m, k), (n, k) -> (m, n)."""
    check_device("matmul_nt", (a, b))
    c = output("matmul_nt", a, b.T)
    multiply(a, b.T, c)
    return c


def matmul_tn(a, b):
    """aᵀ b:  (k, m), (k, n) -> (m, n)."""
    check_device("matmul_tn", (a, b))
    c = output("matmul_tn", a.T, b)
    multiply(a.T, b, c)
    return c


def add_matmul_tn(out, a, b):
    """out += aᵀ b:  out (m, n), a (k, m), b (k, n). out shares no memory with a or b."""
    check_device("add_matmul_tn", (out, a, b))
    check_product("add_matmul_tn", a.T, b)
    if out.shape != (a.shape[1], b.shape[1]) or out.dtype != a.dtype:
        raise ValueError(f"add_matmul_tn: out is {out.shape} {out.dtype}; aᵀ b is {(a.shape[1], b.shape[1])} {a.dtype}")
    multiply(a.T, b, out, "accumulate")


def linear(x, W, b):
    """x W + b:  (batch, n_in), (n_in, n_out), (n_out,) or None -> (batch, n_out)."""
    y = output("linear", x, W)
    check_bias("linear", b, y)
    multiply(x, W, y, "store" if b is None else "add_bias", b)
    return y


def linear_activation(x, W, b, activation, *alpha):
    """activation(x W + b, *alpha), shapes as in linear; activation: a key of ACTIVATIONS."""
    if activation not in ACTIVATIONS:
        raise unknown_name("activation", activation, ACTIVATIONS)
    y = output("linear_activation", x, W)
    check_bias("linear_activation", b, y)
    multiply(x, W, y, activation if b is None else f"{activation} and bias", b, *alpha)
    return y


def output(name, a, b):
    """A new array for the product of a (m, k) and b (k, n), after checks."""
    check_product(name, a, b)
    return empty((a.shape[0], b.shape[1]), a.dtype)


def check_product(name, a, b):
    """ValueError or TypeError unless a is (m, k), b is (k, n), and both are float32 or both float64, on the device."""
    check_device(name, (a, b))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        given = [x.shape[::-1] if flip else x.shape for x, flip in ((a, name.endswith("_tn")), (b, name.endswith("_nt")))]
        raise ValueError(f"{name} needs shapes {SHAPES[name]}; given {given[0]} and {given[1]}")
    if a.dtype != b.dtype or a.dtype not in REALS:
        raise TypeError(f"{name} needs two float32 or two float64 arrays; given {a.dtype} and {b.dtype}")


def check_bias(name, b, y):
    """ValueError or TypeError unless the bias b fits the product y."""
    if b is not None and (not isinstance(b, DeviceArray) or b.shape != y.shape[1:] or b.dtype != y.dtype):
        given = f"{b.shape} {b.dtype}" if isinstance(b, DeviceArray) else f"a {type(b).__name__}"
        raise ValueError(f"{name}: b is {given}; x W needs {y.shape[1:]} {y.dtype}")


TWINS = {
    "matmul": matmul,
    "matmul_nt": matmul_nt,
    "matmul_tn": matmul_tn,
    "add_matmul_tn": add_matmul_tn,
    "linear": linear,
    "linear_activation": linear_activation,
}
