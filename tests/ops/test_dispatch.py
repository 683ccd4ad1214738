"""Which backend runs an operation: chosen by name, for a while or from now on, or by the environment; none where compilation is switched off."""

import os
import subprocess
import sys

import numpy as np
import pytest

from scratchgen.layers.tanh import tanh
from scratchgen.ops import compiles, definitions, get_backend, op, use_backend, why_not_compiled


@pytest.fixture(autouse=True)
def restored():
    """The tests leave the backend and the operations as they found them."""
    before, names = get_backend(), set(definitions)
    yield
    use_backend(before)
    for name in set(definitions) - names:
        del definitions[name]


def python(code, **environment):
    """What a new Python process prints, and what it says when it fails."""
    clean = {key: value for key, value in os.environ.items() if key not in ("SCRATCHGEN_BACKEND", "NUMBA_DISABLE_JIT")}
    done = subprocess.run([sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True)
    return done.stdout.strip(), done.stderr


def test_use_backend_holds_from_here_on():
    use_backend("numpy")
    assert get_backend() == "numpy" and not compiles()
    use_backend("numba")
    assert get_backend() == "numba" and compiles()


def test_use_backend_as_a_context_manager_puts_back_what_was():
    use_backend("numba")
    with use_backend("numpy"):
        assert get_backend() == "numpy"
        with use_backend("numba"):
            assert get_backend() == "numba"
        assert get_backend() == "numpy"
    assert get_backend() == "numba"
    with pytest.raises(ZeroDivisionError), use_backend("numpy"):
        raise ZeroDivisionError
    assert get_backend() == "numba"


def test_unknown_backend_is_named_with_the_nearest():
    use_backend("numpy")
    with pytest.raises(ValueError, match="unknown backend 'nunba'; did you mean 'numba'"):
        use_backend("nunba")
    assert get_backend() == "numpy"


def test_a_call_runs_the_compiled_form_or_the_definition():
    x = np.linspace(-1, 1, 5, dtype=np.float32)

    @op
    def test_doubled(x):
        """Docstring."""
        return 2 * x

    assert test_doubled.__doc__ == "Docstring."
    for backend in ("numpy", "numba"):
        with use_backend(backend):
            assert np.array_equal(test_doubled(x=x), 2 * x)
            np.testing.assert_allclose(tanh(x), np.tanh(x), rtol=1e-6)
    with use_backend("numba"), pytest.raises(TypeError):
        tanh(x.astype(np.float16))  # the compiled form runs: the definition would take it
    with use_backend("numpy"):
        assert tanh(x.astype(np.float16)).dtype == np.float16


def test_two_operations_may_share_a_name():
    """A user's own operation takes nothing away from the library's."""
    library, x = tanh, np.linspace(-1, 1, 5)

    def own():
        @op
        def tanh(x):
            return 3 * x

        return tanh

    mine, other = own(), own()
    for backend in ("numpy", "numba"):
        with use_backend(backend):
            assert np.array_equal(mine(x), 3 * x) and np.array_equal(other(x), 3 * x)
            np.testing.assert_allclose(library(x), np.tanh(x), rtol=1e-14)


def test_a_name_of_the_matrix_products_is_free_too():
    @op
    def matmul(a, b):
        return a + b

    x = np.ones((2, 3))
    with use_backend("numba"):
        assert np.array_equal(matmul(x, x), 2 * x)


def test_defaults_and_keywords():
    @op
    def test_shifted(x, by=2.0, times=1):
        return times * (x + by)

    x = np.linspace(-1, 1, 5)
    for backend in ("numpy", "numba"):
        with use_backend(backend):
            for call, wanted in [(test_shifted(x), x + 2), (test_shifted(x, 1), x + 1), (test_shifted(by=0.5, x=x, times=3), 3 * (x + 0.5))]:
                np.testing.assert_allclose(call, wanted, rtol=1e-15)
            with pytest.raises(TypeError, match="missing a required argument|missing 1 required"):
                test_shifted(by=2.0)
            with pytest.raises(TypeError, match="unexpected keyword"):
                test_shifted(x, to=2.0)


def test_an_operation_calls_others():
    @op
    def test_inner(x):
        return x * x

    @op
    def test_outer(x):
        return test_inner(x) + tanh(x)

    x = np.linspace(-1, 1, 12).reshape(3, 4)
    assert why_not_compiled(test_outer, x) is None
    for backend in ("numpy", "numba"):
        with use_backend(backend):
            np.testing.assert_allclose(test_outer(x), x * x + np.tanh(x), rtol=1e-14)


def test_what_cannot_be_traced_runs_as_written_and_one_sentence_says_why():
    @op
    def test_sorted(x):
        return np.sort(x, axis=1)

    x = np.random.default_rng(0).normal(size=(3, 4))
    with use_backend("numba"):
        assert np.array_equal(test_sorted(x), np.sort(x, axis=1))
        assert np.array_equal(test_sorted(x), np.sort(x, axis=1))  # and again
    why = why_not_compiled(test_sorted, x)
    line = test_sorted.__wrapped__.__code__.co_firstlineno + 2
    assert why == f"test_sorted cannot be compiled because of np.sort: return np.sort(x, axis=1) ({__file__}, line {line})"


PRINT_BACKEND = "import scratchgen as sg; from scratchgen.ops import compiles; print(sg.get_backend(), compiles())"


def test_the_environment_chooses_the_first_backend():
    assert python(PRINT_BACKEND)[0] == "numba True"
    assert python(PRINT_BACKEND, SCRATCHGEN_BACKEND="numpy")[0] == "numpy False"
    assert "unknown backend 'nmba'; did you mean 'numba'" in python(PRINT_BACKEND, SCRATCHGEN_BACKEND="nmba")[1]


def test_without_compilation_the_definitions_run():
    code = PRINT_BACKEND + "; import numpy as np; print(sg.layers.Tanh()(np.array([[0.5]])))"
    assert python(code, NUMBA_DISABLE_JIT="1")[0] == f"numba False\n[[{np.tanh(0.5):.8f}]]"


def test_importing_does_not_load_the_compiler():
    assert python("import sys, scratchgen; print('numba' in sys.modules)")[0] == "False"
