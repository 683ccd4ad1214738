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


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "demos" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_link_to_files_that_exist(page):
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
    assert page.name != "README.md" or len(links) > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_name_commands_that_exist(page):
    from scratchgen.cli import COMMANDS

    shown = "\n".join(re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
    assert set(re.findall(r"scratchgen (\w+) ", shown)) <= set(COMMANDS)


def test_every_demo_is_in_the_list():
    listed = (ROOT / "demos" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in (ROOT / "demos").glob("*.py") if f"[`{path.name}`]({path.name})" not in listed] == []


def test_the_readme_s_own_layer_is_right():
    import numpy as np

    import scratchgen as sg

    (block,) = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "class Square" in block]
    scope = {"sg": sg}
    exec(block, scope)
    assert sg.gradcheck.check_layer(scope["Square"](), np.random.default_rng(0).normal(size=(4, 3))).ok


def test_every_module_opens_with_its_idea():
    for path in (ROOT / "scratchgen").rglob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
