"""Ours beside theirs: as lines of text, and as JSON."""

import numpy as np

from scratchgen.metrics import over_seeds


def combined(studies):
    """{what: Estimate} of several seeds: mean and standard error over them; of one seed, its own."""
    if len(studies) == 1:
        return studies[0].measured
    return over_seeds([{what: found.mean for what, found in study.measured.items()} for study in studies])


def as_json(result, studies):
    """Everything that the report says, and each seed's own numbers."""
    return {
        "name": result.name,
        "title": result.title,
        "unit": result.unit,
        "size": studies[0].size,
        "seeds": [study.seed for study in studies],
        "ours": {what: found.as_json() for what, found in combined(studies).items()},
        "theirs": {what: {"value": p.value, "error": p.error, "origin": p.origin} for what, p in result.published.items()},
        "differs": differences(result, studies[0].size),
        "seconds": sum(study.seconds for study in studies),
        "each": {str(study.seed): {what: found.as_json() for what, found in study.measured.items()} for study in studies},
    }


def as_text(result, studies):
    """The report, a few lines."""
    ours = combined(studies)
    rows = [("", "ours", "theirs")]
    for what in dict.fromkeys([*result.published, *ours]):
        found, published = ours.get(what), result.published.get(what)
        rows.append((what, written(found) if found else "–", str(published) if published else "–"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    seeds, over = (f"{len(studies)} seeds", "them") if len(studies) > 1 else (f"seed {studies[0].seed}", "test examples")
    minutes = sum(study.seconds for study in studies) / 60
    return "\n".join([
        result.title, f"in {result.unit}; {seeds}; ± is the standard error over {over}; {minutes:.1f} minutes", "", *lines, "",
        *(f"differs: {difference}" for difference in differences(result, studies[0].size)),
    ])  # fmt: skip


def differences(result, size):
    """How the setting differs from the published one, at this size."""
    return [*result.differs, *filter(None, [getattr(result, size)])]


def written(found):
    """An Estimate with as many digits as its error has meaning for."""
    mean, error = found
    if not np.isfinite(error):
        return f"{mean:.4g}"
    if not error:
        return f"{mean:.4g} ± 0"
    digits = max(0, 1 - int(np.floor(np.log10(error))))
    return f"{mean:.{digits}f} ± {error:.{digits}f}"
