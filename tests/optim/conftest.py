"""A module that is nothing but four parameters, and a gradient for it that depends on where it is and when."""

import math

import numpy as np
import pytest

from scratchgen.layers.layer import Layer
from scratchgen.ops import array

START = [1.0, -2.0, 0.5, 3.0]


class Parameters(Layer):
    """Four parameters, in two arrays."""

    def __init__(self, dtype=np.float64):
        self.params = {"a": array([START[:2]], dtype), "b": array(START[2:], dtype)}
        self.grads = {key: array(np.zeros(value.shape), dtype) for key, value in self.params.items()}

    def follow(self, optimizer, n, start=0):
        """n steps of the optimizer -> the four parameters."""
        for t in range(start, start + n):
            self.flat_grads[...] = [gradient(i, p, t) for i, p in enumerate(self.flat_params.tolist())]
            optimizer.step()
        return self.flat_params


def gradient(i, p, t):
    """Gradient of parameter number i, at value p and step t."""
    return p**3 / 10 + math.cos(t * (i + 1))


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture
def parameters():
    return Parameters


@pytest.fixture
def by_hand():
    """Follow n steps of one scalar recursion for each parameter: make_rule() -> rule(p, g, t), the parameter's next value; t from 1."""

    def follow(make_rule, n):
        ends = []
        for i, p in enumerate(START):
            rule = make_rule()
            for t in range(n):
                p = rule(p, gradient(i, p, t), t + 1)
            ends.append(p)
        return ends

    return follow
