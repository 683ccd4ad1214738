"""How tests use what is more than a function of arrays: each driver makes an object of the student's class, runs it, and returns numbers.

Drivers run where the student's code runs: in the student's own Python for the visible tests, in the locked process when graded. They
hold no expected values. The first argument is the student's module. Their AssertionErrors are sentences for the student.
"""

import contextlib

import numpy as np


def strict(on=True):
    """Context: floating-point overflow, division by zero and NaN raise FloatingPointError, if `on`."""
    return np.errstate(over="raise", divide="raise", invalid="raise") if on else contextlib.nullcontext()


def parts_of(result, *names):
    """loss, parts from what an objective returned; AssertionError unless parts is a dict with these keys."""
    wanted = "{" + ", ".join(f'"{name}": …' for name in names) + "}"
    if not isinstance(result, tuple) or len(result) != 2:
        found = "None (is there a `return`?)" if result is None else f"{len(result)} values" if isinstance(result, tuple) else "one value"
        raise AssertionError(f"the objective returns {found}; wanted are two: the loss, and the dict {wanted}")
    loss, parts = result
    if not isinstance(parts, dict) or not set(names) <= set(parts):
        found = f"a dict with the keys {', '.join(map(repr, parts))}" if isinstance(parts, dict) else f"a {type(parts).__name__}"
        raise AssertionError(f"the second value that the objective returns is {found}; wanted is the dict {wanted}, from names to numbers")
    return loss, parts


@contextlib.contextmanager
def unchanged(params):
    """Context: AssertionError if the code within changes the parameters. What it raises comes as it is, not as the layer's door puts it."""
    before = {name: value.copy() for name, value in params.items()}
    try:
        yield
    except TypeError as error:
        raise error.__cause__ or error from None
    for name, value in before.items():
        if not np.array_equal(value, params[name]):
            raise AssertionError(f"your code changes {name}: parameters are the optimizer's business; a backward or a loss only adds to gradients")


def layer_with(module, W, b, before):
    """A Linear of the student's with these parameters, b None for none; its gradients hold `before`."""
    layer = module.Linear(*W.shape, bias=b is not None, dtype=np.float64)
    for name, value in {"W": W, "b": b}.items():
        if value is not None:
            layer.params[name][...] = value
            layer.grads[name][...] = before
    return layer


def linear_backward(module, x, W, b, dy, before=0.0, wrt="both"):
    """A Linear with these parameters, gradients filled with `before`, run backward on dy -> {"dx", "W", "b"}."""
    layer = layer_with(module, W, b, before)
    with unchanged(layer.params):
        dx = layer.backward(dy, x, wrt=wrt)
    return {"dx": dx, **layer.grads}


def vae_loss(module, config, flat_params, x, eps, before=0.0):
    """A VAE with these parameters -> {"loss", "nll", "kl", "encoder", "decoder"}, the last two its gradients, (n_params,) each."""
    vae = module.VAE(**config, rng=0, dtype=np.float64)
    vae.flat_params[...] = flat_params
    vae.flat_grads[...] = before
    with unchanged({"the parameters": vae.flat_params}):
        loss, parts = parts_of(vae.loss(x, eps=eps), "loss", "nll", "kl")
    return {"loss": loss, "nll": parts["nll"], "kl": parts["kl"], "encoder": vae.encoder.flat_grads, "decoder": vae.decoder.flat_grads}


def gan_turn(module, config, flat_params, player, x, z, before=0.0):
    """A GAN with these parameters, the loss of one player -> {"loss", "discriminator", "generator", "params"}, gradients (n_params,) each."""
    gan = module.GAN(**config, rng=0, dtype=np.float64)
    gan.flat_params[...] = flat_params
    gan.flat_grads[...] = before
    loss, parts = parts_of(gan.discriminator_loss(x, z) if player == "discriminator" else gan.generator_loss(z), player)
    return {
        "loss": loss,
        "part": parts[player],
        "discriminator": gan.discriminator.flat_grads,
        "generator": gan.generator.flat_grads,
        "params": gan.flat_params,
    }


