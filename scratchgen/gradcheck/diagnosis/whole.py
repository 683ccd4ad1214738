"""Mistakes that show in the gradient as a whole: zero, sign, a constant factor, transposed, that of another array, dy itself."""

import numpy as np

from scratchgen.gradcheck.diagnosis.evidence import Diagnosis


def unused(e):
    """Forward does not depend on the array at all, and yet it gets a gradient."""
    if e.measured.any() and not any(np.any(draw.n[e.measured]) for draw in e.draws) and any(np.any(draw.a) for draw in e.draws):
        text = f"forward's output does not depend on {e.name}, and yet d{e.name} is not zero. Is {e.name} used in forward?"
        return Diagnosis("unused", e.name, text, "Seen: no output moves when it is shifted", True)


def rounded(e):
    """Something inside computes in float32, so that difference quotients jump."""
    if e.y is not None and e.y.size >= 4 and np.array_equal(e.y, e.y.astype(np.float32)) and np.mean(e.y != np.round(64 * e.y) / 64) > 0.5:
        text = "forward rounds to float32 inside, and so the difference quotients say nothing: keep the dtype of the input"
        return Diagnosis("float32", None, text, "Seen: y is of float64, and has the digits of float32 only", True)


def zero(e):
    """Backward gives nothing but zeros."""
    if all(not np.any(draw.a) for draw in e.draws) and any(np.any(draw.n[e.measured]) for draw in e.draws):
        biggest = np.abs(e.draws[0].n[e.measured]).max()
        where = "returned" if e.is_input else "added to grads"
        text = f"d{e.name} is zero everywhere. Is it computed, and {where}?"
        return Diagnosis("zero", e.name, text, f"Seen: all elements are 0; the largest should be {biggest:.4g}", True)


def sign(e):
    """Right up to the sign."""
    if e.explains(lambda draw: -draw.a):
        return e.found("sign", f"d{e.name} has the wrong sign", f"−d{e.name}")


SMALL_ERROR = 1e-3  # relative; what a forgotten small constant makes


def nearly(e):
    """Nearly right: a small constant is missing or too much."""
    pairs = [(draw.a[e.measured], draw.n[e.measured]) for draw in e.draws if np.shape(draw.a) == np.shape(draw.n)]
    if len(pairs) < len(e.draws) or not all(len(n) and np.any(n) and np.all(np.isfinite(a)) for a, n in pairs):
        return None
    off = max(float(np.max(np.abs(a - n) / np.maximum(np.abs(n), 0.1 * np.sqrt(np.mean(n * n))))) for a, n in pairs)
    if off < SMALL_ERROR:
        text = f"d{e.name} is nearly right, off by {off:.1g} of itself at most: {SMALL_CONSTANT}"
        return Diagnosis("small", e.name, text, "Seen: every element is as close as that", False)


SMALL_CONSTANT = "a small constant, as the eps under a root, is missing, in the wrong place, or added where none belongs"


def factor(e):
    """Right up to a constant factor."""
    a, n = e.draws[0].a, e.draws[0].n
    if np.shape(a) != np.shape(n) or not np.any(a[e.measured]):
        return None
    a, n = a[e.measured], n[e.measured]
    c = float(np.sum(a * n) / np.sum(n * n)) if np.any(n) else 0.0  # a = c n
    if c == 0 or abs(abs(c) - 1) < 1e-6 or not e.explains(lambda draw: draw.a / c):
        return None
    text, certain = name_factor(e, abs(c))
    minus = " and has the wrong sign" if c < 0 else ""
    kind = "mask" if "dropout" in text else "factor"
    return e.found(kind, f"d{e.name} is {abs(c):.6g} times what it should be{minus}: {text}", f"d{e.name} / {c:.6g}", certain)


def near(u, v):
    """Equal as far as a fitted number can be."""
    return abs(u - v) <= 1e-5 * abs(v)


def size_factors(c, sizes, layer=False):
    """Possible causes of the factor c among the sizes {words: number}. layer: whether it is a layer's gradient, not a loss's."""
    ideas, sizes = [], {words: size for words, size in sizes.items() if size > 1}
    for words, size in sizes.items():
        if near(c, 1 / size):
            ideas.append(f"it is divided by {words} ({size})" + ". A layer sums over the batch; only the loss averages" * layer)
        if near(c, size):
            ideas.append(f"it is not divided by {words} ({size}), though forward divides by it; or it is counted that many times")
        if size > 2 and (near(c, size / (size - 1)) or near(c, (size - 1) / size)):
            ideas.append(f"{words} N is {size}: N and N − 1 are confused")
        ideas += [
            f"it is divided by {others} ({other}) in the place of {words} ({size})"
            for others, other in sizes.items()
            if other != size and size % other and other % size and near(c, size / other)
        ]
    return ideas


def name_factor(e, c):
    """(the possible causes of the factor c, whether there is only one)."""
    ideas = []
    if near(c, 2):
        ideas = ["a ½ is missing (as of the derivative of a square root, or of σ = e^(½ logvar)), or something is counted twice"]
    if near(c, 0.5):
        ideas = ["a factor 2 is missing (as of the derivative of a square), or there is a ½ too much"]
    ideas += size_factors(c, e.sizes, layer=e.subject.contract)
    keep = dropout_keep(e)
    if keep and near(c, keep):
        ideas.append(f"the dropout mask is not scaled: forward multiplies by 1 / (1 − rate) = {1 / keep:.4g}, and so must backward")
    if keep and near(c, 1 / keep):
        ideas.append(f"the scale of dropout, 1 / (1 − rate) = {1 / keep:.4g}, is applied twice")
    for words, value in e.known.items():
        if value.size == 1 and words != e.name and abs(float(value.reshape(()))) not in (0.0, 1.0):
            v = abs(float(value.reshape(())))
            if near(c, 1 / v):
                ideas.append(f"the factor {words} = {v:.4g} is missing")
            if near(c, v):
                ideas.append(f"the factor {words} = {v:.4g} is there once too often")
    if not ideas:
        return "a constant factor is missing or there once too often", False
    return "; or ".join(ideas), len(ideas) == 1


