from scratchgen.cli import main


def test_trace_writes_a_page(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["trace"]) == 0
    assert capsys.readouterr().out == "page: trace-xor.html\n"
    assert (tmp_path / "trace-xor.html").read_text().startswith("<!DOCTYPE html>")


def test_trace_says_what_it_does_not_know(tmp_path, capsys):
    assert main(["trace", "xro"]) == 2 and "did you mean 'xor'" in capsys.readouterr().err
    assert main(["trace", str(tmp_path / "none.py:step")]) == 2 and "is not there" in capsys.readouterr().err