def linear_double_backward(module, W, b, ddx, dy, x, before=0.0):
    """A Linear with these parameters, gradients filled with `before`, run double backward -> {"ddy", "dx", "W", "b"}."""
    layer = layer_with(module, W, b, before)
    with unchanged(layer.params):
        result = layer.double_backward(ddx, dy, x)
    if not isinstance(result, tuple) or len(result) != 2:
        found = "None (is there a `return`?)" if result is None else f"{len(result)} values" if isinstance(result, tuple) else "one value"
        raise AssertionError(f"double_backward returns {found}; wanted are two: ddy, and None")
    return {"ddy": result[0], "dx": result[1], **layer.grads}


def penalty_of_a_network(module, W, v, x, center, weight):
    """The penalty on the slope of D(x) = tanh(x W) v at x, by the lines of the lesson -> {"penalty", "W", "v"}."""
    first, last = module.Linear(*W.shape, bias=False, dtype=np.float64), module.Linear(*v.shape, bias=False, dtype=np.float64)
    first.params["W"][...], last.params["W"][...] = W, v
    y = np.tanh(x @ W)
    one = np.ones((len(x), 1))
    dy = one @ v.T
    slope = 1 - y**2
    penalty, ddx = module.slope_penalty((dy * slope) @ W.T, center, weight)
    dda, _ = first.double_backward(ddx, dy * slope, x)
    last.double_backward(dda * slope, one, y)
    first.grads["W"] += x.T @ module.tanh_second(dda, dy, y)
    return {"penalty": penalty, "W": first.grads["W"], "v": last.grads["W"]}


def coupling_layer(module, x, W, dz, dlogdet):
    """A coupling layer with the network h = x₁ W, forward and backward, in lines of the lesson -> {"z", "logdet", "dx", "W"}, W its gradient."""
    kept = len(W)
    x1, h = x[:, :kept], x[:, :kept] @ W
    z2, logdet = module.affine(x[:, kept:], h)
    dx2, dh = module.affine_backward(dz[:, kept:], dlogdet, z2, h)
    return {"z": np.hstack([x1, z2]), "logdet": logdet, "dx": np.hstack([dz[:, :kept] + dh @ W.T, dx2]), "W": x1.T @ dh}


def iwae_gradients(module, x, A, mu, logvar, eps):
    """The importance weighted loss of a decoder z A with unit variance, as the lesson has it -> {"loss", "mu", "logvar"}, two of them gradients.

    x (batch, D), A (n, D), mu, logvar (batch, n), eps (S, batch, n).
    """
    S, batch, n = eps.shape
    sigma = np.exp(0.5 * logvar)
    z = mu + sigma * eps
    missing = x - z @ A
    log_w = 0.5 * (np.sum(eps**2 - z**2 + logvar, axis=2) - np.sum(missing**2 + np.log(2 * np.pi), axis=2))
    bound, w = module.importance_weights(log_w)
    rows = lambda a: np.broadcast_to(a, (S, batch, n)).reshape(S * batch, n)
    dz = -(w / batch)[:, :, None] * (missing @ A.T)
    dz, past = module.standard_backward(rows(dz), w.reshape(-1), rows(z), rows(logvar), rows(eps), batch)
    dz, past = dz.reshape(S, batch, n), past.reshape(S, batch, n)
    return {"loss": -np.mean(bound), "mu": dz.sum(axis=0), "logvar": np.sum(0.5 * dz * sigma * eps + past, axis=0)}


def diffusion_loss(module, config, flat_params, x, t, eps, before=0.0):
    """A Diffusion with these parameters -> {"loss", "part", "grads"}, its loss and gradient (n_params,) on x at times t with noise eps."""
    model = module.Diffusion(**config, rng=0, dtype=np.float64)
    model.flat_params[...] = flat_params
    model.flat_grads[...] = before
    with unchanged({"the parameters": model.flat_params}):
        loss, parts = parts_of(model.loss(x, t=t, eps=eps), "loss")
    return {"loss": loss, "part": parts["loss"], "grads": model.flat_grads}
