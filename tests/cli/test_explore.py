import numpy as np

import scratchgen as sg
from scratchgen.cli import main


def test_a_page_beside_the_run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("pictures.npy", np.random.default_rng(0).integers(0, 256, (400, 6, 6), dtype=np.uint8))
    assert main(["train", "vae", "--data", "pictures.npy", "--hidden", "8", "--latent-dim", "3", "--epochs", "2", "--out", "run"]) == 0
    assert main(["explore", "run"]) == 0
    assert "open run/explore.html" in capsys.readouterr().out
    assert (tmp_path / "run" / "explore.html").read_text().count("<main>") == 1
    assert main(["explore", "run", "--out", "page.html"]) == 0 and (tmp_path / "page.html").exists()

    sg.save(sg.load("run"), "model.npz")
    assert main(["explore", "model.npz"]) == 2 and "give --data" in capsys.readouterr().err
    assert main(["explore", "model.npz", "--data", "pictures.npy"]) == 0 and (tmp_path / "explore.html").exists()
    assert main(["explore", "run", "--data", "ring"]) == 2 and "2 features" in capsys.readouterr().err
    assert main(["explore", "nothing"]) == 2 and "there is no run" in capsys.readouterr().err
