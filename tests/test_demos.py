"""Each demo runs, in its quick size: it says what it found in a few lines, shows a progress bar, and leaves pictures with something in them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DEMOS = Path(__file__).resolve().parents[1] / "demos"


def close(tolerance):
    """Whether the second half of the numbers, the closed form, agrees with the first."""
    return lambda *numbers: np.allclose(numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :], rtol=0, atol=tolerance)


# demo -> its pictures, and what the numbers it prints must satisfy: (pattern, condition) for all that the pattern finds, in order
EXPECTED = {
    "xor": (["xor.png"], r"loss ([\d.]+) at first, ([\d.]+) after", lambda first, last: last < 0.2 < first),
    "gan_1d": (
        ["step-1.png", "step-5.png", "step-100.png"], r"(?s)loss of D ([\d.]+) .*? probability ([\d.]+).* probability ([\d.]+)",
        lambda loss, first, last: loss < 2 and last < 0.6 * first,
    ),
    "gan_ring": (
        ["ring.gif", "samples.png", "losses.png"], r"reached: (\d) of 8; .*: ([\d.]+)%; .*KL ([\d.]+)",
        lambda modes, good, kl: modes >= 6 and good > 2 and kl < 0.1,
    ),
    "gallery": (["gallery.png"], r"(\d+) models on (\d) data sets", lambda models, sets: models > 8 and sets == 2),
    "gan_digits": (
        ["samples.png", "losses.png"], r"finds (\d+) of 10 .* confidence of ([\d.]+)", lambda classes, p: classes > 2 and p > 0.2,
    ),
    "vae_digits": (
        ["latent.png", "manifold.png", "reconstructions.png", "samples.png", "curves.png"], r"ELBO .*: (-[\d.]+) nats .* (-[\d.]+) after",
        lambda first, last: -600 < first <= last < -100,
    ),
    "vae_step_by_step": (
        ["samples.png", "reconstructions.png", "curves.png"], r"loss ([\d.]+) nats = nll ([\d.]+) \+ KL ([\d.]+)",
        lambda loss, nll, kl: abs(loss - nll - kl) < 0.2 and 0 < kl < loss < 784 * np.log(2),
    ),
    "dirac_gan": (
        ["dirac-gan.png"], r"\s+".join([r"(-?[\d.]+)([+-][\d.]+)i"] * 4), close(1e-4), r"θ = ([\d.]+), in closed form ([\d.]+)", close(0.01),
    ),
    "optimal_discriminator": (
        ["optimal-discriminator.png"], r"value (-[\d.]+) +−log 4 \+ 2 JS = (-[\d.]+)", lambda V, bound: bound - 0.02 < V <= bound + 1e-4,
        r"q = p +value (-[\d.]+) +−log 4 \+ 2 JS = (-[\d.]+)", lambda V, bound: max(abs(V + np.log(4)), abs(bound + np.log(4))) < 1e-3,
    ),
    "vanishing_gradients": (
        ["vanishing-gradients.png"], r"(?m)^ +[\d.]+" + r" +([\d.]+)  ([\d.]+)" * 3 + "$",
        lambda *pairs: np.allclose(pairs[::2], pairs[1::2], rtol=2e-3, atol=2e-5),
    ),
    "bounds": (
        ["bounds.png"], r"log p.*: +(-[\d.]+) by .* (-[\d.]+) by a quarter", close(2e-4),
        r"(?s)ELBO .*: (-[\d.]+) .*\nk = +1:  L_k = (-[\d.]+) ± ([\d.]+)", lambda elbo, first, error: abs(elbo - first) < 4 * error,
        r"(?s)k = +1:  L_k = (-[\d.]+) ± .*\nk = +30:  L_k = (-[\d.]+) ± ([\d.]+)", lambda first, last, error: first + 4 * error < last,
        r"± ([\d.]+)   misses (-?[\d.]+)", lambda error, missing: missing > -4 * error,
    ),
    "probabilistic_pca": (
        ["probabilistic-pca.png"], r"(?m)^ ([\d.]+) " + r" +([\d.]+)  ([\d.]+)" * 3 + "$",
        lambda lam, *pairs: np.allclose(pairs[::2], pairs[1::2], rtol=0, atol=1e-3) and (lam > 1 or pairs[4] < 1e-3),
        r"ELBO (-[\d.]+) .* sample (-[\d.]+) .* form (-[\d.]+)", lambda elbo, sampled, exact: elbo <= exact + 1e-4 and exact - elbo < 2e-3
        and abs(sampled - exact) < 5e-3,
    ),
    "estimators": (
        ["estimators.png"], r"(?m)^(?:\(z − 1\)²|cos 3z) +(-[\d.]+)" + r" +(-[\d.]+) ± ([\d.]+)" * 3 + "$",
        lambda exact, *found: all(abs(mean - exact) < 5 * error for mean, error in zip(found[::2], found[1::2], strict=True)),
    ),
    "tighter_bounds": (
        ["tighter-bounds.png"], r"(-?\d\.\d+)  (-?[\d.]+) ± ([\d.]+)", lambda exact, mean, error: abs(mean - exact) < 4 * error + 1e-6,
        r"(?m)(\d\.\d+)  -?[\d.]+ ± [\d.]+  ([\d.]+) ± ([\d.]+)", lambda exact, mean, error: abs(mean - exact) < 4 * error + 1e-6,
        r"(?s)of log p\(x\): ([\d.]+).*\n 16 .* ([\d.]+)  [\d.]+ ± [\d.]+\n", lambda truth, exact: 0.08 < 16 * (truth - exact) < 0.11,
        r"(?s) (\d\.\d{3})  +(\d\.\d{3}) .* (\d\.\d{3})  +(\d\.\d{3}) ",  # signal/noise of both, at the fewest and the most samples
        lambda standard, dreg, standard_last, dreg_last: standard_last < 0.5 * standard and dreg_last > 1.5 * dreg,
    ),
}  # fmt: skip


def run(demo, *arguments):
    """The demo in a process of its own -> (stdout, stderr)."""
    environment = os.environ | {"NUMBA_NUM_THREADS": "2"}
    command = [sys.executable, str(DEMOS / f"{demo}.py"), *map(str, arguments)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout, result.stderr


@pytest.mark.parametrize("demo", EXPECTED)
def test_demo(tmp_path, demo):
    pictures, *claims = EXPECTED[demo]
    out = tmp_path / "new" / "folder"
    stdout, stderr = run(demo, "--quick", "--out", out)
    assert len(stdout.splitlines()) <= 20
    assert re.search(r"\d+/\d+ \[", stderr), "no progress bar"
    for pattern, sane in zip(claims[::2], claims[1::2], strict=True):
        numbers = re.findall(pattern, stdout)
        assert numbers, stdout
        for found in numbers:
            assert sane(*map(float, found)), found
    assert sorted(path.name for path in out.iterdir()) == sorted(pictures)
    for name in pictures:
        assert name in stdout
        with Image.open(out / name) as image:
            assert min(image.size) >= 200
            assert len(np.unique(np.asarray(image.convert("L")))) > 5, f"{name} is empty"
            assert getattr(image, "n_frames", 1) > (3 if name.endswith(".gif") else 0)


def test_the_animation_moves(tmp_path):
    run("gan_ring", "--quick", "--out", tmp_path)
    with Image.open(tmp_path / "ring.gif") as image:
        first = np.asarray(image.convert("L"), int)
        image.seek(image.n_frames - 1)
        assert np.abs(np.asarray(image.convert("L"), int) - first).max() > 50


def test_a_seed_makes_the_same_picture_again_and_another_seed_another(tmp_path):
    for folder, seed in (("one", 3), ("same", 3), ("other", 4)):
        run("xor", "--quick", "--seed", seed, "--out", tmp_path / folder)
    one, same, other = ((tmp_path / folder / "xor.png").read_bytes() for folder in ("one", "same", "other"))
    assert one == same
    assert one != other


@pytest.mark.parametrize("demo", EXPECTED)
def test_help_says_what_it_shows(demo):
    stdout, _ = run(demo, "--help")
    source = (DEMOS / f"{demo}.py").read_text()
    assert source.split('"""')[1].splitlines()[0] in stdout
    for option in ("--seed", "--out", "--quick"):
        assert option in stdout


def test_demos_are_short():
    for demo in EXPECTED:
        assert len((DEMOS / f"{demo}.py").read_text().split('"""', 2)[2].strip().splitlines()) <= 100, demo
