"""Mistakes in exercise 11, Adam: (part of the solution, what a student writes there, how it should be named)."""

DECOUPLED = "p *= 1 - lr * weight_decay"
COUPLED = "g = g + weight_decay * p"
M, V = "m[...] = beta1 * m + (1 - beta1) * g", "v[...] = beta2 * v + (1 - beta2) * g**2"
HATS = "m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)"
P = "p -= lr * m_hat / (np.sqrt(v_hat) + eps)"

MISTAKES = [
    (M, "m = beta1 * m + (1 - beta1) * g", "make a new array"),
    (V, "v = beta2 * v + (1 - beta2) * g**2", "make a new array"),
    (P, "p = p - lr * m_hat / (np.sqrt(v_hat) + eps)", "make a new array"),
    (M, "m[...] = (1 - beta1) * m + beta1 * g", "beta1 and 1 − beta1 are exchanged"),
    (M, "m[...] = beta1 * m + g", "not multiplied by 1 − beta1"),
    (M, "m[...] = beta1 * m", "\\(1 − beta1\\) · g is missing"),
    (M, "m[...] = beta2 * m + (1 - beta2) * g", "beta2 stands where beta1 belongs"),
    (M, "m += beta1 * m + (1 - beta1) * g", "m has the term m once too often|m\\["),
    (M, "m[...] = beta1 * m + (1 - beta1) * g**2", "the gradient is squared"),
    (M, "m[...] = g", "m is g itself|this is g"),
    (V, "v[...] = beta2 * v + (1 - beta2) * g", "the gradient is not squared"),
    (V, "v[...] = beta2 * v + (1 - beta2) * np.abs(g)", "absolute value"),
    (V, "v[...] = beta1 * v + (1 - beta1) * g**2", "beta1 stands where beta2 belongs"),
    (V, "v[...] = (1 - beta2) * v + beta2 * g**2", "beta2 and 1 − beta2 are exchanged"),
    (V, "v[...] = beta2 * v + ((1 - beta2) * g) ** 2", "1 − beta2 is squared"),
    (V, "v[...] = beta2 * v + (1 - beta2) * m**2", "it is m that is squared"),
    (HATS, "m_hat, v_hat = m, v", "the bias corrections are missing"),
    (HATS, "m_hat, v_hat = m / (1 - beta1**t), v", "the bias correction of v is missing"),
    (HATS, "m_hat, v_hat = m, v / (1 - beta2**t)", "the bias correction of m is missing"),
    (HATS, "m_hat, v_hat = m / (1 - beta1), v / (1 - beta2)", "those of the first step"),
    (HATS, "m_hat, v_hat = m / (1 - beta1 ** (t + 1)), v / (1 - beta2 ** (t + 1))", "those of step t \\+ 1"),
    (HATS, "m_hat, v_hat = m * (1 - beta1**t), v * (1 - beta2**t)", "multiply, where they should divide"),
    (HATS, "m_hat, v_hat = m / beta1**t, v / beta2**t", "1 − is missing"),
    (HATS, "m /= 1 - beta1**t; v /= 1 - beta2**t; m_hat, v_hat = m, v", "m\\[|m is"),
    (P, "p -= lr * m_hat / np.sqrt(v_hat + eps)", "eps stands inside the root"),
    (P, "p -= lr * m_hat / np.sqrt(v_hat)", "eps is missing|NaN"),
    (P, "p -= lr * m_hat / (v_hat + eps)", "the root is missing"),
    (P, "p += lr * m_hat / (np.sqrt(v_hat) + eps)", "wrong sign"),
    (P, "p -= m_hat / (np.sqrt(v_hat) + eps)", "lr is missing"),
    (P, "p -= lr * g / (np.sqrt(v_hat) + eps)", "not m̂'s"),
    (P, "p -= lr * m_hat", "not divided by √v̂"),
    (P, "p -= lr * g", "gradient descent"),
    (P, "p[...] = -lr * m_hat / (np.sqrt(v_hat) + eps)", "the new p is the step alone|the term p is missing"),
    (P, "pass", "p is as it was before"),
    (DECOUPLED, "p *= 1 - weight_decay", "not multiplied by lr"),
    (DECOUPLED, "g = g + weight_decay * p", "exchanged|used for both"),
    (DECOUPLED, "pass", "weight decay is missing"),
    (DECOUPLED, "p *= 1 + lr * weight_decay", "weight decay has the wrong sign"),
    (COUPLED, "g += weight_decay * p", "changes its argument g"),
    (COUPLED, "pass", "weight decay is missing"),
    (COUPLED, "g = g - weight_decay * p", "p|wrong sign"),
    (COUPLED, "g = g + lr * weight_decay * p", "multiplied by lr"),
    (COUPLED, "p *= 1 - lr * weight_decay", "exchanged|used for both"),
    ("if decoupled:", "if not decoupled:", "exchanged"),
]
