"""`scratchgen train` leaves a report, also where it was killed before it could."""

import numpy as np

from scratchgen.cli import main

SMALL = ["--epochs", "2", "--hidden", "8", "--latent-dim", "3", "--out", "run"]


def test_train_writes_a_report_and_resuming_writes_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("pictures.npy", np.random.default_rng(0).integers(0, 256, (400, 6, 6), dtype=np.uint8))

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("scratchgen.cli.train.write_report", killed)
        assert main(["train", "vae", "--data", "pictures.npy", *SMALL]) == 130
    assert (tmp_path / "run" / "checkpoint.npz").exists() and not (tmp_path / "run" / "report.html").exists()

    assert main(["train", "vae", "--out", "run", "--resume"]) == 0
    said = capsys.readouterr().out
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    result = next(line.partition(": ")[2] for line in said.splitlines() if line.startswith("test elbo"))
    assert result in text and "2 epochs, " in text and "scratchgen evaluate run" in text
    assert str((tmp_path / "run" / "report.html").relative_to(tmp_path)) in said
