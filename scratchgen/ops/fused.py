"""Two operations in one: a linear layer with the activation behind it, while the numbers are still in the cache.

The definitions say that nothing else happens: they are the separate operations, one after the other, found by name.
"""

from scratchgen.ops.dispatch import definitions, op


@op
def linear_activation(x, W, b, activation, *alpha):
    """y = activation(x W + b, *alpha):  x (batch, n_in), W (n_in, n_out), b (n_out,) or None -> (batch, n_out)."""
    return definitions[activation](definitions["linear"](x, W, b), *alpha)


@op
def activation_backward(dy, y, db, activation, *alpha):
    """dz = activation_backward(dy, y, *alpha), and db += Σ_batch dz unless db is None:  dy, y (batch, n), db (n,) -> (batch, n)."""
    dz = definitions[f"{activation}_backward"](dy, y, *alpha)
    if db is not None:
        definitions["add_column_sums"](db, dz)
    return dz
