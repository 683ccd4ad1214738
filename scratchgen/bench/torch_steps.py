"""The training steps of steps.py in PyTorch, written as its own tutorials write them. The same work on both sides:

    the same layers, shapes and minibatch; float32; noise drawn in the step; zero_grad, backward, step; Adam with the same rates
    the VAE's loss is the sum over features and the mean over the batch, on logits, with the closed-form KL
    both turns of a GAN draw their own noise, and the discriminator's does not differentiate through the generator

`hand-tuned` is not what tutorials write: real and generated examples in one pass, and no gradients for the discriminator's parameters in the
generator's turn, which is what scratchgen does.
"""

import functools

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from scratchgen.bench.steps import Workload, build

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "leaky_relu": lambda: nn.LeakyReLU(0.2), "sigmoid": nn.Sigmoid, "identity": nn.Identity}


def mlp(sizes, hidden, output="identity"):
    """Linear layers with activations between them and behind the last."""
    layers = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(n_in, n_out), ACTIVATIONS[hidden]()]
    layers[-1] = ACTIVATIONS[output]()
    return nn.Sequential(*(layer for layer in layers if not isinstance(layer, nn.Identity)))


def networks(work):
    """(encoder, decoder) of a VAE, (generator, discriminator) of a GAN."""
    if work.model == "vae":
        encoder = mlp((work.data_dim, *work.hidden, 2 * work.latent_dim), "tanh")
        return encoder, mlp((work.latent_dim, *work.hidden[::-1], work.data_dim), "tanh")
    generator = mlp((work.latent_dim, *work.hidden, work.data_dim), "relu", work.output)
    return generator, mlp((work.data_dim, *work.hidden, 1), "leaky_relu")


def vae_loss(encoder, decoder, x, eps=None):
    """−ELBO, mean over the batch."""
    mu, logvar = encoder(x).chunk(2, dim=1)
    eps = torch.randn_like(mu) if eps is None else eps
    logits = decoder(mu + torch.exp(0.5 * logvar) * eps)
    nll = binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = 0.5 * torch.sum(mu**2 + torch.exp(logvar) - logvar - 1)
    return (nll + kl) / x.shape[0]


def discriminator_loss(generator, discriminator, x, z, one_pass=False):
    """Mean cross-entropy on real examples plus that on generated ones."""
    with torch.no_grad():
        generated = generator(z)
    if one_pass:
        real, fake = discriminator(torch.cat([x, generated])).split(x.shape[0])
    else:
        real, fake = discriminator(x), discriminator(generated)
    return binary_cross_entropy_with_logits(real, torch.ones_like(real)) + binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))


def generator_loss(generator, discriminator, z):
    """Non-saturating: mean cross-entropy of generated examples called real."""
    fake = discriminator(generator(z))
    return binary_cross_entropy_with_logits(fake, torch.ones_like(fake))


def prepare(fused=True, compiled=False, hand_tuned=False, **workload):
    """A function that does one training step. fused: Adam in one kernel; compiled: the losses through torch.compile."""
    work = Workload(**workload)
    x = torch.from_numpy(build(work)[1])
    compile_ = torch.compile if compiled else lambda f: f
    adam = functools.partial(torch.optim.Adam, **({"fused": True} if fused else {}))
    first, second = networks(work)
    if work.model == "vae":
        loss, optimizer = compile_(vae_loss), adam([*first.parameters(), *second.parameters()], lr=1e-3)

        def step():
            optimizer.zero_grad()
            loss(first, second, x).backward()
            optimizer.step()

        return step

    generator, discriminator = first, second
    adam = functools.partial(adam, lr=2e-4, betas=(0.5, 0.999))
    optimizer_g, optimizer_d = adam(generator.parameters()), adam(discriminator.parameters())
    loss_d, loss_g = compile_(functools.partial(discriminator_loss, one_pass=hand_tuned)), compile_(generator_loss)

    def step():
        optimizer_d.zero_grad()
        loss_d(generator, discriminator, x, torch.randn(work.batch, work.latent_dim)).backward()
        optimizer_d.step()
        if hand_tuned:
            discriminator.requires_grad_(False)
        optimizer_g.zero_grad()
        loss_g(generator, discriminator, torch.randn(work.batch, work.latent_dim)).backward()
        optimizer_g.step()
        if hand_tuned:
            discriminator.requires_grad_(True)

    return step


def version():
    """PyTorch's version."""
    return torch.__version__
