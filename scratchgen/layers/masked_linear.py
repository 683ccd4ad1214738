"""A linear layer some of whose connections are cut: the building block of autoregressive networks
(MADE, Germain et al. 2015).

    y = x (W ∘ M) + b             M (n_in, n_out) of zeros and ones: output j sees input i only where M_ij = 1

W enters only through W ∘ M, so its gradient passes through the same mask:

    dW = (xᵀ dy) ∘ M       db = Σ_batch dy       dx = dy (W ∘ M)ᵀ
"""

import numpy as np

from scratchgen.layers.linear import Linear, linear
from scratchgen.ops import add_column_sums, add_product, array, matmul, matmul_nt, matmul_tn, multiply


class MaskedLinear(Linear):
    """y = x (W ∘ M) + b.

    mask: (n_in, n_out) of 0 and 1, kept in `buffers["mask"]`; the rest as in Linear.
    """

    def __init__(self, mask, **options):
        mask = np.array(mask, order="C")
        if mask.ndim != 2 or not np.isin(mask, (0, 1)).all():
            raise ValueError(
                f"mask has shape {mask.shape}; it must be a matrix (n_in, n_out) of zeros and ones"
            )
        super().__init__(*mask.shape, **options)
        self.buffers["mask"] = array(mask, self.params["W"].dtype)

    def forward(self, x):
        """x (batch, n_in) -> y (batch, n_out)."""
        self.check_input(x, self.n_in)
        masked = multiply(self.params["W"], self.buffers["mask"])  # W ∘ M
        return linear(x, masked, self.params.get("b")), (x, masked)

    def backward(self, dy, cache, wrt="both"):
        """dy (batch, n_out) -> dx (batch, n_in)."""
        x, masked = cache
        if wrt != "input":
            add_product(self.grads["W"], matmul_tn(x, dy), self.buffers["mask"])
            if "b" in self.grads:
                add_column_sums(self.grads["b"], dy)
        if wrt != "params":
            return matmul_nt(dy, masked)

    def double_backward(self, ddx, dy, cache):
        """ddx (batch, n_in), dy (batch, n_out) -> ddy (batch, n_out), None."""
        masked = cache[1]
        add_product(self.grads["W"], matmul_tn(ddx, dy), self.buffers["mask"])  # dW = (ddxᵀ dy) ∘ M
        return matmul(ddx, masked), None  # ddy = ddx (W ∘ M)
