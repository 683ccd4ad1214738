"""A page in which a GAN, a VAE or a flow is trained on points of the plane: `scratchgen play`.

assets/network.js, training.js    the library's mathematics once more: layers, losses, penalties, optimizers, models
assets/play_code.js               the same training as Python, with this library
assets/play.js                    what one sees and chooses
"""

from scratchgen.data import toys
from scratchgen.pages.page import page

POINTS = 2000  # of each data set
TOYS = {  # name -> its title, the function of data/toys.py, that function's numbers, its modes
    "ring": ("ring, 8 modes", toys.ring, {"std": 0.05}, toys.ring_modes),
    "grid": ("grid, 25 modes", toys.grid, {"std": 0.15}, toys.grid_modes),
    "moons": ("two moons", toys.moons, {"noise": 0.05}, None),
    "swiss_roll": ("Swiss roll", toys.swiss_roll, {"noise": 0.25}, None),
    "pinwheel": ("pinwheel", toys.pinwheel, {"arms": 5}, None),
    "gaussian": ("one Gaussian", toys.ring, {"radius": 0.0, "std": 0.5}, None),
}

BODY = """<main>
<p id="hint" class="quiet"></p>
<div id="stage">
<section id="middle" aria-label="the plane"><div id="controls"></div><canvas id="plane" tabindex="0"></canvas><div id="legend"></div></section>
<section id="right" aria-label="how it goes"><dl id="numbers"></dl><canvas id="losses"></canvas>
<button id="show-code" aria-expanded="false" aria-controls="code">Show me the code</button></section>
<section id="left" aria-label="settings"></section>
</div>
<pre id="code" tabindex="0" hidden></pre>
</main>"""


def play():
    """The text of the page."""
    return page(
        "Play: train a generative network",
        styles=["play.css"],
        scripts=["network.js", "training.js", "play_code.js", "play_settings.js", "play_run.js", "play_view.js", "play.js"],
        data={"toys": {name: drawn(*toy) for name, toy in TOYS.items()}},
        body=BODY,
    )


def drawn(title, function, numbers, modes):
    """A data set as the page has it: its points, the Python that draws them, and its modes where it has any."""
    arguments = "".join(f", {key}={value}" for key, value in numbers.items())
    toy = {
        "title": title,
        "x": function(POINTS, 0, **numbers)[0],
        "code": f"sg.data.toys.{function.__name__}({POINTS}, 0{arguments})[0]",
    }
    if modes:
        toy |= {"modes": modes().astype("float32"), "modes_code": f"sg.data.{modes.__name__}()", "std": numbers["std"]}
    return toy
