"""Train a model and leave pictures, metrics and checkpoints in a run folder.

What is not given is chosen to suit the model and the data; with --resume it is what the run was started with.

examples:
  scratchgen train vae
  scratchgen train vae --help                                  the options of that model
  scratchgen train vae --data mnist --epochs 30 --latent-dim 2
  scratchgen train gan --data ring --epochs 40
  scratchgen train vae --data my_pictures.npy --hidden 500 500 --out runs/mine
  scratchgen train vae --out runs/mine --resume --epochs 60
"""

import argparse
import functools
import json
from pathlib import Path

import numpy as np

import scratchgen as sg
from scratchgen.cli.settings import add_model_options, build, model_class, summary, typed
from scratchgen.data.binarize import KINDS, Binarize
from scratchgen.errors import integer, number, one_of
from scratchgen.models import MODELS
from scratchgen.reading import open_regular, read_up_to

OPTIMIZERS = {name.lower(): getattr(sg.optim, name) for name in ("SGD", "Adagrad", "RMSProp", "Adadelta", "Adam", "AdamW")}
SCHEDULES = {
    "constant": None,
    "step": lambda epochs: lambda optimizer: sg.optim.StepLR(optimizer, every=max(1, epochs // 3)),
    "exponential": lambda epochs: lambda optimizer: sg.optim.ExponentialLR(optimizer, gamma=0.01 ** (1 / epochs)),
    "cosine": lambda epochs: lambda optimizer: sg.optim.CosineLR(optimizer, total=epochs),
}
NOT_SETTINGS = ("backend", "out", "resume")
STORED = {  # types of the settings that config.json can hold; those of the model are for its constructor to judge
    **dict.fromkeys(("model", "data", "binarize", "optimizer", "schedule"), (str,)),
    **dict.fromkeys(("epochs", "batch_size", "seed"), (int,)),
    **dict.fromkeys(("lr", "clip_norm"), (int, float)),
}
PLAIN = (str, int, float, bool, type(None))
LONGEST_CONFIG = 2**20  # bytes; a run writes about a thousand


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
    training.add_argument("--steps", type=int, metavar="N", help="how many minibatches to train on, in the place of --epochs")
    training.add_argument("--batch-size", type=int, metavar="N", help="examples per minibatch (default 100)")
    training.add_argument("--optimizer", metavar="NAME", help=f"one of: {', '.join(OPTIMIZERS)} (default: the model's own)")
    training.add_argument("--lr", type=float, metavar="RATE", help="learning rate")
    training.add_argument("--schedule", metavar="NAME", help=f"of the learning rate over the epochs: {', '.join(SCHEDULES)} (default constant)")
    training.add_argument("--clip-norm", type=float, metavar="X", help="bound on the norm of the gradients (default: none)")
    training.add_argument("--seed", type=int, metavar="N", help="of everything random (default 0)")
    training.add_argument("--backend", metavar="NAME", help="numba (default), numpy, or cuda for an NVIDIA GPU")
    training.add_argument("--out", metavar="DIR", help="the run's folder (default runs/MODEL-DATA, the first that is free)")
    training.add_argument("--resume", action="store_true", help="go on with the run in --out")
    add_model_options(parser.add_argument_group("the model"), cls)
    return parser


def customary(cls):
    """What is set where nothing is given, for pictures and for points of the plane."""
    lines = []
    for kind, x in (("pictures", np.tile([0.0, 1.0], (2, 392))), ("points of the plane", np.tile([-2.0, 2.0], (2, 1)))):
        given = (f"--{name.replace('_', '-')} {typed(value)}" for name, value in cls.suited_to(x).items())
        lines.append(f"  for {kind:20}{'  '.join(given)}")
    return "\n".join(["settings that suit the data, where none are given:", *lines])


def run(options):
    """Train; print where the pictures are, and the result on test data."""
    cls = model_class(options.model)
    options = model_parser(options.model).parse_args(options.rest, argparse.Namespace(model=options.model))
    if options.backend:
        sg.use_backend(options.backend)
    settings = asked_for(options)
    model, settings, out = train(cls, settings, options)
    x = sg.ops.array(test_data(settings["data"], settings["binarize"], seed=0))
    for key, value in model.evaluate(x, rng=0).items():
        print(f"test {key.replace('_', ' ')}: {value:.2f} nats per example")
    print(f"pictures, metrics and checkpoint are in {out}")


def asked_for(options):
    """The settings that were given, together with those of the run to resume. ValueError where they contradict each other."""
    if options.resume and not options.out:
        raise ValueError("--resume needs --out, the folder of the run to go on with")
    if options.steps is not None and options.epochs is not None:
        raise ValueError("--steps and --epochs are both given; each says how long to train")
    given = {key: value for key, value in vars(options).items() if value is not None and key not in NOT_SETTINGS}
    stored = stored_options(options.out) if options.resume else {}
    for key in given.keys() & stored.keys() - {"epochs"}:
        if given[key] != stored[key]:
            raise ValueError(f"cannot resume {options.out}: {key} was {stored[key]}, now it is {given[key]}; leave it out, or start a new run")
    return {"data": "glyphs"} | stored | given


def train(cls, settings, options):
    """Build the model and fit it -> model, complete settings, folder of the run."""
    data = sg.data.load(settings["data"])
    settings = suitable(cls, data.x, settings)
    out = Path(options.out or free_folder(f"runs/{settings['model']}-{Path(settings['data']).stem}"))
    model = build(cls, settings, data.x.shape[1])
    print(model)
    sg.fit(
        model,
        data,
        valid=sg.data.load(settings["data"], "valid"),
        epochs=settings["epochs"],
        batch_size=settings["batch_size"],
        seed=settings["seed"],
        out=out,
        resume=options.resume,
        binarize=settings["binarize"],
        optimizer=make_optimizer(model, settings),
        schedule=make_schedule(settings),
        clip_norm=settings.get("clip_norm"),
        config={"command": settings},
    )
    return model, settings, out


def test_data(data, binarize, seed):
    """The test split; where training data was binarized, drawn once from that seed (or cut at the threshold)."""
    kind = {"fresh": "once"}.get(binarize, binarize)
    return Binarize(kind, rng=seed).dataset(sg.data.load(data, "test").x)


def suitable(cls, x, given):
    """The settings given, and for the rest those that suit the model and the data. How long to train is a number of steps, however large the data."""
    settings = {"seed": 0, "batch_size": 100, "schedule": "constant", "binarize": "none", "steps": 8_000} | cls.suited_to(x) | given
    steps = integer("steps", settings.pop("steps"), 1)
    return {"epochs": max(1, steps * integer("batch_size", settings["batch_size"], 1) // len(x))} | settings


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
