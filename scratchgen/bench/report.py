"""Tables of what was measured, to be read in a terminal."""

import importlib.util

from scratchgen.bench.products import geometric_mean

INSTALL_TORCH = 'PyTorch is not installed, so its columns are left out; `pip install -e ".[bench]"` brings it.'


def table(head, rows):
    """Lines of text: columns as wide as they must be, the first flush left, the others right."""
    cells = [list(map(str, head)), *(list(map(str, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for first, *rest in cells:
        others = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        lines.append("   ".join([first.ljust(widths[0]), *others]))
    return "\n".join([lines[0], "─" * len(lines[0]), *lines[1:]])


def describe(part, found):
    """What was measured in that part, as text."""
    return {"machine": machine, "products": products, "ops": operations, "steps": steps, "busy": busy, "start": start, "ladder": ladder}[part](found)


def machine(found):
    """The machine and its ceilings."""
    about, ceilings = found["machine"], found["ceilings"]
    rows = []
    for dtype in ("float32", "float64"):
        for cores, probes in ceilings[dtype].items():
            rows.append([f"{dtype}, {cores}", *(f"{probes[name]:.0f}" for name in ("registers", "tile")), f"{max(probes.values()):.0f}"])
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    amounts, rates = zip(*ceilings["bandwidth"], strict=True)
    moving = table(["data, MB", *(f"{amount / 1e6:.0f}" for amount in amounts)], [["GB/s", *(f"{rate:.0f}" for rate in rates)]])
    busy = f"\nOther programs are running here (load {about['load_before']:.1f}): expect scatter." if (about["load_before"] or 0) > 0.5 else ""
    return (
        f"{about['cpu']}, {ceilings['cores']} threads, {about['target']}; {versions}{busy}\n\n"
        f"The most that it can do: multiply-adds, GFLOP/s (a multiplication and an addition each counted)\n\n"
        f"{table(['', 'registers only', 'tile in cache', 'peak'], rows)}\n\nand moving data, all threads (triad c = a + x b)\n\n{moving}"
    )


def products(found):
    """The matrix products."""
    text = []
    for dtype in dict.fromkeys(row["dtype"] for row in found["products"]):
        rows = [row for row in found["products"] if row["dtype"] == dtype]
        peaks = {cores: max(probes.values()) for cores, probes in found["ceilings"][dtype].items()}
        lines = []
        for row in rows:
            ours, numpy, one = (row["gflops"][name] for name in ("scratchgen", "numpy", "scratchgen, one core"))
            size = f"{row['m']}×{row['k']}×{row['n']}"
            share, share_one = f"{ours / peaks['all cores']:.0%}", f"{one / peaks['one core']:.0%}"
            lines.append([f"{row['product']:10}{size:>14}", f"{ours:.0f}", share, f"{numpy:.0f}", f"{row['ratio']:.2f}×", f"{one:.0f}", share_one])
        worst, ratios = min(rows, key=lambda row: row["ratio"]), [row["ratio"] for row in rows]
        best_one = max(row["gflops"]["scratchgen, one core"] for row in rows)
        text.append(
            f"Matrix products, {dtype}, GFLOP/s, m×k×n; the ratio is against NumPy\n\n"
            f"{table(['product', 'scratchgen', 'of peak', 'NumPy', 'ratio', 'one core', 'of peak'], lines)}\n\n"
            f"geometric mean {geometric_mean(ratios):.2f}×; least {worst['ratio']:.2f}× ({worst['product']} {worst['m']}×{worst['k']}×{worst['n']}); "
            f"one core at best {best_one / peaks['one core']:.0%} of its peak"
        )
    return "\n\n".join(text)


def operations(found):
    """Every operation against its definition."""
    rows = []
    for row in found["ops"]:
        ours, numpy = (f"{row['microseconds'][side]:.1f}" for side in ("scratchgen", "numpy"))
        rows.append([row["operation"], ours, numpy, f"{row['ratio']:.1f}×"])
    mean = geometric_mean([row["ratio"] for row in found["ops"]])
    head = table(["operation", "scratchgen", "NumPy", "ratio"], rows)
    return f"Operations against their NumPy definitions, µs per call, (100, 500) or 1,000,000 parameters\n\n{head}\n\ngeometric mean {mean:.1f}×"


def steps(found):
    """Training steps, and where their time goes."""
    text = ["Training steps: noise, forward, loss, backward, Adam; float32, the same work on every side"]
    for row in found["steps"]["workloads"]:
        least = row["floor"]
        lines = [[name, f"{milliseconds:.2f}", f"{row['ratio'].get(name, 1):.2f}×"] for name, milliseconds in row["milliseconds"].items()]
        text.append(
            f"{row['title']}\n\n{table(['', 'ms', 'ours is faster'], lines)}\n\n"
            f"needed: {least['flop'] / 1e9:.2f} GFLOP at {least['peak_gflops']:.0f} GFLOP/s, {least['bytes'] / 1e6:.1f} MB at "
            f"{least['bandwidth_gbs']:.0f} GB/s = {1e3 * least['seconds']:.2f} ms; reached {row['roofline_fraction']:.0%} of this roofline"
        )
        profile = found["steps"]["profiles"][row["name"]]
        total = sum(milliseconds for _, _, milliseconds in profile)
        shown = [[name, calls or "", f"{milliseconds:.3f}", f"{milliseconds / total:.0%}"] for name, calls, milliseconds in profile[:12]]
        text.append(table(["where a step's time goes", "calls", "ms", "share"], shown))
    text.append("`numpy` is the library itself on its NumPy definitions. `hand-tuned`: see bench/torch_steps.py.")
    if not importlib.util.find_spec("torch"):
        text.append(INSTALL_TORCH)
    return "\n\n".join(text)


def busy(found):
    """Training steps beside other programs."""
    part = found["busy"]
    text = [f"Training steps beside {part['programs']} busy program{'s' * (part['programs'] != 1)}, {part['cores']} cores"]
    for row in part["workloads"]:
        lines = [[name, f"{1e3 * calm:.2f}", f"{1e3 * beside:.2f}", f"{beside / calm:.1f}×"] for name, (calm, beside) in row["seconds"].items()]
        text.append(f"{row['title']}\n\n{table(['', 'ms alone', 'ms beside', ''], lines)}")
    return "\n\n".join(text)


def start(found):
    """Import, first step, memory."""
    part = found["start"]
    memory = f"{part['training_megabytes']:.0f} MB, {part['training_data']}" if part["training_megabytes"] is not None else "not known on this system"
    return "\n".join([
        "Starting",
        "",
        f"import scratchgen                        {part['import_seconds']:6.2f} s",
        f"a VAE's first step, {part['first_step_cores']} cores, cold caches {part['first_step_seconds']['cold']:6.2f} s",
        f"a VAE's first step, {part['first_step_cores']} cores, warm caches {part['first_step_seconds']['warm']:6.2f} s",
        f"most memory while training               {memory}",
    ])  # fmt: skip


def ladder(found):
    """The ladder."""
    part, before, lines = found["ladder"], None, []
    for step in part["steps"]:
        rate, peak = step["gflops"], part["peak"][step["cores"]]
        lines.append([f"{step['step']}", step["cores"], f"{rate:.1f}", f"{rate / before:.1f}×" if before else "", f"{rate / peak:.1%}"])
        before = rate
    for cores, rate in part["blas"].items():
        lines.append(["NumPy's BLAS", cores, f"{rate:.1f}", "", f"{rate / part['peak'][cores]:.1%}"])
    reasons = "\n".join(f"{number}. {step['step']}: {step['reason']}" for number, step in enumerate(part["steps"], 1))
    size = part["size"]
    head = table(["", "", "GFLOP/s", "gain", "of peak"], lines)
    return f"The ladder: {size}×{size}×{size}, float32\n\n{reasons}\n\n{head}\n\nThe code is in scratchgen/ops/numba/ladder.py."
