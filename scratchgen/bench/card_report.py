"""Tables of what was measured on a GPU, to be read in a terminal."""

from scratchgen.bench.card import CUBLAS, TF32, TRUE_FLOAT32
from scratchgen.bench.products import geometric_mean
from scratchgen.bench.report import table

NAMES = {"torch": "PyTorch", "cupy": "CuPy"}


def describe(part, found):
    """What was measured in that part, as text."""
    return {"machine": machine, "products": products, "steps": steps, "ladder": ladder}[part](found)


def machine(found):
    """The card and its ceilings, and who does not take part."""
    about, card, ceilings = found["machine"], found["machine"]["card"], found["ceilings"]
    size = f", {card['processors']} multiprocessors, {card['memory'] / 2**30:.0f} GiB, driver for CUDA {card['driver']}" if card["memory"] else ""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    peaks = ", ".join(f"{dtype} {ceilings[dtype]['all cores']['registers']:.0f}" for dtype in ("float32", "float64"))
    amounts, rates = zip(*ceilings["bandwidth"], strict=True)
    moving = table(["data, MB", *(f"{amount / 1e6:.0f}" for amount in amounts)], [["GB/s", *(f"{rate:.0f}" for rate in rates)]])
    absent = "".join(f"\n{NAMES[library]} takes no part: {why}." for library, why in found["absent"].items())
    return (
        f"{card['name']}{size}; {versions}\n\n"
        f"The most that it can do: multiply-adds in registers, GFLOP/s (a multiplication and an addition each counted): {peaks}\n\n"
        f"and moving data (triad c = a + x b)\n\n{moving}{absent and chr(10) + absent}"
    )


def products(found):
    """The matrix products."""
    rivals, text = [name for name in (CUBLAS, TRUE_FLOAT32, TF32) if name in found["products"][0]["gflops"]], []
    for dtype in dict.fromkeys(row["dtype"] for row in found["products"]):
        rows, peak = [row for row in found["products"] if row["dtype"] == dtype], found["ceilings"][dtype]["all cores"]["registers"]
        lines = []
        for row in rows:
            ours, others = row["gflops"]["scratchgen"], [f"{row['gflops'][name]:.0f}" for name in rivals]
            share = [f"{row['ratio']:.2f}×"] if rivals else []
            lines.append([f"{row['product']:10}{row['m']}×{row['k']}×{row['n']}", row["plan"], f"{ours:.0f}", f"{ours / peak:.0%}", *others, *share])
        head = ["product", "tile, parts of k", "scratchgen", "of peak", *rivals, *([f"to {rivals[0]}"] if rivals else [])]
        text.append(f"Matrix products, {dtype}, GFLOP/s, m×k×n\n\n{table(head, lines)}")
        if rivals:
            text.append(f"geometric mean {geometric_mean([row['ratio'] for row in rows]):.2f}× {rivals[0]}")
    return "\n\n".join([*text, *([f"{TRUE_FLOAT32} has TF32 off; TF32 rounds the operands to 11 bits."] if TF32 in rivals else [])])


def steps(found):
    """Training steps."""
    text = ["Training steps: noise, forward, loss, backward, Adam; float32 (TF32 off), the same work on every side"]
    for row in found["steps"]["workloads"]:
        least = row["floor"]
        lines = [[name, f"{milliseconds:.3f}", f"{row['ratio'].get(name, 1):.2f}×"] for name, milliseconds in row["milliseconds"].items()]
        text.append(
            f"{row['title']}: {launched(**row['launches'])}\n\n{table(['', 'ms', 'ours is faster'], lines)}\n\n"
            f"needed: {least['flop'] / 1e9:.2f} GFLOP at {least['peak_gflops']:.0f} GFLOP/s, {least['bytes'] / 1e6:.1f} MB at "
            f"{least['bandwidth_gbs']:.0f} GB/s = {1e3 * least['seconds']:.3f} ms; reached {row['roofline_fraction']:.0%} of this roofline"
        )
    return "\n\n".join(text)


def launched(written, graph, recorded):
    """What the host has to launch: see card.launches."""
    how = f"a graph of {graph}, and {recorded} beside it" if graph else f"{recorded}, launched one by one: no graph could be made"
    return f"{written} kernels as written; recorded, {how}"


def ladder(found):
    """The ladder."""
    part, before, lines, peak = found["ladder"], None, [], found["ceilings"]["float32"]["all cores"]["registers"]
    for step in part["steps"]:
        rate = step["gflops"]
        lines.append([step["step"], f"{rate:.0f}", f"{rate / before:.1f}×" if before else "", f"{rate / peak:.1%}"])
        before = rate
    reasons = "\n".join(f"{number}. {step['step']}: {step['reason']}" for number, step in enumerate(part["steps"], 1))
    size, head = part["size"], table(["", "GFLOP/s", "gain", "of peak"], lines)
    return f"The ladder: {size}×{size}×{size}, float32\n\n{reasons}\n\n{head}\n\nThe code is in scratchgen/ops/cuda/ladder.py and tile.py."
