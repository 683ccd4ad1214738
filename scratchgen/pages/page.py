"""One self-contained HTML file: styles, scripts and numbers in one, so that it opens from the disk and from a mail alike.

A page is made of

    styles     files of assets/*.css, base.css before all
    scripts    files of assets/*.js, in this order, base.js before all; they share one scope, and the last one draws the page
    data       what the scripts find as `data`: dicts, lists, numbers, texts and arrays, which travel as base64 of their bytes
    body       HTML, in front of which stands the header with the title

Its content security policy forbids every request, so that no mistake can send anything anywhere.
"""

import base64
import html
import json
from pathlib import Path

import numpy as np

from scratchgen.atomic import atomic_file

ASSETS = Path(__file__).parent / "assets"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"
TYPES = {
    "float16": "f2",
    "float32": "f4",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "int32": "i4",
}  # what an array may hold: revive() in base.js reads them

TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
{styles}
</style>
</head>
<body>
<header><h1>{title}</h1><div id="tools"></div></header>
{body}
<script type="application/json" id="data">{data}</script>
<script>
"use strict";
{scripts}
</script>
</body>
</html>
"""


def page(title, *, styles=(), scripts=(), data=None, body="<main></main>"):
    """The text of a page. styles, scripts: names of files in assets/.  data: see above; arrays of TYPES."""
    return TEMPLATE.format(
        policy=POLICY,
        title=html.escape(title),
        styles="\n".join(asset(name) for name in ("base.css", *styles)),
        scripts="\n".join(asset(name) for name in ("base.js", *scripts)),
        data=as_json(data),
        body=body,
    )


def write_page(path, text):
    """Write the page, whole or not at all."""
    with atomic_file(Path(path)) as file:
        file.write(text.encode(errors="replace"))  # the name of a file may be no text


def asset(name):
    """The text of a file in assets/."""
    return (ASSETS / name).read_text(encoding="utf-8")


def as_json(data):
    """JSON that may stand inside a script element. TypeError for an array of another dtype."""
    text = json.dumps(data, default=packed, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")  # no text of the data ends the element


def packed(value):
    """An array as {"array": dtype, "shape": …, "bytes": base64}, little-endian, row after row; a NumPy number as Python's."""
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, np.ndarray) or value.dtype.name not in TYPES:
        raise TypeError(f"{getattr(value, 'dtype', type(value).__name__)} cannot travel in a page; arrays of {', '.join(TYPES)} can")
    content = np.ascontiguousarray(value, value.dtype.newbyteorder("<")).tobytes()
    return {"array": TYPES[value.dtype.name], "shape": list(value.shape), "bytes": base64.b64encode(content).decode("ascii")}
