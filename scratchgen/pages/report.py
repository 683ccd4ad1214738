"""The report of a training run: its curves, its samples over time, its numbers and settings, and how to go on; one page in the run's folder.

    write_report("runs/vae-glyphs", {"test elbo": "−104.17 nats per example"})      runs/vae-glyphs/report.html

Made of what stands in the folder and nothing else, so that it can be made again at any time. The pictures travel in the page, samples smaller and at
most SAMPLES of them, the first and the last among these.
"""

import base64
import csv
import html
import io
import json
import math
import shlex
from pathlib import Path

import numpy as np
from PIL import Image

from scratchgen.pages.page import page, write_page

SAMPLES, WIDTH = 16, 440  # how many pictures of samples, and how many dots wide
FIRST = ("curves.png",)  # of the other pictures


def write_report(folder, results=None):
    """Write report.html into the folder of a run -> its path.  results: {name: number in words} beside what metrics.csv has.

    Raises FileNotFoundError where the folder holds no run, ValueError where config.json or metrics.csv is damaged, OSError if the page cannot be
    written.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{folder / 'config.json'} is damaged ({error})") from None
    rows = read_rows(folder / "metrics.csv")
    samples = sorted((path for path in folder.glob("samples/*.png") if path.stem.isdecimal()), key=lambda path: int(path.stem))
    frames = [{"epoch": int(path.stem), "picture": small(path)} for path in spread(samples, SAMPLES)]
    pictures = sorted(folder.glob("*.png"), key=lambda path: (path.name not in FIRST, path.name))
    command = config.get("command", {})
    title = f"{command.get('model', config.get('model', 'model').partition('(')[0]).upper()} on {Path(command.get('data', 'data of yours')).name}"
    last = rows[-1] if rows else {}
    body = [
        "<main class='report'>",
        f"<p class='lead'>{int(last.get('epoch', 0))} epochs, {int(last.get('step', 0)):,} steps, {config.get('n_params', 0):,} parameters. "
        "Move the slider to see what the model drew after each epoch, always from the same noise.</p>",
        "<section id='samples'></section>" if frames else "",
        section("Numbers", numbers(rows, results or {})),
        section("Pictures", "".join(figure(path) for path in pictures)),
        section("How to go on", ways(folder, command, last)),
        section("Settings", settings(config)),
        "</main>",
    ]
    text = page(title, styles=("report.css",), scripts=("report.js",), data={"frames": frames}, body="\n".join(body))
    write_page(folder / "report.html", text)
    return folder / "report.html"


def read_rows(path):
    """[{column: number}] of metrics.csv, without its empty cells. ValueError if it is damaged."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return [{name: float(cell) for name, cell in row.items() if cell} for row in csv.DictReader(file)]
    except (ValueError, TypeError, csv.Error) as error:  # a row with too many cells has a list of them
        raise ValueError(f"{path} is damaged ({error})") from None


def spread(things, most):
    """At most so many of them, evenly spread, the first and the last among them."""
    if len(things) <= most:
        return things
    return [things[round(k * (len(things) - 1) / (most - 1))] for k in range(most)]


def small(path):
    """A picture as a data: address, no wider than WIDTH, of few colours."""
    with Image.open(path) as image:
        height = round(image.height * WIDTH / image.width)
        image = image.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS).quantize(64)
    file = io.BytesIO()
    image.save(file, "png", optimize=True)
    return address(file.getvalue())


def address(content):
    """The bytes of a .png file as an address."""
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"


def section(title, content):
    """A heading and what stands under it; nothing where there is nothing."""
    return f"<section><h2>{title}</h2>{content}</section>" if content else ""


def figure(path):
    """A picture, with the sentence that stands in it as the text for who cannot see it."""
    with Image.open(path) as image:
        text = image.info.get("Description", path.stem)
    picture = f"<img src='{address(path.read_bytes())}' alt='{html.escape(text)}'>"
    return f"<figure tabindex='0'>{picture}<figcaption>{html.escape(path.name)}</figcaption></figure>"


def numbers(rows, results):
    """The results, and the columns of metrics.csv: at first, at last, the least and the greatest."""
    found = "".join(f"<tr><th>{html.escape(name)}</th><td colspan='4'>{html.escape(text)}</td></tr>" for name, text in results.items())
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in ("epoch", "step", "seconds")]
    for name in names:
        column = np.array([row.get(name, math.nan) for row in rows])
        column = column[~np.isnan(column)]
        if not len(column):
            continue
        cells = "".join(f"<td class='number'>{shown(value)}</td>" for value in (column[0], column[-1], column.min(), column.max()))
        found += f"<tr><th>{html.escape(name.replace('_', ' '))}</th>{cells}</tr>"
    head = "<tr><th></th><th>first epoch</th><th>last epoch</th><th>least</th><th>greatest</th></tr>"
    return f"<table class='numbers'><thead>{head}</thead><tbody>{found}</tbody></table>" if found else ""


def shown(value):
    """Five significant digits, and a true minus sign."""
    return f"{value:.5g}".replace("-", "−")


def ways(folder, command, last):
    """Commands that go on from here; for a run that Python started, lines of Python."""
    path = shlex.quote(str(folder))
    if command:
        more = 2 * int(last.get("epoch", command.get("epochs", 1)))
        lines = [
            (f"scratchgen sample {path} -n 64 --out more.png", "more of them"),
            (f"scratchgen evaluate {path}", "how good they are"),
            (f"scratchgen explore {path}", "the networks, live in a page"),
            (f"scratchgen train {command.get('model', 'MODEL')} --out {path} --resume --epochs {more}", "train as long again"),
        ]
    else:
        lines = [(f"model = sg.load({str(folder)!r})", "the model, trained"), ("model.sample(64)", "more of them")]
    width = max(len(line) for line, _ in lines) + 3
    return f"<pre tabindex='0'>{html.escape(chr(10).join(f'{line:<{width}}# {why}' for line, why in lines))}</pre>"


def settings(config):
    """Everything in config.json, what was asked for first."""
    command, words = config.get("command", {}), {"data": "training data", "model": "constructor", "n_params": "parameters"}
    rest = {words.get(name, name): value for name, value in config.items() if name != "command" and (name in words or name not in command)}
    flat = command | rest
    rows = "".join(f"<tr><th>{html.escape(name.replace('_', ' '))}</th><td>{html.escape(in_words(value))}</td></tr>" for name, value in flat.items())
    return f"<table>{rows}</table>"


def in_words(value):
    """A setting as one reads it."""
    if isinstance(value, dict):
        return "; ".join(f"{name}: {in_words(each)}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)
