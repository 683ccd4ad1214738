"""Two chains of the simplest steps there are, each step's gradient beside its difference quotient; and how each chain collapses to one line.

A step is `name = expression`. Its gradient is written by hand, from the loss back: what is printed is what runs. For each intermediate the difference
quotient shifts every one of its numbers in turn, and runs the rest of the chain.
"""

from typing import NamedTuple

import numpy as np

from scratchgen.layers.batch_norm import batch_norm_backward
from scratchgen.losses.softmax_cross_entropy import cross_entropy
from scratchgen.ops import use_backend
from scratchgen.pages.book_text import escape

STEP = 1e-6  # of the difference quotients, in float64


class Chain(NamedTuple):
    """forward: [(name, expression)], the last one the loss.  backward: [(name, gradient's expression, why)], from the loss back.

    collapsed: [(expression for the input's gradient, why it is the same)], each shorter than the one before.  given: {name: array}.
    """

    title: str
    path: str
    text: str
    given: dict
    forward: list
    backward: list
    collapsed: list


def batch_norm_chain():
    """Batch normalisation, 6 examples of 3 features."""
    rng = np.random.default_rng(0)
    x, dy = rng.normal(2, 3, size=(6, 3)), rng.normal(size=(6, 3))
    given = {"x": x, "dy": dy, "gamma": rng.normal(size=3), "beta": rng.normal(size=3), "eps": 1e-5, "N": 6}
    forward = [
        ("mean", "x.mean(axis=0)"),
        ("centred", "x - mean"),
        ("squares", "centred**2"),
        ("var", "squares.mean(axis=0)"),
        ("r", "1 / np.sqrt(var + eps)"),
        ("x_hat", "centred * r"),
        ("y", "gamma * x_hat + beta"),
        ("loss", "np.sum(dy * y)"),
    ]
    backward = [
        ("beta", "dy.sum(axis=0)", "beta is added to every example"),
        ("gamma", "(dy * x_hat).sum(axis=0)", "gamma multiplies every example's x̂"),
        ("x_hat", "dy * gamma", "y = gamma x̂ + beta"),
        ("r", "(dx_hat * centred).sum(axis=0)", "r multiplies every example"),
        ("var", "dr * -0.5 * r**3", "∂r/∂v = −½ (v + eps)^(−3/2) = −½ r³"),
        ("squares", "np.ones_like(x) * dvar / N", "a mean gives each of its N terms 1/N"),
        ("centred", "dx_hat * r + dsquares * 2 * centred", "two paths: x̂ = centred r, and squares = centred²"),
        ("mean", "-dcentred.sum(axis=0)", "it is taken from every example"),
        ("x", "dcentred + dmean / N", "two paths: centred = x − mean, and the mean itself"),
    ]
    collapsed = [
        ("dcentred - dcentred.mean(axis=0)", "dmean / N = −mean(dcentred)"),
        (
            "r * dx_hat + dvar * 2 * centred / N - (r * dx_hat + dvar * 2 * centred / N).mean(axis=0)",
            "dcentred written out, with dsquares = dvar / N",
        ),
        ("r * dx_hat + dvar * 2 * centred / N - r * dx_hat.mean(axis=0)", "Σ centred = 0: of the second term nothing is left in the mean"),
        ("r * dx_hat - r**3 * centred * (dx_hat * centred).mean(axis=0) - r * dx_hat.mean(axis=0)", "dvar = −½ r³ Σ dx̂ centred, and Σ / N = mean"),
        ("r * (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0))", "r centred = x̂, twice, and r before the bracket"),
        ("batch_norm_backward(dy, x_hat, r, gamma)", "the library's line"),
    ]
    text = "Seven steps forward, nine back; in the end dx = r (dx̂ − mean dx̂ − x̂ ∘ mean(dx̂ ∘ x̂))."
    return Chain("Batch normalisation", "layers.batch_norm", text, given, forward, backward, collapsed)


def cross_entropy_chain():
    """Softmax cross-entropy, 5 examples of 4 classes."""
    rng = np.random.default_rng(1)
    labels = np.array([2, 0, 3, 1, 2])
    given = {"logits": rng.normal(size=(5, 4)), "labels": labels, "onehot": np.eye(4)[labels], "N": 5}
    forward = [
        ("top", "logits.max(axis=1, keepdims=True)"),
        ("shifted", "logits - top"),
        ("e", "np.exp(shifted)"),
        ("sum_of_e", "e.sum(axis=1, keepdims=True)"),
        ("log_sum", "np.log(sum_of_e)"),
        ("log_p", "shifted - log_sum"),
        ("picked", "log_p[np.arange(N), labels]"),
        ("loss", "-picked.mean()"),
    ]
    backward = [
        ("picked", "np.full(N, -1 / N)", "minus the mean of N numbers"),
        ("log_p", "onehot * dpicked[:, None]", "only the label's entry was picked"),
        ("log_sum", "-dlog_p.sum(axis=1, keepdims=True)", "it is taken from every class"),
        ("sum_of_e", "dlog_sum / sum_of_e", "d log s = ds / s"),
        ("e", "np.ones_like(e) * dsum_of_e", "a sum gives each of its terms 1"),
        ("shifted", "dlog_p + de * e", "two paths: log_p, and e = exp(shifted), which is its own derivative"),
        ("top", "-dshifted.sum(axis=1, keepdims=True)", "zero: what is taken from all logits alike changes no probability"),
        ("logits", "dshifted + (logits == top) * dtop", "two paths: shifted, and the largest one's through top"),
    ]
    collapsed = [
        ("dshifted", "dtop = 0"),
        ("dlog_p + e * dlog_sum / sum_of_e", "de and dsum_of_e written out"),
        ("-onehot / N + e / sum_of_e / N", "dlog_p = −onehot / N, and its sum with the other sign is 1 / N"),
        ("(np.exp(log_p) - onehot) / N", "e / sum_of_e = p"),
        ("cross_entropy(logits, labels)[1]", "the library's line"),
    ]
    text = "Seven steps forward, eight back; in the end dlogits = (p − onehot) / N."
    return Chain("Softmax cross-entropy", "losses.softmax_cross_entropy", text, given, forward, backward, collapsed)


