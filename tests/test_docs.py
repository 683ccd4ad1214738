"""What the documentation shows, is so."""

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


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


WITH_PYTHON = [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_python_that_pages_show_runs(page, monkeypatch, tmp_path, capsys):
    import numpy as np

    import scratchgen as sg

    small = sg.data.Dataset(np.random.default_rng(0).random((300, 784), dtype=np.float32), None)
    monkeypatch.setattr(sg.data, "load", lambda name: small)
    monkeypatch.chdir(tmp_path)
    scope = {"__name__": page.stem, "sg": sg, "np": np, "op": sg.op}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        exec(block, scope)
    if "Square" in scope:
        assert sg.gradcheck.check_layer(scope["Square"](), np.random.default_rng(0).normal(size=(4, 3))).ok
    assert "swish" not in scope or capsys.readouterr().out.rstrip().endswith("None")  # why it is not compiled: it is


def test_every_module_opens_with_its_idea():
    for path in (ROOT / "scratchgen").rglob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
