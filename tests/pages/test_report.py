"""The report of a run: made of what the folder holds, whole, and of pictures that can be looked through."""

import base64
import io
import json
import re
import shlex
import shutil

import numpy as np
import pytest
from PIL import Image

import scratchgen as sg
from scratchgen.pages.report import SAMPLES, WIDTH, spread, write_report


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a short run on pictures, in a folder whose name is no plain word."""
    folder = tmp_path_factory.mktemp("runs") / "a run's <folder>"
    x = np.random.default_rng(0).random((60, 16)).astype(np.float32)
    with sg.use_backend("numpy"):
        sg.fit(sg.VAE(16, 2, (6,), rng=0), x, epochs=3, batch_size=20, valid=x[:20], out=folder, progress=False)
    return folder


def test_it_holds_numbers_pictures_settings_and_the_way_on(run):
    text = write_report(run, {"test elbo": "−11.50 nats"}).read_text(encoding="utf-8")
    rows = dict(re.findall(r"<tr><th>([^<]*)</th>(.*?)</tr>", text))
    assert "−11.50 nats" in rows["test elbo"]
    metrics = (run / "metrics.csv").read_text().splitlines()
    column = metrics[0].split(",").index("nll")
    assert f"{float(metrics[-1].split(',')[column]):.5g}" in rows["nll"]
    assert rows["parameters"].endswith(f">{sg.VAE(16, 2, (6,)).n_params}</td>")
    assert all(f"<figcaption>{name}" in text for name in ("curves.png", "manifold.png", "reconstructions.png"))
    assert "&lt;folder&gt;" in text and "<folder>" not in text.split('id="data"')[0]


def test_commands_to_go_on_can_be_pasted(run):
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"command": {"model": "vae", "data": "my digits.npz", "epochs": 3}}))
    text = write_report(run).read_text(encoding="utf-8")
    (run / "config.json").write_text(json.dumps(config))
    (block,) = re.findall(r"<pre[^>]*>(.*?)</pre>", text, re.DOTALL)
    lines = [
        shlex.split(line.replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"'), comments=True)
        for line in block.splitlines()
    ]
    assert lines[2] == ["scratchgen", "explore", str(run)]
    assert lines[3] == ["scratchgen", "train", "vae", "--out", str(run), "--resume", "--epochs", "6"]
    assert "<h1>VAE on my digits.npz</h1>" in text


def test_samples_are_spread_over_time_and_small():
    assert spread(list(range(100)), 5) == [0, 25, 50, 74, 99] and spread([1, 2], 5) == [1, 2]


def test_many_epochs_stay_a_small_page(run, tmp_path):
    for name in ("config.json", "metrics.csv"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    (tmp_path / "samples").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (840, 840), dtype=np.uint8)
    for epoch in range(1, 41):
        Image.fromarray(noise).save(tmp_path / "samples" / f"{epoch:04d}.png")
    text = write_report(tmp_path).read_text(encoding="utf-8")
    frames = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])["frames"]
    assert len(frames) == SAMPLES and (frames[0]["epoch"], frames[-1]["epoch"]) == (1, 40)
    assert len(text) < 5_000_000
    with Image.open(io.BytesIO(base64.b64decode(frames[0]["picture"].partition(",")[2]))) as image:
        assert image.width == WIDTH


def test_what_else_lies_in_the_folder_does_no_harm(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    name = "<img src=x onerror=alert(1)>.png"
    (folder / name).write_bytes((folder / "curves.png").read_bytes())
    (folder / "samples" / "best.png").write_bytes((folder / "curves.png").read_bytes())
    rows = (folder / "metrics.csv").read_text().splitlines()
    (folder / "metrics.csv").write_text("\n".join([rows[0] + ",odd", *(row + ",nan" for row in rows[1:])]))
    text = write_report(folder).read_text(encoding="utf-8")
    assert name not in text and "&lt;img src=x" in text and "<th>odd</th>" not in text
    (folder / "metrics.csv").write_text(f"{rows[0]}\n{rows[1]},1,2\n")
    with pytest.raises(ValueError, match="metrics.csv is damaged"):
        write_report(folder)


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="config.json"):
        write_report(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json is damaged"):
        write_report(tmp_path)


@pytest.mark.parametrize("size, scheme", [("desk", "light"), ("phone", "dark")])
def test_the_slider_goes_through_the_epochs(run, open_page, size, scheme):
    tab = open_page(write_report(run), size, scheme)
    assert not tab.too_wide()
    assert tab.page.inner_text("#samples output") == "epoch 3"
    last = tab.page.get_attribute("#samples img", "src")
    tab.page.focus("#samples input")
    tab.page.keyboard.press("Home")
    assert tab.page.inner_text("#samples output") == "epoch 1" and tab.page.get_attribute("#samples img", "src") != last
    tab.page.click("#samples button")
    assert tab.page.inner_text("#samples button") == "❚❚"
    tab.page.wait_for_selector("#samples button:text('▶')")  # at the last one it stops
    assert tab.page.inner_text("#samples output") == "epoch 3"
