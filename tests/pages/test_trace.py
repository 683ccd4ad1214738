"""A step on a page: recorded as it ran, measured as the checker measures, and a mistake glows where it is."""

import base64
import json
import textwrap

import numpy as np
import pytest

from scratchgen import gradcheck, layers, models
from scratchgen.gradcheck.engine import check_as_it_is
from scratchgen.gradcheck.subjects import ObjectiveSubject
from scratchgen.ops import use_backend
from scratchgen.pages import write_page
from scratchgen.pages.measured import NUDGES, measure_step
from scratchgen.pages.provenance import came_from
from scratchgen.pages.recorder import record
from scratchgen.pages.steps import STEPS, STROKES
from scratchgen.pages.trace import trace

LAYER = """
    import numpy as np
    from scratchgen.layers import Layer

    class Mine(Layer):  # y = (x W) ∘ x + b
        def __init__(self, n, rng=None):
            self.params["W"] = np.random.default_rng(rng).normal(size=(n, n))
            self.params["b"] = np.zeros(n)
            self.grads = {key: np.zeros_like(value) for key, value in self.params.items()}

        def forward(self, x):
            h = x @ self.params["W"]
            return h * x + self.params["b"], (x, h)

        def backward(self, dy, cache):
            x, h = cache
            dh = dy * x
            self.grads["W"] += x.T @ dh  # dW = xᵀ dh
            self.grads["b"] += dy.sum(axis=0)
            return dh @ self.params["W"].T + dy * h
"""
STEP = """
    import numpy as np
    from scratchgen.layers import Linear, Sequential, Tanh
    from scratchgen.losses import squared_error

    x, target = np.random.default_rng(0).normal(size=(2, 3, 2))
    net = Sequential(Linear(2, 2, rng=0, dtype=np.float64), Tanh(), Linear(2, 2, rng=1, dtype=np.float64))

    def step():
        net.zero_grads()
        y, caches = net.forward(x)
        loss, dy = squared_error(y, target)
        net.backward(dy, caches)
        return loss
"""


def written(folder, text, *changes):
    """mine.py with that text, and each change (old, new) in it."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "mine.py").write_text(textwrap.dedent(text))
    return folder / "mine.py"


def data_of(text):
    """The data of a page."""
    return json.loads(text.partition('<script type="application/json" id="data">')[2].partition("</script>")[0])


@pytest.fixture(scope="module")
def pages():
    """The text of each of the library's traces, made once."""
    made = {}
    return lambda name: made.setdefault(name, trace(name))


@pytest.mark.parametrize("name", STEPS)
def test_each_step_is_small_right_and_opens(pages, open_page, tmp_path, name):
    assert len(pages(name)) < 500_000
    write_page(tmp_path / "page.html", pages(name))
    tab = open_page(tmp_path / "page.html")
    assert tab.page.evaluate("data.objectives.every((objective) => objective.ok)")
    for number in range(0, tab.page.evaluate("data.lines.length"), 5):
        tab.page.evaluate(f"go({number})")
        assert tab.page.locator("#element .sum").count() + tab.page.locator("#element .quiet").count() > 0
    assert tab.page.locator(".cell.wrong").count() == 0


def test_calls_are_nested_as_they_were():
    with use_backend("numpy"):
        recording = record(STEPS["vae"]()[0])
    chains = []
    for line in recording.lines:
        call, chain = line.call, []
        while call:
            chain.insert(0, call.function.name if call.owner is None else f"{type(call.owner).__name__}.{call.function.name}")
            call = call.parent
        chains.append(chain)
    assert ["step", "VAE.loss", "Sequential.backward", "Linear.backward", "add_matmul_tn"] in chains
    assert chains[0] == ["step", "VAE.zero_grads", "fill"] and chains[-1][-1] == "adam_step"


@pytest.mark.parametrize("name", STEPS)
def test_every_number_is_the_one_of_the_step_as_it_runs_alone(name):
    """What the tracer copies is what the step computes, and watching changes nothing."""
    with use_backend("numpy"):
        for watched, alone in zip(STEPS[name](), STEPS[name](), strict=True):
            recording = record(watched)
            assert recording.error is None and recording.value == alone()
            loss = [value for line in recording.lines for value in line.results if not value.is_array]
            assert any(value.copy == recording.value for value in loss)


