"""Exercises are cut from the library: solutions score in full, blanks score nothing, and the solution is out of reach."""

import ast
import types

import numpy as np
import pytest

from scratchgen.coursework import EXERCISES, grade, library
from scratchgen.coursework.exercises import BY_NAME, chosen
from scratchgen.coursework.rules import violations
from scratchgen.coursework.source import WIDTH, Cut
from scratchgen.coursework.staff import parts
from scratchgen.coursework.testing import Student
from scratchgen.gradcheck import GradientMismatch
from scratchgen.ops import use_backend

NAMES = list(BY_NAME)


def folder_of(path, filling, names=NAMES):
    for name in names:
        (path / f"{BY_NAME[name].module}.py").write_text(BY_NAME[name].text(filling), encoding="utf-8")
    return path


def test_the_course_is_the_one_that_was_promised():
    assert [e.number for e in EXERCISES] == list(range(1, len(EXERCISES) + 1))
    blanks = {blank for e in EXERCISES for blank in e.blanks}
    assert blanks >= {
        "linear", "Linear.backward", "tanh_backward", "softmax_backward", "bce_with_logits", "cross_entropy", "batch_norm_backward",
        "reparameterize_backward", "gaussian_kl", "VAE.loss", "discriminator_bce", "GAN.generator_loss", "made_masks", "adam_step",
        "Linear.double_backward", "affine_backward",
    }  # fmt: skip


def test_hidden_parts_say_why_they_are_and_staff_read_it():
    for exercise in EXERCISES:
        assert all(bool(test.run.why) == test.hidden for test in exercise.tests)
        assert all(test.run.why in parts([exercise]) for test in exercise.tests)


def test_reference_solutions_score_in_full(tmp_path):
    results = grade(folder_of(tmp_path, "solution"))
    assert [test for test in results["tests"] if test["status"] != "passed"] == []
    assert results["score"] == sum(test["max_score"] for test in results["tests"]) == sum(e.points for e in EXERCISES)


def test_blanks_score_nothing_and_every_part_says_not_implemented(tmp_path):
    results = grade(folder_of(tmp_path, "blank"))
    blanks = {f"not implemented: {blank}" for e in EXERCISES for blank in e.blanks}
    assert results["score"] == 0
    assert {test["output"] for test in results["tests"]} <= blanks
    assert len(results["tests"]) == sum(len(e.tests) for e in EXERCISES) > 80


@pytest.mark.parametrize("name", NAMES)
def test_a_student_file_is_python_obeys_the_rules_and_holds_no_solution(name):
    exercise = BY_NAME[name]
    blank, solution = exercise.text(), exercise.text("solution")
    assert max(map(len, blank.splitlines())) <= WIDTH
    assert violations(blank, exercise) == violations(solution, exercise) == []
    bodies = {node.name: node for node in ast.walk(ast.parse(blank)) if isinstance(node, ast.FunctionDef)}
    for qualified in exercise.blanks:
        body = bodies[qualified.split(".")[-1]].body
        body = body[1:] if ast.get_docstring(bodies[qualified.split(".")[-1]]) else body
        assert len(body) == 1 and ast.unparse(body[0]) == f"raise NotImplementedError('not implemented: {qualified}')"
    functions = {node.name: node for node in ast.walk(ast.parse(solution)) if isinstance(node, ast.FunctionDef)}
    for qualified in exercise.blanks:  # where a solution arrives stands nowhere else in the file, its lesson included
        assert ast.unparse(functions[qualified.split(".")[-1]].body[-1]) not in blank


def test_formulas_to_be_derived_are_not_in_the_lesson():
    for name, formula in [
        ("batch_norm", "mean(dx̂ ∘ x̂)"), ("activations", "(1 − y²)"), ("activations", "dy_j y_j"), ("bce_with_logits", "(σ(l) − t)"),
        ("softmax_cross_entropy", "onehot"), ("reparameterize", "½ dz"), ("reparameterize", "(σ² − 1)"), ("gan_losses", "dfake ="),
        ("iwae", "dz     +="), ("iwae", "(w̃² / batch) (z"), ("diffusion", "(ε̂ − ε) / batch"),
        ("penalty", "ddx W "), ("penalty", "ddxᵀ dy"), ("penalty", "−2 y"), ("penalty", "g_n / ‖g_n‖"),
        ("activations", "max_k x_k"), ("coupling", "dz ∘ z"), ("coupling", "−dz / σ"),
    ]:  # fmt: skip
        text = BY_NAME[name].text()
        assert formula not in text
        assert formula in "".join(ast.get_docstring(cut.parse()[1]) + "\n".join(cut.parse()[0]) for cut in BY_NAME[name].cuts)


