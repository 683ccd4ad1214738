"""Layers, losses, optimizers and models on the device compute what the numpy backend computes. The cases are those of test_operatorless.py."""

import numpy as np
import pytest
import test_operatorless as cases

import scratchgen as sg
from scratchgen import losses
from scratchgen.data.binarize import Binarize
from scratchgen.models.made import MADE
from scratchgen.ops import Stream, to_host, use_backend
from scratchgen.optim import clip_grad_norm

pytestmark = [pytest.mark.cuda, pytest.mark.filterwarnings("ignore::RuntimeWarning")]


def same_on_both(work):
    """Run `work`, which returns arrays and numbers, on the device and on the numpy backend, and compare."""
    results = []
    for backend in ("numpy", "cuda"):
        with use_backend(backend):
            results.append([np.asarray(to_host(x)) for x in work()])
    wanted, got = results
    assert len(got) == len(wanted) > 0
    for a, b in zip(got, wanted, strict=True):
        assert a.shape == b.shape and (a.dtype == b.dtype or not a.ndim)
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("wrt", ["both", "input", "params"])
@pytest.mark.parametrize("name", cases.MAKE)
def test_layers(name, wrt):
    def work():
        layer, results = cases.MAKE[name](), []
        inputs = (cases.numbers(4, 6), cases.numbers(4, 6, seed=1)) if name == "Reparameterize" else (cases.numbers(4, 6),)
        for training in (True, False):
            y, cache = layer.forward(*inputs, training=training)
            dx = layer.backward(cases.numbers(*y.shape, seed=2), cache, **({} if name == "Reparameterize" else {"wrt": wrt}))
            results += [y, *(dx if isinstance(dx, tuple) else (dx,)), *layer.grads.values()]
        return [x for x in results if x is not None] + [layer(*inputs), layer.flat_params, layer.flat_grads, *layer.all_buffers().values()]

    same_on_both(work)


@pytest.mark.parametrize("name", losses.__all__)
def test_losses(name):
    same_on_both(lambda: cases.LOSSES[name](getattr(losses, name)))


@pytest.mark.parametrize("name", cases.OPTIMIZERS)
def test_optimizers(name):
    def work():
        net = sg.layers.mlp((6, 5, 3), rng=0)
        for optimizer in cases.OPTIMIZERS[name](net):
            for _ in range(2):
                y, cache = net.forward(cases.numbers(4, 6))
                net.backward(cases.numbers(4, 3, seed=1), cache, wrt="params")
                clip_grad_norm(net, 1.0)
                optimizer.step()
        return [net.flat_params, *optimizer.state.values()]

    same_on_both(work)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_vae(likelihood):
    def work():
        vae = sg.VAE(6, latent_dim=2, hidden=(5,), likelihood=likelihood, rng=0)
        loss, parts = vae.loss(Binarize("fresh", rng=1).minibatch(cases.pixels()))
        results = [loss, *parts.values(), vae.flat_grads, vae.reconstruct(cases.pixels()), vae.sample(3), vae.kl_per_dimension(cases.pixels())]
        return [*results, vae.elbo(cases.pixels(), rng=2), vae.log_likelihood(cases.pixels(), n_samples=2, rng=2)]

    same_on_both(work)


@pytest.mark.parametrize("objective", ["non_saturating", "minimax"])
def test_gan(objective):
    def work():
        gan = sg.GAN(6, 2, generator_hidden=(5,), discriminator_hidden=(5,), objective=objective, batch_norm=objective == "minimax", rng=0)
        loss_d, _ = gan.discriminator_loss(cases.pixels(), Stream(1).normal((4, 2)))
        loss_g, _ = gan.generator_loss(Stream(2).normal((4, 2)))
        return [loss_d, loss_g, gan.flat_grads, gan.sample(3), *gan.all_buffers().values()]

    same_on_both(work)


def test_made():
    def work():
        made = MADE(6, hidden=(5,), rng=0)
        loss, _ = made.loss(cases.pixels())
        return [loss, made.flat_grads, made.log_likelihood(cases.pixels()), made.sample(2, rng=0)]

    same_on_both(work)
