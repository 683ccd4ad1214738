"""The formulas of the roofline against what the models really do, and PyTorch's steps against ours."""

import numpy as np
import pytest

from scratchgen.bench import profile, steps
from scratchgen.bench.steps import Workload
from scratchgen.layers.linear import linear as linear_operation
from scratchgen.ops import add_matmul_tn, dispatch, matmul_nt

TINY = (
    Workload("vae", "VAE", "vae", 7, 2, (5, 4), 3),
    Workload("gan", "GAN", "gan", 6, 3, (5, 4), 3),
    Workload("gan-2d", "2-D GAN", "gan", 2, 2, (4, 3), 5, "identity"),
)


@pytest.mark.parametrize("work", [*TINY, *steps.WORKLOADS], ids=lambda work: f"{work.name}-{work.hidden[0]}")
def test_parameters(work):
    assert steps.parameters(work) == steps.build(work)[0].n_params


@pytest.mark.parametrize("work", TINY, ids=lambda work: work.name)
def test_flop_formula_counts_the_products_of_a_step(work, monkeypatch):
    done = []
    shapes = {  # operation -> (m, k, n) of its product
        linear_operation: lambda x, W, *_: (*x.shape, W.shape[1]),
        matmul_nt: lambda a, b: (*a.shape, b.shape[0]),
        add_matmul_tn: lambda dW, x, dy: (x.shape[1], *dy.shape),
    }
    for operation, shape in shapes.items():

        def counted(*args, definition=operation.__wrapped__, shape=shape):
            done.append(2 * np.prod(shape(*args)))
            return definition(*args)

        monkeypatch.setitem(dispatch._load("numba").operations, operation.__wrapped__, counted)
    with dispatch.use_backend("numba"):
        steps.prepare(replay=False, **work._asdict())()
    assert sum(done) == steps.flop(work)


def test_floor_takes_the_bandwidth_of_the_nearest_amount():
    work = TINY[0]
    n = steps.parameters(work)
    least = steps.floor(work, peak=2.0, bandwidth=[[16 * n, 5.0], [1600 * n, 1.0]])
    assert least["bandwidth_gbs"] == 5.0 and least["bytes"] == 28 * n
    assert least["seconds"] == pytest.approx(steps.flop(work) / 2e9 + 28 * n / 5e9)


def test_profile_accounts_for_the_whole_step_and_leaves_the_operations_alone():
    with dispatch.use_backend("numba"):
        rows = profile.profile(steps=3, **TINY[0]._asdict())
    assert not any(getattr(run, "__qualname__", "").startswith("timed.") for run in dispatch._load("numba").operations.values())
    names = [name for name, _, _ in rows]
    assert profile.BETWEEN in names and any(name.startswith("adam_step") for name in names)
    calls = {name: calls for name, calls, _ in rows}
    assert calls["add_matmul_tn 7×5 3×7 3×5"] == 1 and all(milliseconds > 0 for name, _, milliseconds in rows if name != profile.BETWEEN)


def with_our_weights(ours, theirs):
    """Copy the weights of a scratchgen network into PyTorch's Linear layers, in float64."""
    torch = pytest.importorskip("torch", reason="needs PyTorch (the extra `bench`)")
    theirs.double()
    linears = [layer for layer in theirs if isinstance(layer, torch.nn.Linear)]
    mine = [layer for layer in ours.layers if layer.params]
    for layer, linear in zip(mine, linears, strict=True):
        linear.weight.data = torch.from_numpy(layer.params["W"].T.copy())
        linear.bias.data = torch.from_numpy(layer.params["b"].copy())
    return mine, linears


def assert_same_gradients(mine, linears):
    for layer, linear in zip(mine, linears, strict=True):
        assert np.abs(layer.grads["W"]).max() > 0
        np.testing.assert_allclose(linear.weight.grad.numpy().T, layer.grads["W"], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(linear.bias.grad.numpy(), layer.grads["b"], rtol=1e-9, atol=1e-12)


def test_pytorch_vae_has_our_loss_and_gradients():
    torch = pytest.importorskip("torch", reason="needs PyTorch (the extra `bench`)")
    from scratchgen.bench import torch_steps

    work = TINY[0]
    model, x = steps.build(work)
    model, x = model.astype(np.float64), x.astype(np.float64)
    eps = np.random.default_rng(1).standard_normal((work.batch, work.latent_dim))
    encoder, decoder = torch_steps.networks(work)
    pairs = with_our_weights(model.encoder, encoder), with_our_weights(model.decoder, decoder)
    loss = torch_steps.vae_loss(encoder, decoder, torch.from_numpy(x), torch.from_numpy(eps))
    loss.backward()
    assert loss.item() == pytest.approx(model.loss(x, eps=eps)[0], rel=1e-12)
    for pair in pairs:
        assert_same_gradients(*pair)


@pytest.mark.parametrize("one_pass", [False, True])
@pytest.mark.parametrize("work", TINY[1:], ids=lambda work: work.name)
def test_pytorch_gan_has_our_losses_and_gradients(work, one_pass):
    torch = pytest.importorskip("torch", reason="needs PyTorch (the extra `bench`)")
    from scratchgen.bench import torch_steps

    model, x = steps.build(work)
    model, x = model.astype(np.float64), x.astype(np.float64)
    z = np.random.default_rng(1).standard_normal((work.batch, work.latent_dim))
    generator, discriminator = torch_steps.networks(work)
    g, d = with_our_weights(model.generator, generator), with_our_weights(model.discriminator, discriminator)

    loss = torch_steps.discriminator_loss(generator, discriminator, torch.from_numpy(x), torch.from_numpy(z), one_pass)
    loss.backward()
    assert loss.item() == pytest.approx(model.discriminator_loss(x, z)[0], rel=1e-12)
    assert_same_gradients(*d)
    assert all(linear.weight.grad is None for linear in g[1])

    loss = torch_steps.generator_loss(generator, discriminator, torch.from_numpy(z))
    loss.backward()
    assert loss.item() == pytest.approx(model.generator_loss(z)[0], rel=1e-12)
    assert_same_gradients(*g)


@pytest.mark.parametrize("hand_tuned", [False, True])
@pytest.mark.parametrize("work", TINY, ids=lambda work: work.name)
def test_pytorch_step_runs(work, hand_tuned):
    pytest.importorskip("torch", reason="needs PyTorch (the extra `bench`)")
    from scratchgen.bench import torch_steps

    for fused in (False, True):
        step = torch_steps.prepare(fused=fused, hand_tuned=hand_tuned, **work._asdict())
        step()
        step()
