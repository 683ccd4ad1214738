"""Missing paths of the chain rule: only some of the paths from an input to the loss were counted.

Two ways to see it. From the measured Jacobian: keep only some of its entries (the diagonal, the same example, the same feature) and see
whether that is what backward computes. From known operations: where the measured gradient is a sum of terms that have names, fit

    a = Σ_k c_k · term_k

and read off the mistake: c = 0 is a missing term, −1 a wrong sign, N a mean that was a sum. If that does not fit, try terms whose sum
runs over the wrong axis.
"""

import numpy as np

from scratchgen.gradcheck.diagnosis.evidence import AGREE
from scratchgen.gradcheck.diagnosis.whole import near, rows_sum_to_one, size_factors


def kept_paths(e):
    """Yield (words, keep) of the parts of the Jacobian that a backward may have been limited to; x and y of equal shape."""
    rows, columns = (np.indices(e.array.shape).reshape(e.array.ndim, -1)[axis] for axis in (0, -1))
    same_row, same_column = rows[:, None] == rows[None, :], columns[:, None] == columns[None, :]
    yield "diagonal", same_row & same_column
    yield "the same example (the row); the paths through the other examples are missing", same_row
    yield "the same feature (the column); the paths through the other features are missing", same_column


def diagonal_only(e):
    """Each output was taken to depend only on the input at the same place."""
    if e.jacobian is None or e.y.shape != e.array.shape or e.array.ndim != 2:
        return None
    for words, keep in kept_paths(e):
        if np.all(np.abs(e.jacobian[~keep]) < 1e-7):
            continue
        if all(e.agree(draw.a, e.contract(draw.dy, keep)) for draw in e.draws):
            if words != "diagonal":
                text = f"d{e.name} counts only paths within {words}"
                return e.found("missing term", text, f"d{e.name} with the measured other paths added")
            others = "its row" if rows_sum_to_one(e.y) else "its neighbours"
            text = (
                f"d{e.name} has only the diagonal of the Jacobian: each output depends on all inputs of {others}, and the off-diagonal paths "
                f"∂y_j/∂x_i, j ≠ i, are missing. dx_i = Σ_j dy_j ∂y_j/∂x_i"
            )
            return e.found("diagonal only", text, f"d{e.name} with the measured off-diagonal paths added")


def decompositions(e):
    """Yield (operation, {words: term(dy)}) whose terms may add up to the measured gradient. They are tested before they are used."""
    x, y, known = e.array, e.y, e.known
    if y is not None and y.shape == x.shape and e.is_input:
        yield "tanh", {"the 1 of 1 − y²": lambda dy: dy, "the y² of 1 − y²": lambda dy: -dy * y * y}
        yield "the sigmoid", {"the 1 of y (1 − y)": lambda dy: dy * y, "the y of 1 − y": lambda dy: -dy * y * y}
        if x.ndim == 2:
            yield (
                "softmax",
                {
                    "the direct path, y ∘ dy,": lambda dy: y * dy,
                    "the path through the sum of the exponentials, −y Σ_j dy_j y_j,": lambda dy: -y * np.sum(dy * y, axis=1, keepdims=True),
                },
            )
            yield from normalisations(e)
    if e.y is None:
        batch = e.batch or 1
        yield "a Gaussian KL", {"e^logvar": lambda dy: 0.5 * np.exp(x) / batch, "the −1": lambda dy: -0.5 * np.ones(x.shape) / batch}
        p, rows = 1 / (1 + np.exp(-np.clip(x, -500, 500))), x - x.max(axis=-1, keepdims=True) if x.ndim else x
        q = np.exp(rows) / np.exp(rows).sum(axis=-1, keepdims=True) if x.ndim else x
        for words, t in known.items():
            if t.shape == x.shape and words != e.name:
                yield "cross-entropy", {"the prediction σ(logits)": lambda dy: p / batch, f"the {words}": lambda dy, t=t: -t / batch}
                yield "a cross-entropy", {"the prediction softmax(logits)": lambda dy: q / batch, f"the {words}": lambda dy, t=t: -t / batch}
                yield "a squared error", {e.name: lambda dy: x / batch, f"the {words}": lambda dy, t=t: -t / batch}
            elif t.dtype.kind in "iu" and x.ndim == 2 and t.shape == x.shape[:1] and t.size and t.min() >= 0 and t.max() < x.shape[1]:
                one_hot = np.eye(x.shape[1])[t]
                yield "a cross-entropy", {"the prediction softmax(logits)": lambda dy: q / batch, "the target": lambda dy, t=one_hot: -t / batch}
        others = [value for words, value in known.items() if words != e.name and value.shape == x.shape]
        for square in [(a - b) ** 2 for i, a in enumerate(others) for b in others[:i]]:
            terms = {"the 1": lambda dy: 0.5 * np.ones(x.shape) / batch, "the squared distance": lambda dy, s=square: -0.5 * s * np.exp(-x) / batch}
            yield "a Gaussian log-likelihood", terms


