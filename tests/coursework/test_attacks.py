"""Grading survives what students' code may do, and gives no points for it.

Each attack stands in a file that solves nothing. The rules (rules.py) are switched off here: they are a courtesy, and this is about the
lock behind them. Attacks that would destroy something aim at files made for that: should a lock not hold, nothing else is lost.
"""

import ctypes
import functools
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import scratchgen
from scratchgen.coursework import grade, grader, sandbox
from scratchgen.coursework.exercises import BY_NAME
from scratchgen.coursework.remote import Gone, Sandbox, StudentError
from scratchgen.coursework.rules import ALLOWED_MODULES, violations
from scratchgen.coursework.worker import LATE

LINEAR = BY_NAME["linear"]
LIBRARY = Path(scratchgen.__file__).parent
LOCKS = Path(__file__).with_name("locks.py")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a POSIX system")


@pytest.fixture
def attack(tmp_path, monkeypatch):
    """attack(code, at_import) -> results: code is the body of `linear`, and of `Linear.backward`."""
    monkeypatch.setattr(grader, "violations", lambda source, exercise: [])
    folder, out = tmp_path / "submission", tmp_path / "results"
    folder.mkdir()
    (folder / "keep.txt").write_text("mine")

    def run(code="return None", at_import="", **options):
        text = LINEAR.text()
        for blank, indent in (("linear", 4), ("Linear.backward", 8)):
            text = text.replace(
                f'{" " * indent}raise NotImplementedError("not implemented: {blank}")', textwrap.indent(textwrap.dedent(code).strip(), " " * indent)
            )
        (folder / "ex01_linear.py").write_text(textwrap.dedent(at_import) + "\n" + text)
        results = grade(folder, exercises=["linear"], out=out, **{"seconds": 2.0, **options})
        assert json.loads((out / "results.json").read_text()) == results
        assert results["score"] == 0 and {test["score"] for test in results["tests"]} == {0}
        assert (folder / "keep.txt").read_text() == "mine" and sorted(p.name for p in out.iterdir()) == ["report.txt", "results.json"]
        return {test["output"] for test in results["tests"]}

    return run


@pytest.fixture(scope="module")
def inside():
    """inside(code, *args) -> what a student's function of that body returns in the locked process, which is kept for the next code."""
    source = "import numpy as np\ndef probe(code, *args):\n    names = {'np': np}\n    exec(code, names)\n    return names['f'](*args)\n"
    with Sandbox(LINEAR, source, seconds=10, memory=2**30) as box:
        student = box.start()

        def run(code, *args):
            student.deadline = time.monotonic() + 10
            return student.probe("def f(*args):\n" + textwrap.indent(textwrap.dedent(code).strip(), "    "), *args)

        yield run


