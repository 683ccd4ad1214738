"""The first figure of the GAN paper (Goodfellow et al. 2014), in one dimension.

For a fixed generator with density q, the discriminator that is best against it is

    D*(x) = p(x) / (p(x) + q(x)),          which is ½ everywhere once q = p

The picture shows p, q, the trained D and this D*, and below them the generator itself: lines from z to x = G(z). Where they crowd, q is high.
"""

import numpy as np

from scratchgen.plots.canvas import BLUE, FAINT, INK, ORANGE, RED, finish, new_figure, set_title, tidy


def density_figure(x, data_density, discriminator, z, generated, path=None, *, title=None, lines=41):
    """Data, generator and discriminator over one axis -> Figure.

    x: (n,) an increasing even grid; data_density: p(x), (n,); discriminator: D(x) in [0, 1], (n,);
    z: (m,) noise, generated: (m,) = G(z), from which q is estimated. `lines` of the pairs are drawn, evenly spread over the ranks of z.
    Raises ValueError for other shapes or values that are not finite, OSError if `path` cannot be written.
    """
    x, p, d = (as_line(a, name) for a, name in ((x, "x"), (data_density, "data_density"), (discriminator, "discriminator")))
    z, generated = as_line(z, "z"), as_line(generated, "generated")
    if not len(x) == len(p) == len(d):
        raise ValueError(f"x, data_density and discriminator have {len(x)}, {len(p)} and {len(d)} values; they must be equally many")
    if len(z) != len(generated):
        raise ValueError(f"z has {len(z)} values, generated {len(generated)}; generated must be G(z), one for each z")
    q = smooth_density(generated, x)
    best = np.divide(p, p + q, out=np.full_like(p, np.nan), where=p + q > 0.02 * p.max())  # where hardly anything lives, q is a guess

    figure = new_figure(7.2, 4.6)
    figure.set_layout_engine("constrained", h_pad=0.02)
    upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1], "hspace": 0})
    share = upper.twinx()
    curves = [
        *upper.plot(x, p, color=INK, linewidth=2, linestyle=(0, (1, 1.2)), label="data  p(x)"),
        *upper.plot(x, q, color=ORANGE, linewidth=2.2, label="generator  q(x)"),
        *share.plot(x, d, color=BLUE, linewidth=2, linestyle=(0, (5, 2)), label="discriminator  D(x)"),
        *share.plot(x, best, color=RED, linewidth=1.2, label="optimal  p/(p + q)"),
    ]
    upper.fill_between(x, q, color=ORANGE, alpha=0.12, linewidth=0)
    share.axhline(0.5, color=FAINT, linewidth=0.8, zorder=0)
    upper.set_ylim(0, 1.25 * max(p.max(), q.max()))
    share.set_ylim(0, 1.25)
    share.set_yticks([0, 0.5, 1], ["0", "½", "1"])
    upper.set_ylabel("density")
    share.set_ylabel("probability that x is data")
    set_title(upper, title or "", pad=26)
    tidy(upper, grid=False)
    tidy(share, grid=False)
    share.spines["left"].set_visible(False)
    share.spines["right"].set_visible(True)
    share.patch.set_visible(False)
    upper.tick_params(labelbottom=True)
    upper.legend(handles=curves, ncols=4, loc="lower left", bbox_to_anchor=(-0.01, 1.0), frameon=False, labelcolor=INK, fontsize=9,
                 columnspacing=1.4, handlelength=2.2, borderaxespad=0.1)  # fmt: skip

    chosen = np.argsort(z, kind="stable")[np.linspace(0, len(z) - 1, min(lines, len(z))).round().astype(int)]
    low, high = z.min(), z.max()
    start = x[0] + (z[chosen] - low) / (high - low if high > low else 1) * (x[-1] - x[0])  # z stretched to the width of the axis
    lower.plot([start, generated[chosen]], [0, 1], color=ORANGE, linewidth=0.9, alpha=0.8)
    for height in (0, 1):
        lower.axhline(height, color=INK, linewidth=1)
    lower.set_ylim(-0.02, 1.02)
    lower.set_xlim(x[0], x[-1])
    lower.set_yticks([0, 1], ["z", "x = G(z)"])
    tidy(lower, grid=False)
    lower.spines["left"].set_visible(False)
    lower.spines["bottom"].set_visible(False)
    lower.tick_params(length=0, labelbottom=False)
    return finish(figure, path, sentence="Below, where the generator sends each z; where q(x) is p(x), the optimal discriminator says ½.")


def smooth_density(samples, x):
    """Density of samples (m,) on the even grid x (n,): a Gaussian kernel of Silverman's width, at least one step of the grid."""
    step = (x[-1] - x[0]) / (len(x) - 1)
    quarter, three_quarters = np.percentile(samples, [25, 75])
    spread = min(samples.std(), (three_quarters - quarter) / 1.34) or samples.std()
    width = max(0.9 * spread * len(samples) ** -0.2, step)
    density = np.zeros(len(x))
    for part in np.array_split(samples, -(-len(samples) // 1000)):  # a thousand at a time: memory stays small
        density += np.exp(-0.5 * ((x[:, None] - part) / width) ** 2).sum(axis=1)
    return density / (len(samples) * width * np.sqrt(2 * np.pi))


def as_line(a, name):
    """a as a finite float array (n,), n ≥ 2; (n, 1) is accepted, since networks return that."""
    a = np.asarray(a, dtype=float)
    if a.ndim == 2 and a.shape[1] == 1:
        a = a[:, 0]
    if a.ndim != 1 or len(a) < 2:
        raise ValueError(f"{name} has shape {a.shape}; it must be (n,) with n ≥ 2")
    if not np.isfinite(a).all():
        raise ValueError(f"{name} contains NaN or infinity; it must be finite")
    return a
