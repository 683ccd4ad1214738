"""Minibatch discrimination: each example is told how close the others of its minibatch are (Salimans et al. 2016).

A discriminator that looks at one example at a time cannot see that the generator gives the same picture for every z: each
of them may be perfect. This layer lets it look aside. From the features x (n_in) of an example it computes B · C numbers,
in B groups, the *kernels*; in each kernel, examples are compared with all others by a distance, and the closer they are,
the larger is the number that the next layer gets:

    M       = x T                                             T (n_in, B C);  M_ibc: number c of kernel b of example i
    c_ijb   = exp(−Σ_c |M_ibc − M_jbc|)                       1 for equals, towards 0 with distance
    o_ib    = Σ_(j≠i) c_ijb                                   how many others are close
    y_i     = [x_i | o_i]                                     (batch, n_in) -> (batch, n_in + B)

Backward. o_i depends on M_i through every c_ij, and so does every o_j, because c_ijb = c_jib. From
∂c_ijb / ∂M_ibc = −c_ijb sign(M_ibc − M_jbc),

    dM_ibc  = −Σ_j (do_ib + do_jb) c_ijb sign(M_ibc − M_jbc)
    dT      = xᵀ dM
    dx      = dy's first n_in columns + dM Tᵀ

For j = i the sign is 0: that term needs no exception. In o it is 1, and is subtracted. All pairs are compared, so the
work grows with the square of the batch. The layer couples the batch: real and generated examples must go through it apart,
or it would measure how close the generated are to the real. Hence no double_backward, as with batch normalisation: a
penalty is on the slope of D at *one* example, and here an example has no D of its own.
"""

import numpy as np

from scratchgen.errors import integer
from scratchgen.layers.initializers import initialize
from scratchgen.layers.layer import Layer
from scratchgen.ops import add, add_matmul_tn, array, as_generator, copy_of, copy_to, matmul, matmul_nt, op


@op
def with_room(x, n):  # [x | 0]:  (batch, n_in) -> (batch, n_in + n)
    return np.concatenate([x, np.full((x.shape[0], n), 0, dtype=x.dtype, like=x)], axis=1)


@op
def closeness(o, M, Mt, n_c):
    """o_i = Σ_j exp(−Σ_c |M_ic − M_jc|) − 1 of one kernel, in place:  o (batch,), M (batch, C), Mt = Mᵀ, n_c = C.  i: rows, j: columns."""
    distance = sum(np.abs(M[:, c : c + 1] - Mt[c : c + 1]) for c in range(n_c))  # (batch, batch)
    o[...] = np.sum(np.exp(-distance), axis=1) - 1


@op
def closeness_backward(do, do_j, M, Mt, n_c):
    """-> dM (batch, C).  dM_ic = −Σ_j (do_i + do_j) c_ij sign(M_ic − M_jc);  do and do_j are the same (batch,), along rows and along columns."""
    difference = [M[:, c : c + 1] - Mt[c : c + 1] for c in range(n_c)]
    c_ij = np.exp(-sum(np.abs(d) for d in difference))
    ddistance = -(do[:, None] + do_j) * c_ij  # (batch, batch)
    dM = [np.where(d > 0, ddistance, np.where(d < 0, -ddistance, 0)) for d in difference]
    return np.concatenate([np.sum(d, axis=1, keepdims=True) for d in dM], axis=1)


class MinibatchDiscrimination(Layer):
    """y = [x | how close the others are, in each of n_kernels ways].

    n_in: number of input features.  n_kernels: B.  kernel_dim: C, numbers by which a kernel compares.
    init: name or function for T (see initializers).  rng: a seed or a numpy.random.Generator.  params: T (n_in, B C).
    """

    couples_batch = True

    def __init__(self, n_in, n_kernels=16, kernel_dim=4, *, init="glorot_uniform", rng=None, dtype=np.float32):
        self.n_in, self.n_kernels = integer("n_in", n_in, 1), integer("n_kernels", n_kernels, 1)
        self.kernel_dim = integer("kernel_dim", kernel_dim, 1)
        self.params = {"T": array(initialize(init, (n_in, n_kernels * kernel_dim), as_generator(rng)), dtype)}
        self.grads = {"T": array(np.zeros((n_in, n_kernels * kernel_dim)), dtype)}

    def forward(self, x):
        """x (batch, n_in) -> y (batch, n_in + B)."""
        self.check_input(x, self.n_in)
        M, y = matmul(x, self.params["T"]), with_room(x, self.n_kernels)
        for b, M_b in enumerate(self.kernels(M)):
            closeness(y[:, self.n_in + b], M_b, M_b.T, self.kernel_dim)
        return y, (x, M)

    def backward(self, dy, cache, wrt="both"):
        """dy (batch, n_in + B) -> dx (batch, n_in)."""
        x, M = cache
        dM = copy_of(M)  # of its shape; what it holds is overwritten, kernel by kernel
        for b, (M_b, dM_b) in enumerate(zip(self.kernels(M), self.kernels(dM), strict=True)):
            do = dy[:, self.n_in + b]
            copy_to(dM_b, closeness_backward(do, do, M_b, M_b.T, self.kernel_dim))
        if wrt != "input":
            add_matmul_tn(self.grads["T"], x, dM)  # dT = xᵀ dM
        if wrt != "params":
            return add(dy[:, : self.n_in], matmul_nt(dM, self.params["T"]))  # dx = dy's first columns + dM Tᵀ

    def kernels(self, M):
        """M (batch, B C) in B pieces (batch, C), views."""
        return [M[:, b * self.kernel_dim : (b + 1) * self.kernel_dim] for b in range(self.n_kernels)]

    def __repr__(self):
        return f"MinibatchDiscrimination({self.n_in}, {self.n_kernels}, {self.kernel_dim})"
