"""scratchgen book."""

from scratchgen.cli import main
from scratchgen.pages import book as book_module


def test_it_writes_the_pages_and_says_which_to_open(tmp_path, capsys, monkeypatch):
    sources = {module: source for module, source in book_module.read_sources().items() if module in ("layers.layer", "errors")}
    monkeypatch.setattr(book_module.catalogue, "all_cases", lambda: [])
    monkeypatch.setattr(book_module, "recorded", dict)
    monkeypatch.setattr(book_module, "read_sources", lambda: sources)
    assert main(["book", str(tmp_path / "book")]) == 0
    assert capsys.readouterr().out == f"5 pages; open {tmp_path / 'book' / 'index.html'}\n"
    assert (tmp_path / "book" / "layers.layer.html").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(book_module, "Book", lambda: type("Empty", (), {"index": str, "api": str, "collapse": str, "sources": {}})())
    (tmp_path / "book").write_text("a file")
    assert main(["book", str(tmp_path / "book")]) == 1
    assert str(tmp_path / "book") in capsys.readouterr().err


def test_no_other_files_are_written_over(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(book_module, "Book", lambda: type("Empty", (), {"index": str, "api": str, "collapse": str, "sources": {}})())
    (tmp_path / "index.html").write_text("my own page")
    assert main(["book", str(tmp_path)]) == 1
    assert "holds other files" in capsys.readouterr().err and (tmp_path / "index.html").read_text() == "my own page"
    assert main(["book", str(tmp_path / "book")]) == 0 and main(["book", str(tmp_path / "book")]) == 0  # an earlier book is
