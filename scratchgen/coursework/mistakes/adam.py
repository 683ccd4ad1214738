"""Mistakes in a step of Adam."""

import numpy as np


def moments(p, g, m, v, beta1, beta2):
    """{"m", "v": {words: what comes out}}."""
    return {
        "m": {
            "this is the gradient's share alone: beta1 · m is missing": (1 - beta1) * g,
            "the old m's share alone: (1 − beta1) · g is missing": beta1 * m,
            "g is not multiplied by 1 − beta1": beta1 * m + g,
            "beta1 and 1 − beta1 are exchanged": (1 - beta1) * m + beta1 * g,
            "beta2 stands where beta1 belongs": beta2 * m + (1 - beta2) * g,
            "the gradient is squared; that belongs to v": beta1 * m + (1 - beta1) * g**2,
            "m is not multiplied by beta1": m + (1 - beta1) * g,
            "the gradient has the wrong sign": beta1 * m - (1 - beta1) * g,
            "beta1 stands before the gradient, where 1 − beta1 belongs": beta1 * m + beta1 * g,
            "the old moment is lost: this is g": g,
        },
        "v": {
            "this is the gradient's share alone: beta2 · v is missing": (1 - beta2) * g**2,
            "the old v's share alone: (1 − beta2) · g² is missing": beta2 * v,
            "g² is not multiplied by 1 − beta2": beta2 * v + g**2,
            "beta2 and 1 − beta2 are exchanged": (1 - beta2) * v + beta2 * g**2,
            "beta1 stands where beta2 belongs": beta1 * v + (1 - beta1) * g**2,
            "the squares are summed over all parameters; each parameter has a v of its own": beta2 * v + (1 - beta2) * np.sum(g**2),
            "the gradient is not squared": beta2 * v + (1 - beta2) * g,
            "the gradient's absolute value stands where its square belongs": beta2 * v + (1 - beta2) * np.abs(g),
            "v is not multiplied by beta2": v + (1 - beta2) * g**2,
            "beta2 stands before g², where 1 − beta2 belongs": beta2 * v + beta2 * g**2,
            "it is m that is squared, in the place of the gradient": beta2 * v + (1 - beta2) * (beta1 * m + (1 - beta1) * g) ** 2,
            "1 − beta2 is squared along with the gradient": beta2 * v + ((1 - beta2) * g) ** 2,
        },
    }


def parameters(p, g, m, v, t, lr, beta1, beta2, eps):
    """{words: p}. m, v: before the step."""
    old_m, old_v = m, v
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    step = lambda a, b: lr * a / (np.sqrt(b) + eps)
    with np.errstate(all="ignore"):
        earlier = t - 1 if t > 1 else t
        return {
            "the bias corrections are missing: m̂ = m / (1 − beta1^t), v̂ = v / (1 − beta2^t)": p - step(m, v),
            "the bias correction of m is missing: m̂ = m / (1 − beta1^t)": p - step(m, v_hat),
            "the bias correction of v is missing: v̂ = v / (1 − beta2^t)": p - step(m_hat, v),
            "the bias corrections are those of the first step: beta^t, not beta": p - step(m / (1 - beta1), v / (1 - beta2)),
            "the bias corrections are those of step t − 1; t counts from 1": p - step(m / (1 - beta1**earlier), v / (1 - beta2**earlier)),
            "the bias corrections are those of step t + 1; t counts from 1": p - step(m / (1 - beta1 ** (t + 1)), v / (1 - beta2 ** (t + 1))),
            "beta1 and beta2 are exchanged in the bias corrections": p - step(m / (1 - beta2**t), v / (1 - beta1**t)),
            "the bias corrections multiply, where they should divide": p - step(m * (1 - beta1**t), v * (1 - beta2**t)),
            "beta · t stands where beta^t belongs in the bias corrections": p - step(m / (1 - beta1 * t), v / (1 - beta2 * t)),
            "eps is added after the division: a parenthesis is missing around √v̂ + eps": p - lr * m_hat / np.sqrt(v_hat) + eps,
            "eps is added after the division, before lr: a parenthesis is missing around √v̂ + eps": p - lr * (m_hat / np.sqrt(v_hat) + eps),
            "1 − is missing from the bias corrections: 1 − beta^t": p - step(m / beta1**t, v / beta2**t),
            "the step has the wrong sign: it goes up": p + step(m_hat, v_hat),
            "lr is missing from the step": p - step(m_hat, v_hat) / lr,
            "eps stands inside the root: √v̂ + eps, not √(v̂ + eps)": p - lr * m_hat / np.sqrt(v_hat + eps),
            "eps is missing: √v̂ + eps": p - lr * m_hat / np.sqrt(v_hat),
            "the root is missing: m̂ / (√v̂ + eps)": p - lr * m_hat / (v_hat + eps),
            "the step is the gradient's, not m̂'s": p - step(g, v_hat),
            "the step is that of gradient descent: lr · g": p - lr * g,
            "the step is lr · m̂: it is not divided by √v̂ + eps": p - lr * m_hat,
            "the step is multiplied by √v̂, where it should be divided": p - lr * m_hat * (np.sqrt(v_hat) + eps),
            "the old m and v are used, where the new ones belong": p - step(old_m / (1 - beta1**t), old_v / (1 - beta2**t)),
            "the new p is the step alone": -step(m_hat, v_hat),
        }


def decay(adam, arguments, lr, weight_decay):
    """{words: p} where weight decay goes wrong; adam(p, g, m, v, t, weight_decay, decoupled) is right."""
    p, g, m, v, t, _, decoupled = arguments
    other = adam(p, g, m, v, t, weight_decay, not decoupled)[0]
    none = adam(p, g, m, v, t, 0.0, False)[0]
    return {
        "decoupled and coupled weight decay are exchanged, or one is used for both": other,
        "weight decay is missing": none,
        "weight decay has the wrong sign": adam(p, g, m, v, t, -weight_decay, decoupled)[0],
        "decoupled weight decay is not multiplied by lr": none - weight_decay * p,
        "decoupled weight decay shrinks p after the step, not first": none * (1 - lr * weight_decay),
        "weight decay is used twice: on p, and in the gradient": adam(p * (1 - lr * weight_decay), g, m, v, t, weight_decay, False)[0],
        "weight decay is multiplied by lr, where only decoupled weight decay is": adam(p, g, m, v, t, lr * weight_decay, decoupled)[0],
        "weight decay is subtracted from p as a number, where it is a share of p": none - lr * weight_decay,
    }
