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

from scratchgen.bench.products import shapes_of
from scratchgen.bench.steps import Workload, build
from scratchgen.bench.timing import EventClock, HostClock, timed

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "leaky_relu": lambda: nn.LeakyReLU(0.2), "sigmoid": nn.Sigmoid, "identity": nn.Identity}


def mlp(sizes, hidden, output="identity"):
    """Linear layers with activations between them and after the last."""
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


def prepare(fused=True, compiled=False, hand_tuned=False, device="cpu", graph=False, **workload):
    """A function that does one training step. fused: Adam in one kernel; compiled: the losses through torch.compile.

    device: "cpu" or "cuda", there in true float32; graph: the step captured once as a CUDA graph and then replayed, noise drawn afresh each time.
    """
    work = Workload(**workload)
    torch.set_float32_matmul_precision("highest")
    x = torch.from_numpy(build(work)[1]).to(device)
    compile_ = torch.compile if compiled else lambda f: f
    adam = functools.partial(torch.optim.Adam, **({"fused": True} if fused else {}), **({"capturable": True} if graph else {}))
    first, second = (network.to(device) for network in networks(work))
    step = (vae_step if work.model == "vae" else gan_step)(work, x, first, second, compile_, adam, hand_tuned)
    if graph:
        step = captured(step, x)
    return timed(step, clock(device))


def vae_step(work, x, encoder, decoder, compile_, adam, hand_tuned):
    """A step of a VAE."""
    loss, optimizer = compile_(vae_loss), adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)

    def step():
        optimizer.zero_grad()
        loss(encoder, decoder, x).backward()
        optimizer.step()

    return step


def gan_step(work, x, generator, discriminator, compile_, adam, hand_tuned):
    """A step of both players of a GAN."""
    adam = functools.partial(adam, lr=2e-4, betas=(0.5, 0.999))
    optimizer_g, optimizer_d = adam(generator.parameters()), adam(discriminator.parameters())
    loss_d, loss_g = compile_(functools.partial(discriminator_loss, one_pass=hand_tuned)), compile_(generator_loss)

    def noise():
        return torch.randn(work.batch, work.latent_dim, device=x.device)

    def step():
        optimizer_d.zero_grad()
        loss_d(generator, discriminator, x, noise()).backward()
        optimizer_d.step()
        if hand_tuned:
            discriminator.requires_grad_(False)
        optimizer_g.zero_grad()
        loss_g(generator, discriminator, noise()).backward()
        optimizer_g.step()
        if hand_tuned:
            discriminator.requires_grad_(True)

    return step


def captured(step, x):
    """The step as a CUDA graph, recorded after three plain steps on another stream, as PyTorch's manual asks. A minibatch is copied to x first."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph, minibatch = torch.cuda.CUDAGraph(), x.clone()
    with torch.cuda.graph(graph):
        step()

    def replay():
        x.copy_(minibatch)
        graph.replay()

    return replay


def prepare_product(product, m, k, n, dtype, tf32=False):
    """A function that does that product once on the GPU; tf32: with operands rounded to 11 bits of mantissa, as tensor cores want them."""
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    a, b = (torch.randn(shape, dtype=getattr(torch, dtype), device="cuda") for shape in shapes_of(product, m, k, n))
    a, b = a.T if product == "matmul_tn" else a, b.T if product == "matmul_nt" else b
    return timed(lambda: a @ b, clock("cuda"))


def clock(device):
    """The clock by which to time what runs on that device."""
    if device == "cpu":
        return HostClock()

    def record():
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds(start, stop):
        stop.synchronize()
        return 1e-3 * start.elapsed_time(stop)

    return EventClock(record, seconds)


def has_gpu():
    """Whether this PyTorch can use a GPU."""
    return torch.cuda.is_available()