def dropout_keep(e):
    """1 − rate if the output is the input with some elements set to zero and the others scaled by 1 / (1 − rate); else None."""
    if e.y is None or not e.is_input or e.y.shape != e.array.shape:
        return None
    with np.errstate(all="ignore"):
        ratio = (e.y / e.array)[e.array != 0]
    passes = np.abs(ratio) > 1e-12
    if np.array_equal(passes, e.array[e.array != 0] > 0):
        return None  # a ReLU
    scales = ratio[passes]
    if len(scales) and len(scales) < len(ratio) and np.allclose(scales, scales[0], rtol=1e-9) and scales[0] > 1 + 1e-9:
        return float(1 / scales[0])


def transposed(e):
    """Right up to a transpose: of the gradient, or of the Jacobian (dy W instead of dy Wᵀ)."""
    if e.array.ndim == 2 and e.explains(lambda draw: draw.a.T):
        return e.found("transposed", f"d{e.name} is transposed: the two sides of a product have changed places", f"d{e.name}ᵀ")
    if e.jacobian is None or e.jacobian.shape[0] != e.jacobian.shape[1] or np.allclose(e.jacobian, e.jacobian.T, atol=1e-7):
        return None
    if all(e.agree(draw.a, (e.jacobian.T @ draw.dy.ravel()).reshape(e.array.shape)) for draw in e.draws):
        text = f"d{e.name} multiplies dy by a matrix where its transpose belongs (as dy W for dy Wᵀ): backward goes against the arrows, dx = Jᵀ dy"
        return e.found("transposed", text, "Jᵀ dy, with J measured,")


def other_array(e, others):
    """The gradient of another array, returned in this one's place. others: {name: draws}, those of this one among them."""
    for name, draws in others.items():
        if name == e.name or len(draws) != len(e.draws) or equal(e.draws[0].n, draws[0].n):
            continue
        if all(equal(draw.a, theirs.n) for draw, theirs in zip(e.draws, draws, strict=True)):
            both = all(equal(theirs.a, draw.n) for draw, theirs in zip(e.draws, draws, strict=True))
            how = "the two have changed places" if both else "it is computed with the wrong one, or stored under the wrong name"
            text = f"d{e.name} is the gradient of {name}: {how}"
            return Diagnosis("wrong input", e.name, text, f"Tested: what backward gives for {e.name} agrees with the measured d{name}", e.enough)


def equal(u, v):
    """Whether two gradients of whatever shape are the same, where both are known."""
    if u is None or v is None or np.shape(u) != np.shape(v):
        return False
    both = np.isfinite(u) & np.isfinite(v)
    return bool(np.any(both) and np.allclose(u[both], v[both], rtol=2e-5, atol=1e-7 * np.abs(v[both]).max()))


def dy_ignored(e):
    """The same whatever dy is."""
    if len(e.draws) < 2 or not e.agree(e.draws[0].a, e.draws[1].a) or not np.any(e.draws[0].a):
        return None
    text = f"d{e.name} does not depend on dy, the upstream gradient"
    if e.explains(lambda draw: draw.a * draw.dy):
        return e.found("dy ignored", f"{text}: it is the derivative of y, and the step that multiplies it by dy is missing", f"d{e.name} ∘ dy")
    return Diagnosis("dy ignored", e.name, text, "Seen: it is the same for 2 different dy, and should not be", True)


def dy_itself(e):
    """dy passed on unchanged, or taken for a target."""
    if e.y is None or e.y.shape != e.array.shape or not e.is_input:
        return None
    if all(e.agree(draw.a, draw.dy) for draw in e.draws) and not np.allclose(e.y, e.array):
        text = f"d{e.name} is dy itself: backward passes the gradient on without multiplying by the derivative of the layer"
        if e.is_input and skips(e):
            text += ", or in y = x + f(x) without the path through f"
        if rows_sum_to_one(e.y):
            text += " (right only before a cross-entropy, if dy is already p − target)"
        return Diagnosis("dy unchanged", e.name, text, "Seen: backward returns dy, for 2 different dy", True)
    for what, sign in (("y − dy", 1), ("dy − y", -1)):
        if all(e.agree(draw.a, sign * (e.y - draw.dy)) for draw in e.draws):
            text = f"d{e.name} is {what}, as in the gradient of a cross-entropy with dy taken for the target; a layer's backward must hold for any dy"
            return Diagnosis("loss assumed", e.name, text, f"Seen: backward returns {what}, for 2 different dy", True)


def skips(e):
    """Whether the layer could be y = x + f(x): each output follows its own input, up to what f does."""
    return e.jacobian is None or bool(np.all(np.diag(e.jacobian) > 0.5))


def rows_sum_to_one(y):
    """Whether y looks like the output of a softmax."""
    return y.ndim == 2 and y.shape[1] > 1 and np.all(y >= 0) and np.allclose(y.sum(axis=1), 1)
