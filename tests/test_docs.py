"""What the documentation shows, is so."""

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", ["layers.linear", "layers.batch_norm", "layers.mlp"])
def test_examples_in_docstrings(module):
    found = doctest.testmod(importlib.import_module(f"scratchgen.{module}"))
    assert found.attempted > 0 and found.failed == 0


def test_the_readme_links_to_files_that_exist():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) > 15
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_names_commands_that_exist():
    from scratchgen.cli import COMMANDS

    named = set(re.findall(r"scratchgen (\w+) ", "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))))
    assert named and named <= set(COMMANDS)


def test_the_readme_s_own_layer_is_right():
    import numpy as np

    import scratchgen as sg

    (block,) = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "class Square" in block]
    scope = {"sg": sg, "np": np}
    exec(block, scope)
    assert sg.gradcheck.check_layer(scope["Square"](), np.random.default_rng(0).normal(size=(4, 3))).ok


def test_every_module_opens_with_its_idea():
    for path in (ROOT / "scratchgen").rglob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
