"""Minibatch discrimination: each example is told how close the others of its minibatch are
(Salimans et al. 2016).

A discriminator that looks at one example at a time cannot see that the generator gives the same picture for
every z: each of them may be perfect. This layer lets it look aside. From the features x (n_in) of an example
it computes B · C numbers, in B groups, the *kernels*; in each kernel examples are compared by a distance, and
the closer the others are, the larger is the number that the next layer gets:

    M       = x Tᵀ                            T (B C, n_in);  M_ibc: number c of kernel b of example i
    D_ijb   = Σ_c |M_ibc − M_jbc|             the distance of two examples
    c_ijb   = exp(−D_ijb)                     1 for equals, towards 0 with distance
    o_ib    = Σ_(j≠i) c_ijb                   how many others are close
    y_i     = [x_i | o_i]                     (batch, n_in) -> (batch, n_in + B)

Backward. The pair of i and j counts in o_i and, because it is c_jib as well, in o_j; so

    dD_ijb  = −(do_ib + do_jb) c_ijb          for each pair, whichever is named first
    dM_ibc  = Σ_j dD_ijb sign(M_ibc − M_jbc)
    dT      = dMᵀ x
    dx      = dy's first n_in columns + dM T

For j = i the sign is 0: that term needs no exception. In o it is 1, and is subtracted. All pairs are
compared, so work and memory grow with the square of the batch. The layer couples the batch: real and
generated examples must go through it apart, or it would measure how close the generated are to the real.
Hence no double_backward, as with batch normalisation: a penalty is on the slope of D at *one* example, and
here an example has no D of its own.

An operation has rows and columns, i and j. Kernels and their numbers are gone through one by one; what is
needed along both axes, such as m = (M_1bc, …, M_nbc), is given twice.
"""

import numpy as np

from scratchgen.errors import integer
from scratchgen.layers.initializers import initialize
from scratchgen.layers.layer import Layer
from scratchgen.ops import add, array, as_generator, copy_of, join_columns, matmul, matmul_nt, matmul_tn, op


@op
def distance(m, m_j):  # D_ij = |m_i − m_j|:  (batch,) -> (batch, batch)
    return np.abs(m[:, None] - m_j)


@op
def add_distance(D, m, m_j):  # D_ij += |m_i − m_j|
    D += np.abs(m[:, None] - m_j)


@op
def closeness(D):  # -> c_ij = e^−D_ij (batch, batch), o_i = Σ_j c_ij − 1 (batch, 1)
    c = np.exp(-D)
    return c, np.sum(c, axis=1, keepdims=True) - 1


@op
def one_column(a):  # (batch, 1) -> (batch,)
    return np.sum(a, axis=1)


@op
def closeness_backward(do, do_j, c):  # dD_ij = −(do_i + do_j) c_ij
    return -(do[:, None] + do_j) * c


@op
def distance_backward(dm, dD, m, m_j):  # dm_i = Σ_j dD_ij sign(m_i − m_j), in place
    dm[...] = np.sum(np.where(m[:, None] > m_j, dD, np.where(m[:, None] < m_j, -dD, 0)), axis=1)


@op
def add_to(out, a):  # out += a
    out += a


class MinibatchDiscrimination(Layer):
    """y = [x | how close the others are, in each of n_kernels ways].

    n_in: number of input features.
    n_kernels: B.
    kernel_dim: C, numbers by which a kernel compares.
    init: name or function for T (see initializers).
    rng: a seed or a numpy.random.Generator.
    params: T (B C, n_in).
    """

    couples_batch = True

    def __init__(
        self, n_in, n_kernels=16, kernel_dim=4, *, init="glorot_uniform", rng=None, dtype=np.float32
    ):
        self.n_in, self.n_kernels = integer("n_in", n_in, 1), integer("n_kernels", n_kernels, 1)
        self.kernel_dim = integer("kernel_dim", kernel_dim, 1)
        T = initialize(init, (n_in, self.n_kernels * self.kernel_dim), as_generator(rng)).T
        self.params, self.grads = {"T": array(T.copy(), dtype)}, {"T": array(np.zeros(T.shape), dtype)}

    def forward(self, x):
        """x (batch, n_in) -> y (batch, n_in + B)."""
        self.check_input(x, self.n_in)
        M = matmul_nt(self.params["T"], x)  # as Mᵀ (B C, batch), so that each of its numbers is a row
        closest, y = [], x
        for b in range(self.n_kernels):
            D = distance(*self.twice(M, b, 0))
            for c in range(1, self.kernel_dim):
                add_distance(D, *self.twice(M, b, c))
            c_b, o_b = closeness(D)
            closest.append(c_b)
            y = join_columns(y, o_b)
        return y, (x, M, closest)

    def backward(self, dy, cache, wrt="both"):
        """dy (batch, n_in + B) -> dx (batch, n_in)."""
        x, M, closest = cache
        dM = copy_of(M)  # of its shape; what it holds is overwritten, row by row
        for b, c_b in enumerate(closest):
            do = one_column(dy[:, self.n_in + b : self.n_in + b + 1])
            dD = closeness_backward(do, do, c_b)
            for c in range(self.kernel_dim):
                distance_backward(dM[b * self.kernel_dim + c], dD, *self.twice(M, b, c))
        if wrt != "input":
            add_to(self.grads["T"], matmul(dM, x))  # dT = dMᵀ x
        if wrt != "params":
            return add(dy[:, : self.n_in], matmul_tn(dM, self.params["T"]))  # dx = dy's first columns + dM T

    def twice(self, M, b, c):
        """Number c of kernel b of all examples, (batch,), for the rows and for the columns."""
        m = M[b * self.kernel_dim + c]
        return m, m

    def __repr__(self):
        return f"MinibatchDiscrimination({self.n_in}, {self.n_kernels}, {self.kernel_dim})"
