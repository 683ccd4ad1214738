"""Which backend runs an operation: chosen by name, for a while or from now on, or by the environment; none where compilation is switched off."""

import os
import subprocess
import sys

import numpy as np
import pytest

from scratchgen.layers.tanh import tanh
from scratchgen.ops import definitions, get_backend, has_twin, op, use_backend


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
    assert get_backend() == "numpy" and not has_twin("tanh")
    use_backend("numba")
    assert get_backend() == "numba" and has_twin("tanh")


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


def test_a_call_runs_the_twin_or_the_definition():
    x = np.linspace(-1, 1, 5, dtype=np.float32)

    @op
    def test_operation_without_twin(x):
        """Docstring."""
        return 2 * x

    assert test_operation_without_twin.__doc__ == "Docstring."
    for backend in ("numpy", "numba"):
        with use_backend(backend):
            assert np.array_equal(test_operation_without_twin(x=x), 2 * x)
            np.testing.assert_allclose(tanh(x), np.tanh(x), rtol=1e-6)
    with use_backend("numba"), pytest.raises(TypeError):
        tanh(x.astype(np.float16))  # the twin runs: the definition would take it
    with use_backend("numpy"):
        assert tanh(x.astype(np.float16)).dtype == np.float16


def test_two_operations_of_one_name_are_refused():
    with pytest.raises(ValueError, match="'tanh' is already defined in scratchgen.layers.tanh"):

        @op
        def tanh(x):
            return x


PRINT_BACKEND = "import scratchgen as sg; from scratchgen.ops import has_twin; print(sg.get_backend(), has_twin('tanh'))"


def test_the_environment_chooses_the_first_backend():
    assert python(PRINT_BACKEND)[0] == "numba True"
    assert python(PRINT_BACKEND, SCRATCHGEN_BACKEND="numpy")[0] == "numpy False"
    assert "unknown backend 'nmba'; did you mean 'numba'" in python(PRINT_BACKEND, SCRATCHGEN_BACKEND="nmba")[1]


def test_without_compilation_the_definitions_run():
    code = PRINT_BACKEND + "; import numpy as np; print(sg.layers.Tanh()(np.array([[0.5]])))"
    assert python(code, NUMBA_DISABLE_JIT="1")[0] == f"numba False\n[[{np.tanh(0.5):.8f}]]"


def test_importing_does_not_load_the_compiler():
    assert python("import sys, scratchgen; print('numba' in sys.modules)")[0] == "False"
