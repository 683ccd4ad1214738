"""Gradient checks that teach: is backward the derivative of forward, and if not, why?

    report = check_layer(layer, x)                     a layer or a whole Sequential; x a tuple for several inputs, (mu, logvar)
    report = check_double_backward(layer, x)           its gradient of a gradient, for penalties on ∇ₓ
    report = check_function(f, f_backward, x, w, b)    y, cache = f(x, w, b) and dx, dw, db = f_backward(dy, cache)
    report = check_loss(loss, x, y, wrt="x")           value, dx = loss(x, y)
    report = check_objective(vae, lambda: vae.loss(x, eps))    a model's objective, which fills vae.grads
    report = check_operation(swish, x)                 an @sg.op function: does its compiled form compute what is written?
    report.ok, report.worst, report.arrays["W"], print(report)

    assert_gradients(layer, x)                         in a test: raises GradientMismatch; also takes any report
    assert_gradients(check_loss(loss, x, y))

    gradcheck_table(["mylayers.py"])                   many at once: see table.py;  in pytest: see pytest_plugin.py
    register_layer(lambda: MyLayer(4, 3), (6, 4))      add a layer of yours to the catalogue of all layers

All take seed=0 and limit=200 (elements measured per array; None for every one). Everything is checked in float64. A mismatch is
reported, not raised; a report is true in an `if` exactly if all is well. Read checker.py for what is compared, differences.py for
how a derivative is measured, contract.py for what else backward must keep to, diagnosis/ for how a mistake is recognised.
"""

from scratchgen.gradcheck.catalogue import register_layer
from scratchgen.gradcheck.checker import assert_gradients, check_double_backward, check_function, check_layer, check_loss, check_objective
from scratchgen.gradcheck.operations import check_operation
from scratchgen.gradcheck.report import GradientMismatch, Report
from scratchgen.gradcheck.table import error_picture, format_table, gradcheck_table

__all__ = [
    "GradientMismatch", "Report", "assert_gradients", "check_double_backward", "check_function", "check_layer", "check_loss", "check_objective",
    "check_operation", "error_picture", "format_table", "gradcheck_table", "register_layer",
]  # fmt: skip
