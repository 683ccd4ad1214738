"""The result of a check, as data and in words."""

import html
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

LIBRARY = Path(__file__).resolve().parents[1]

KINKS_ALLOWED = 0.05  # fraction of the elements checked; with more, the check says too little


class GradientMismatch(AssertionError):
    """A gradient is wrong. `.report` has the details."""

    def __init__(self, report):
        super().__init__(f"\n{report}")
        self.report = report

    def __reduce__(self):
        return GradientMismatch, (self.report,)


class Element(NamedTuple):
    """One number of one gradient: what backward says and what the difference quotient says."""

    array: str
    index: tuple
    analytic: float
    numeric: float
    tolerance: float

    @property
    def error(self):
        """|analytic − numeric|."""
        return abs(self.analytic - self.numeric)

    @property
    def badness(self):
        """error / tolerance: wrong above 1; infinite where anything is NaN."""
        if np.isnan(self.error):
            return np.inf
        return self.error / max(self.tolerance, np.finfo(float).tiny)

    def __str__(self):
        return f"d{self.array}{list(self.index)}: backward says {self.analytic:.8g}, the difference quotient {self.numeric:.8g}"


@dataclass
class ArrayCheck:
    """The gradient of one array.

    analytic: what backward says.  numeric: difference quotients, NaN where not measured.  wrong, kinks: elements, most wrong first.
    n_checked: how many elements were measured one by one.  directions: (analytic, numeric, ok) along random directions, for large arrays.
    """

    name: str
    analytic: np.ndarray
    numeric: np.ndarray
    n_checked: int
    worst: Element | None
    wrong: list = field(default_factory=list)
    kinks: list = field(default_factory=list)
    directions: list = field(default_factory=list)

    @property
    def too_many_kinks(self):
        """Whether so many elements are at kinks that the check says too little."""
        return len(self.kinks) > max(1, KINKS_ALLOWED * self.n_checked) or 0 < len(self.kinks) == self.n_checked

    @property
    def differs(self):
        """Whether an element or direction that was measured disagrees."""
        return bool(self.wrong) or not all(good for _, _, good in self.directions)

    @property
    def ok(self):
        """Whether every element and direction that was measured agrees, and enough of them say something."""
        return not self.differs and not self.too_many_kinks

    @property
    def relative_error(self):
        """|a − n| / max(|a|, |n|) of every element, 0 where both are 0 and NaN where not measured."""
        size = np.maximum(np.abs(self.analytic), np.abs(self.numeric))
        return np.abs(self.analytic - self.numeric) / np.where(size == 0, 1, size)

    def __str__(self):
        size = self.analytic.size
        measured = f"{self.n_checked} of {size} elements" + (f" and {len(self.directions)} directions" if self.directions else "")
        kinks = f", {len(self.kinks)} at kinks" if self.kinks else ""
        if self.wrong:
            return f"d{self.name}  WRONG  {len(self.wrong)} of {self.n_checked} elements differ{kinks}; worst: {self.worst}"
        if self.too_many_kinks and not self.differs:
            away = "sit at kinks (as ReLU at 0): move the inputs away from them"
            return f"d{self.name}  UNCLEAR  {len(self.kinks)} of {self.n_checked} elements {away}"
        if not self.ok:
            a, n, _ = next(d for d in self.directions if not d[2])
            return f"d{self.name}  WRONG  along a random direction: backward says {a:.8g}, the difference quotient {n:.8g}"
        zeros = ", all of them 0: other inputs would say more" if self.n_checked and not np.any(self.numeric) else ""
        return f"d{self.name}  ok  {measured}{kinks}{zeros}"


class NotChecked(Exception):
    """Something cannot be checked as it is; the text says why, and what to do."""


def told(error):
    """An exception in words: its kind, what it says, and the file and line that raised it, unless that was the library itself."""
    if isinstance(error, NotChecked):
        return str(error)
    trace, place = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith((str(LIBRARY), sysconfig.get_path("stdlib"), "<")) and "site-packages" not in file:
            place = f" ({Path(file).name}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(error).__name__}: {error}{place}"


class Fault(NamedTuple):
    """A breach of the contract that is not about the value of a gradient; `kind` is one word, `array` may be None."""

    kind: str
    array: str | None
    text: str


@dataclass
class Report:
    """What check_* returns. True in an `if` or `assert` exactly if everything agrees.

    subject: what was checked.  arrays: {name: ArrayCheck}.  faults: breaches of the contract (wrong shapes, mutated inputs, …).
    diagnoses: likely mistakes behind a mismatch, best first.  seed: of the upstream gradient and the sample of elements.
    """

    subject: str
    arrays: dict
    faults: list
    seed: int
    diagnoses: list = field(default_factory=list)

    @property
    def ok(self):
        """Whether every gradient agrees and the contract is kept."""
        return not self.faults and all(check.ok for check in self.arrays.values())

    def __bool__(self):
        return self.ok

    @property
    def worst(self):
        """The Element furthest from its difference quotient, in units of its tolerance (also if all is well); None if none was measured."""
        return max((check.worst for check in self.arrays.values() if check.worst), key=lambda element: element.badness, default=None)

    @property
    def message(self):
        """Everything found, in words."""
        wrong = [f"d{name}" for name, check in self.arrays.items() if check.differs]
        unclear = [f"d{name}" for name, check in self.arrays.items() if not check.ok and not check.differs]
        if self.ok or wrong or unclear:
            said = [f"{word}: {', '.join(names)}" for word, names in (("wrong", wrong), ("unclear", unclear)) if names]
            verdict = "; ".join(said) or "all gradients are right"
        else:
            verdict = "not checked" if any(fault.kind == "not checked" for fault in self.faults) else "breaks the contract"
        told = {diagnosis.text for diagnosis in self.diagnoses}
        lines = [f"{self.subject}: {verdict}"]
        lines += [f"  {check}" for check in self.arrays.values()]
        lines += [f"  {fault.text}" for fault in self.faults if fault.text not in told]
        if self.diagnoses:
            lines += ["", *(str(diagnosis) for diagnosis in self.diagnoses)]
        return "\n".join(lines)

    def __str__(self):
        return self.message

    def _repr_html_(self):
        """HTML for a notebook: each gradient with its worst element, then what is probably wrong."""
        rows = "".join(
            f"<tr><td>d{html.escape(name)}</td><td style='color: {'green' if check.ok else 'crimson'}'>"
            f"{'right' if check.ok else 'wrong' if check.differs else 'unclear'}</td>"
            f"<td>{check.n_checked} of {check.analytic.size}</td><td>{f'{check.worst.error:.1e}' if check.worst else '–'}</td></tr>"
            for name, check in self.arrays.items()
        )
        head = "<tr><th>gradient</th><th></th><th>numbers measured</th><th>worst error</th></tr>"
        why = "" if self.ok else f"<pre>{html.escape(self.message)}</pre>"
        return f"<table><caption>{html.escape(self.subject)}</caption>{head}{rows}</table>{why}"