@pytest.mark.parametrize("name", NAMES)
def test_the_library_of_an_exercise_lacks_its_solution(name, tmp_path):
    exercise = BY_NAME[name]
    modules = library.write_library(exercise.text(), tmp_path)
    assert not {cut.module for cut in exercise.cuts} & set(modules)
    assert not any("visible" in module or "hidden" in module or "grader" in module for module in modules)
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in tmp_path.rglob("*.py")]
    defined = {node.name for tree in trees for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assert "Layer" in defined or "use_backend" in defined
    assert not defined & {blank.split(".")[0] for blank in exercise.blanks}


def test_no_exercise_depends_on_another(tmp_path):
    """Each solution alone gets its full points."""
    for name in ("vae", "gan", "activations"):
        results = grade(folder_of(tmp_path, "solution", [name]), exercises=[name])
        assert results["score"] == BY_NAME[name].points


def test_partial_credit(tmp_path):
    text = BY_NAME["linear"].text("solution").replace('add_column_sums(self.grads["b"], dy)', "pass")
    (tmp_path / "ex01_linear.py").write_text(text.replace("return y if b is None else y + b", "return y + b"))
    results = grade(tmp_path, exercises=["linear"])
    failed = {test["number"] for test in results["tests"] if test["status"] == "failed"}
    db, without_bias, accumulate, wrt, at_size = "1.5", "1.2", "1.6", "1.9", "1.10"
    assert {db, without_bias} <= failed <= {db, without_bias, accumulate, wrt, at_size}
    assert results["score"] == sum(t["max_score"] for t in results["tests"] if t["number"] not in failed) > 0


MISTAKES = [
    ("bce_with_logits", "- targets) / batch", "- targets)", "test_gradient", "not divided by the batch size"),
    ("softmax_cross_entropy", " - onehot) / batch", ") / batch", "test_gradient", "the target is missing"),
    ("batch_norm", " - x_hat * np.mean(dx_hat * x_hat, axis=0)", "", "test_dx", "the path through the variance"),
    ("batch_norm", " - dx_hat.mean(axis=0)", "", "test_dx", "the path through the mean"),
    ("reparameterize", "0.5 * dz * eps", "dz * eps", "test_dlogvar", "2 times what it should be"),
    ("linear", "add_matmul_tn(self.grads", "add_matmul_tn(-self.grads", "test_dW", "dW"),
    ("activations", "y * (dy - np.sum(dy * y, axis=1, keepdims=True))", "dy * y * (1 - y)", "test_softmax_backward", "only the diagonal"),
    (
        "vae",
        "add(dh_z, dh_kl)",
        "dh_z",
        "test_encoder_gradient",
        "the KL term is missing",
    ),
    ("gan", 'cache, wrt="input")', "cache)", "test_generator_loss_leaves_the_discriminator_alone", "wrt='input'"),
    ("made", "degrees[-1][:, None] <", "degrees[-1][:, None] <=", "test_natural_order", "output 0 sees input 0"),
    ("adam", "m / (1 - beta1**t)", "m", "test_step", "p[0] is"),
    ("coupling", "-dz * z - dlogdet[:, None]", "-dz * z", "test_dh", "lacks the path through the log-determinant"),
    ("coupling", "return dx, np.concatenate([-dx,", "return dx, np.concatenate([dx,", "test_dh", "dμ has the wrong sign"),
    ("penalty", "2 * weight * factor", "weight * factor", "test_penalty_gradient", "0.5 times what it should be"),
    ("penalty", "ddx * dy * -2 * y * (1 - y * y)", "ddx * dy * -2 * y", "test_tanh", "tanh_second"),
    ("penalty", 'add_matmul_tn(self.grads["W"], ddx, dy)', 'add_matmul_tn(self.grads["W"], x, dy)', "test_linear_dW", "x stands where ddx belongs"),
]


@pytest.mark.parametrize("name, right, wrong, test, words", MISTAKES)
def test_a_mistake_fails_its_part_with_a_reason(name, right, wrong, test, words):
    exercise = BY_NAME[name]
    text = exercise.text("solution")
    assert right in text
    module = types.ModuleType(exercise.module)
    exec(text.replace(right, wrong), module.__dict__)
    part = next(t for t in exercise.tests if t.name == test)
    with use_backend("numpy"), pytest.raises((AssertionError, GradientMismatch)) as error:
        part.run(Student(module), np.random.default_rng(0))
    assert words in str(error.value)


def test_a_passage_that_has_moved_is_an_error():
    with pytest.raises(ValueError, match="has no passage from 'no such words'"):
        Cut("scratchgen.layers.tanh", keep=["tanh"], blanks=["tanh"], hide=[("no such words", None)]).lesson()
    with pytest.raises(ValueError, match="has no tan;"):
        Cut("scratchgen.layers.tanh", keep=["tan"], blanks=["tan"]).pieces("blank")


def test_unknown_exercise():
    with pytest.raises(ValueError, match="did you mean 'linear'"):
        chosen(["liner"])
