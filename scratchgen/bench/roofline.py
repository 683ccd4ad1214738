"""Pictures of what was measured.

The roofline (Williams, Waterman & Patterson 2009): how many operations a program does for each byte that it moves decides which of the machine's two
ceilings it meets. Both axes are logarithmic; the roof is min(peak, bandwidth · intensity). Where arithmetic and memory traffic come one after the
other, as products and optimizer in a training step, less can be had: intensity / (intensity / peak + 1 / bandwidth), the dashed line.
"""

import numpy as np

from scratchgen.plots.canvas import BLUE, FAINT, INK, ORANGE, RED, finish, legend, new_figure, set_title, tidy


def roofline(found, path=None):
    """Training steps and float32 products of `suite.measure` under this machine's roof -> Figure, saved where a path is given."""
    figure = new_figure(7.6, 4.8)
    axes = figure.add_axes((0.09, 0.12, 0.88, 0.79))
    peak, bandwidth = max(found["ceilings"]["float32"]["all cores"].values()), found["ceilings"]["bandwidth"]
    memory = bandwidth[-1][1]
    x = np.geomspace(0.5, 2000, 300)
    axes.plot(x, np.minimum(peak, memory * x), color=INK, linewidth=1.6)
    axes.plot(x, x / (x / peak + 1 / memory), color=INK, linewidth=1, linestyle="--")
    axes.annotate(f"{peak:.0f} GFLOP/s", (x[-1], peak), (0, 5), textcoords="offset points", ha="right", color=INK, fontsize=9)
    axes.annotate(f"{memory:.0f} GB/s", (x[0], memory * x[0]), (4, 8), textcoords="offset points", color=INK, fontsize=9)
    rows = [row for row in found.get("products", ()) if row["dtype"] == "float32"]
    for name, colour in (("numpy", ORANGE), ("scratchgen", BLUE)):
        if rows:
            rates = [row["gflops"][name] for row in rows]
            axes.plot([product_intensity(row) for row in rows], rates, ".", color=colour, alpha=0.75, label=f"products, {name}")
    for row in found.get("steps", {}).get("workloads", ()):
        intensity, rate = row["floor"]["flop"] / row["floor"]["bytes"], row["floor"]["flop"] / row["milliseconds"]["scratchgen"] / 1e6
        axes.plot(intensity, rate, "D", color=RED, markersize=7)
        axes.annotate(f"{row['name']} step", (intensity, rate), (8, -4), textcoords="offset points", color=RED, fontsize=9)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("operations for each byte that must move (products: both operands and the result; steps: Adam)")
    axes.set_ylabel("GFLOP/s")
    set_title(axes, f"Roofline: {found['machine']['cpu']}, {found['ceilings']['cores']} threads, float32")
    tidy(axes)
    if rows:
        legend(axes, loc="lower right")
    return finish(figure, path)


def product_intensity(row):
    """Operations per byte of a float32 product."""
    m, k, n = row["m"], row["k"], row["n"]
    return 2 * m * k * n / (4 * (m * k + k * n + m * n))


def ladder(found, path=None):
    """The steps of the ladder as bars, BLAS and the peaks as lines -> Figure, saved where a path is given."""
    part = found["ladder"]
    figure = new_figure(7.6, 3.8)
    axes = figure.add_axes((0.17, 0.14, 0.79, 0.76))
    names = [f"{number}. {step['step'].replace('_', ' ')}" for number, step in enumerate(part["steps"], 1)]
    rates = [step["gflops"] for step in part["steps"]]
    places = np.arange(len(names))[::-1]
    axes.barh(places, rates, color=BLUE, height=0.62)
    for place, rate in zip(places, rates, strict=True):
        axes.annotate(f"{rate:.3g}", (rate, place), (4, 0), textcoords="offset points", va="center", color=INK, fontsize=9)
    for (cores, peak), style in zip(part["peak"].items(), ("-", "--"), strict=True):
        axes.axvline(peak, color=INK, linewidth=1.2, linestyle=style, label=f"peak, {cores}")
        axes.axvline(part["blas"][cores], color=ORANGE, linewidth=1.2, linestyle=style, label=f"NumPy, {cores}")
    axes.set_xscale("log")
    axes.set_xlim(min(rates) / 2, max(part["peak"].values()) * 2.5)
    axes.set_yticks(places, names)
    axes.set_xlabel("GFLOP/s")
    size = part["size"]
    set_title(axes, f"The same product, {size}×{size}×{size} float32, step by step: {found['machine']['cpu']}")
    tidy(axes)
    axes.grid(False, axis="y")
    axes.spines["left"].set_color(FAINT)
    legend(axes, loc="lower left", bbox_to_anchor=(0.52, 0.42))
    return finish(figure, path)