def test_quotients_are_the_checkers(pages):
    eps = np.random.default_rng(3).normal(size=(4, 2))
    with use_backend("numpy"):
        vae = models.VAE(16, latent_dim=2, hidden=(4,), rng=0, dtype=np.float64)
        report = check_as_it_is(ObjectiveSubject(vae, lambda: vae.loss(STROKES, eps), ()), 0, None, True)
        measured = measure_step(STEPS["vae"]()[0])
    assert report.ok and len(report.arrays) == 8
    for name, check in report.arrays.items():
        assert np.array_equal(check.numeric, measured.report.arrays[f"vae.{name}"].numeric)
        assert np.allclose(check.analytic, measured.report.arrays[f"vae.{name}"].analytic, rtol=1e-12, atol=0)


def test_the_page_shows_those_quotients(pages, open_page, tmp_path):
    measured = measure_on_numpy("xor")
    write_page(tmp_path / "page.html", pages("xor"))
    tab, numeric = open_page(tmp_path / "page.html").page, np.concatenate([check.numeric.ravel() for check in measured.report.arrays.values()])
    seen = set()
    for number in range(tab.evaluate("data.lines.length")):
        tab.evaluate(f"go({number})")
        n = tab.evaluate("data.lines[at].results[0].kind === 'gradient' ? values(data.lines[at].results[0]).length : 0")
        for k in range(n):
            tab.evaluate(f"choose(data.lines[at].results[0], {k})")
            element = tab.evaluate(f"gradientOf(data.lines[at].results[0], {k})")
            shown = [float(tab.inner_text(place).replace("−", "-")) for place in ("#backward", "#quotient")]
            assert shown == pytest.approx([numeric[element]] * 2, abs=2e-6, rel=1e-4)
            seen.add(element)
    assert seen == set(range(numeric.size))


def measure_on_numpy(name):
    with use_backend("numpy"):
        return measure_step(STEPS[name]()[0])


def test_the_loss_follows_its_tangent():
    """Small nudges: the second difference alone parts them. And at no nudge, the loss itself."""
    measured = measure_on_numpy("xor")
    assert NUDGES[5] == 0
    for name, losses in measured.losses.items():
        assert np.allclose(losses[:, 5], measured.recording.value, rtol=1e-12)
        slope = (losses[:, 6] - losses[:, 4]) / (NUDGES[6] - NUDGES[4])
        assert np.allclose(slope, measured.report.arrays[name].analytic.ravel(), atol=0.01)


def test_the_step_ends_as_if_nobody_had_looked():
    (watched,), (alone,) = STEPS["xor"](), STEPS["xor"]()
    with use_backend("numpy"):
        measure_step(watched)
        alone()
        assert watched() == alone()


KINK = """
    import numpy as np

    def start(x):
        return np.random.default_rng([0, 1]).standard_normal(x.shape)[0, 0]  # as the checker draws it: the input bends there

    def bent(x):
        return np.abs(x - start(x)), x

    def bent_backward(dy, x):
        return dy * np.where(x > start(x), 1, -1)
"""


def test_a_kink_is_called_one(tmp_path, open_page):
    write_page(tmp_path / "page.html", trace(f"{written(tmp_path, KINK)}:bent"))
    tab = open_page(tmp_path / "page.html").page
    assert tab.evaluate("Array.from(data.verdict.values)") == [2] + [0] * 23
    tab.evaluate("go(data.lines.findIndex((line) => line.results[0].kind === 'gradient'))")
    assert "a kink" in tab.inner_text("#element") and tab.locator(".cell.wrong").count() == 0


MISTAKES = {
    "sign": (('["b"] += dy', '["b"] -= dy'), "db has the wrong sign", {"b"}),
    "missing term": ((".T + dy * h", ".T"), "no common mistake explains dx", {"x"}),
    "transposed": (("x.T @ dh  # dW", "dh.T @ x  # dW"), "transpose", {"W"}),
    "one element": (
        ("            return dh", '            self.grads["W"][1, 2] += 0.25\n            return dh'),
        "wrong in row 1 and right elsewhere",
        {"W"},
    ),
}


