"""Every kernel compiles for real GPUs, to code that keeps its numbers where they belong. No GPU is needed for that, only numba-cuda's compiler."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_twins import OPERATIONS

COMPILER = importlib.util.find_spec("numba_cuda") and (importlib.util.find_spec("nvidia") or importlib.util.find_spec("cuda"))
pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not COMPILER, reason="numba-cuda and its compiler are not installed: pip install -e '.[cuda]'"),
]
# Loops calculate in float64 where sums are taken, also of float32 numbers, except those that come with a product; and for normal numbers and Adam's
# powers of β, as on the CPU. Nowhere else: what is the same for all elements, such as 1 − lr · weight_decay, is computed before the loop.
IN_FLOAT64 = {
    "adam_step", "add_column_sums", "add_norm_grads", "batch_norm", "batch_norm_backward", "bce_with_logits",
    "bernoulli_log_likelihood", "clip_norm", "cross_entropy", "discriminator_bce", "gaussian_kl", "gaussian_kl_rows", "gaussian_log_likelihood",
    "gaussian_nll", "generator_minimax", "generator_non_saturating", "layer_norm", "layer_norm_backward", "log_weight", "random_normal", "softmax",
    "softmax_backward", "squared_error",
}  # fmt: skip


@pytest.fixture(scope="module", params=[(9, 0), pytest.param((8, 0), marks=pytest.mark.slow)], ids=["Hopper", "Ampere"])
def kernels(request):
    """One dict for each kernel: see ptx.py."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_ENABLE_CUDASIM"}
    command = [sys.executable, str(Path(__file__).with_name("ptx.py")), "".join(map(str, request.param))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_operation_compiles(kernels):
    assert not [kernel for kernel in kernels if "error" in kernel]
    assert len({kernel["operation"] for kernel in kernels}) > 0.8 * len(OPERATIONS)  # some launch the kernels of others


def test_float32_stays_float32(kernels):
    assert {kernel["operation"] for kernel in kernels if kernel["dtype"] == "float32" and kernel["float64"]} <= IN_FLOAT64


def test_the_products_keep_their_sums_in_registers_and_move_vectors(kernels):
    products = [kernel for kernel in kernels if kernel["kernel"] == "matmul"]
    assert len(products) > 30
    assert not [kernel for kernel in products if kernel["local"] or kernel["vectors"] < 16]
    assert not [kernel for kernel in products if kernel.get("spilled", 0) >= 256]  # the sums would take as much; a few other numbers may wait outside