def normalisations(e):
    """Yield the three paths of a normalisation over the batch or over the features, for every likely gamma and eps."""
    x, layer = e.array, getattr(e.subject, "layer", None)
    own = [value for value in (getattr(layer, "eps", None),) if isinstance(value, float)]
    scales = {"": np.ones(x.shape[1])} | {words: value for words, value in e.known.items() if value.shape == (x.shape[1],)}
    for axis, over in ((0, "the batch"), (1, "the features")):
        for eps in dict.fromkeys([*own, 1e-5, 1e-8, 0.0, 1e-3, 1e-6, 1e-12]):
            with np.errstate(all="ignore"):
                r = 1 / np.sqrt(x.var(axis=axis, keepdims=True) + eps)
            if not np.all(np.isfinite(r)):
                continue
            x_hat = (x - x.mean(axis=axis, keepdims=True)) * r
            for gamma in scales.values():
                yield (
                    f"a normalisation over {over}",
                    {
                        "the direct path, r dx̂,": lambda dy, r=r, g=gamma: r * dy * g,
                        "the path through the mean, −r mean(dx̂),": lambda dy, r=r, g=gamma, axis=axis: -r * np.mean(dy * g, axis=axis, keepdims=True),
                        "the path through the variance, −r x̂ mean(dx̂ ∘ x̂),": lambda dy, r=r, g=gamma, axis=axis, x_hat=x_hat: (
                            -r * x_hat * np.mean(dy * g * x_hat, axis=axis, keepdims=True) + 0 * dy
                        ),
                    },
                )


def wrong_axes(e, operation):
    """Yield (words, gradient(dy)) of a recognised operation whose sum runs over the wrong axis, or over everything."""
    y = e.y
    if operation == "softmax":
        yield "the batch", lambda dy: y * (dy - np.sum(dy * y, axis=0))
        yield "everything", lambda dy: y * (dy - np.sum(dy * y))


def terms_of_a_sum(e):
    """Fit backward's gradient to the terms of a recognised operation."""
    for operation, terms in decompositions(e):
        if not e.explains(lambda draw, terms=terms: sum(term(draw.dy) + 0 * draw.n for term in terms.values())):
            continue
        for axis, gradient in wrong_axes(e, operation):
            if all(e.agree(draw.a, gradient(draw.dy)) for draw in e.draws):
                text = f"the sum in d{e.name} of {operation} runs over {axis}, where it should run over the features of each example (axis=1)"
                return e.found("broadcast", text, "the sum over the features")
        columns = [np.concatenate([(term(draw.dy) + 0 * draw.n)[e.measured] for draw in e.draws]) for term in terms.values()]
        a = np.concatenate([draw.a[e.measured] for draw in e.draws])
        basis = np.stack(columns, axis=1)
        if len(a) < 3 * len(terms) or np.linalg.matrix_rank(basis) < len(terms):
            continue
        coefficients = np.linalg.lstsq(basis, a, rcond=None)[0]
        if np.max(np.abs(basis @ coefficients - a)) > AGREE * np.max(np.abs(a)) or np.allclose(coefficients, coefficients[0]):
            continue
        return from_coefficients(e, operation, dict(zip(terms, coefficients, strict=True)))


