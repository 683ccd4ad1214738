from scratchgen.cli import main


def test_play_writes_a_page(tmp_path, capsys):
    out = tmp_path / "lecture.html"
    assert main(["play", "--out", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>") and out.stat().st_size < 400_000
