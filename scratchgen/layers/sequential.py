"""A network of layers in a row: the output of each is the input of the next.

    y = f_n(… f_2(f_1(x)))

The chain rule runs the same row backwards: each layer turns the gradient of its output into the gradient of
its input, and that is the gradient of the output of the layer before. This is all that backpropagation is.
"""

from scratchgen.layers.layer import Layer
from scratchgen.ops import add


class Sequential(Layer):
    """Layers in a row. Their parameters move into one flat array; keys are "0.W", "0.b", "2.W", …

    Raises ValueError if one layer stands in two places,
    TypeError for something that is no layer or for mixed dtypes.
    """

    def __init__(self, *layers):
        self.set_parts(**{str(i): layer for i, layer in enumerate(layers)})

    @property
    def layers(self):
        """The layers, in order."""
        return tuple(self.parts.values())

    def forward(self, x, training=True):
        """x (batch, in) -> y (batch, out), and the layers' caches."""
        caches = []
        for layer in self.layers:
            x, cache = layer.forward(x, training=training)
            caches.append(cache)
        return x, caches

    def backward(self, dy, caches, wrt="both"):
        """dy (batch, out) -> dx (batch, in).

        With wrt="params" nothing below the first layer that has parameters is computed.
        """
        if wrt == "params" and not self.params:
            return None
        first_with_params = next((layer for layer in self.layers if layer.params), None)
        for layer, cache in zip(reversed(self.layers), reversed(caches), strict=True):
            if wrt == "params" and layer is first_with_params:
                return layer.backward(dy, cache, wrt="params")
            dy = layer.backward(dy, cache, wrt="input" if wrt == "input" else "both")
        return dy

    def double_backward(self, ddx, dy, caches):
        """ddx = dP/d(dx) (batch, in), dy (batch, out) -> dP/d(dy) (batch, out), dP/dx (batch, in).

        Once more through the row: ddx goes up, from the first layer to the last, as dx came down; then what
        reached the x of each layer through its cache goes down, as any gradient does.
        """
        dys = [dy]  # of the layers, from the last to the first
        for layer, cache in zip(self.layers[:0:-1], caches[:0:-1], strict=True):
            dys.append(layer.backward(dys[-1], cache, wrt="input"))
        through_caches = []
        for layer, dy, cache in zip(self.layers, reversed(dys), caches, strict=True):
            ddx, dx = layer.double_backward(ddx, dy, cache)
            through_caches.append(dx)
        dx = None  # P does not depend on y
        for layer, cache, here in zip(
            reversed(self.layers), reversed(caches), reversed(through_caches), strict=True
        ):
            below = None if dx is None else layer.backward(dx, cache)
            dx = below if here is None else here if below is None else add(below, here)
        return ddx, dx

    def __repr__(self):
        return f"Sequential({', '.join(map(repr, self.layers))})"
