"""Same seed, same result: to the bit on any number of threads, within rounding on any backend."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.layers import BatchNorm, Dropout, LayerNorm, Linear, Maxout, ReLU, Sequential, Softplus
from scratchgen.layers.layer_norm import layer_norm, layer_norm_backward
from scratchgen.layers.softmax import softmax, softmax_backward
from scratchgen.losses import softmax_cross_entropy

STEPS = 20


def train(model, x, steps=STEPS, batch=100):
    """`steps` training steps, as a run takes them -> the loss of each."""
    optimizers = {name: model.optimizer(player) for name, player in model.players().items()}
    losses = []
    for step in range(steps):
        start = step * batch % (len(x) - batch + 1)
        record = sg.train.train_step(model, optimizers, x[start : start + batch], step)
        losses.append(sum(float(value) for value in record.values()))
    return losses


def classify(x, steps=STEPS, batch=100):
    """Train a network of the other kinds of layers, with noise and batch statistics, by centred RMSProp with clipping -> the network."""
    rng = np.random.default_rng(0)
    net = Sequential(
        Linear(784, 300, rng=rng), BatchNorm(300), ReLU(), Dropout(0.5, rng=rng), Linear(300, 200, rng=rng), LayerNorm(200), Softplus(),
        Linear(200, 150, rng=rng), Maxout(3), Linear(50, 10, rng=rng),
    )  # fmt: skip
    optimizer = sg.optim.RMSProp(net, lr=1e-3, momentum=0.5, centered=True)
    for step in range(steps):
        logits, cache = net.forward(x[step * batch : (step + 1) * batch])
        net.zero_grads()
        net.backward(softmax_cross_entropy(logits, rng.integers(10, size=batch))[1], cache, wrt="params")
        sg.optim.clip_grad_norm(net, 1.0)
        optimizer.step()
    return net


def pictures():
    """2000 grey pictures of 784 pixels, many of them black, from plain arithmetic."""
    return np.random.default_rng(0).random((2000, 784), dtype=np.float32) ** 4


def print_hashes():
    """What a child process does: train at the papers' sizes, and print what came out."""
    x = pictures()
    vae = sg.VAE(784, 20, hidden=(500,), rng=0)
    gan = sg.GAN(784, rng=0)  # 100-1200-1200-784 and 784-1200-1200-1
    toy = sg.GAN(2, 2, (128, 128), (128, 128), output="identity", rng=0)
    train(vae, x)
    train(gan, x)
    train(toy, x[:, :2].copy(), batch=256)
    net = classify(x)
    results = {
        "vae": vae.flat_params, "elbo": vae.elbo(x[:500], rng=0), "gan": gan.flat_params, "samples": gan.sample(200, rng=0),
        "toy": toy.flat_params, "classifier": net.flat_params, "statistics": np.concatenate(list(net.all_buffers().values())),
    }  # fmt: skip
    for name, result in results.items():
        print(name, hashlib.sha256(np.ascontiguousarray(result).tobytes()).hexdigest(), float(np.abs(result).mean()))


def child(function, **environment):
    """What that function of this file prints in a process of its own with these environment variables, on the numba backend."""
    code = f"import sys; sys.path.insert(0, sys.argv[1]); import test_determinism; test_determinism.{function}()"
    environment = os.environ | {"SCRATCHGEN_BACKEND": "numba"} | environment
    result = subprocess.run([sys.executable, "-c", code, os.path.dirname(__file__)], env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout


def hashes(**environment):
    """{what: hash} after training in a child process."""
    lines = [line.split() for line in child("print_hashes", **environment).splitlines()]
    assert len(lines) == 7
    assert all(np.isfinite(float(size)) and float(size) > 0 for _, _, size in lines)
    return {name: digest for name, digest, _ in lines}


def test_the_same_bits_on_1_2_and_4_threads():
    one = hashes(NUMBA_NUM_THREADS="1")
    assert len(set(one.values())) == len(one)
    assert hashes(NUMBA_NUM_THREADS="2") == one
    assert hashes(NUMBA_NUM_THREADS="4") == one


def print_sums():
    """What another child process does: every operation that adds many numbers."""
    rng = np.random.default_rng(0)
    results = []
    for n in (10, 200, 257):
        x, dy = rng.normal(size=(2, 300, n)).astype(np.float32)
        gamma, beta = rng.normal(size=(2, n)).astype(np.float32)
        results += layer_norm(x, gamma, beta, 1e-5)
        results += [softmax(x), softmax_backward(dy, softmax(x)), layer_norm_backward(dy, *results[-2:], gamma), sg.ops.clip_norm(x.copy(), 1e9)]
        results += [softmax_cross_entropy(x, rng.integers(n, size=300))[0], sg.losses.squared_error(x, dy)[0]]
    print(" ".join(hashlib.sha256(np.ascontiguousarray(result).tobytes()).hexdigest()[:8] for result in results))


def test_the_same_bits_whether_compiled_now_or_in_an_earlier_process(tmp_path):
    """Or a run that is resumed, with its kernels from the cache, would not end where the uninterrupted one does."""
    compiled, loaded, threads = (child("print_sums", NUMBA_CACHE_DIR=str(tmp_path), NUMBA_NUM_THREADS=n) for n in "114")
    assert list(tmp_path.rglob("*.nbi"))  # it was kept
    assert loaded == compiled
    assert threads == compiled


@pytest.mark.parametrize("make", [lambda **o: sg.VAE(784, 20, hidden=(500,), **o), lambda **o: sg.GAN(784, 20, (300,), (300,), **o)])
def test_the_same_numbers_on_both_backends(make):
    """In float64 rounding stays far below what a wrong formula would do, even after twenty steps of Adam."""
    x = pictures().astype(np.float64)
    results = []
    for backend in ("numpy", "numba"):
        with sg.use_backend(backend):
            model = make(rng=0, dtype=np.float64)
            results.append((train(model, x), model.flat_params.copy(), model.sample(5, rng=0)))
    for numpy, numba in zip(*results, strict=True):
        np.testing.assert_allclose(numba, numpy, rtol=1e-7, atol=1e-9)


def test_nearly_the_same_numbers_in_float32():
    results = []
    for backend in ("numpy", "numba"):
        with sg.use_backend(backend):
            results.append(train(sg.VAE(784, 20, hidden=(500,), rng=0), pictures()))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4)
    assert results[0][-1] < 0.8 * results[0][0]  # and something was learnt
