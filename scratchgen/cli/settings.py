"""From a model's constructor and docstring to options of the command line, and from what was given there to a model."""

import argparse
import inspect
import re

from scratchgen.errors import one_of
from scratchgen.models import MODELS

NOT_OPTIONS = ("data_dim", "n_classes", "rng", "dtype")  # the data, --conditional and --seed decide


def model_class(name):
    """The model of that name. ValueError, with the nearest name, for an unknown one."""
    return MODELS[one_of("model", name, MODELS)]


def summary(cls):
    """One line about a model, with its source: the first paragraph of its file."""
    return " ".join((inspect.getmodule(cls).__doc__ or "").partition("\n\n")[0].split()).rstrip(".")


def arguments(cls):
    """{argument: its default} of the constructor, of those that can be set."""
    return {name: p.default for name, p in inspect.signature(cls).parameters.items() if name not in NOT_OPTIONS}


def explanations(cls):
    """{argument: what it is}, from the lines "argument: what it is" of the class's docstring."""
    text = inspect.getdoc(cls) or ""
    return {name: " ".join(what.split()) for name, what in re.findall(r"^(\w+): (.+(?:\n +.+)*)", text, re.MULTILINE)}


def add_model_options(parser, cls):
    """An option for each argument of the model's constructor; None where it was not given."""
    described = explanations(cls)
    for name, default in arguments(cls).items():
        text = described.get(name, "").rstrip(".")
        how = {"help": f"{text} (default {typed(default)})".replace("%", "%%").strip()}
        if isinstance(default, bool):
            how["action"] = argparse.BooleanOptionalAction
        else:
            how |= {"type": number_or_word, "metavar": metavar(default)}
            if default is None or isinstance(default, tuple):
                how |= {"nargs": "+", "action": OneOrSeveral if default is None else "store"}
        parser.add_argument(f"--{name.replace('_', '-')}", default=None, **how)


class OneOrSeveral(argparse.Action):
    """A single value stays one; several are a list."""

    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, values if len(values) > 1 else values[0])


def number_or_word(text):
    """An int, a float, None for "none", or the text itself."""
    if text == "none":
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def metavar(default):
    """What stands for the value in a help text."""
    return "NAME" if isinstance(default, str) else "X" if isinstance(default, float) or default is None else "N"


def typed(value):
    """A setting as one would type it."""
    if isinstance(value, (tuple, list)):
        return " ".join(map(str, value))
    return {"None": "none", "True": "yes", "False": "no"}.get(str(value), str(value))


def as_typed(name, value):
    """An option as one would type it."""
    option = name.replace("_", "-")
    return f"--{'' if value else 'no-'}{option}" if isinstance(value, bool) else f"--{option} {typed(value)}"


def takes_labels(cls):
    """Whether the model can be made to take labels."""
    return "n_classes" in inspect.signature(cls).parameters


def build(cls, settings, data_dim, n_classes=None):
    """The model that the settings describe. n_classes: for one that takes labels."""
    given = {name: settings[name] for name in arguments(cls) if name in settings}
    return cls(data_dim, rng=settings["seed"], **given, **({} if n_classes is None else {"n_classes": n_classes}))
