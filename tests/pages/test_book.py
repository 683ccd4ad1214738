"""The annotated source: every link leads somewhere, the shapes are those of the examples, and the chains are derivatives."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from scratchgen.gradcheck import catalogue
from scratchgen.pages import book as book_module
from scratchgen.pages.book import first_sentence, write_book
from scratchgen.pages.book_collapse import batch_norm_chain, cross_entropy_chain, rows
from scratchgen.pages.book_order import ORDER
from scratchgen.pages.book_shapes import in_words, recorded
from scratchgen.pages.book_source import ROOT, links, read_sources, resolve
from scratchgen.pages.book_text import prose, squeezed

CHECKED = ("Linear", "Linear (no bias)", "BatchNorm", "losses.mmd", "VAE (beta)")


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The whole book, with the gradient checks of a few files only: all of them take as long as everything else."""
    few = [case for case in catalogue.all_cases() if case.name in CHECKED]
    folder = tmp_path_factory.mktemp("book")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book_module.catalogue, "all_cases", lambda: few)
        write_book(folder)
    return folder


class Reader(HTMLParser):
    """The links and the anchors of a page, and the text of its code by lines."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors, self.twice = [], set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if "id" in attributes:
            self.twice += [attributes["id"]] * (attributes["id"] in self.anchors)
            self.anchors.add(attributes["id"])
        if tag == "a":
            self.links.append(attributes["href"])


def test_no_link_is_dead_and_no_anchor_is_there_twice(book):
    pages = {path.name: Reader(path) for path in book.iterdir()}
    assert len(pages) > 200 and sum(len(page.links) for page in pages.values()) > 20_000
    dead = []
    for name, page in pages.items():
        assert page.twice == [], name
        for link in page.links:
            file, _, anchor = link.partition("#")
            other = pages.get(file or name)
            if other is None or (anchor and anchor not in other.anchors):
                dead.append((name, link))
    assert dead == []


def test_all_code_is_there_as_it_stands(book):
    for module, file in {"layers.batch_norm": "layers/batch_norm.py", "ops.numba.gemm": "ops/numba/gemm.py"}.items():
        text = (book / f"{module}.html").read_text(encoding="utf-8")
        found = re.findall(r'<span class="c"[^>]*>(.*?)</span>(?:<span class="shapes">[^\n]*</span>)?</li>', text)
        plain = [re.sub(r"<[^>]*>", "", line).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for line in found]
        assert len(plain) > 50 and plain == (ROOT / file).read_text(encoding="utf-8").splitlines()[-len(plain) :]


def test_the_reading_order_is_a_path(book):
    names = [file.rstrip("/").removesuffix(".py").replace("/", ".") + ".html" for files, _ in ORDER for file in files]
    here, seen = names[0], []
    while here:
        seen.append(here)
        text = (book / here).read_text(encoding="utf-8")
        ways = dict(re.findall(r"<a rel='(prev|next)' title='\w+' href='([^']*)'", text))
        assert ways.get("prev") == (seen[-2] if len(seen) > 1 else None)
        here = ways.get("next")
    assert seen == names


def test_the_readme_s_table_is_the_reading_order():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    table = readme.split("| read | and look for |")[1].split("\n\n")[0]
    rows = [row.strip("| ").split(" | ", 1) for row in table.splitlines() if row.startswith("| [")]
    assert [(tuple(path.removeprefix("scratchgen/") for path in re.findall(r"\]\((.*?)\)", left)), right) for left, right in rows] == list(ORDER)


def test_a_page_says_what_the_gradient_check_says(book):
    text = (book / "layers.linear.html").read_text(encoding="utf-8")
    rows = re.findall(r"<td class='(\w+)'>\w+</td><td>([^<]*)</td><td class='number'>(\d+)</td><td class='number'>([\d.e+-]+) in d(\w+)</td>", text)
    assert [(verdict, subject) for verdict, subject, *_ in rows] == [("right", "Linear"), ("right", "Linear (no bias)")]
    report = next(case for case in catalogue.all_cases() if case.name == "Linear").report()
    assert rows[0][2] == str(sum(check.n_checked for check in report.arrays.values())) and float(rows[0][3]) < 1e-7
    assert "VAE (beta)" in (book / "models.vae.html").read_text(encoding="utf-8")


def beside(file, text):
    """The shapes beside the first line of a file that holds that text."""
    path = ROOT / file
    line = next(number for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text in line)
    return SHAPES.get((str(path), line), [])


SHAPES = {}


@pytest.mark.parametrize(
    "file, text, shapes",
    [
        ("layers/linear.py", "y = x @ W", ["y (batch, n_out)"]),
        ("layers/linear.py", "return matmul_nt", ["→ (batch, n_in)"]),
        ("layers/batch_norm.py", "mean = x.mean", ["mean (n,)"]),
        ("layers/maxout.py", "def maxout_backward", ["dy (batch, n/pieces)", "winner (batch, n/pieces)"]),
        ("losses/softmax_cross_entropy.py", "sum_of_e = ", ["sum_of_e (batch,)"]),
        ("models/vae.py", "h, encoder_cache = ", ["h (batch, 2·latent_dim)"]),
        ("models/gan.py", "generated, ", ["generated (batch, data_dim)"]),
        ("optim/adam.py", "m_hat, v_hat = ", ["m_hat (n_params,)", "v_hat (n_params,)"]),
    ],
)
def test_shapes_stand_beside_the_lines_that_make_arrays(file, text, shapes):
    if not SHAPES:
        SHAPES.update(recorded())
    assert beside(file, text) == shapes


def test_sizes_in_words():
    sizes = {38: "batch", 10: "n", 7: "n_classes", 2: "pieces"}
    assert [in_words(size, sizes) for size in (1, 10, 20, 5, 17, 14, 23)] == ["1", "n", "2·n", "n/pieces", "n + n_classes", "n_classes·pieces", "23"]


def test_names_lead_to_their_definitions_through_every_import():
    sources = read_sources()
    assert resolve(sources, "models.vae", "mlp") == ("layers.mlp", "mlp")
    assert resolve(sources, "", "VAE") == ("models.vae", "VAE")
    assert resolve(sources, "models.vae", "no_such_name") is None
    found = {(line, name) for (line, _), (_, _, name) in links(sources, sources["layers.linear"]).items()}
    line = 1 + next(number for number, text in enumerate(sources["layers.linear"].lines) if "return matmul_nt" in text)
    assert (line, "matmul_nt") in found and (line, "Layer.check_input") not in found


def test_an_argument_is_no_link_to_a_function_of_its_name(tmp_path):
    from scratchgen.pages.book_source import Source

    (tmp_path / "a.py").write_text(
        '"""A."""\n\n\ndef scale(x):\n    return x\n\n\ndef f(scale):\n    return scale\n\n\ndef g(x):\n    return scale(x)\n'
    )
    source = Source(tmp_path / "a.py", "a", "a.py")
    assert [line for line, _ in links({"a": source}, source)] == [13]


def test_prose_flows_and_equations_stand():
    made = prose(
        "A layer\nof *its* own, D* and a * b * c:\n\n    y = x < 2      (n,)\n\nSee tanh.py.", lambda word: "t.html" if word == "tanh.py" else None
    )
    assert (
        "<p>A layer of <em>its</em> own, D* and a * b * c:</p>" in made
        and "y = x &lt; 2   (n,)</pre>" in made
        and '<a href="t.html">tanh.py</a>' in made
    )


def test_items_are_paragraphs_with_what_is_indented_below_them():
    arguments, items = "n: features,\n    two.\nrng: a seed.\nRaises ValueError.", "- One\n  and more,\n\n      y = x\n\n  its end.\n- *Two*"
    made = prose(f"A layer.\n\n{arguments}\n\n{items}", {"Two": "2.html"}.get)
    assert [piece.partition(">")[2] for piece in made.split("\n")] == [
        "A layer.</p>", "n: features, two.</p>", "rng: a seed.</p>", "Raises ValueError.</p>", "- One and more,</p>", "y = x</pre>",
        "its end.</p>", '- <em><a href="2.html">Two</a></em></p>',
    ]  # fmt: skip


def test_columns_of_equations_stay_columns_when_gaps_are_squeezed():
    lines = ["x̂ = 1            r = 2", "dgamma =        5   x"]
    assert ["".join(row).rstrip() for row in squeezed(lines)] == ["x̂ = 1       r = 2", "dgamma =   5   x"]


@pytest.mark.parametrize("make", [batch_norm_chain, cross_entropy_chain])
def test_a_chain_is_its_derivative_and_collapses_without_loss(make):
    steps, folds, values = rows(make())
    assert len(steps) > 7 and len(folds) > 4
    for row in steps:
        assert row.exact.shape == np.shape(values[row.name]) and row.difference < 1e-7, row.name
    for row in folds:
        assert row.exact.shape == row.approximate.shape and row.difference < 1e-14, row.expression
        assert np.abs(row.exact).max() > 0.01


def test_a_wrong_step_of_a_chain_shows():
    chain = batch_norm_chain()
    wrong = [(name, expression.replace("-0.5", "0.5"), why) for name, expression, why in chain.backward]
    steps, _, _ = rows(chain._replace(backward=wrong))
    assert {row.name for row in steps if row.difference > 1e-3} == {"var", "squares", "centred", "x"}  # Σ centred = 0 hides it from the mean


@pytest.mark.parametrize("size, scheme", [("desk", "light"), ("phone", "dark")])
@pytest.mark.parametrize(
    "name", ["index.html", "layers.minibatch_discrimination.html", "losses.softmax_cross_entropy.html", "collapse.html", "api.html"]
)
def test_the_pages_open(book, open_page, name, size, scheme):
    assert not open_page(book / name, size, scheme).too_wide()


def test_search_and_the_arrows(book, open_page):
    tab = open_page(book / "layers.tanh.html").page
    tab.keyboard.press("ArrowRight")
    tab.wait_for_url("**/layers.softmax.html")
    tab.keyboard.press("/")
    tab.keyboard.type("batch_norm_back")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/index.html#search=batch_norm_back")
    assert tab.inner_text("#found li >> nth=0").startswith("batch_norm_backward layers/batch_norm.py")
    tab.click("#found a >> nth=0")
    tab.wait_for_url("**/layers.batch_norm.html#def-batch_norm_backward")


def test_a_first_sentence_ends_where_it_ends():
    assert first_sentence("Maxout: the largest (Goodfellow et al. 2013). More.\n\nAnd more.") == "Maxout: the largest (Goodfellow et al. 2013)"
    assert first_sentence("One line:") == "One line"
