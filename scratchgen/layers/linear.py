"""The linear layer: every output is a weighted sum of all inputs, plus a bias.

    y = x W + b                          x (batch, n_in), W (n_in, n_out), b (n_out,), y (batch, n_out)

Derivation, in full. For one example and one output,  y_j = Σ_i x_i W_ij + b_j.  The loss L depends on x, W
and b only through the y's; write dy_j for dL/dy_j. The chain rule sums over every path
from the variable to the loss:

    dL/dx_i  = Σ_j dy_j · ∂y_j/∂x_i  = Σ_j dy_j W_ij    x_i feeds every output j    dx = dy Wᵀ   (batch, n_in)
    dL/dW_ij = dy_j · ∂y_j/∂W_ij     = x_i dy_j         W_ij feeds output j only
    dL/db_j  = dy_j · ∂y_j/∂b_j      = dy_j

W and b are shared by all examples, so their gradients are sums over the batch, n = 1 … batch:

    dW_ij = Σ_n x_ni dy_nj               dW = xᵀ dy           (n_in, n_out)
    db_j  = Σ_n dy_nj                    db = Σ_batch dy      (n_out,)

The same in ten lines of NumPy, with a check against the difference quotient of L = Σ dy ∘ y:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, W, b, dy = (rng.normal(size=shape) for shape in [(5, 3), (3, 2), (2,), (5, 2)])
    >>> loss = lambda W: np.sum(dy * (x @ W + b))
    >>> dW = x.T @ dy
    >>> step = np.zeros_like(W); step[1, 0] = 1e-6
    >>> bool(abs((loss(W + step) - loss(W - step)) / 2e-6 - dW[1, 0]) < 1e-8)
    True
"""

import numpy as np

from scratchgen.errors import flag, integer
from scratchgen.layers.initializers import initialize
from scratchgen.layers.layer import Layer
from scratchgen.ops import add_column_sums, add_matmul_tn, array, as_generator, matmul, matmul_nt, op


@op
def linear(x, W, b):  # y = x W + b
    y = x @ W
    return y if b is None else y + b


class Linear(Layer):
    """y = x W + b.

    n_in, n_out: numbers of input and output features.
    bias: False leaves b out.
    init: name or function for W (see initializers); b starts at zero.
    rng: a seed or a numpy.random.Generator.
    params: W (n_in, n_out), b (n_out,).
    """

    def __init__(self, n_in, n_out, *, bias=True, init="glorot_uniform", rng=None, dtype=np.float32):
        self.n_in, self.n_out = n_in, n_out = integer("n_in", n_in, 1), integer("n_out", n_out, 1)
        self.params["W"] = array(initialize(init, (n_in, n_out), as_generator(rng)), dtype)
        if flag("bias", bias):
            self.params["b"] = array(np.zeros(n_out), dtype)
        self.grads = {key: array(np.zeros(value.shape), dtype) for key, value in self.params.items()}

    def forward(self, x):
        """x (batch, n_in) -> y (batch, n_out)."""
        self.check_input(x, self.n_in)
        return linear(x, self.params["W"], self.params.get("b")), x

    def backward(self, dy, x, wrt="both"):
        """dy (batch, n_out) -> dx (batch, n_in)."""
        if wrt != "input":
            add_matmul_tn(self.grads["W"], x, dy)  # dW = xᵀ dy
            if "b" in self.grads:
                add_column_sums(self.grads["b"], dy)  # db = Σ_batch dy
        if wrt != "params":
            return matmul_nt(dy, self.params["W"])  # dx = dy Wᵀ

    def double_backward(self, ddx, dy, x):
        """ddx (batch, n_in), dy (batch, n_out) -> ddy (batch, n_out), None:
        dx = dy Wᵀ does not depend on x.
        """
        add_matmul_tn(self.grads["W"], ddx, dy)  # dW = ddxᵀ dy
        return matmul(ddx, self.params["W"]), None  # ddy = ddx W

    def __repr__(self):
        bias = "" if "b" in self.params else ", bias=False"
        return f"{type(self).__name__}({self.n_in}, {self.n_out}{bias})"
