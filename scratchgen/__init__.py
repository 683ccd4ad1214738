"""scratchgen: generative networks from scratch, every gradient written by hand.

    import scratchgen as sg

    x = sg.data.load("glyphs").x                       # (n, 784) pictures of digits, in [0, 1]
    vae = sg.VAE(data_dim=784, latent_dim=20, hidden=(500,))
    sg.fit(vae, x, epochs=5, batch_size=100, seed=0)
    pictures = vae.sample(64)                          # (64, 784)

Notation, the same in every file

    x, y           input and output of a layer           (batch, n_in), (batch, n_out); examples are rows
    W, b           weights and bias of a linear layer    (n_in, n_out), (n_out,):  y = x W + b
    dx, dy, dW, db dLoss/d(that), with that thing's shape
    cache          what a layer's backward needs from its forward
    z, eps         latent variable; standard normal noise
    mu, logvar     mean and log-variance, log σ², of a Gaussian
    logits         real numbers before a sigmoid or softmax makes them probabilities
    ∘              product element by element;  xᵀ transpose;  Σ_n sum over n
    loss           sum over features, mean over the batch; in nats (natural logarithms) where it is a log-likelihood
    nll, kl, elbo  negative log-likelihood; Kullback–Leibler divergence; evidence lower bound
    G, D           generator and discriminator
    _nt, _tn       which side of a matrix product is transposed: matmul_nt(a, b) = a bᵀ, matmul_tn(a, b) = aᵀ b

Where things are:  layers/, losses/, optim/ hold the mathematics, one idea per file; models/ what is built from it; ops/ compiles and
runs it; data/, train/, metrics/, plots/ what a training run needs; gradcheck/ tells whether a gradient is right.
"""

import sys

# `python -m scratchgen` puts the working folder first on the path, and a numpy.py there, a submission's for one, would be imported and run.
if sys.argv[:1] == ["-m"] and sys.orig_argv[-len(sys.argv)] in ("scratchgen", "-mscratchgen"):
    if not getattr(sys.flags, "safe_path", sys.flags.isolated):  # with -P and -I it is not there; Python 3.10 has only -I
        del sys.path[0]

import importlib

__version__ = "0.1.0"

# Imported at first use: so `import scratchgen` takes no time, and the command line is there to end well when Ctrl-C comes during the imports.
_MODULES = ("coursework", "data", "gradcheck", "layers", "losses", "metrics", "models", "ops", "optim", "pages", "plots", "train")
_NAMES = {"get_backend": "ops", "op": "ops", "recorded": "ops", "use_backend": "ops", "fit": "train", "load": "train", "save": "train"}


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"scratchgen.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"scratchgen.{_NAMES[name]}"), name)
    if name == "__all__":
        return [*__getattr__("models").__all__, *_MODULES, *_NAMES]
    if not name.startswith("_") and name in __getattr__("models").__all__:
        return getattr(__getattr__("models"), name)
    raise AttributeError(f"module 'scratchgen' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__getattr__("__all__")})
