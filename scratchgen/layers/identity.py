"""The identity: y = x, dx = dy. Stands where a network asks for an activation and none is wanted."""

from scratchgen.layers.layer import Layer


class Identity(Layer):
    """y = x."""

    def forward(self, x):
        """x -> x."""
        return x, None

    def backward(self, dy, cache):
        """dy -> dy."""
        return dy

    def double_backward(self, ddx, dy, cache):
        """ddx -> ddx, None."""
        return ddx, None
