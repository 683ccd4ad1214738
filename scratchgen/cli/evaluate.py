"""Measure a trained model on test data.

Where the model has a likelihood, or a bound on it such as the ELBO of a VAE, that is what is measured. A GAN has none that can be computed:
for pictures with labels, the classes that a classifier trained on the same data finds in its samples, and the Parzen window estimate
beside that of real training data. For mixtures in the plane, of every model, the modes that it covers. For a model that takes labels, how often the
classifier finds the class that was asked for; of one that finds classes by itself, how well they fit the labels after the best matching.

examples:
  scratchgen evaluate runs/vae-glyphs
  scratchgen evaluate runs/vae-mnist --samples 1000 --examples 1000
  scratchgen evaluate runs/gan-ring
"""

import json

import numpy as np

import scratchgen as sg
from scratchgen.cli.train import binarized, likelihoods, read_config
from scratchgen.metrics import accuracy, best_agreement, class_coverage, mode_coverage, parzen_log_likelihood, parzen_sigma, train_classifier
from scratchgen.ops import array, to_host
from scratchgen.train.checks import check_labels

ASKED = 1000  # samples
MIXTURES = {"ring": (sg.data.ring_modes, sg.data.RING_STD), "grid": (sg.data.grid_modes, sg.data.GRID_STD)}


def add_arguments(parser):
    """The options."""
    parser.add_argument("run_folder", metavar="RUN", help="a run's folder")
    parser.add_argument("--data", metavar="NAME", help="the data to test on (default: what the run was trained on)")
    parser.add_argument("--examples", type=int, metavar="N", help="use only the first N test examples")
    parser.add_argument("--samples", type=int, default=100, metavar="N", help="importance samples per example, or 0 for none (default 100)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the noise and of the binarization of test data (default 0)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options):
    """Evaluate and print."""
    model, config = sg.load(options.run_folder), read_config(options.run_folder)
    data = options.data or config.get("command", {}).get("data")
    if data is None:
        raise ValueError(f"{options.run_folder} does not say what it was trained on; give --data")
    if options.examples is not None and options.examples < 1:
        raise ValueError(f"--examples is {options.examples}; it must be at least 1")
    test = binarized(sg.data.load(data, "test"), config.get("binarize", "none"), options.seed)
    test = sg.data.Dataset(*(part if part is None else part[: options.examples] for part in test))
    if test.x.shape[1] != model.data_dim:
        raise ValueError(f"{data} has {test.x.shape[1]} features; the model in {options.run_folder} has {model.data_dim}")
    model.check_range(f"{data} (test)", test.x)
    if model.n_classes is not None:
        check_labels(model, test, f"{data} (test)")
    result = {"data": str(data), "examples": len(test.x)}
    found = likelihoods(model, test, options.samples, options.seed)
    result |= {name: mean_and_error(values) for name, values in found.items()}
    if data in MIXTURES:
        modes, std = MIXTURES[data]
        coverage = mode_coverage(to_host(model.draw(2500, rng=options.seed)), modes(), std)
        result |= {"modes": f"{coverage.captured} of {len(modes())}", "high_quality": coverage.high_quality, "reverse_kl": coverage.reverse_kl}
    elif not found:
        result |= judge_pictures(model, data, test.x, options.seed)
    if model.n_classes is not None:
        result |= judge_labels(model, data, options.seed)
    clusters = model.clusters(array(test.x))
    if clusters is not None and test.y is not None:
        result["agreement"] = best_agreement(clusters, test.y).fraction
    print(json.dumps(result, indent=2) if options.json else describe(result))


def mean_and_error(values):
    """[mean, standard error] of the values (n,)."""
    values = np.asarray(values, np.float64)
    return [float(values.mean()), float(values.std() / np.sqrt(len(values)))]


def judge_pictures(model, data, x, seed):
    """What can be said of samples without a likelihood."""
    train, valid, test = (sg.data.load(data, split) for split in ("train", "valid", "test"))
    samples = to_host(model.draw(10_000, rng=seed))
    result = {}
    if train.y is not None and test.y is not None:
        judge = train_classifier(train.x, train.y, seed=seed)
        found = class_coverage(judge, samples)
        result |= {"classes": f"{found.classes} of {len(np.unique(train.y))}", "confidence": found.confidence}
        result["classifier_accuracy"] = accuracy(judge, test.x, test.y)
    sigma = parzen_sigma(samples, valid.x[:1000])
    result["parzen"] = list(map(float, parzen_log_likelihood(samples, x, sigma)))
    real = train.x[:10_000]
    result["parzen_of_real_data"] = list(map(float, parzen_log_likelihood(real, x, parzen_sigma(real, valid.x[:1000]))))
    return result


def judge_labels(model, data, seed):
    """How often a classifier trained on the data finds in a sample the class that was asked for, and how often it is right on test data."""
    train, test = (sg.data.load(data, split) for split in ("train", "test"))
    judge = train_classifier(train.x, train.y, seed=seed)
    labels = to_host(model.labels_for(ASKED))
    asked_for = accuracy(judge, to_host(model.draw(ASKED, rng=seed)), labels)
    return {"asked_for": asked_for, "classifier_accuracy": accuracy(judge, test.x, test.y)}


def describe(result):
    """The result as lines of text."""
    lines = []
    for key, value in result.items():
        text = f"{value[0]:.2f} ± {value[1]:.2f} nats" if isinstance(value, list) else f"{value:.3f}" if isinstance(value, float) else str(value)
        lines.append(f"{key.replace('_', ' '):22}{text}")
    return "\n".join(lines)
