"""Losses: each returns its value and its gradients together, so that the two cannot drift apart.

    loss, dlogits = losses.bce_with_logits(logits, targets)

Convention everywhere: sum over features, mean over the batch, in nats;
`loss` is a number that float() accepts.
"""

from scratchgen.losses.bernoulli import bce_with_logits, bernoulli_log_likelihood, bernoulli_nll
from scratchgen.losses.feature_matching import feature_matching
from scratchgen.losses.gan import discriminator_bce, generator_minimax, generator_non_saturating
from scratchgen.losses.gan_hinge import discriminator_hinge, generator_hinge
from scratchgen.losses.gan_label_smoothing import discriminator_bce_smoothed
from scratchgen.losses.gan_least_squares import discriminator_least_squares, generator_least_squares
from scratchgen.losses.gan_wasserstein import critic_wasserstein, generator_wasserstein
from scratchgen.losses.gaussian import gaussian_kl, gaussian_kl_rows, gaussian_log_likelihood, gaussian_nll
from scratchgen.losses.gaussian_mixture import gaussian_mixture_nll
from scratchgen.losses.mmd import mmd
from scratchgen.losses.softmax_cross_entropy import softmax_cross_entropy
from scratchgen.losses.squared_error import squared_error
from scratchgen.losses.two_looks import two_looks

__all__ = [
    "bce_with_logits", "bernoulli_log_likelihood", "bernoulli_nll", "critic_wasserstein", "discriminator_bce",
    "discriminator_bce_smoothed", "discriminator_hinge", "discriminator_least_squares", "feature_matching",
    "gaussian_kl", "gaussian_kl_rows", "gaussian_log_likelihood", "gaussian_mixture_nll", "gaussian_nll",
    "generator_hinge", "generator_least_squares", "generator_minimax", "generator_non_saturating",
    "generator_wasserstein", "mmd", "softmax_cross_entropy", "squared_error", "two_looks",
]  # fmt: skip