def from_coefficients(e, operation, coefficients):
    """The Diagnosis that follows from the fitted coefficients."""
    said = [(words.rstrip(","), *mistake(c, e.sizes)) for words, c in coefficients.items() if not near(c, 1)]
    kinds = [kind for _, kind, _, _ in said]
    kind = "missing term" if "missing term" in kinds else kinds[0]
    text = f"d{e.name} of {operation}: " + "; ".join(f"{words} {what}" for words, _, what, _ in said)
    return e.found(kind, text, "the sum of all its terms", all(simple for *_, simple in said))


def mistake(c, sizes):
    """(kind, what is wrong with a term of coefficient c, whether that explains it fully). sizes: {words: number}."""
    if abs(c) < 1e-5:
        return "missing term", "is missing", True
    if near(c, -1):
        return "sign", "has the wrong sign", True
    if any(near(c, size) for size in sizes.values()):
        return "factor", f"is summed where it should be averaged ({c:.4g} times too large)", True
    ideas = size_factors(abs(c), sizes)
    if ideas:
        sign = " and has the wrong sign" if c < 0 else ""
        return "factor", f"is {abs(c):.4g} times what it should be{sign}: {'; or '.join(ideas)}", len(ideas) == 1
    return "factor", f"is {c:.4g} times what it should be", near(abs(c), 2) or near(abs(c), 0.5)


def missing_known_term(e):
    """What is missing, or too much, is proportional to something known: dy (a skip connection), the array itself (weight decay), 1."""
    first = e.draws[0]
    if first.a.shape != first.n.shape:
        return None
    candidates = [(words, lambda draw, q=q: q) for words, q in e.known.items() if q.shape == e.array.shape]
    candidates.append(("1", lambda draw: np.ones(e.array.shape)))
    if e.y is not None and e.y.shape == e.array.shape:
        candidates.insert(0, ("dy", lambda draw: draw.dy))
    for words, q in candidates:
        m, v = (first.n - first.a)[e.measured], q(first)[e.measured]
        c = float(np.sum(m * v) / np.sum(v * v)) if np.any(v) else 0.0
        if abs(c) < 1e-6 or m.size < 3 or not e.explains(lambda draw, q=q, c=c: draw.a + c * q(draw)):
            continue
        what = {"dy": "a path on which x reaches y directly (a skip connection)"}
        what |= {name: f"a penalty on {name} (weight decay)" for name in e.subject.params}
        simple = near(abs(c), 1) or near(abs(c), 2) or (words == e.name and words in e.subject.params)
        text = f"the term {c:.6g} · {words} is missing from d{e.name}" + (f": {what[words]}" if words in what and words in ("dy", e.name) else "")
        return e.found("missing term", text, f"d{e.name} + {c:.6g} · {words}", simple)


def missing_shared_path(e):
    """What is missing is, for each example, one number times something known: a path through a sum over the example's features."""
    first = e.draws[0]
    if first.a.shape != first.n.shape or e.array.ndim != 2 or not np.all(e.measured) or len(e.draws) < 2:
        return None
    for axis, over, each in ((1, "the features", "example"), (0, "the batch", "feature")):
        off = ~np.isclose(first.a, first.n, rtol=1e-5, atol=1e-9)
        if off.sum() < 2 * off.any(axis=axis).sum() + 2:
            continue  # with a number of its own for nearly each element, anything could be explained
        for words, q in [("1", np.ones(e.array.shape)), *((w, q) for w, q in e.known.items() if q.shape == e.array.shape)]:
            squares = np.sum(q * q, axis=axis, keepdims=True)
            if np.any(squares == 0):
                continue
            sums = [np.sum((draw.n - draw.a) * q, axis=axis, keepdims=True) / squares for draw in e.draws]
            if all(e.agree(draw.a + s * q, draw.n) for draw, s in zip(e.draws, sums, strict=True)):
                term = "one number" if words == "1" else f"one number times {words}"
                text = f"for each {each}, {term} is missing from d{e.name}, or wrong: a path through a sum over {over} that all its elements share"
                return e.found("missing term", text, f"d{e.name} + {term}, fitted,", certain=False)