CHAINS = (batch_norm_chain, cross_entropy_chain)
FUNCTIONS = {"np": np, "batch_norm_backward": batch_norm_backward, "cross_entropy": cross_entropy}


def run_forward(chain, name=None, shift=0.0):
    """{name: value} of everything, with `shift` added to that one of the names as soon as it is there."""
    values = FUNCTIONS | chain.given
    if name in values:
        values[name] = values[name] + shift
    for step, expression in chain.forward:
        values[step] = eval(expression, values)
        if step == name:
            values[step] = values[step] + shift
    return values


def quotient(chain, name):
    """dloss/d(name) by central differences, element by element."""
    found = np.zeros(np.shape(run_forward(chain)[name]))
    for place in np.ndindex(found.shape):
        shift = np.zeros(found.shape)
        shift[place] = STEP
        found[place] = (run_forward(chain, name, shift)["loss"] - run_forward(chain, name, -shift)["loss"]) / (2 * STEP)
    return found


class Row(NamedTuple):
    """A gradient of a chain.  exact: by hand.  approximate: the difference quotient, or in a collapse the gradient before it."""

    name: str
    expression: str
    why: str
    exact: np.ndarray
    approximate: np.ndarray

    @property
    def difference(self):
        """The largest."""
        return float(np.max(np.abs(self.exact - self.approximate)))


def rows(chain):
    """[Row] of the chain's backward, [Row] of its collapse, and the values of everything."""
    with use_backend("numpy"):
        values, steps, folds = run_forward(chain), [], []
        for name, expression, why in chain.backward:
            values[f"d{name}"] = eval(expression, values)
            steps.append(Row(name, expression, why, values[f"d{name}"], quotient(chain, name)))
        for expression, why in chain.collapsed:
            folds.append(Row(name, expression, why, eval(expression, values), values[f"d{name}"]))
    return steps, folds, values


def collapse_body(link):
    """The page, as HTML.  link(module) -> address of a file's page."""
    parts = [
        "<main class='text'><p class='lead'>A gradient can be found one small step at a time, and every step can be checked. What is long is then "
        "made short: each line below gives the same numbers as the one above it.</p>"
    ]
    for make in CHAINS:
        chain = make()
        steps, folds, values = rows(chain)
        parts.append(
            f"<h2>{chain.title}</h2><p>{escape(chain.text)} The file: <a href='{link(chain.path)}'>{chain.path.replace('.', '/')}.py</a>.</p>"
        )
        forward = [f"{name} = {expression}" for name, expression in chain.forward]
        width = max(map(len, forward)) + 4
        lines = [f"{line:<{width}}{np.shape(values[name]) or ''}" for line, (name, _) in zip(forward, chain.forward, strict=True)]
        parts.append(f"<h3>Forward</h3><pre tabindex='0' style='--columns:{width + 8}'>{escape(chr(10).join(lines))}</pre>")
        heads = ("gradient", "because", "exact, its first number", "approximate", "largest difference")
        parts.append("<h3>Back, step by step</h3>" + table(heads, steps))
        heads = (f"d{folds[0].name}", "because", "its first number", "step by step", "largest difference")
        parts.append("<h3>Collapsed</h3>" + table(heads, folds))
    return "\n".join([*parts, "</main>"])


def table(heads, found):
    """Rows as an HTML table."""
    head = "".join(f"<th>{each}</th>" for each in heads)
    body = []
    for row in found:
        numbers = (shown(row.exact.flat[0]), shown(row.approximate.flat[0]), f"{row.difference:.1e}".replace("-", "−"))
        cells = "".join(f"<td class='number'>{each}</td>" for each in numbers)
        body.append(f"<tr><td><code>d{row.name} = {escape(row.expression)}</code></td><td>{escape(row.why)}</td>{cells}</tr>")
    return f"<div class='wide'><table class='steps'><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"


def shown(number):
    """Eight decimals, and a true minus sign."""
    return f"{number:.8f}".replace("-", "−")