GLOWING = """data.lines[at].results.flatMap((value) => Array.from(values(value).keys())
    .filter((k) => cells.get(value)[k].matches(".wrong")).map((k) => gradientName(gradientOf(value, k))))"""


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_glows_where_it_is(open_page, tmp_path, mistake):
    change, words, wrong = MISTAKES[mistake]
    report = gradcheck.gradcheck_table([f"{written(tmp_path, LAYER, change)}:Mine"])[0]
    assert {name for name, check in report.arrays.items() if not check.ok} == wrong
    write_page(tmp_path / "page.html", trace(f"{tmp_path / 'mine.py'}:Mine"))
    tab = open_page(tmp_path / "page.html").page
    assert words in str(report) and all(found.text in tab.inner_text("#verdict") for found in report.diagnoses)
    tab.click("text=go to the first wrong element")
    glowing = set()
    for number in range(tab.evaluate("data.lines.length")):
        tab.evaluate(f"go({number})")
        glowing |= set(tab.evaluate(GLOWING))
    assert glowing == {f"{e.array}[{', '.join(map(str, e.index))}]" for check in report.arrays.values() for e in check.wrong}
    if mistake == "one element":
        assert glowing == {"W[1, 2]"}


def test_what_the_checker_cannot_compare_is_measured_all_the_same(tmp_path, open_page):
    change = ".T + dy * h", ".T + dy * h * np.where(np.arange(24).reshape(6, 4) == 7, np.nan, 1)"
    write_page(tmp_path / "page.html", trace(f"{written(tmp_path, LAYER, change)}:Mine"))
    tab = open_page(tmp_path / "page.html").page
    tab.click("text=go to the first wrong element")
    assert tab.evaluate(GLOWING) == ["x[1, 3]"] and tab.inner_text("#backward") == "NaN" and "differ" in tab.inner_text("#element")
    right = data_of(trace(f"{written(tmp_path, LAYER)}:Mine"))
    assert tab.evaluate("Array.from(data.numeric.values.slice(0, 24))") == pytest.approx(floats(right["numeric"])[:24].tolist())


def floats(packed):
    """An array of a page's data."""
    return np.frombuffer(base64.b64decode(packed["bytes"]), "<f4")


def test_the_right_layer_has_the_numbers_of_the_command(tmp_path):
    path = written(tmp_path, LAYER)
    data = data_of(trace(f"{path}:Mine"))
    report = gradcheck.gradcheck_table([f"{path}:Mine"], limit=None)[0]
    assert data["objectives"][0]["report"] == str(report) and report.ok
    assert [gradient["name"] for gradient in data["gradients"]] == ["x", "W", "b"]


def test_a_step_of_ones_own(tmp_path, open_page):
    write_page(tmp_path / "page.html", trace(f"{written(tmp_path, STEP)}:step"))
    tab = open_page(tmp_path / "page.html").page
    assert "agrees with all 12 gradient elements" in tab.inner_text("#bar")
    assert "net.backward" in tab.inner_text("#calls")


def test_a_wrong_layer_of_ones_own_in_a_network_is_named(tmp_path, open_page):
    """Every gradient below it is wrong; what is said is which layer, and why."""
    layer = textwrap.dedent(LAYER).replace(".T + dy * h", ".T - dy * h").replace("import numpy as np\n", "")
    step = textwrap.dedent(STEP).replace("Tanh(),", "Mine(2, rng=0),").replace("x, target", f"{layer}\nx, target")
    write_page(tmp_path / "page.html", trace(f"{written(tmp_path, step)}:step"))
    tab = open_page(tmp_path / "page.html").page
    assert "net.1 (Mine): " in tab.inner_text("#verdict")
    wrong = tab.evaluate(
        "data.gradients.filter((each) => data.verdict.values.slice(each.first, each.first + each.size).includes(WRONG)).map((each) => each.name)"
    )
    assert wrong == ["net.0.W", "net.0.b"]


