"""Pictures of what was measured.

The roofline (Williams, Waterman & Patterson 2009): how many operations a program does for each byte that it moves decides which of the machine's two
ceilings it meets. Both axes are logarithmic; the roof is min(peak, bandwidth · intensity). Where arithmetic and memory traffic come one after the
other, as products and optimizer in a training step, less can be had: intensity / (intensity / peak + 1 / bandwidth), the dashed line.
"""

import numpy as np

from scratchgen.plots.canvas import BLUE, INK, ORANGE, PAPER, RED, finish, legend, new_figure, set_title, tidy

RIVALS = {"numba": ("numpy", "PyTorch, fused Adam"), "cuda": ("PyTorch, float32", "PyTorch, CUDA graph")}  # in products, in steps


def roofline(found, path=None):
    """Training steps and float32 products of `suite.measure` or `card.measure` under the machine's roof -> Figure, saved where a path is given."""
    backend = found.get("backend", "numba")
    in_products, in_steps = RIVALS[backend]
    if backend == "cuda":
        where = found["machine"]["card"]["name"]
    else:
        where = f"{found['machine']['cpu']}, {found['ceilings']['cores']} threads"
    figure = new_figure(7.6, 4.8)
    axes = figure.add_axes((0.09, 0.12, 0.88, 0.79))
    peak, bandwidth = max(found["ceilings"]["float32"]["all cores"].values()), found["ceilings"]["bandwidth"]
    memory = bandwidth[-1][1]
    x = np.geomspace(0.5, 2000, 300)
    axes.plot(x, np.minimum(peak, memory * x), color=INK, linewidth=1.6)
    axes.plot(x, x / (x / peak + 1 / memory), color=INK, linewidth=1, linestyle="--")
    axes.annotate(f"{peak:.0f} GFLOP/s", (x[-1], peak), (0, 5), textcoords="offset points", ha="right", color=INK, fontsize=9)
    axes.annotate(f"{memory:.0f} GB/s", (1, memory), (-8, 0), textcoords="offset points", ha="right", color=INK, fontsize=9)
    rows = [row for row in found.get("products", ()) if row["dtype"] == "float32"]
    for name, colour in ((in_products, ORANGE), ("scratchgen", BLUE)):
        if rows and name in rows[0]["gflops"]:
            rates = [row["gflops"][name] for row in rows]
            axes.plot([product_intensity(row) for row in rows], rates, ".", color=colour, alpha=0.75, label=f"products, {name}")
    rows_of_steps = found.get("steps", {}).get("workloads", ())
    for row in rows_of_steps:
        intensity = row["floor"]["flop"] / row["floor"]["bytes"]
        for name, colour in ((in_steps, ORANGE), ("scratchgen", RED)):
            if name in row["milliseconds"]:
                rate = row["floor"]["flop"] / row["milliseconds"][name] / 1e6
                axes.plot(intensity, rate, "D", color=colour, markersize=7, label=f"steps, {name}" if row is rows_of_steps[0] else None)
        axes.annotate(row["name"], (intensity, rate), (8, -4), textcoords="offset points", color=RED, fontsize=9)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.set_xlabel("operations for each byte that must move (of operands and result, or of Adam's arrays)")
    axes.set_ylabel("GFLOP/s")
    set_title(axes, f"Roofline: {where}, float32")
    tidy(axes)
    if axes.get_legend_handles_labels()[0]:
        legend(axes, loc="lower right")
    return finish(figure, path)


def product_intensity(row):
    """Operations per byte of a float32 product."""
    m, k, n = row["m"], row["k"], row["n"]
    return 2 * m * k * n / (4 * (m * k + k * n + m * n))


def ladder(found, path=None):
    """The steps of the ladder as bars, BLAS and the peaks as lines -> Figure, saved where a path is given."""
    part = found["ladder"]
    figure = new_figure(7.6, 4.4)
    axes = figure.add_axes((0.17, 0.2, 0.79, 0.68))
    names = [f"{number}. {step['step'].replace('_', ' ')}" for number, step in enumerate(part["steps"], 1)]
    rates = [step["gflops"] for step in part["steps"]]
    places = np.arange(len(names))[::-1]
    for (cores, peak), style in zip(part["peak"].items(), ("-", "--"), strict=True):
        axes.axvline(peak, color=INK, linewidth=1.2, linestyle=style, label=f"peak, {cores}", zorder=1)
        axes.axvline(part["blas"][cores], color=ORANGE, linewidth=1.2, linestyle=style, label=f"NumPy, {cores}", zorder=1)
    axes.barh(places, rates, color=BLUE, height=0.62, zorder=2)
    for place, rate in zip(places, rates, strict=True):
        text = axes.annotate(f"{rate:.2g}" if rate < 10 else f"{rate:.0f}", (rate, place), (5, 0), textcoords="offset points", va="center", zorder=3)
        text.set(color=INK, fontsize=9, bbox=dict(facecolor=PAPER, edgecolor="none", pad=1.5))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlim(min(rates) / 2, max(part["peak"].values()) * 1.5)
    axes.set_yticks(places, names)
    axes.set_xlabel(f"GFLOP/s, {found['machine']['cpu']}")
    size = part["size"]
    set_title(axes, f"The same product of {size} × {size} matrices, step by step")
    tidy(axes)
    axes.grid(False, axis="y")
    legend(figure, loc="lower center", ncols=4)
    return finish(figure, path)
