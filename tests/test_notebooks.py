"""What a notebook shows of networks, models and gradient checks: well-formed HTML that says what print() says."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import scratchgen as sg


class Half(sg.layers.Layer):
    """y = x², whose backward forgets the 2."""

    def forward(self, x):
        return x**2, x

    def backward(self, dy, x):
        return x * dy

    def __repr__(self):
        return "Half(<x> & y)"


def cells(text):
    """The rows of the table, in plain text; AssertionError where an element is not closed."""
    open_elements = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attributes):
            open_elements.append(tag)

        def handle_endtag(self, tag):
            assert open_elements.pop() == tag

    Parser().feed(text)
    assert open_elements == []
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in re.findall(r"<tr>(.*?)</tr>", text)]


@pytest.mark.parametrize(
    "module", [sg.layers.mlp((5, 4, 3), rng=0), sg.VAE(5, 2, (4,), rng=0), sg.layers.Linear(2, 3, rng=0)], ids=lambda m: type(m).__name__
)
def test_a_network_is_a_table_of_its_layers(module):
    shown = [cell for row in cells(module._repr_html_()) for cell in row if cell]
    printed = str(module)
    assert shown and all(cell in printed for cell in shown) and shown[-1] == f"{module.n_params:,}"


def test_a_report_says_what_is_right_and_why_something_is_wrong():
    x = np.random.default_rng(0).normal(size=(4, 3))
    right = sg.gradcheck.check_layer(sg.layers.Linear(3, 2, rng=0, dtype=np.float64), x)
    rows = cells(right._repr_html_())
    assert [row[:3] for row in rows[1:]] == [["dx", "right", "12 of 12"], ["dW", "right", "6 of 6"], ["db", "right", "2 of 2"]]
    assert "<pre>" not in right._repr_html_()
    wrong = sg.gradcheck.check_layer(Half(), x)._repr_html_()
    assert cells(wrong)[1][:2] == ["dx", "wrong"] and "Half(&lt;x&gt; &amp; y)" in wrong and "<x>" not in wrong and "<pre>" in wrong
