"""The structure of the text in a checkpoint: every entry by name, and what it must be.

format, model, dtype    texts
config                  the model's arguments
streams                 {name: state}; the state of a random stream is [key, block]
run                     of a training run only: step, epoch, rows, bits, settings, sums, optimizer_steps; with patience best, the best epoch
"""

from scratchgen.reading import Damaged

FORMAT = "scratchgen checkpoint 1"


def check(about):
    """Raise Damaged, naming the entry, unless `about` has the structure that `describe` of a model or a run gives it."""
    check_entries("", about, {
        "format": (lambda value: value == FORMAT, repr(FORMAT)),
        "model": (is_text, "the name of a class"),
        "config": (is_table(anything), "the model's arguments"),
        "dtype": (lambda value: value in ("float32", "float64"), "float32 or float64"),
        "streams": (is_table(is_state), "the states of random streams"),
    })  # fmt: skip
    if "run" not in about:
        return
    check_entries("run/", about["run"], {
        "step": (is_count, "a whole number"),
        "epoch": (is_count, "a whole number"),
        "rows": (is_list(is_table(is_number)), "a list of rows of numbers"),
        "bits": (is_state, "the state of a random stream"),
        "settings": (is_table(anything), "the settings of the run"),
        "sums": (is_table(is_sum), "for each part of the loss its sum and a whole number"),
        "optimizer_steps": (is_table(is_count), "a whole number for each optimizer"),
    })  # fmt: skip
    step, epoch, rows = (about["run"][key] for key in ("step", "epoch", "rows"))
    if len(rows) != epoch or any(row.get("epoch") != number for number, row in enumerate(rows, 1)):
        raise Damaged(f"run/rows: not one row for each of {epoch} epochs")
    steps = [row.get("step") for row in rows] + [step]
    if not all(map(is_count, steps)) or steps != sorted(steps):
        raise Damaged(f"run/rows: their steps do not lead to step {step}")
    best = about["run"].get("best")
    if best is not None and not (is_count(best) and 1 <= best <= epoch):
        raise Damaged(f"run/best: {in_short(best)}, where one of {epoch} epochs is wanted")


def check_entries(place, found, wanted):
    """Raise Damaged unless `found` is a table with the entries of `wanted`, {name: (whether a value is right, what it should be)}."""
    if not isinstance(found, dict):
        raise Damaged(f"{place or 'about'}: {in_short(found)}, where a table of entries is wanted")
    for name, (is_right, what) in wanted.items():
        if name not in found:
            raise Damaged(f"it lacks {place}{name}")
        if not is_right(found[name]):
            raise Damaged(f"{place}{name}: {in_short(found[name])}, where {what} is wanted")


def in_short(value):
    """The beginning of a value of any size."""
    text = repr(value[:10] if isinstance(value, (str, list)) else sorted(value)[:10] if isinstance(value, dict) else value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def anything(value):
    return True


def is_text(value):
    return isinstance(value, str)


def is_number(value):
    return type(value) is float or (type(value) is int and abs(value) < 2**63)


def is_count(value):
    return type(value) is int and 0 <= value < 2**63


def is_state(value):
    return isinstance(value, list) and len(value) == 2 and all(type(word) is int and 0 <= word < 2**64 for word in value)


def is_sum(value):
    return isinstance(value, list) and len(value) == 2 and is_number(value[0]) and is_count(value[1])


def is_list(is_right):
    return lambda value: isinstance(value, list) and all(map(is_right, value))


def is_table(is_right):
    return lambda value: isinstance(value, dict) and all(map(is_right, value.values()))
