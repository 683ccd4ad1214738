"""Several operations in one, while the numbers are still in the cache: of linear layers, and of the activations between them.

The definitions say that nothing else happens: they are the separate operations, one after the other, found by name.
"""

from scratchgen.ops.dispatch import definitions, op


@op
def linear_activation(x, W, b, activation, *alpha):
    """y = activation(x W + b, *alpha):  x (batch, n_in), W (n_in, n_out), b (n_out,) or None -> (batch, n_out)."""
    return definitions[activation](definitions["linear"](x, W, b), *alpha)


@op
def matmul_nt_activation_backward(dz, W, y, activation, *alpha):
    """activation_backward(dz Wᵀ, y, *alpha), the way back to the activation below:  dz (batch, n_out), W (n_in, n_out), y (batch, n_in)
    -> (batch, n_in)."""
    return definitions[f"{activation}_backward"](definitions["matmul_nt"](dz, W), y, *alpha)


@op
def add_linear_grads(dW, db, x, dz):
    """dW += xᵀ dz, and db += Σ_batch dz unless db is None:  dW (n_in, n_out), db (n_out,), x (batch, n_in), dz (batch, n_out).

    dW and db share no memory with x or dz.
    """
    definitions["add_matmul_tn"](dW, x, dz)
    if db is not None:
        definitions["add_column_sums"](db, dz)
