"""How good is a generative model? Numbers from samples, each in its own file with its definition and its limits; means come with a standard error.

estimate                 a mean with its standard error
log_mean_exp             log of a mean of exponentials, without overflow
annealed_log_likelihood  of a decoder, by annealed importance sampling (bidirectional: bounds from both sides, on data from the model)
parzen_log_likelihood    the GAN paper's estimator: a Gaussian window around each sample (parzen_sigma chooses its width; kmeans: its best rival)
mode_coverage            which modes of a known mixture the samples reach, and how many of them are any good
train_classifier         a small classifier, by which class_coverage asks: is every class drawn, and can it be told?
best_agreement           of classes that a model has found by itself with labels, however they are numbered
frechet_distance         between Gaussians fitted to features of samples and of data
precision_recall         shares of samples that could be real, and of data that could be drawn
mmd_estimate             maximum mean discrepancy, without bias
nearest_neighbours       what of the training data a sample is nearest to
"""

from scratchgen.metrics.ais import AnnealedLogLikelihood, Bounds, annealed_log_likelihood, bidirectional
from scratchgen.metrics.classifier import ClassCoverage, accuracy, class_coverage, train_classifier
from scratchgen.metrics.discrepancy import mmd_estimate
from scratchgen.metrics.estimate import Estimate, estimate, over_seeds
from scratchgen.metrics.frechet import features, frechet_distance
from scratchgen.metrics.kmeans import kmeans
from scratchgen.metrics.log_mean_exp import log_mean_exp
from scratchgen.metrics.matching import Agreement, best_agreement
from scratchgen.metrics.modes import ModeCoverage, mode_coverage
from scratchgen.metrics.neighbours import nearest_neighbours
from scratchgen.metrics.parzen import parzen_log_likelihood, parzen_sigma
from scratchgen.metrics.precision_recall import PrecisionRecall, precision_recall

__all__ = [
    "Agreement", "AnnealedLogLikelihood", "Bounds", "ClassCoverage", "Estimate", "ModeCoverage", "PrecisionRecall", "accuracy",
    "annealed_log_likelihood", "best_agreement", "bidirectional", "class_coverage", "estimate", "features", "frechet_distance", "kmeans",
    "log_mean_exp", "mmd_estimate", "mode_coverage", "nearest_neighbours", "over_seeds", "parzen_log_likelihood", "parzen_sigma", "precision_recall",
    "train_classifier",
]  # fmt: skip
