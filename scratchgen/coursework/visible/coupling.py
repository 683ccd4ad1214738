"""Visible tests: an affine map, its log-determinant, and the coupling layer that is made with it."""

import numpy as np

from scratchgen.coursework.mistakes import coupling as mistakes_of
from scratchgen.coursework.testing import check_gradient, close, exactly, points, sizes, values
from scratchgen.models.flow import affine, affine_backward, affine_inverse


def setting(rng):
    """x (batch, D) and h = [μ | a] (batch, 2 D)."""
    batch, D = sizes(rng, 2)
    return rng.normal(size=(batch, D)), rng.normal(size=(batch, 2 * D))


def far_apart(rng, batch=4, D=3):
    """dz, dlogdet, z, h: such that nothing cancels, and some so large that a small step in others is lost in sums of them."""
    dz, dlogdet, z = (rng.uniform(1, 2, size=shape) for shape in ((batch, D), batch, (batch, D)))
    dz[:, 0] *= 1e17
    return dz, dlogdet, z, rng.uniform(-2, 2, size=(batch, 2 * D))


def gradients(exercise, rng, *shape):
    """What the student's affine_backward returns, and what is right."""
    arrays = far_apart(rng, *shape)
    return values(exercise.affine_backward(*arrays), 2, "dx, dh"), affine_backward(*arrays)


def check_moderate(exercise, rng, name):
    """AssertionError unless the student's dx, or dh, is right, for numbers that are not far apart."""
    z, h = setting(rng)
    dz, dlogdet = rng.normal(size=z.shape), rng.normal(size=len(z))
    got, want = values(exercise.affine_backward(dz, dlogdet, z, h), 2, "dx, dh"), affine_backward(dz, dlogdet, z, h)
    place = ("dx", "dh").index(name)
    close(name, got[place], want[place], known={"dz": dz}, mistakes=mistakes_of.backward(dz, dlogdet, z, h)[name])


def layer(rng, batch=5, kept=2, D=4):
    """x, W, dz, dlogdet of a coupling layer: sums of them have terms of one sign."""
    x = np.hstack([rng.uniform(0.1, 1, size=(batch, kept)), rng.uniform(20, 30, size=(batch, D - kept))])
    dz = np.hstack([-rng.uniform(1, 2, size=(batch, kept)), rng.uniform(1, 2, size=(batch, D - kept))])
    return x, rng.uniform(0.1, 0.5, size=(kept, 2 * (D - kept))), dz, rng.uniform(1, 2, size=batch)


def right(x, W, dz, dlogdet):
    """{"z", "logdet", "dx", "W"} of the coupling layer; by the library."""
    kept = len(W)
    x1, h = x[:, :kept], x[:, :kept] @ W
    z2, logdet = affine(x[:, kept:], h)
    dx2, dh = affine_backward(dz[:, kept:], dlogdet, z2, h)
    return {"z": np.hstack([x1, z2]), "logdet": logdet, "dx": np.hstack([dz[:, :kept] + dh @ W.T, dx2]), "W": x1.T @ dh}


def check_layer(exercise, *arrays):
    """AssertionError unless the coupling layer made with the student's functions is right, both ways."""
    got = exercise.run("coupling_layer", *arrays)
    for name, want in right(*arrays).items():
        exactly({"W": "W's gradient"}.get(name, name), got[name], want)


@points(2)
def test_affine(exercise, rng):
    """z and its log-determinant."""
    x, h = setting(rng)
    z, logdet = values(exercise.affine(x, h), 2, "z, logdet")
    mistakes = mistakes_of.forward(x, h)
    close("z", z, affine(x, h)[0], known={"x": x}, mistakes=mistakes["z"])
    close("logdet", logdet, affine(x, h)[1], mistakes=mistakes["logdet"])


@points(2)
def test_inverse(exercise, rng):
    """The way back, from noise to data."""
    z, h = setting(rng)
    close("x", exercise.affine_inverse(z, h), affine_inverse(z, h), known={"z": z}, mistakes=mistakes_of.inverse(z, h))


@points(1)
def test_dx(exercise, rng):
    """dx."""
    check_moderate(exercise, rng, "dx")
    (dx, _), (want, _) = gradients(exercise, rng)
    exactly("dx", dx, want)


@points(3)
def test_dh(exercise, rng):
    """dh = [dμ | da]: a reaches the loss twice, through z and through the log-determinant."""
    check_moderate(exercise, rng, "dh")
    x, h = setting(rng)
    D = x.shape[1]
    both = lambda x, h: (np.hstack([affine(x, h)[0], affine(x, h)[1][:, None]]), (affine(x, h)[0], h))
    backward = lambda dy, cache: values(exercise.affine_backward(dy[:, :D], dy[:, D], *cache), 2, "dx, dh")
    check_gradient("affine_backward", both, backward, x, h)
    (_, dh), (_, want) = gradients(exercise, rng)
    exactly("dh", dh, want)


@points(2)
def test_coupling_layer(exercise, rng):
    """The coupling layer: forward, log-determinant, and what comes back to the half that is kept and to the network."""
    check_layer(exercise, *layer(rng))
