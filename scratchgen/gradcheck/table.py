"""A table of gradient checks: of everything in the library, or of your own layers, named on the command line.

print(format_table(gradcheck_table()))                       every layer, loss and model of the library
gradcheck_table(["BatchNorm", "VAE"])                        some of them: every case whose name begins with one of these
gradcheck_table(["mylayers.py", "course.layers:MyLinear"])   a file or a module of yours, all its layers or one: see yours.py
"""

import contextlib
import importlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from scratchgen.errors import integer, unknown_name
from scratchgen.gradcheck.catalogue import all_cases, registered
from scratchgen.gradcheck.engine import LIMIT
from scratchgen.gradcheck.report import told
from scratchgen.gradcheck.yours import case_of, cases_in


def gradcheck_table(targets=(), *, seed=0, limit=LIMIT):
    """Check targets -> [Report], one each. targets: see above; none is everything in the library.

    Raises ValueError for an unknown name, a module in which nothing can be checked or that cannot be imported, FileNotFoundError for a missing file.
    """
    integer("seed", seed, 0)
    cases = [case for target in targets for case in cases_of(target)] if targets else all_cases()
    return [replace(case, seed=seed, limit=limit).report() for case in cases]


def cases_of(target):
    """[Case] of one target: a name of the library's, module, module:Class, file.py or file.py:Class."""
    named = [case for case in all_cases() if case.name.lower().startswith(target.lower())]
    if named:
        return named
    path, _, name = target.rpartition(":") if ":" in target[2:] else (target, "", "")  # C:\… has a colon too
    with importable(Path.cwd()):
        is_module = path.endswith(".py") or importlib.util.find_spec(path.partition(".")[0])
    if not is_module:
        raise unknown_name("target", target, dict.fromkeys(case.name.split(" (")[0] for case in all_cases()))
    module = load(path)
    mine = [case for case in registered if case.source == module.__name__]
    cases = {case.name: case for case in [*cases_in(vars(module), module.__name__), *mine]}
    if name in cases:
        return [cases[name]]
    if name and callable(vars(module).get(name)):  # imported from elsewhere
        return [case_of(vars(module)[name], vars(module))]
    if name:
        classes = [each for each, thing in vars(module).items() if isinstance(thing, type)]
        raise unknown_name(f"layer in {path}", name, list(cases) or classes)
    if not cases:
        raise ValueError(f"{path} has no pair of functions f and f_backward, and no class with forward and backward")
    return list(cases.values())


def load(path):
    """A module by its name, or from a file; the working folder, or the file's, is importable meanwhile."""
    file = Path(path)
    is_file = path.endswith(".py")
    if is_file and not file.is_file():
        raise FileNotFoundError(f"{path} is not there")
    with importable(file.resolve().parent if is_file else Path.cwd()):
        try:
            if not is_file:
                return importlib.import_module(path)
            registered[:] = [case for case in registered if case.source != file.stem]  # it is run again, and registers again
            spec = importlib.util.spec_from_file_location(file.stem, file)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
        except SyntaxError as error:
            raise ValueError(f"{error.filename}, line {error.lineno}: {error.msg}") from error
        except Exception as error:  # the file's own code may raise anything
            raise ValueError(f"{path} cannot be imported: {told(error)}") from error


@contextlib.contextmanager
def importable(folder):
    """Within this context modules are looked for in that folder first."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def format_table(reports):
    """The table in words: a line for each report, then each failure in full."""
    rows = [("", "gradients of", "elements", "worst error / tolerance", "")]
    for report in reports:
        checked = sum(check.n_checked for check in report.arrays.values())
        worst = f"{report.worst.badness:.2g} in d{report.worst.array}" if report.worst else "–"
        rows.append(("ok" if report.ok else "WRONG", report.subject, f"{checked}", worst, report.diagnoses[0].kind if report.diagnoses else ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    wrong = [report for report in reports if not report.ok]
    lines += ["", f"{len(reports) - len(wrong)} of {len(reports)} right"]
    for report in wrong:
        lines += ["", str(report)]
    return "\n".join(lines)


def error_picture(report, path=None):
    """Heat maps of |a − n| / max(|a|, |n|), one for each array of a report, on a logarithmic scale -> matplotlib Figure.

    path: where to save it, or None. Elements that were not measured stay white.
    """
    from scratchgen.plots.canvas import finish, new_figure, set_title

    checks = [check for check in report.arrays.values() if check.analytic.size]
    if not checks:
        raise ValueError(f"there is nothing to draw of {report.subject}{f': {report.faults[0].text}' if report.faults else ''}")
    figure = new_figure(2.6 * len(checks) + 1.2, 3)
    panels = figure.subplots(1, len(checks), squeeze=False)[0]
    for axes, check in zip(panels, checks, strict=True):
        error = check.relative_error
        rows = error.reshape(error.shape[0], -1) if error.ndim > 1 else error.reshape(1, -1)
        image = axes.imshow(np.log10(np.maximum(rows, 1e-16)), vmin=-12, vmax=0, cmap="magma", aspect="equal" if error.ndim > 1 else "auto")
        set_title(axes, f"d{check.name}: {'right' if check.ok else 'wrong'}")
        axes.set_xticks([])
        axes.set_yticks([])
    figure.colorbar(image, ax=list(panels), label="log₁₀ relative error", shrink=0.8)
    figure.suptitle(report.subject, x=0.02, ha="left", fontsize=12)
    return finish(figure, path)
