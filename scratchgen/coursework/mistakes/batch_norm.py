"""Mistakes in batch normalisation."""

import numpy as np


def forward(x, gamma, beta, eps):
    """{"y", "x̂", "r", "mean", "var": {words: what comes out}}."""
    batch, mean, var = len(x), x.mean(axis=0), x.var(axis=0)
    r = 1 / np.sqrt(var + eps)
    x_hat = (x - mean) * r
    variants = {  # words -> (mean, var, r, x̂), each computed from the one before
        "the variance is divided by N − 1 (ddof=1); that of the batch itself is divided by N": (mean, var * batch / (batch - 1), None),
        "eps is missing: r = 1 / √(v + eps)": (mean, var, 1 / np.sqrt(var)),
        "eps stands outside the root: 1 / (√v + eps), where 1 / √(v + eps) belongs": (mean, var, 1 / (np.sqrt(var) + eps)),
        "eps is subtracted": (mean, var, 1 / np.sqrt(var - eps)),
        "the root is missing: r = 1 / √(v + eps), not 1 / (v + eps)": (mean, var, 1 / (var + eps)),
        "this is the root, not one over the root": (mean, var, np.sqrt(var + eps)),
        "the mean is not subtracted before squaring: this is the mean of x²": (mean, np.mean(x**2, axis=0), None),
        "this is the standard deviation, not the variance": (mean, np.sqrt(var), None),
        "the sum of squares is not divided by the batch size": (mean, batch * var, None),
        "mean and variance are those of all features together; each feature has its own (axis=0)": (
            np.full_like(mean, x.mean()), np.full_like(var, x.var()), None,
        ),
    }  # fmt: skip
    results = {name: {} for name in ("y", "x̂", "r", "mean", "var")}
    with np.errstate(all="ignore"):
        for words, (m, v, s) in variants.items():
            s = 1 / np.sqrt(v + eps) if s is None else s
            hat = (x - m) * s
            for name, value in zip(results, (gamma * hat + beta, hat, s, m, v), strict=True):
                results[name][words] = value
        results["x̂"] |= {
            "the mean is not subtracted": x * r,
            "it is not divided by the standard deviation": x - mean,
            "it is divided by the variance, not the standard deviation": (x - mean) * r**2,
            "it is multiplied by the standard deviation, not divided": (x - mean) / r,
            "gamma and beta belong to y, not to x̂": gamma * x_hat + beta,
        }
        results["y"] |= {words: gamma * hat + beta for words, hat in results["x̂"].items() if "gamma" not in words}
        results["y"] |= {
            "gamma is missing from y": x_hat + beta,
            "beta is missing from y": gamma * x_hat,
            "gamma and beta are exchanged in y": beta * x_hat + gamma,
            "beta has the wrong sign in y": gamma * x_hat - beta,
            "gamma multiplies the sum: (x̂ + beta) gamma, where gamma x̂ + beta belongs": gamma * (x_hat + beta),
            "this is x̂: gamma and beta are missing from y": x_hat,
        }
        results["var"] |= {"this is v + eps; eps belongs under the root only": var + eps, "this is r": r}
        results["mean"] |= {
            "this is the sum over the batch; the mean is divided by the batch size": x.sum(axis=0),
            "this is the median": np.median(x, axis=0),
        }
        results["mean"] |= {"this is the variance": var}
        for name, f in {"mean": np.mean, "var": np.var}.items():
            results[name]["it runs over the features (axis=1), where it should run over the batch (axis=0)"] = f(x, axis=1)
            results[name]["it runs over the features (axis=1, keepdims=True), where it should run over the batch (axis=0)"] = f(
                x, axis=1, keepdims=True
            )
    return results


def _dx(dx):
    """A wrong backward from dx(g, x̂, r), g = dx̂."""
    return lambda dy, cache: dx(dy * cache[2], cache[0], cache[1])


def _mean(a):
    return a.mean(axis=0)


DX = {
    "gamma is missing: dx̂ = dy ∘ gamma": lambda dy, c: c[1] * (dy - _mean(dy) - c[0] * _mean(dy * c[0])),
    "r is missing": _dx(lambda g, x_hat, r: g - _mean(g) - x_hat * _mean(g * x_hat)),
    "it is divided by r, where it should be multiplied": _dx(lambda g, x_hat, r: (g - _mean(g) - x_hat * _mean(g * x_hat)) / r),
    "r is squared": _dx(lambda g, x_hat, r: r**2 * (g - _mean(g) - x_hat * _mean(g * x_hat))),
    "the means run over everything; each feature has its own (axis=0)": _dx(lambda g, x_hat, r: r * (g - g.mean() - x_hat * np.mean(g * x_hat))),
    "the means run over the features (axis=1), where they should run over the batch (axis=0)": _dx(
        lambda g, x_hat, r: r * (g - g.mean(axis=1, keepdims=True) - x_hat * np.mean(g * x_hat, axis=1, keepdims=True))
    ),
    "sums stand where means belong: both paths are divided by the batch size": _dx(
        lambda g, x_hat, r: r * (g - g.sum(axis=0) - x_hat * np.sum(g * x_hat, axis=0))
    ),
    "x̂ is missing from the path through the variance: x̂ ∘ mean(dx̂ ∘ x̂)": _dx(lambda g, x_hat, r: r * (g - _mean(g) - _mean(g * x_hat))),
    "x̂ is missing within the mean of the path through the variance: x̂ ∘ mean(dx̂ ∘ x̂)": _dx(lambda g, x_hat, r: r * (g - _mean(g) - x_hat * _mean(g))),
    "r multiplies only the direct path": _dx(lambda g, x_hat, r: r * g - _mean(g) - x_hat * _mean(g * x_hat)),
    "x̂ is squared in the path through the variance": _dx(lambda g, x_hat, r: r * (g - _mean(g) - x_hat**2 * _mean(g * x_hat))),
    "in the means stands dy, where dx̂ = dy ∘ gamma belongs": lambda dy, c: c[1] * (dy * c[2] - _mean(dy) - c[0] * _mean(dy * c[0])),
}
EXCHANGED = "dgamma and dbeta are exchanged: dgamma = Σ dy ∘ x̂, dbeta = Σ dy"
DGAMMA = {
    EXCHANGED: lambda dy, x_hat: dy.sum(axis=0),
    "dgamma is the mean over the batch. A layer sums over the batch; only the loss averages": lambda dy, x_hat: np.mean(dy * x_hat, axis=0),
    "x̂ alone is summed: dy is missing": lambda dy, x_hat: x_hat.sum(axis=0),
}
DBETA = {
    EXCHANGED: lambda dy, x_hat: np.sum(dy * x_hat, axis=0),
    "dbeta is the mean over the batch. A layer sums over the batch; only the loss averages": lambda dy, x_hat: dy.mean(axis=0),
}
INFERENCE = {  # the cache is x, r, gamma
    "this has a path through the mean, as in training: in inference mean and variance are constants": (
        lambda dy, c: c[1] * (dy * c[2] - _mean(dy * c[2]))
    ),
    "gamma is missing": lambda dy, c: dy * c[1],
    "r is missing": lambda dy, c: dy * c[2],
    "it is divided by r": lambda dy, c: dy * c[2] / c[1],
    "r is squared": lambda dy, c: dy * c[2] * c[1] ** 2,
}
