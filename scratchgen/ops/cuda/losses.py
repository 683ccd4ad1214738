"""Losses: one term and its gradient per element, from one exponential; value and gradients in one launch."""

import math

import numpy as np

from scratchgen.ops.checks import REALS, check_labels
from scratchgen.ops.cuda.array import empty, scalar
from scratchgen.ops.cuda.arrays import TWINS as ARRAYS
from scratchgen.ops.cuda.arrays import filled
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.elementary import exp, log
from scratchgen.ops.cuda.elementwise import check_device, formulas
from scratchgen.ops.cuda.launch import THREADS, launch
from scratchgen.ops.cuda.sums import add_up, block_largest, block_total, blocks_of_rows, row_sums, summing, tickets
from scratchgen.ops.formulas import ONE

LOG_2PI = math.log(2 * math.pi)


def share_of(batch):
    """1 / batch; NaN for an empty batch, as a mean over nothing."""
    return 1 / batch if batch else math.nan


def mean(formula, n_arrays, n_outs, *numbers):
    """The operation arrays -> loss, gradients…: the mean over the batch of what `formula` sums."""
    run = summing(formula, n_arrays, len(numbers) + 1, n_outs)

    def call(*arrays, onto=None):
        check_device(formula.__name__, arrays)
        share = share_of(arrays[0].shape[0])
        return run(arrays, *numbers, share, factor=share, onto=onto)

    return call


mean_real, mean_fake = mean(formulas.judged_real, 1, 1), mean(formulas.judged_fake, 1, 1)


def discriminator_bce(real, fake):
    """-> loss, dreal, dfake."""
    loss, dreal = mean_real(real)
    _, dfake = mean_fake(fake, onto=loss)
    return loss, dreal, dfake


def cross_entropy_rows(real):
    """The kernel for logits of type `real`: −log softmax(logits)[label]; dlogits = (softmax(logits) − onehot) · share. A wrong label makes NaN."""

    @cuda.jit
    def cross_entropy_rows(total, partials, tickets, factor, dlogits, logits, labels, share):
        shared = cuda.shared.array(THREADS, np.float64)
        loss, classes = 0.0, logits.shape[1]
        for i in range(cuda.blockIdx.x, logits.shape[0], cuda.gridDim.x):
            top, part, label = logits[i, 0], 0.0, np.int64(labels[i])
            for j in range(cuda.threadIdx.x, classes, THREADS):
                top = logits[i, j] if logits[i, j] > top else top
            top = real(block_largest(shared, top))
            for j in range(cuda.threadIdx.x, classes, THREADS):
                part += exp(logits[i, j] - top)
            sum_of_exp = real(block_total(shared, part))
            for j in range(cuda.threadIdx.x, classes, THREADS):
                p = exp(logits[i, j] - top) / sum_of_exp
                dlogits[i, j] = ((p - ONE) if j == label else p) * share
            if cuda.threadIdx.x == 0:
                right = 0 <= label < classes
                loss += log(sum_of_exp) - (logits[i, label] - top) if right else log(-ONE)  # NaN, which cannot be written as a constant
        add_up(shared, loss, total, partials, tickets, factor, 0)

    return cross_entropy_rows


def full_scalar(value):
    """A new Scalar with that value."""
    result = scalar()
    filled((result,), (), value)
    return result


CROSS_ENTROPY = {dtype: cross_entropy_rows(dtype.type) for dtype in REALS}


def cross_entropy(logits, labels):
    """-> loss, dlogits.  logits (batch, classes), labels (batch,) integers; the loss is NaN if a label is no class."""
    check_device("cross_entropy", (logits, labels))
    check_labels("cross_entropy", logits, labels)
    if not logits.size:
        return full_scalar(math.nan), empty(logits.shape, logits.dtype)
    dlogits, loss, blocks, share = empty(logits.shape, logits.dtype), scalar(), blocks_of_rows(labels.size), share_of(labels.size)
    arrays = loss.flat(), empty(blocks, np.float64).flat(), tickets().flat(), share, dlogits.view(), logits.view(), labels.view()
    launch(CROSS_ENTROPY[logits.dtype], blocks, THREADS, *arrays, logits.dtype.type(share))
    return loss, dlogits


rows_log_bernoulli, rows_log_gaussian = row_sums(formulas.log_bernoulli, 2), row_sums(formulas.log_gaussian, 3, 1)
rows_kl, rows_log_ratio = row_sums(formulas.kl_term, 2), row_sums(formulas.log_ratio, 3)

TWINS = {
    "bce_with_logits": mean(formulas.bce, 2, 1),
    "squared_error": mean(formulas.squared, 2, 1),
    "gaussian_kl": mean(formulas.kl, 2, 2),
    "gaussian_nll": mean(formulas.nll, 3, 2, LOG_2PI),
    "generator_minimax": mean(formulas.fooled_minimax, 1, 1),
    "generator_non_saturating": mean_real,
    "discriminator_bce": discriminator_bce,
    "cross_entropy": cross_entropy,
    "bernoulli_log_likelihood": lambda x, logits: rows_log_bernoulli((x, logits)),
    "gaussian_log_likelihood": lambda x, mu, logvar: rows_log_gaussian((x, mu, logvar), LOG_2PI),
    "gaussian_kl_rows": lambda mu, logvar: rows_kl((mu, logvar)),
    "log_weight": lambda log_px, z, eps, logvar: ARRAYS["add"](log_px, rows_log_ratio((z, eps, logvar))),
}
