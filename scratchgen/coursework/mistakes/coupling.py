"""Mistakes in an affine map and its log-determinant."""

import numpy as np

from scratchgen.models.flow import BOUND, log_scale


def _halves(h):
    n = h.shape[1] // 2
    return h[:, :n], h[:, n:]


def forward(x, h):
    """{"z", "logdet": {words: what comes out}}."""
    mu, a = _halves(h)
    s = log_scale(a)
    return {
        "z": {
            "it is multiplied by σ, where it should be divided: z = (x − μ) / σ": (x - mu) * np.exp(s),
            "only μ is divided by σ: z = (x − μ) / σ": x - mu * np.exp(-s),
            "only x is divided by σ: z = (x − μ) / σ": x * np.exp(-s) - mu,
            "μ is added, where it should be subtracted": (x + mu) * np.exp(-s),
            "σ is missing": x - mu,
            "μ is missing": x * np.exp(-s),
            "a stands where log σ = B tanh(a / B) belongs": (x - mu) * np.exp(-a),
            "log σ stands where σ belongs": (x - mu) / s,
            "the halves of h are exchanged: h = [μ | a]": (x - a) * np.exp(-log_scale(mu)),
            "this is the way back, σ z + μ": x * np.exp(s) + mu,
            "the columns of h are taken in turn: its first half is μ, its second a": (x - h[:, ::2]) * np.exp(-log_scale(h[:, 1::2])),
            "σ² stands where σ belongs": (x - mu) * np.exp(-2 * s),
            "½ log σ stands where log σ belongs": (x - mu) * np.exp(-0.5 * s),
        },
        "logdet": {
            "logdet has the wrong sign: z = (x − μ) / σ shrinks by σ": s.sum(axis=1),
            "a stands where log σ = B tanh(a / B) belongs": -a.sum(axis=1),
            "it is the mean over the features, where it should be the sum": -s.mean(axis=1),
            "the sum runs over everything; each example has its own (axis=1)": np.full(len(x), -s.sum()),
            "σ stands where log σ belongs": -np.exp(s).sum(axis=1),
            "1/σ stands where −log σ belongs": np.exp(-s).sum(axis=1),
            "μ stands where log σ belongs": -mu.sum(axis=1),
        },
    }  # fmt: skip


def inverse(z, h):
    """{words: x}."""
    mu, a = _halves(h)
    s = log_scale(a)
    return {
        "it is divided by σ, where it should be multiplied: x = σ z + μ": np.exp(-s) * z + mu,
        "μ is added before it is multiplied by σ: x = σ z + μ": np.exp(s) * (z + mu),
        "μ is subtracted, where it should be added": np.exp(s) * z - mu,
        "μ is missing": np.exp(s) * z,
        "σ is missing": z + mu,
        "a stands where log σ = B tanh(a / B) belongs": np.exp(a) * z + mu,
        "this is the way forth, (x − μ) / σ": (z - mu) * np.exp(-s),
        "the halves of h are exchanged: h = [μ | a]": np.exp(log_scale(mu)) * z + a,
        "log σ stands where σ belongs": s * z + mu,
    }


def backward(dz, dlogdet, z, h):
    """{"dx", "dh": {words: what comes out}}."""
    _, a = _halves(h)
    t = np.tanh(a / BOUND)
    dx, slope = dz * np.exp(-BOUND * t), 1 - t * t
    ds = -dz * z - dlogdet[:, None]
    side = lambda u, v: np.concatenate([u, v], axis=1)
    return {
        "dx": {
            "it is multiplied by σ, where it should be divided": dz * np.exp(BOUND * t),
            "dx is dz itself: the factor 1/σ is missing": dz,
            "a stands where log σ = B tanh(a / B) belongs": dz * np.exp(-a),
            "dlogdet is added: logdet does not depend on x": dx + dlogdet[:, None],
        },
        "dh": {
            "dμ has the wrong sign: z = (x − μ) / σ": side(dx, ds * slope),
            "dμ is missing": side(0 * dx, ds * slope),
            "dμ lacks the factor 1/σ": side(-dz, ds * slope),
            "da is missing": side(-dx, 0 * ds),
            "da and dμ are exchanged: h = [μ | a]": side(ds * slope, -dx),
            "da lacks the path through the log-determinant": side(-dx, -dz * z * slope),
            "da lacks the path through z": side(-dx, -dlogdet[:, None] * slope + 0 * z),
            "the path through the log-determinant has the wrong sign in da": side(-dx, (-dz * z + dlogdet[:, None]) * slope),
            "the path through z has the wrong sign in da": side(-dx, (dz * z - dlogdet[:, None]) * slope),
            "da has the wrong sign": side(-dx, -ds * slope),
            "the derivative of log σ = B tanh(a / B), 1 − tanh², is missing from da": side(-dx, ds),
            "z is missing from the path through z in da": side(-dx, (-dz - dlogdet[:, None]) * slope),
            "x − μ stands where z belongs in da: it is to be divided by σ": side(-dx, (-dz * z * np.exp(BOUND * t) - dlogdet[:, None]) * slope),
            "the derivative of log σ is divided by B: B cancels": side(-dx, ds * slope / BOUND),
            "the derivative of log σ is multiplied by B: B cancels": side(-dx, ds * slope * BOUND),
            "tanh is not squared in 1 − tanh²": side(-dx, ds * (1 - t)),
            "tanh is of a, where it is of a / B": side(-dx, ds * (1 - np.tanh(a) ** 2)),
            "dlogdet is divided by the number of features: each feature's log σ is in the sum": (
                side(-dx, (-dz * z - dlogdet[:, None] / z.shape[1]) * slope)
            ),
        },
    }
