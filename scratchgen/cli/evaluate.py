"""Measure a trained model on test data.

Where the model has a likelihood, or a bound on it such as the ELBO of a VAE, that is what is measured. A GAN has none that can be computed:
for pictures with labels, the classes that a classifier trained on the same data finds in its samples, the Fréchet distance, precision and
recall of that classifier's features, and the Parzen window estimate, beside those of real training data; neighbours.png shows samples above
the training examples nearest to them. For mixtures in the plane, of every model, the modes that it covers. For a model that takes labels, how
often the classifier finds the class that was asked for; for one that finds classes by itself, how well they agree with the labels.

examples:
  scratchgen evaluate runs/vae-glyphs
  scratchgen evaluate runs/vae-mnist --samples 1000 --examples 1000
  scratchgen evaluate runs/gan-ring
"""

import json
from pathlib import Path

import numpy as np

import scratchgen as sg
from scratchgen.cli.train import binarized, labels_of, likelihoods, read_config
from scratchgen.errors import integer
from scratchgen.metrics import (
    Estimate,
    accuracy,
    annealed_log_likelihood,
    best_agreement,
    class_coverage,
    estimate,
    features,
    frechet_distance,
    mmd_estimate,
    mode_coverage,
    nearest_neighbours,
    parzen_log_likelihood,
    parzen_sigma,
    precision_recall,
    train_classifier,
)
from scratchgen.models.model import is_square
from scratchgen.ops import array, to_host
from scratchgen.train.checks import check_labels

ASKED = 1000  # samples
JUDGED = 10_000  # samples, and as many test examples at most
WITHOUT_UNIT = ("high_quality", "frechet", "frechet_of_real_data", "precision", "recall", "mmd")  # the others are in nats
MIXTURES = {"ring": (sg.data.ring_modes, sg.data.RING_STD), "grid": (sg.data.grid_modes, sg.data.GRID_STD)}


def add_arguments(parser):
    """The options."""
    parser.add_argument("run_folder", metavar="RUN", help="a run's folder, or with --data a file of sg.save")
    parser.add_argument("--data", metavar="NAME", help="the data to test on (default: what the run was trained on)")
    parser.add_argument("--examples", type=int, metavar="N", help="use only the first N test examples")
    parser.add_argument("--samples", type=int, default=100, metavar="N", help="importance samples per example, or 0 for none (default 100)")
    parser.add_argument("--ais", type=int, default=0, metavar="T", help="log p(x) of a VAE by annealed importance sampling, in T steps: slow, close")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the noise and of the binarization of test data (default 0)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options):
    """Evaluate and print."""
    result = measured(options)
    as_json = {name: value.as_json() if isinstance(value, Estimate) else value for name, value in result.items()}
    print(json.dumps(as_json, indent=2) if options.json else describe(result))


def measured(options):
    """{name: Estimate, number, text or list} of everything that can be said of the run."""
    model, config = sg.load(options.run_folder), read_config(options.run_folder)
    data = options.data or config.get("command", {}).get("data")
    if data is None:
        raise ValueError(f"{options.run_folder} does not say what it was trained on; give --data")
    if options.examples is not None and options.examples < 1:
        raise ValueError(f"--examples is {options.examples}; it must be at least 1")
    prepared = lambda split: binarized(sg.data.load(data, split), config.get("binarize", "none"), options.seed)
    test = prepared("test")
    test = sg.data.Dataset(*(part if part is None else part[: options.examples] for part in test))
    if test.x.shape[1] != model.data_dim:
        raise ValueError(f"{data} has {test.x.shape[1]} features; the model in {options.run_folder} has {model.data_dim}")
    model.check_range(f"{data} (test)", test.x)
    if model.n_classes is not None:
        check_labels(model, test, f"{data} (test)")
    result = {"data": str(data), "examples": len(test.x)}
    found = likelihoods(model, test, options.samples, options.seed)
    result |= {name: estimate(values) for name, values in found.items()}
    result |= model.facts(array(test.x), labels_of(model, test))
    if options.ais:
        result["annealed_log_likelihood"] = annealed(model, test.x, options.ais, options.seed)
    if data in MIXTURES:
        modes, std = MIXTURES[data]
        coverage = mode_coverage(to_host(model.draw(2500, rng=options.seed)), modes(), std)
        share = coverage.high_quality
        result |= {"modes": coverage.captured, "of_modes": len(modes()), "high_quality": Estimate(share, (share * (1 - share) / 2500) ** 0.5)}
        result["reverse_kl"] = coverage.reverse_kl
    elif not found:
        result |= judge_pictures(model, prepared("train"), prepared("valid"), test, options)
    if model.n_classes is not None:
        result |= judge_labels(model, data, options.seed)
    clusters = model.clusters(array(test.x))
    if clusters is not None and test.y is not None:
        result["agreement"] = best_agreement(clusters, np.unique(test.y, return_inverse=True)[1]).fraction
    return result