@pytest.mark.parametrize(
    "change, words",
    [
        (("dtype=np.float64", "dtype=np.float32"), "float32"),
        (("net.zero_grads()", "x[...] = np.random.normal(size=x.shape)"), "two losses"),
        (("return loss", "return"), "must return its loss"),
        (("net.backward(dy, caches)", "raise ValueError('mine')"), "mine"),
        (("(2, 3, 2)", "(2, 3000, 2)"), "smaller network and fewer examples"),
        (("def step", "def other"), "unknown function"),
    ],
)
def test_what_cannot_be_walked_through_is_refused_in_a_sentence(tmp_path, change, words):
    with pytest.raises((ValueError, TypeError), match=words):
        trace(f"{written(tmp_path, STEP, change)}:step")


def test_provenance_knows_both_operands_of_a_stopped_gradient():
    layer, x = layers.ReLU(), np.array([[1.0, -1.0]])
    with use_backend("numpy"):
        y, cache = layer.forward(x)
        recording = record(lambda: layer.backward(np.array([[3.0, 4.0]]), cache))
        (line,) = recording.lines
        (sources,) = came_from(line)
    found = {
        line.operands[k].name: [elements[a:b].tolist() for a, b in zip(starts[:-1], starts[1:], strict=True)]
        for k, (starts, elements) in sources.items()
    }
    assert found == {"y": [[0], [1]], "dy": [[0], []]}  # where y is 0 no dy comes through


def test_what_is_written_under_an_element_is_what_it_is(pages, open_page, tmp_path):
    """The line with numbers in the place of names, computed again: to the three digits that are shown."""
    write_page(tmp_path / "page.html", pages("xor"))
    functions = {name: getattr(np, name) for name in ("tanh", "exp", "abs", "where", "logaddexp")} | {"sigmoid": lambda x: 1 / (1 + np.exp(-x))}
    tab, computed = open_page(tmp_path / "page.html").page, 0
    for number in range(1, tab.evaluate("data.lines.length")):
        tab.evaluate(f"go({number})")
        for k in range(min(3, tab.evaluate("values(chosen.value).length"))):
            tab.evaluate(f"choose(chosen.value, {k})")
            text, _, value = tab.inner_text("#element .sum").removeprefix("= ").replace("−", "-").replace("·", "*").rpartition(" = ")
            if "sum(" not in text:  # of everything: it names its arrays
                assert eval(text, functions) == pytest.approx(float(value), rel=0.02, abs=2e-3), text
                computed += 1
    assert computed >= 40


def test_provenance_of_a_product(pages):
    data = data_of(pages("xor"))
    line = next(line for line in data["lines"] if line["pieces"] == [{"product": [0, 1]}])
    assert set(line["results"][0]["from"]) == {"0", "1"}


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_keys_buttons_and_pointing(pages, open_page, tmp_path, size, scheme):
    write_page(tmp_path / "page.html", pages("xor"))
    tab = open_page(tmp_path / "page.html", size, scheme)
    page, at = tab.page, lambda: tab.page.evaluate("at")
    assert at() == 0 and not tab.too_wide()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert at() == 2
    page.keyboard.press("ArrowLeft")
    assert at() == 1 and page.inner_text(".frame .now").endswith("y = x @ W")
    (page.tap if size == "phone" else page.click)("button[aria-label=next]")
    (page.tap if size == "phone" else page.click)("button[aria-label=back]")
    assert at() == 1
    page.locator(".cell").nth(3).click()  # y[1, 0] = x[1, 0] W[0, 0] + x[1, 1] W[1, 0]
    assert page.inner_text("#element b").startswith("y[1, 0]") and page.locator(".cell.source").count() == 4
    assert page.url.endswith("#2")  # so that a lecture can link to it
    page.keyboard.press("End")
    assert at() == page.evaluate("data.lines.length") - 1 and not tab.too_wide()
    page.locator(".cell[tabindex='0']").nth(1).focus()  # p before the update; arrows now move within it
    page.keyboard.press("ArrowRight")
    assert at() == page.evaluate("data.lines.length") - 1 and page.inner_text("#element b").startswith("p[1]")
    page.keyboard.press("Enter")
    before = page.inner_text("#element table")
    page.locator("#element input").focus()
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#element table") != before and page.inner_text("#element output") == "+ 0.2"
    tab.page.click("header button")
