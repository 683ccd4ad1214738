"""How good is a generative model? Numbers from samples, each in its own file with its definition and its limits.

log_mean_exp             log of a mean of exponentials, without overflow
annealed_log_likelihood  of a decoder, by annealed importance sampling (bidirectional: bounds from both sides, on data from the model)
parzen_log_likelihood    the GAN paper's estimator: a Gaussian window around each sample (parzen_sigma chooses its width)
mode_coverage            which modes of a known mixture the samples reach, and how many of them are any good
train_classifier         a small classifier, by which class_coverage asks: is every class drawn, and can it be told?
"""

from scratchgen.metrics.ais import AnnealedLogLikelihood, Bounds, annealed_log_likelihood, bidirectional
from scratchgen.metrics.classifier import ClassCoverage, accuracy, class_coverage, train_classifier
from scratchgen.metrics.log_mean_exp import log_mean_exp
from scratchgen.metrics.modes import ModeCoverage, mode_coverage
from scratchgen.metrics.parzen import LogLikelihood, parzen_log_likelihood, parzen_sigma

__all__ = [
    "AnnealedLogLikelihood", "Bounds", "ClassCoverage", "LogLikelihood", "ModeCoverage", "accuracy", "annealed_log_likelihood",
    "bidirectional", "class_coverage", "log_mean_exp", "mode_coverage", "parzen_log_likelihood",
    "parzen_sigma", "train_classifier",
]  # fmt: skip
