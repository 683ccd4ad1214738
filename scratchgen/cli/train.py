"""Train a model and leave pictures, metrics and checkpoints in a run folder.

What is not given is chosen to suit the model and the data; with --resume it is what the run was started with.

examples:
  scratchgen train vae
  scratchgen train vae --data mnist --epochs 30 --latent-dim 2
  scratchgen train gan --data ring --epochs 40
  scratchgen train vae --data my_pictures.npy --hidden 500 500 --out runs/mine
  scratchgen train vae --out runs/mine --resume --epochs 60
"""

import argparse
import json
from pathlib import Path

import scratchgen as sg
from scratchgen.data.binarize import KINDS, Binarize
from scratchgen.errors import unknown_name
from scratchgen.layers.mlp import ACTIVATIONS
from scratchgen.models import MODELS
from scratchgen.models.likelihoods import LIKELIHOODS

OPTIMIZERS = {name.lower(): getattr(sg.optim, name) for name in ("SGD", "Adagrad", "RMSProp", "Adadelta", "Adam", "AdamW")}
SCHEDULES = {
    "constant": None,
    "step": lambda epochs: lambda optimizer: sg.optim.StepLR(optimizer, every=max(1, epochs // 3)),
    "exponential": lambda epochs: lambda optimizer: sg.optim.ExponentialLR(optimizer, gamma=0.01 ** (1 / epochs)),
    "cosine": lambda epochs: lambda optimizer: sg.optim.CosineLR(optimizer, total=epochs),
}
ARGUMENTS = {  # model -> those of the settings that only some models have
    "vae": ("latent_dim", "hidden", "activation", "likelihood"),
    "gan": ("latent_dim", "hidden", "output", "objective", "discriminator_steps", "batch_norm", "dropout"),
    "made": ("hidden", "activation"),
}


def add_arguments(parser):
    """The options; all default to None, so that what was given can be told from what was not."""
    parser.add_argument("model", help=f"one of: {', '.join(MODELS)}")
    parser.add_argument("--data", metavar="NAME", help=f"one of: {', '.join(sg.data.NAMES)}; or a .npy, .npz or IDX file (default glyphs)")
    parser.add_argument("--binarize", metavar="HOW", help=f"one of: {', '.join(KINDS)} (default: none for a GAN, fresh for other models of pictures)")
    parser.add_argument("--epochs", type=int, metavar="N", help="how often to go through the data")
    parser.add_argument("--batch-size", type=int, metavar="N", help="examples per minibatch (default 100)")
    parser.add_argument("--hidden", type=int, nargs="+", metavar="N", help="sizes of the hidden layers, such as: --hidden 500 500")
    parser.add_argument("--latent-dim", type=int, metavar="N", help="size of the latent variable")
    parser.add_argument("--activation", metavar="NAME", help=f"of the hidden layers of a VAE or MADE: {', '.join(ACTIVATIONS)}")
    parser.add_argument("--likelihood", metavar="NAME", help=f"of the VAE's decoder: {', '.join(LIKELIHOODS)}")
    parser.add_argument("--objective", metavar="NAME", help="of the GAN's generator: non_saturating or minimax")
    parser.add_argument("--discriminator-steps", type=int, metavar="K", help="steps of the discriminator for each of the generator (default 1)")
    parser.add_argument("--batch-norm", action=argparse.BooleanOptionalAction, help="in the GAN's generator (default: for pictures)")
    parser.add_argument("--dropout", type=float, metavar="RATE", help="in the GAN's discriminator (default 0.3 for pictures, else 0)")
    parser.add_argument("--optimizer", metavar="NAME", help=f"one of: {', '.join(OPTIMIZERS)} (default: Adam, with the model's settings)")
    parser.add_argument("--lr", type=float, metavar="RATE", help="learning rate")
    parser.add_argument("--schedule", metavar="NAME", help=f"of the learning rate over the epochs: {', '.join(SCHEDULES)} (default constant)")
    parser.add_argument("--clip-norm", type=float, metavar="X", help="bound on the norm of the gradients (default: none)")
    parser.add_argument("--seed", type=int, metavar="N", help="of everything random (default 0)")
    parser.add_argument("--backend", metavar="NAME", help="numba (default), numpy, or cuda for an NVIDIA GPU")
    parser.add_argument("--out", metavar="DIR", help="the run's folder (default runs/MODEL-DATA, the first that is free)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")


def run(options):
    """Train; print where the pictures are, and the result on test data."""
    if options.model not in MODELS:
        raise unknown_name("model", options.model, MODELS)
    if options.backend:
        sg.use_backend(options.backend)
    settings = asked_for(options)
    model, settings, out = train(settings, options)
    x = sg.ops.array(test_data(settings["data"], settings["binarize"], seed=0))
    for key, value in model.evaluate(x, rng=0).items():
        print(f"test {key.replace('_', ' ')}: {value:.2f} nats per example")
    print(f"pictures, metrics and checkpoint are in {out}")


def asked_for(options):
    """The settings that were given, together with those of the run to resume. ValueError where they contradict each other."""
    if options.resume and not options.out:
        raise ValueError("--resume needs --out, the folder of the run to go on with")
    given = {key: value for key, value in vars(options).items() if value is not None and key not in ("command", "run", "resume", "out", "backend")}
    for key in given.keys() & set().union(*ARGUMENTS.values()) - set(ARGUMENTS[options.model]):
        raise ValueError(f"--{key.replace('_', '-')} is given, but {options.model} has no such setting")
    stored = stored_options(options.out) if options.resume else {}
    for key in given.keys() & stored.keys() - {"epochs"}:
        if given[key] != stored[key]:
            raise ValueError(f"cannot resume {options.out}: {key} was {stored[key]}, now it is {given[key]}; leave it out, or start a new run")
    return {"data": "glyphs"} | stored | given


def train(settings, options):
    """Build the model and fit it -> model, complete settings, folder of the run."""
    x = sg.data.load(settings["data"]).x
    settings = suitable(settings["model"], x) | settings
    out = Path(options.out or free_folder(f"runs/{settings['model']}-{Path(settings['data']).stem}"))
    model = build(settings, x.shape[1])
    print(model)
    sg.fit(
        model,
        x,
        valid=sg.data.load(settings["data"], "valid").x,
        epochs=settings["epochs"],
        batch_size=settings["batch_size"],
        seed=settings["seed"],
        out=out,
        resume=options.resume,
        binarize=settings["binarize"],
        optimizer=make_optimizer(settings),
        schedule=make_schedule(settings),
        clip_norm=settings.get("clip_norm"),
        config={"command": settings},
    )
    return model, settings, out


def test_data(data, binarize, seed):
    """The test split; where training data was binarized, drawn once from that seed (or cut at the threshold)."""
    kind = {"fresh": "once"}.get(binarize, binarize)
    return Binarize(kind, rng=seed).dataset(sg.data.load(data, "test").x)


def suitable(model, x):
    """Settings that suit the model and the data; all of them can be given. How long to train is a number of steps, whatever the data's size."""
    pictures = x.shape[1] >= 16 and x.min() >= 0 and x.max() <= 1
    settings = {"seed": 0, "batch_size": 100, "schedule": "constant", "binarize": "none"}
    if model == "gan" and pictures:
        steps, own = 15_000, {"hidden": [512, 512], "latent_dim": 64, "batch_norm": True, "dropout": 0.3}
    elif model == "gan":
        own = {"hidden": [128, 128, 128], "latent_dim": 2, "output": "identity", "batch_size": 256, "lr": 1e-3, "schedule": "cosine"}
        steps = 8_000
    elif model == "made":
        steps, own = 8_000, {"hidden": [500], "binarize": "fresh"}
    elif pictures:
        steps, own = 8_000, {"hidden": [500], "latent_dim": 20, "binarize": "fresh"}
    else:
        steps, own = 4_000, {"hidden": [128, 128], "latent_dim": 2, "likelihood": "gaussian"}
    settings |= own
    return settings | {"epochs": max(1, steps * settings["batch_size"] // len(x))}


def build(settings, data_dim):
    """The model that the settings describe."""
    arguments = {key: settings[key] for key in ARGUMENTS[settings["model"]] if key in settings}
    if settings["model"] == "gan":
        arguments["generator_hidden"] = arguments["discriminator_hidden"] = arguments.pop("hidden")
    return MODELS[settings["model"]](data_dim, rng=settings["seed"], **arguments)


def make_optimizer(settings):
    """A function player -> Optimizer, or None for the model's own."""
    name, options = settings.get("optimizer"), {"lr": settings["lr"]} if "lr" in settings else {}
    if name is None and not options:
        return None
    name = name or "adam"
    if name not in OPTIMIZERS:
        raise unknown_name("optimizer", name, OPTIMIZERS)
    if settings["model"] == "gan" and name in ("adam", "adamw"):
        options["betas"] = (0.5, 0.999)
    return lambda player: OPTIMIZERS[name](player, **options)


def make_schedule(settings):
    """A function optimizer -> schedule, or None."""
    if settings["schedule"] not in SCHEDULES:
        raise unknown_name("schedule", settings["schedule"], SCHEDULES)
    make = SCHEDULES[settings["schedule"]]
    return make and make(settings["epochs"])


def stored_options(out):
    """What the run in that folder was started with; empty if it was stopped before it wrote that down."""
    config = read_config(out)
    if config and "command" not in config:
        raise ValueError(f"the run in {out} was started by sg.fit; go on with it there, with resume=True")
    return config.get("command", {})


def read_config(folder):
    """What config.json in that folder holds; empty if there is none."""
    path = Path(folder) / "config.json"
    try:
        config = json.loads(path.read_text()) if path.exists() else {}
        return config | {"command": dict(config["command"])} if "command" in config else config
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error})") from None


def free_folder(path):
    """`path`, or path-2, path-3, …: the first that does not exist."""
    number, free = 1, path
    while Path(free).exists():
        number += 1
        free = f"{path}-{number}"
    return free