@pytest.fixture
def victim():
    """A file that anybody may read, write and delete, as far as its permissions go."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "victim"
        path.write_text("precious")
        path.chmod(0o666)
        path.parent.chmod(0o777)
        yield path


def test_endless_loops_end(attack):
    began = time.monotonic()
    messages = attack("while True: pass", seconds=0.3)
    assert "stopped: no answer within 0.3 seconds" in messages
    stopped, slow = "not run: your code had to be stopped 3 times already", "not run: your code has taken 0.9 seconds for other parts"
    assert messages <= {"stopped: no answer within 0.3 seconds", stopped, slow}
    assert time.monotonic() - began < 20


def test_endless_loop_at_import(attack):
    assert attack(at_import="while True: pass", seconds=0.3) == {"stopped: no answer within 0.3 seconds"}


def test_memory_is_limited(attack):
    assert all("MemoryError" in message for message in attack("return [np.ones(10**7) for _ in range(10**6)]", seconds=5, memory=2**29))


@pytest.mark.parametrize("code", ["import sys; sys.exit(0)", "raise KeyboardInterrupt", "raise SystemExit('100 / 100 points')"])
def test_exits_are_errors(attack, code):
    assert all(message.startswith("your code raised") for message in attack(code))


def test_hard_exits_end_only_the_students_process(attack):
    assert "your code ended the process, with exit status 0" in attack("import os; os._exit(0)")
    assert attack(at_import="import os; os._exit(0)") == {"your code ended the process, with exit status 0"}


def test_results_cannot_be_forged(attack, tmp_path):
    """Printing, writing the results file, writing to every pipe, and claiming success in an exception."""
    target = tmp_path / "results" / "results.json"
    attack(f"""
        import os
        print('{{"score": 100}}')
        for path in ({str(target)!r}, "results.json"):
            try:
                open(path, "w").write('{{"score": 100}}')
            except OSError:
                pass
        raise AssertionError("all tests passed, 100 of 100 points")
    """)
    forged = "(2).to_bytes(8, 'little') + bytes(8) + b'{}'"
    attack(f"""
        import os
        for fd in range(3, 64):
            try:
                os.write(fd, {forged} * 100)
            except OSError:
                pass
        os._exit(0)
    """)
    attack("import os, sys\nos.write(int(sys.argv[2]), b'garbage' * 100)\nreturn x")


def test_the_workers_own_code_can_be_replaced_to_no_avail(attack):
    attack("""
        import sys
        wire = sys.modules["scratchgen.coursework.wire"]
        send = wire.send
        claim = {"passed": True, "score": 100, "dx": [], "W": [], "b": []}
        wire.send = lambda fd, value: send(fd, {"value": claim, "args": [None] * 5, "ready": True})
        return None
    """)


def test_numpy_and_the_checker_can_be_replaced_to_no_avail(attack):
    attack(
        "return None",
        at_import="""
            import numpy as np, sys, builtins
            np.allclose = np.array_equal = np.all = lambda *a, **k: True
            np.abs = np.asarray = lambda *a, **k: 0
            builtins.AssertionError = Exception
            sys.modules["scratchgen.gradcheck"] = sys.modules["scratchgen.coursework.testing"] = sys
        """,
    )
    assert np.array_equal(np.abs(np.array([-1.0])), [1.0])


ODD = [
    "np.full((5, 2), np.nan)", "[[], [[]]]", "np.zeros((0, 2**25))", "np.inf", "'right'", "{'dx': 1}", "np.array('x')", "object()", "lambda: 0",
    "type('Equal', (), {'__eq__': lambda s, o: True, '__array__': lambda s, *a, **k: np.zeros(3)})()",
    "np.zeros((5, 2)).view(type('A', (np.ndarray,), {'__le__': lambda s, o: np.True_}))",
]  # fmt: skip


@pytest.mark.parametrize("value", [value if i < 3 else pytest.param(value, marks=pytest.mark.slow) for i, value in enumerate(ODD)])
def test_odd_answers_are_wrong_answers(attack, value):
    attack(f"return {value}")


def test_exceptions_that_bite(attack):
    attack("""
        class Evil(Exception):
            def __str__(self):
                while True: pass
        raise Evil
    """, seconds=0.3)  # fmt: skip
    messages = attack("raise ValueError('\\x1b[2J\\x00' + 'x' * 10**6)")
    assert all("\x1b" not in message and "\x00" not in message and len(message) < 4000 for message in messages)


SOLUTION = str(LIBRARY / "layers" / "linear.py")
SITE = str(Path(np.__file__).parents[1])


@pytest.mark.parametrize(
    "code",
    [
        "from scratchgen.layers.linear import linear as right; return right(*args)",
        "import importlib; return importlib.import_module('scratchgen.layers.linear').linear(*args)",
        "import scratchgen as sg; return sg.layers.Linear",
        "from scratchgen.ops import definitions; return definitions['linear'](*args)",
        f"import sys; sys.path[:0] = [{str(LIBRARY.parent)!r}, {SITE!r}]\n"
        "kept = {n: sys.modules.pop(n) for n in list(sys.modules) if n.startswith('scratchgen')}\n"
        "try: import scratchgen.layers.linear\n"
        "finally: sys.modules.update(kept); del sys.path[:2]",
        f"exec(open({SOLUTION!r}).read())",
        f"import os; return os.read(os.open({SOLUTION!r}, os.O_RDONLY), 100)[0]",
        f"return np.fromfile({SOLUTION!r}, np.uint8)",
        f"return np.memmap({SOLUTION!r}, np.uint8, 'r')",
        f"import linecache; return len(linecache.getlines({SOLUTION!r})) or 1 / 0",
        f"import importlib.util as u; s = u.spec_from_file_location('l', {SOLUTION!r}); s.loader.exec_module(u.module_from_spec(s))",
        f"import os; os.symlink({SOLUTION!r}, 'link'); return len(open('link').read())",
        "import inspect, scratchgen.layers.linear as m; return inspect.getsource(m)",
    ],
)  # fmt: skip
def test_the_librarys_solution_is_out_of_reach(inside, code):
    with pytest.raises(StudentError, match="Error"):
        inside(code, np.ones((1, 1)), np.ones((1, 1)), np.ones(1))


def test_nothing_of_the_grader_is_in_the_students_process(inside):
    found = inside("""
        import sys, gc, os
        modules = [n for n in sys.modules if "visible" in n or "hidden" in n or "grader" in n or "gradcheck" in n or n.startswith("pytest")]
        arrays = [o for o in gc.get_objects() if isinstance(o, np.random.Generator)]
        return {"modules": modules, "generators": len(arrays), "environment": " ".join(os.environ), "arguments": " ".join(sys.argv)}
    """)
    assert found["modules"] == [] and found["generators"] == 0
    assert set(found["environment"].split()) <= {"SCRATCHGEN_BACKEND", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "LC_ALL", "LC_CTYPE"}


@pytest.mark.parametrize(
    "code",
    [
        "import os; return os.fork()",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.kill(os.getppid(), 0)",
        "import socket; socket.create_connection(('127.0.0.1', 80))",
        "import ctypes; return ctypes.CDLL(None).getpid()",
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))",
        "return len(open('/etc/passwd').read())",
        "import os; return len(open(f'/proc/{os.getppid()}/environ').read())",
        "open('VICTIM').read()",
        "open('VICTIM', 'w').write('x')",
        "open('VICTIM.new', 'w').write('x')",
        "import os; os.remove('VICTIM')",
        "import os; os.rename('VICTIM', 'VICTIM.new')",
        "import os; os.rename('VICTIM', 'mine')",
        "import os; os.truncate('VICTIM', 0)",
        "import os; os.chmod('VICTIM', 0)",
        "import os; os.link('VICTIM', 'mine')",
        "import os; os.mkdir('VICTIM.new')",
        "import os, shutil; shutil.rmtree(os.path.dirname('VICTIM'))",
        "open(np.__file__, 'r+').close()",
        "open(sys_path + '/scratchgen/layers/layer.py', 'a').close()",
        "import multiprocessing; multiprocessing.Process(target=print).start()",
    ],
)  # fmt: skip
def test_what_the_lock_refuses(inside, victim, code):
    with pytest.raises(StudentError, match="PermissionError|OSError|BlockingIOError|ModuleNotFoundError") as error:
        inside("import sys; sys_path = sys.path[0]\n" + code.replace("VICTIM", str(victim)))
    assert not isinstance(error.value, Gone)
    assert [path.name for path in victim.parent.iterdir()] == ["victim"] and victim.read_text() == "precious"


def test_what_honest_work_may_need_is_there_though_no_file_can_be_opened(inside):
    assert inside("""
        import math, typing, dataclasses, functools, itertools, warnings
        print("notes"); import sys; print("notes", file=sys.stderr)
        warnings.warn("a warning")
        exec("σ = 2", globals())
        np.fft.fft(np.ones(4)), np.linalg.svd(np.ones((2, 2))), np.polynomial.Polynomial([1, 2]), np.ma.masked, np.random.default_rng()
        return repr(np.ones(3)) + str(np.float32(1) / np.float32(0)) + str(math.sqrt(4))
    """) == "array([1., 1., 1.])inf2.0"  # fmt: skip


def test_two_pipes_and_nothing_else_are_open(inside):
    found = inside("""
        import os, sys
        def is_open(fd):
            try:
                os.lseek(fd, 0, os.SEEK_CUR)
            except OSError as error:
                return error.errno != 9              # EBADF; a pipe says ESPIPE
            return True
        return [fd for fd in range(1000) if is_open(fd)], [int(number) for number in sys.argv[1:]]
    """)
    assert found[0] == sorted([0, 1, 2, *found[1]])


def test_deleting_the_submission_deletes_nothing(attack, tmp_path):
    folder = str(tmp_path / "submission")
    attack(f"""
        import shutil, os
        for path in ({folder!r}, os.getcwd()):
            shutil.rmtree(path, ignore_errors=True)
        return None
    """)
    assert (tmp_path / "submission" / "ex01_linear.py").exists()


WITHOUT = ["", "seccomp", "seccomp,Landlock", "seccomp,empty root", "own network,Landlock", "own network,own user,empty root,Landlock",
           "seccomp,Landlock,empty root", "seccomp,own network", "seccomp,own user", "all"]  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's locks are Linux's")
@pytest.mark.parametrize("user", [0, 61200], ids=["this user", "ordinary user"])
def test_whatever_locks_are_missing_attacks_fail_or_are_refused(user):
    if user and os.geteuid() != 0:
        pytest.skip("only root can become another user")
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY.parent)}
    run = subprocess.run([sys.executable, LOCKS, str(user), *WITHOUT], cwd="/", env=environment, capture_output=True, text=True, timeout=300)
    if run.returncode == 77:
        pytest.skip("here no other user can run this Python")
    results = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 0 and len(results) == len(WITHOUT), run.stderr
    for without, result in zip(WITHOUT[:-1], results, strict=False):
        assert not {*without.split(","), "audit hook"} & set(result["locks"])
        assert result["refused"] == ("; ".join(sandbox.untrusted(result["locks"])) or None) and result["done"] == []
    assert results[0]["refused"] is None and "read the solution" in results[-1]["done"] and "a signal came" in results[-1]["done"]


def test_which_locks_are_enough():
    everything = {"resource limits", "own network", "empty root", "own user", "Landlock", "seccomp", "audit hook"}
    assert sandbox.untrusted(everything) == sandbox.untrusted({"seccomp"}) == sandbox.untrusted({"own user", "own network", "empty root"}) == []
    assert sandbox.untrusted({"own user", "own network", "Landlock"}) == []
    assert len(sandbox.untrusted({"resource limits", "audit hook"})) == 3
    assert sandbox.untrusted({"Landlock", "own user"}) == ["it can fetch answers from the network"]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's memory of other processes")
def test_the_grader_is_not_dumpable_while_a_students_code_runs():
    dumpable = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
    before = dumpable()
    with Sandbox(LINEAR, "", seconds=10, memory=2**30):
        assert dumpable() == 0
    assert dumpable() == before


def test_results_say_which_locks_held(tmp_path):
    (tmp_path / "ex01_linear.py").write_text(LINEAR.text("solution"))
    results = grade(tmp_path, exercises=["linear"])
    assert {"resource limits", "audit hook"} <= set(results["extra_data"]["locks"]) and "audit hook" in results["output"]
    assert ("own user" in results["extra_data"]["locks"]) == (os.geteuid() == 0)
    assert "trusted" not in results["output"]


def test_without_locks_grading_is_refused_unless_asked_for(tmp_path, monkeypatch):
    """Refused, the code is not run, and the results say why; asked for, they say what the points are worth."""
    monkeypatch.setattr(grader, "Sandbox", functools.partial(Sandbox, skip=("seccomp", "Landlock", "empty root")))
    (tmp_path / "ex01_linear.py").write_text(LINEAR.text("solution"))
    with pytest.raises(RuntimeError, match="not graded: .* it can read the solutions .*--without-locks"):
        grade(tmp_path, exercises=["linear"], out=tmp_path)
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["score"] == 0 and all("no point could be trusted" in test["output"] for test in results["tests"])
    results = grade(tmp_path, exercises=["linear"], out=tmp_path, without_locks=True)
    assert results["score"] == LINEAR.points and "No point can be trusted" in results["output"] and "read the solutions" in results["output"]


def test_submissions_that_are_no_plain_files(tmp_path):
    path = tmp_path / "ex01_linear.py"
    output = lambda: {test["output"] for test in grade(tmp_path, exercises=["linear"])["tests"]}
    assert output() == {"ex01_linear.py is missing"}
    path.symlink_to(SOLUTION)
    assert output() == {"ex01_linear.py is not a plain file"}
    path.unlink()
    path.write_bytes(b"\xff\xfe")
    assert "cannot be read" in output().pop()
    path.write_bytes(b"\xef\xbb\xbf" + LINEAR.text("solution").encode())  # Notepad's mark
    assert output() == {""}
    path.write_text("#" * 300_000)
    assert "at most 200000 are read" in output().pop()
    path.write_text("def broken(:")
    assert "not valid Python" in output().pop()
    with pytest.raises(NotADirectoryError, match="is no folder"):
        grade(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="seconds is 0"):
        grade(tmp_path, seconds=0)


def test_a_results_file_that_is_a_link_is_replaced_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "results.json").symlink_to(precious)
    grade(tmp_path, exercises=["linear"], out=tmp_path)
    assert precious.read_text() == "precious" and not (tmp_path / "results.json").is_symlink()


@pytest.mark.parametrize(
    "line, words",
    [
        ("from scratchgen.layers import Linear as L", "imports Linear from the library"),
        ("import scratchgen.layers.linear", "from the library"),
        ("import torch", "imports torch; allowed are"),
        ("from . import solution", "imports ."),
        ("from numpy import load", "imports load of numpy"),
        ("y = np.fromfile('x')", "uses np.fromfile"),
        ("exec('1')", "uses exec"),
        ("f = __import__", "uses __import__"),
        ("import os, sys", "imports os"),
    ],
)
def test_rules(line, words):
    against = violations(LINEAR.text("solution") + f"\n{line}\n", LINEAR)
    assert against and words in against[0] and against[0].startswith("line ")
    assert violations(LINEAR.text("solution") + "\nimport math\nfrom typing import NamedTuple\n", LINEAR) == []


def test_parts_of_numpy_may_be_imported_by_their_own_names(tmp_path):
    """They are loaded before the doors close; what holds for NumPy holds for them."""
    parts = [name for name in ALLOWED_MODULES if name.startswith("numpy.")]
    assert {name.removeprefix("numpy.") for name in parts} == {*LATE} - {"fft"}
    imports = "".join(f"import {name}\n" for name in parts) + "from numpy.linalg import norm\nassert norm([3, 4]) == 5\n"
    (tmp_path / "ex01_linear.py").write_text(LINEAR.text("solution") + imports)
    assert grade(tmp_path, exercises=["linear"])["score"] == LINEAR.points
    for line, words in (("import numpy.fft", "imports numpy.fft; allowed are"), ("from numpy.ma import fromfile", "imports fromfile of numpy.ma")):
        assert words in violations(line, LINEAR)[0]
    (tmp_path / "ex01_linear.py").write_text("from numpy.linalg import eigvals\neigvals([[0, 1], [-1, 0]])\n" + LINEAR.text("solution"))
    assert "(line 2 of your file): a complex number" in grade(tmp_path, exercises=["linear"])["tests"][0]["output"]


def test_a_file_against_the_rules_is_not_run(tmp_path):
    (tmp_path / "ex01_linear.py").write_text(LINEAR.text("solution") + "\nfrom scratchgen.layers.linear import linear\n")
    results = grade(tmp_path, exercises=["linear"])
    assert results["score"] == 0 and "write your own" in results["tests"][0]["output"] and "it was not run" in results["output"]


def test_rules_broken_many_times_are_told_a_few_times(tmp_path, monkeypatch):
    (tmp_path / "ex01_linear.py").write_text("exec\n" * 30_000)
    results = grade(tmp_path, exercises=["linear"], out=tmp_path / "out")
    assert results["tests"][0]["output"].endswith("line 5 uses exec, which no exercise needs\nand 29995 more")
    assert (tmp_path / "out" / "results.json").stat().st_size < 20_000
    (tmp_path / "ex01_linear.py").write_text(f"import {'o' * 190_000}")
    assert len(grade(tmp_path, exercises=["linear"])["tests"][0]["output"]) < 4000
    with monkeypatch.context() as patch:
        patch.setattr("ast.parse", lambda text: bytearray(2**62))  # MemoryError, as parsers of some versions raise for deep brackets
        assert violations("((((1))))", LINEAR) == ["the file is not valid Python: MemoryError"]


def test_secret_inputs_differ_and_a_seed_repeats_them(tmp_path):
    """The same wrong answer is off by the same amount only with the same seed."""
    (tmp_path / "ex01_linear.py").write_text(LINEAR.text("solution").replace("y = x @ W", "y = x @ W + 1"))
    messages = [grade(tmp_path, exercises=["linear"], seed=seed)["tests"][1]["output"] for seed in (1, 1, None, None)]
    assert messages[0] == messages[1] and len(set(messages)) == 3


def test_scratch_folders_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Sandbox(LINEAR, "while True: pass", seconds=0.2, memory=2**30) as box:
        with pytest.raises(Gone):
            box.start()
        assert box.process is None and any(tmp_path.iterdir())
    assert not any(tmp_path.iterdir())
