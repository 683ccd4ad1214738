"""Functions as courses write them: settings in a dict, several modes, images of four axes, nested caches."""

import numpy as np
import pytest

from scratchgen.gradcheck import check_function, check_loss
from scratchgen.gradcheck.table import gradcheck_table


def batchnorm_forward(x, gamma, beta, settings):
    """Keeps its running statistics in the dict of settings."""
    mean, var = x.mean(axis=0), x.var(axis=0)
    settings["running_mean"] = 0.9 * settings.get("running_mean", 0) + 0.1 * mean
    if settings["mode"] == "test":
        mean, var = settings["mean"], settings["var"]
    std = np.sqrt(var + 1e-5)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x_hat, std, gamma, settings["mode"])


def batchnorm_backward(dout, cache):
    x_hat, std, gamma, mode = cache
    g = dout * gamma
    dx = g / std if mode == "test" else (g - g.mean(0) - x_hat * np.mean(g * x_hat, axis=0)) / std
    return dx, np.sum(dout * x_hat, axis=0), dout.sum(axis=0)


@pytest.mark.parametrize("mode", ["train", "test"])
def test_settings_in_a_dict(mode, rng):
    settings = {"mode": mode, "mean": rng.normal(size=4), "var": rng.uniform(1, 2, 4)}
    report = check_function(batchnorm_forward, batchnorm_backward, rng.normal(size=(6, 4)), rng.normal(size=4), rng.normal(size=4), settings)
    assert report.ok and list(report.arrays) == ["x", "gamma", "beta"] and "running_mean" not in settings


def conv_forward(x, w, b):
    """x (N, C, H, W), w (F, C, k, k), b (F,), no padding, stride 1."""
    k = w.shape[2]
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))  # (N, C, H', W', k, k)
    return np.einsum("nchwij,fcij->nfhw", windows, w) + b[:, None, None], (x, w, windows)


def conv_backward(dout, cache, flip=True):
    x, w, windows = cache
    k = w.shape[2]
    padded = np.pad(dout, ((0, 0), (0, 0), (k - 1, k - 1), (k - 1, k - 1)))
    around = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(2, 3))
    dx = np.einsum("nfhwij,fcij->nchw", around, w[:, :, ::-1, ::-1] if flip else w)
    return dx, np.einsum("nchwij,nfhw->fcij", windows, dout), dout.sum(axis=(0, 2, 3))


def test_images(rng):
    args = rng.normal(size=(2, 3, 5, 4)), rng.normal(size=(2, 3, 3, 3)), rng.normal(size=2)
    assert check_function(conv_forward, conv_backward, *args, limit=None).ok
    unflipped = check_function(conv_forward, lambda dout, cache: conv_backward(dout, cache, flip=False), *args)
    assert not unflipped.arrays["x"].ok and unflipped.arrays["w"].ok and not unflipped.diagnoses[0].certain
    bias = check_function(conv_forward, lambda dout, cache: (*conv_backward(dout, cache)[:2], dout.mean(axis=(0, 2, 3))), *args)
    assert bias.diagnoses[0].kind == "factor" and [name for name, check in bias.arrays.items() if not check.ok] == ["b"]


def test_a_sandwich_with_a_nested_cache(rng):
    def forward(x, w, b):
        a = x @ w + b
        return np.maximum(a, 0), ((x, w), a)

    def backward(dout, cache):
        (x, w), a = cache
        da = dout * (a > 0)
        return da @ w.T, x.T @ da, da.sum(axis=0)

    args = rng.normal(size=(5, 4)), rng.normal(size=(4, 3)), rng.normal(size=3)
    assert check_function(forward, backward, *args).ok

    def spoils_its_cache(dout, cache):
        result = backward(dout, cache)
        cache[0][1][...] = 0
        return result

    report = check_function(forward, spoils_its_cache, *args)
    assert not report.ok and "backward changes cache[0][1] in place" in report.message


def test_hinge_loss_with_labels(rng):
    def svm_loss(scores, labels):
        rows = np.arange(len(scores))
        margins = np.maximum(0, scores - scores[rows, labels][:, None] + 1)
        margins[rows, labels] = 0
        dscores = (margins > 0).astype(float)
        dscores[rows, labels] -= dscores.sum(axis=1)
        return margins.sum() / len(scores), dscores / len(scores)

    assert check_loss(svm_loss, rng.normal(size=(6, 4)), rng.integers(4, size=6)).ok


def test_a_forward_that_returns_a_number(rng):
    assert check_function(lambda x: (float(np.sum(x**2)), x), lambda dout, x: 2 * x * dout, rng.normal(size=(3, 2))).ok


@pytest.mark.parametrize(
    ("dW", "db", "says"),
    [("self.x.T @ dy", "dy.sum(axis=0)", ""), ("-7 * self.x.T @ dy", "dy.sum(axis=0)", "dW is 7 times what it should be and has the wrong sign"),
     ("self.x.T @ dy", "0 * self.b", "db is zero everywhere"), ("self.x.T @ dy", "dy", "over the batch")],
)  # fmt: skip
@pytest.mark.parametrize("adds", [False, True])
def test_parameters_that_are_attributes_are_checked(tmp_path, dW, db, says, adds):
    (tmp_path / "dense.py").write_text(f"""
import numpy as np

class Dense:
    def __init__(self, n_in, n_out):
        self.W, self.b = np.random.default_rng(0).normal(size=(n_in, n_out)), np.zeros(n_out)
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        self.dW {"+=" if adds else "="} {dW}
        self.db {"+=" if adds else "="} {db}
        return dy @ self.W.T
""")
    (report,) = gradcheck_table([str(tmp_path / "dense.py")])
    assert report.ok == (not says) and says in str(report)
    assert not report.ok or report.arrays.keys() == {"x", "W", "b"}
