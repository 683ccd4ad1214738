"""Nothing wrong passes: every small mistake that can be made by machine in the solutions (gradcheck/mutation/faults.py) loses points.

Those in EQUAL are none: the same numbers come out. The objectives of whole models are left out, for much of them is of options that the exercises
have not.
"""

import functools
import importlib
import inspect
import types

import numpy as np
import pytest

from scratchgen.coursework.exercises import BY_NAME
from scratchgen.coursework.loading import run_file
from scratchgen.coursework.testing import Student
from scratchgen.gradcheck.mutation.faults import faults
from scratchgen.ops import use_backend

LAST_AXIS = "1 -> -1"
EQUAL = {
    "activations": {
        LAST_AXIS, "np.maximum(x, 0) -> np.maximum(0, x)", "x > 0 -> x >= 0", "y > 0 -> y >= 0", "x >= 0 -> x > 0",
        "np.logaddexp(0, x) -> np.logaddexp(x, 0)",
    },
    "bce_with_logits": {"logits -> targets"},  # of the same shape, which is all that is asked of them there
    "softmax_cross_entropy": {LAST_AXIS, "logits -> labels"},
    "batch_norm": {"1 / np.sqrt(var + eps) -> 1.0 / np.sqrt(var + eps)"},
    "reparameterize": {"mu -> logvar"},
    "penalty": {LAST_AXIS, "norm > 0 -> norm >= 0", "0 -> 1", "1 -> 2"},
    "coupling": {LAST_AXIS, "z -> dz"},
    "iwae": {
        "z -> dz", "z -> logvar", "z -> eps", "np.zeros_like(z) -> 2.0 * np.zeros_like(z)", "np.zeros_like(z) -> -np.zeros_like(z)",
        "np.zeros_like(z) -> 0.0 * np.zeros_like(z)",
    },
    "diffusion": {"1 / np.sqrt(1 + ratio ** 2) -> 1.0 / np.sqrt(1 + ratio ** 2)"},
}  # fmt: skip
OBJECTIVES = ("VAE.", "GAN.", "Diffusion.")


def passes(exercise, blank, source):
    """Whether all tests pass with this source in the place of one function of the solution."""
    module = types.ModuleType(exercise.module)
    with use_backend("numpy"), np.errstate(all="ignore"):
        run_file(exercise.text("solution"), exercise.module + ".py", module.__dict__)
        owner, _, name = blank.rpartition(".")
        changed = {}
        exec(compile(source, "changed.py", "exec"), module.__dict__, changed)
        setattr(vars(module)[owner] if owner else module, name, changed[name])
        for i, test in enumerate(exercise.tests):
            try:
                test.run(Student(module), np.random.default_rng([5, exercise.number, i]))
            except Exception:
                return False
    return True


def solution(exercise, blank):
    """The library's function, as it is written."""
    module = next(cut.module for cut in exercise.cuts if blank in cut.keep)
    return inspect.unwrap(functools.reduce(getattr, blank.split("."), importlib.import_module(module)))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in BY_NAME if name not in ("vae", "gan")])
def test_no_mistake_passes(name):
    exercise = BY_NAME[name]
    blanks = [blank for blank in exercise.blanks if not blank.startswith(OBJECTIVES)]
    made = [(blank, fault) for blank in blanks for fault in faults(solution(exercise, blank))]
    free = {fault.what for blank, fault in made if passes(exercise, blank, fault.source)}
    assert len(made) > 10 and free <= EQUAL.get(name, set()), free - EQUAL.get(name, set())
