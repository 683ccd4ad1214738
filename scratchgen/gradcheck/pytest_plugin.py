"""pytest plugin: gradient checks in your own tests. Installed with scratchgen, nothing to configure.

    def test_my_linear(gradcheck, rng):
        gradcheck(MyLinear(4, 3), rng.normal(size=(6, 4)))          # a layer and its input
        gradcheck(forward, backward, x, w)                          # or two functions, or the Report of any check

    def test_every_layer(layer_case):                               # once for each layer: the library's, those that register_layer
        layer_case.check()                                          # added, and the Layer subclasses that the test's module has

    pytest --gradcheck-seed=1 --gradcheck-exhaustive                another random draw; every element of every array

A failure shows the report and the diagnosis, without the traceback.
"""

import pytest


def pytest_addoption(parser):
    """--gradcheck-seed and --gradcheck-exhaustive."""
    group = parser.getgroup("scratchgen", "gradient checks")
    group.addoption("--gradcheck-seed", type=int, default=0, metavar="N", help="seed of the inputs and upstream gradients (default 0)")
    group.addoption("--gradcheck-exhaustive", action="store_true", help="measure every element, however large the array")


def options(config):
    """seed and limit, as the checks take them."""
    chosen = {"seed": config.getoption("--gradcheck-seed")}
    return chosen | {"limit": None} if config.getoption("--gradcheck-exhaustive") else chosen


@pytest.fixture
def rng(request):
    """A numpy.random.Generator, the same in every run (see --gradcheck-seed)."""
    import numpy as np

    return np.random.default_rng(request.config.getoption("--gradcheck-seed"))


@pytest.fixture
def gradcheck(request):
    """assert_gradients with the seed and the limit of the command line."""
    from scratchgen.gradcheck import Report, assert_gradients

    def check(subject, *args, **own):
        chosen = {} if isinstance(subject, Report) else options(request.config) | own
        return assert_gradients(subject, *args, **chosen)

    return check


def pytest_generate_tests(metafunc):
    """A test with the argument layer_case runs once for each layer."""
    if "layer_case" not in metafunc.fixturenames:
        return
    from dataclasses import replace

    from scratchgen.gradcheck.catalogue import layer_cases, registered
    from scratchgen.gradcheck.yours import case_of
    from scratchgen.layers import Layer

    yours, known = list(registered), {case.of for case in registered}
    for thing in vars(metafunc.module).values():
        imported = isinstance(thing, type) and thing.__module__.startswith("scratchgen.")
        if isinstance(thing, type) and issubclass(thing, Layer) and thing.forward is not Layer.forward and not imported and thing not in known:
            yours.append(case_of(thing, vars(metafunc.module)))
    names = {case.name for case in yours}  # a Tanh of yours comes in the place of the library's
    cases = [case for case in layer_cases() if case not in registered and case.name not in names] + yours
    cases = [replace(case, **options(metafunc.config)) for case in cases]
    metafunc.parametrize("layer_case", cases, ids=[case.name for case in cases])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A GradientMismatch is shown as the report that it is, without a traceback."""
    outcome = yield
    error = call.excinfo and call.excinfo.value
    if type(error).__name__ == "GradientMismatch" and hasattr(error, "report"):
        outcome.get_result().longrepr = f"{item.location[0]}:{item.location[1] + 1}: {error.report}"
