"""Train a model and leave pictures, metrics, checkpoints and a report in a run folder.

What is not given is chosen to suit the model and the data; with --resume it is what the run was started with.

examples:
  scratchgen train vae
  scratchgen train vae --help                                  the options of that model
  scratchgen train vae --data mnist --epochs 30 --latent-dim 2
  scratchgen train gan --data ring --epochs 40
  scratchgen train vae --data my_pictures.npy --hidden 500 500 --out runs/mine
  scratchgen train made --data my_bits.npz                     trains until the validation split says stop
  scratchgen train vae --out runs/mine --resume --epochs 60
  scratchgen train gan --data ring --seeds 0-9 --jobs 2        ten trainings, their means and standard errors
"""

import argparse
import contextlib
import functools
import io
import json
from pathlib import Path

import numpy as np

import scratchgen as sg
from scratchgen.cli.seeds import train_all
from scratchgen.cli.settings import add_model_options, as_typed, build, model_class, summary, takes_labels
from scratchgen.data.binarize import KINDS, Binarize
from scratchgen.errors import integer, number, one_of
from scratchgen.models import MODELS
from scratchgen.pages import write_report
from scratchgen.reading import open_regular, read_up_to
from scratchgen.train.checks import validation_value
from scratchgen.train.ranks import ranks

