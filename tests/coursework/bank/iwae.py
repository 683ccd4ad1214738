"""Mistakes in exercise 14, importance weights: (part of the solution, what a student writes there, how it should be named)."""

LARGEST = "largest = log_w.max(axis=0)  # with it taken out, nothing overflows\n    w = np.exp(log_w - largest)"
TOTAL = "total = np.sum(w, axis=0)"
RETURN = "return largest + np.log(total / log_w.shape[0]), w / total"
STANDARD = "return dz + w * z, np.zeros_like(z) - 0.5 * w"
DOUBLY = "return w * dz + w**2 / batch * (z - eps * np.exp(-0.5 * logvar)), np.zeros_like(z)"

MISTAKES = [
    (LARGEST, "largest = 0 * log_w.max(axis=0)\n    w = np.exp(log_w)", "FloatingPointError"),
    (LARGEST, "largest = log_w.max(axis=1)\n    w = np.exp(log_w - largest)", "Shapes do not fit"),
    (LARGEST, "largest = log_w.max()\n    w = np.exp(log_w - largest)", "FloatingPointError|bound|weights|NaN"),
    (RETURN, "return largest + np.log(total), w / total", "log of the sum of the weights"),
    (RETURN, "return np.log(total / log_w.shape[0]), w / total", "not added again"),
    (RETURN, "return largest + np.log(total / log_w.shape[1]), w / total", "number of examples, where it is the number of samples"),
    (RETURN, "return log_w.mean(axis=0), w / total", "the mean of the log-weights"),
    (RETURN, "return np.exp(largest) * total / log_w.shape[0], w / total", "the logarithm is missing|FloatingPointError"),
    (RETURN, "return -largest - np.log(total / log_w.shape[0]), w / total", "wrong sign"),
    (RETURN, "return largest + np.log(total / log_w.shape[0]), w", "not divided by their sum"),
    (RETURN, "return largest + np.log(total / log_w.shape[0]), w / w.sum()", "sum runs over everything"),
    (RETURN, "return largest + np.log(total / log_w.shape[0]), w / w.sum(axis=1, keepdims=True)", "weights"),
    (RETURN, "return largest + np.log(total / log_w.shape[0]), w / w.mean(axis=0)", "divided by their mean|number of|times"),
    (RETURN, "return largest + np.log(total / log_w.shape[0]), np.log(w / total)", "these are their logarithms|FloatingPointError"),
    (RETURN, "return largest + np.log(total / log_w.shape[0]), log_w / log_w.sum(axis=0)", "the exponential is missing"),
    (RETURN, "return w / total, largest + np.log(total / log_w.shape[0])", "shape"),
    (STANDARD, "return dz, np.zeros_like(z) - 0.5 * w", "−½ z² is missing"),
    (STANDARD, "return w * z, np.zeros_like(z) - 0.5 * w", "from the decoder, dz, is missing"),
    (STANDARD, "return dz - w * z, np.zeros_like(z) - 0.5 * w", "−½ z² has the wrong sign"),
    (STANDARD, "return w * dz + w * z, np.zeros_like(z) - 0.5 * w", "multiplies dz as well"),
    (STANDARD, "return dz + z / batch, np.zeros_like(z) - 0.5 * w", "w̃ is missing"),
    (STANDARD, "return dz + w * batch * z, np.zeros_like(z) - 0.5 * w", "1 / batch is missing"),
    (STANDARD, "return dz + 0.5 * w * z, np.zeros_like(z) - 0.5 * w", "z, not ½ z"),
    (STANDARD, "return dz + w * z, np.zeros_like(z) + 0.5 * w", "wrong sign"),
    (STANDARD, "return dz + w * z, np.zeros_like(z)", "nothing reaches logvar past z here|zero"),
    (STANDARD, "return dz + w * z, np.zeros_like(z) - w", "the ½ is missing"),
    (STANDARD, "return dz + w * z, np.zeros_like(z) - 0.5 * w * logvar", "multiplied by logvar"),
    (STANDARD, "return dz + w * z, -0.5 * w", "shape"),
    (STANDARD, "return dz + w * z", "wanted are 2"),
    (STANDARD, "dz += w * z; return dz, np.zeros_like(z) - 0.5 * w", "changes its argument dz"),
    (DOUBLY, "return dz + w * z, np.zeros_like(z) - 0.5 * w", "standard gradient|w̃|dz"),
    (DOUBLY, "return dz + w**2 / batch * (z - eps * np.exp(-0.5 * logvar)), np.zeros_like(z)", "not multiplied by w̃"),
    (DOUBLY, "return w * dz + w / batch * (z - eps * np.exp(-0.5 * logvar)), np.zeros_like(z)", "w̃ is not squared"),
    (DOUBLY, "return w * dz + w**2 * (z - eps * np.exp(-0.5 * logvar)), np.zeros_like(z)", "1 / batch is missing"),
    (DOUBLY, "return w * dz + w**2 / batch * z, np.zeros_like(z)", "ε / σ is missing"),
    (DOUBLY, "return w * dz + w**2 / batch * (z + eps * np.exp(-0.5 * logvar)), np.zeros_like(z)", "ε / σ has the wrong sign"),
    (DOUBLY, "return w * dz + w**2 / batch * (z - eps * np.exp(0.5 * logvar)), np.zeros_like(z)", "multiplied by σ, where it should be divided"),
    (DOUBLY, "return w * dz + w**2 / batch * (z - eps), np.zeros_like(z)", "σ is missing"),
    (DOUBLY, "return w * dz, np.zeros_like(z)", "from z and ε is missing"),
]