def annealed(model, x, T, seed):
    """The Estimate of log p(x) of examples x (n, data_dim), by annealed importance sampling in T steps."""
    latent_model = model.latent_model()
    if latent_model is None:
        raise ValueError(f"--ais needs a decoder of z ~ N(0, I), as of a VAE without labels; this is {model!r}")
    return estimate(annealed_log_likelihood(*latent_model, x, integer("--ais", T, 1), rng=seed).log_likelihood)


def judge_pictures(model, train, valid, test, options):
    """What can be said of samples without a likelihood: by a classifier where there are labels, by windows, by distances. Draws neighbours.png."""
    samples, real, result = to_host(model.draw(JUDGED, rng=options.seed)), train.x[:JUDGED], {}
    if train.y is not None and test.y is not None:
        classes, y = np.unique(train.y, return_inverse=True)  # numbered, whatever they are called
        y_test = np.where(np.isin(test.y, classes), np.searchsorted(classes, test.y), len(classes))  # the last is a class that no judge names
        judge = train_classifier(train.x, y, seed=options.seed)
        found = class_coverage(judge, samples)
        result |= {"classes": found.classes, "of_classes": len(classes), "confidence": found.confidence}
        result["classifier_accuracy"] = accuracy(judge, test.x, y_test)
        seen, seen_test = features(judge, samples), features(judge, test.x[:JUDGED])
        if len(seen_test) > 1:
            result["frechet"] = frechet_distance(seen, seen_test, rng=options.seed)
            result["frechet_of_real_data"] = frechet_distance(features(judge, real), seen_test, rng=options.seed)
    else:
        seen, seen_test = samples, test.x[:JUDGED]
    n = min(len(seen), len(seen_test))
    if n > 3:
        result |= precision_recall(seen[:n], seen_test[:n])._asdict()
        result["mmd"] = mmd_estimate(seen[:n], seen_test[:n], block=min(500, n // 2))
    result["parzen"] = parzen_log_likelihood(samples, test.x, parzen_sigma(samples, valid.x[:1000]))
    result["parzen_of_real_data"] = parzen_log_likelihood(real, test.x, parzen_sigma(real, valid.x[:1000]))
    if is_square(model.data_dim):
        indices, _ = nearest_neighbours(samples[:24], train.x)
        folder = Path(options.run_folder)
        path = (folder if folder.is_dir() else folder.parent) / "neighbours.png"
        sentence = "A sample that equals the training example under it was copied."
        try:
            sg.plots.reconstructions(samples[:24], train.x[indices[:, 0]], path, labels=("sample", "nearest of train"), sentence=sentence)
            result["neighbours"] = str(path)
        except OSError as error:  # what was measured is not lost
            result["neighbours"] = str(error)
    return result


def judge_labels(model, data, seed):
    """How often a classifier trained on the data finds in a sample the class that was asked for, and how often it is right on test data."""
    train, test = (sg.data.load(data, split) for split in ("train", "test"))
    for split, part in (("train", train), ("test", test)):
        check_labels(model, part, f"{data} ({split})")
    judge = train_classifier(train.x, train.y, seed=seed)
    labels = to_host(model.labels_for(ASKED))
    asked_for = accuracy(judge, to_host(model.draw(ASKED, rng=seed)), labels)
    return {"asked_for": asked_for, "classifier_accuracy": accuracy(judge, test.x, test.y)}


def describe(result):
    """The result as lines of text."""
    lines = []
    for key, value in result.items():
        if key.startswith("of_"):
            lines[-1] += f" of {value}"
            continue
        if isinstance(value, Estimate):
            unit, digits = ("", 3) if key in WITHOUT_UNIT else (" nats", 2)
            text = f"{value.mean:.{digits}f} ± {value.standard_error:.{digits}f}{unit}"
        elif isinstance(value, list):
            text = " ".join(f"{each:.2f}" for each in value)
        else:
            text = f"{value:.3f}" if isinstance(value, float) else str(value)
        lines.append(f"{key.replace('_', ' '):26}{text}")
    return "\n".join(lines)