OPTIMIZERS = {name.lower(): getattr(sg.optim, name) for name in ("SGD", "Adagrad", "RMSProp", "Adadelta", "Adam", "AdamW")}
SCHEDULES = {
    "constant": None,
    "step": lambda epochs: lambda optimizer: sg.optim.StepLR(optimizer, every=max(1, epochs // 3)),
    "exponential": lambda epochs: lambda optimizer: sg.optim.ExponentialLR(optimizer, gamma=0.01 ** (1 / epochs)),
    "cosine": lambda epochs: lambda optimizer: sg.optim.CosineLR(optimizer, total=epochs),
}
NOT_SETTINGS = ("backend", "out", "resume", "seeds", "jobs")
STORED = {  # types of the settings that config.json can hold; those of the model are for its constructor to judge
    **dict.fromkeys(("model", "data", "binarize", "optimizer", "schedule"), (str,)),
    **dict.fromkeys(("epochs", "batch_size", "seed", "patience", "shards"), (int,)),
    "conditional": (bool,),
    **dict.fromkeys(("lr", "clip_norm"), (int, float)),
}
PLAIN = (str, int, float, bool, type(None))
LONGEST_CONFIG = 2**20  # bytes; a run writes about a thousand
PATIENCE, FEWEST = 1000, 10  # the default: steps, epochs
MOST_EPOCHS = 2000  # where neither epochs nor steps were given: of few examples there is no more to learn
DRAWS = 500_000  # importance samples for the test result: seconds


def add_arguments(parser):
    """The model; its options follow, see `model_parser`."""
    parser.add_argument("model", metavar="MODEL", help=f"one of: {', '.join(MODELS)} (`scratchgen models` says what they are)")
    parser.add_argument("rest", metavar="OPTION …", nargs=argparse.REMAINDER, help="of the training and of the model: scratchgen train MODEL --help")


def model_parser(name):
    """The parser of the options after `train NAME`. All default to None, so that what was given can be told from what was not."""
    cls, layout = model_class(name), functools.partial(argparse.RawDescriptionHelpFormatter, max_help_position=32)
    parser = argparse.ArgumentParser(prog=f"scratchgen train {name}", description=f"{summary(cls)}.", epilog=customary(cls), formatter_class=layout)
    training = parser.add_argument_group("training")
    training.add_argument("--data", metavar="NAME", help=f"one of: {', '.join(sg.data.NAMES)}; or a .npy, .npz or IDX file (default glyphs)")
    training.add_argument("--binarize", metavar="HOW", help=f"one of: {', '.join(KINDS)}")
    training.add_argument("--epochs", type=int, metavar="N", help="how often to go through the data")
    training.add_argument("--steps", type=int, metavar="N", help="in the place of --epochs: about how many minibatches; epochs are whole")
    training.add_argument("--batch-size", type=int, metavar="N", help="examples per minibatch (default 100)")
    training.add_argument("--optimizer", metavar="NAME", help=f"one of: {', '.join(OPTIMIZERS)} (default: the model's own)")
    training.add_argument("--lr", type=float, metavar="RATE", help="learning rate")
    training.add_argument("--schedule", metavar="NAME", help=f"of the learning rate over the epochs: {', '.join(SCHEDULES)} (default constant)")
    usual = f"with a data file {PATIENCE} steps, {FEWEST} epochs at least; else none"
    training.add_argument("--patience", type=int, metavar="N", help=f"stop after N epochs without a better validation value (default: {usual})")
    training.add_argument("--conditional", action="store_true", default=None, help="learn each class of labelled data: `sample --label K` draws it")
    training.add_argument("--clip-norm", type=float, metavar="X", help="bound on the norm of the gradients (default: none)")
    training.add_argument("--shards", type=int, metavar="N", help="cut each minibatch in N, for `mpiexec -n M scratchgen train …` with M up to N")
    training.add_argument("--seed", type=int, metavar="N", help="of everything random (default 0)")
    training.add_argument("--seeds", metavar="A-B", help="train once with each of these seeds, evaluate, and print means and standard errors")
    training.add_argument("--jobs", type=int, metavar="N", help="with --seeds: how many at a time (default 1)")
    training.add_argument("--backend", metavar="NAME", help="numba (default), numpy, or cuda for an NVIDIA GPU")
    training.add_argument("--out", metavar="DIR", help="the run's folder (default runs/MODEL-DATA, the first that is free)")
    training.add_argument("--resume", action="store_true", help="go on with the run in --out")
    add_model_options(parser.add_argument_group("the model"), cls)
    return parser


def customary(cls):
    """What is set where nothing is given, for pictures and for points of the plane."""
    lines = []
    for kind, x in (("pictures", np.tile([0.0, 1.0], (2, 392))), ("points of the plane", np.tile([-2.0, 2.0], (2, 1)))):
        given = (as_typed(name, value) for name, value in cls.suited_to(x).items())
        lines.append(f"  for {kind:20}{'  '.join(given)}")
    return "\n".join(["settings that suit the data, where none are given:", *lines])


def run(options):
    """Train; print where the pictures are, and the result on test data. With --seeds, do so for each."""
    cls = model_class(options.model)
    options = model_parser(options.model).parse_args(options.rest, argparse.Namespace(model=options.model))
    if options.seeds is not None:
        return train_all(cls, options)
    if options.jobs is not None:
        raise ValueError(f"--jobs is {options.jobs}, but there is one training; give --seeds")
    with contextlib.redirect_stdout(io.StringIO()) if ranks().rank else contextlib.nullcontext():  # of many processes one speaks
        train_and_test(cls, options)


def train_and_test(cls, options):
    """One training, with the options that were parsed."""
    if options.backend:
        sg.use_backend(options.backend)
    settings = asked_for(options)
    data = {split: sg.data.load(settings["data"], split) for split in sg.data.splits(settings["data"])}
    model, settings, out = train(cls, data, settings, options)
    if ranks().rank:
        return
    results = {}
    if "test" in data:
        test = binarized(data["test"], settings["binarize"], seed=0)
        for key, values in likelihoods(model, test, n_samples=max(1, min(100, DRAWS // len(test.x))), seed=0).items():
            results[f"test {key.replace('_', ' ')}"] = f"{np.mean(values, dtype=np.float64):.2f} nats per example"
        for name, text in results.items():
            print(f"{name}: {text}")
    else:
        print(f"{settings['data']} has no test split, and so there is no test result")
    print(f"pictures, metrics and checkpoint are in {out}; to look at: {write_report(out, results)}")


def asked_for(options):
    """The settings that were given, together with those of the run to resume. ValueError where they contradict each other."""
    if options.resume and not options.out:
        raise ValueError("--resume needs --out, the folder of the run to go on with")
    if options.steps is not None and options.epochs is not None:
        raise ValueError("--steps and --epochs are both given; each says how long to train")
    given = {key: value for key, value in vars(options).items() if value is not None and key not in NOT_SETTINGS}
    stored = stored_options(options.out) if options.resume else {}
    for key in given.keys() & stored.keys() - {"epochs", "patience"}:
        if given[key] != stored[key]:
            raise ValueError(f"cannot resume {options.out}: {key} was {stored[key]}, now it is {given[key]}; leave it out, or start a new run")
    if options.steps is not None:
        stored.pop("epochs", None)
    return {"data": "glyphs"} | stored | given


def train(cls, data, settings, options):
    """Build the model and fit it to data {split: Dataset} -> model, complete settings, folder of the run."""
    x, y = data["train"]
    n_classes = classes(cls, data, settings["data"]) if settings.get("conditional") else None
    settings = suitable(cls, x, None if n_classes is None else y, settings)
    model = build(cls, settings, x.shape[1], n_classes)
    for split, part in data.items():
        model.check_range(f"{settings['data']} ({split})", part.x)
    valid = binarized(data["valid"] if n_classes else data["valid"]._replace(y=None), settings["binarize"], seed=0)
    if "patience" not in settings and settings["data"] not in sg.data.NAMES and validation_value(model, *valid):
        settings["patience"] = max(FEWEST, -(-PATIENCE * settings["batch_size"] // len(x)))
    out = Path(options.out or free_folder(f"runs/{settings['model']}-{Path(settings['data']).stem}"))
    sg.fit(
        model,
        data["train"],
        valid=data["valid"],
        epochs=settings["epochs"],
        batch_size=settings["batch_size"],
        seed=settings["seed"],
        out=out,
        resume=options.resume,
        binarize=settings["binarize"],
        optimizer=make_optimizer(model, settings),
        schedule=make_schedule(settings),
        clip_norm=settings.get("clip_norm"),
        patience=settings.get("patience"),
        shards=settings.get("shards"),
        config={"command": settings},
        begin=lambda: print(model),
    )
    return model, settings, out


def binarized(data, binarize, seed):
    """The test split, or the valid one, a Dataset; where training data was binarized, drawn once from that seed (or cut at the threshold)."""
    kind = {"fresh": "once"}.get(binarize, binarize)
    return data._replace(x=Binarize(kind, rng=seed).dataset(data.x))


def likelihoods(model, test, n_samples, seed):
    """The model's likelihoods of a Dataset, {name: (n,)}, given its labels where the model takes them."""
    return model.likelihoods(sg.ops.array(test.x), labels_of(model, test), rng=seed, n_samples=n_samples)


def labels_of(model, data):
    """The labels of a Dataset for a model that takes them, else None."""
    return None if model.n_classes is None else sg.ops.array(data.y)


def classes(cls, data, name):
    """The number of classes in data {split: Dataset}: the largest label of the train split + 1. ValueError where labels or the model do not suit."""
    if not takes_labels(cls):
        raise ValueError(f"{cls.__name__} takes no labels; --conditional is for {', '.join(key for key in MODELS if takes_labels(MODELS[key]))}")
    for split, (x, y) in data.items():
        if y is None:
            raise ValueError(f"{name} ({split}) has no labels, which --conditional needs; in an .npz file they are y, or y_train, y_valid and y_test")
        if split == "train":
            n_classes = int(y.max()) + 1
            if n_classes > len(x):
                raise ValueError(f"{name} ({split}) has labels up to {y.max()} for {len(x)} examples; number the classes from 0")
        if y.min() < 0 or y.max() >= n_classes:
            raise ValueError(f"{name} ({split}) has labels from {y.min()} to {y.max()}; the classes of the train split are 0 … {n_classes - 1}")
    return n_classes


def suitable(cls, x, y, given):
    """The settings given, and for the rest those that suit the model and the data x, and labels y or None.

    How long to train is a number of steps, however large the data.
    """
    suited = cls.suited_to(x) if y is None else cls.suited_to(x, y)
    settings = {"seed": 0, "batch_size": 100, "schedule": "constant", "binarize": "none", "steps": 8_000} | suited
    settings["batch_size"] = batch_of(settings["batch_size"], len(x))
    settings |= given
    epochs = integer("steps", settings.pop("steps"), 1) * integer("batch_size", settings["batch_size"], 1) // len(x)
    return {"epochs": max(1, epochs if "steps" in given else min(epochs, MOST_EPOCHS))} | settings


def batch_of(most, n):
    """The largest batch size up to `most` that leaves none of n examples alone, which batch normalisation could not use."""
    return next((size for size in range(min(most, n), 1, -1) if n % size != 1), 1)


def make_optimizer(model, settings):
    """A function player -> Optimizer: the one that was asked for, or the model's own, with the learning rate that was asked for."""
    name, lr = settings.get("optimizer"), settings.get("lr")
    if name is not None:
        options = {} if lr is None else {"lr": lr}
        return functools.partial(OPTIMIZERS[one_of("optimizer", name, OPTIMIZERS)], **options)

    def make(player):
        optimizer = model.optimizer(player)
        if lr is not None:
            optimizer.lr = number("lr", lr, lambda lr: lr > 0, "be a positive number")
        return optimizer

    return make


def make_schedule(settings):
    """A function optimizer -> schedule, or None."""
    make = SCHEDULES[one_of("schedule", settings["schedule"], SCHEDULES)]
    return make and make(settings["epochs"])


def stored_options(out):
    """What the run in that folder was started with."""
    config = read_config(out)
    if not config:
        raise ValueError(f"{out} holds no run to go on with: there is no config.json in it; to start one, leave out --resume")
    if "command" not in config:
        raise ValueError(f"the run in {out} was started by sg.fit; go on with it there, with resume=True")
    return config["command"]


def read_config(folder):
    """What config.json in that folder holds; empty if there is none. ValueError if it is not what a run writes there."""
    path = Path(folder) / "config.json"
    if not path.exists():
        return {}
    with open_regular(path) as file:
        text = read_up_to(file, LONGEST_CONFIG)
    try:
        config = json.loads(text)
        if not isinstance(config, dict) or not isinstance(config.get("binarize", ""), str) or not isinstance(config.get("command", {}), dict):
            raise ValueError("its entries are not those of a run")
        for key, value in config.get("command", {}).items():
            values = value if type(value) is list and key not in STORED else [value]
            if any(type(each) not in STORED.get(key, PLAIN) for each in values):
                raise ValueError(f"{key} is {str(value)[:60]!r}, which no run is started with")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error})") from None
    return config


def free_folder(path):
    """`path`, or path-2, path-3, …: the first that does not exist."""
    number, free = 1, path
    while Path(free).exists():
        number += 1
        free = f"{path}-{number}"
    return free
