"""What all generative models share,
so that one training loop, one command line and one gradient check serve them all.

A model owns its networks and computes gradients; optimizers update; `fit` drives the loop. A model says

    data_dim         features of an example
    config           the arguments that make an equal model            checkpoints keep it, as JSON
    n_classes        number of classes, if its objective and `sample` take labels y, integers (batch,);
                     None, if they do not
    start_from(x)    sets what begins at a statistic of the data       called by `fit` before the first step
                                                                       of a new run
    players()        {name: the module that one optimizer trains}      one for a VAE, two for a GAN
    turns(step)      [(loss, players' names …)] of one step            loss(x) or loss(x, y=y) fills their
                                                                       gradients -> total, {part: number}
    updated(name)    called after each update of a player              what must hold of its parameters,
                                                                       such as bounds
    optimizer(m)     a new optimizer for a player, with customary settings
    sample(n)        n examples, drawn after every epoch;              pictures, where they are pictures
                     sample(n, y) of a model that takes labels         or points of the plane
    likelihoods(x)   {name: log p(x) or a bound on it, (n,) in nats}   empty where there is nothing honest
                                                                       to compute
    clusters(x)      classes that the model has found by itself        (n,); None, if it finds none
    units            {column of metrics.csv: its unit}                 for the curves
    landmarks        {column: (number, what it means)}                 for the curves
    pictures(…)      draws what is to be seen of this model only
    check_range      ValueError for data that the model cannot produce
    suited_to(x)     {setting: value} that train it well on data such as x: arguments of the constructor, and
                     those of `fit`; suited_to(x, y), of a model with n_classes, if it is to learn labels too
    examples         {name: arguments beside data_dim} of small models, each of whose objectives the gradient
                     check examines

The command line makes its options of the constructor's arguments and of the lines "argument: what it is" in
the class's docstring.
"""

import functools
import inspect
import math

import numpy as np

from scratchgen.errors import integer
from scratchgen.layers.module import Module
from scratchgen.ops import array
from scratchgen.ops.checks import an_array
from scratchgen.optim import Adam

# arguments of a model's methods that are arrays, by their names in the glossary of `scratchgen`
ARRAYS = ("x", "z", "eps", "u")
NATS = "nats per example"
# the loss of a discriminator with cross-entropy that always says ½
BLIND = {"discriminator": (math.log(4), "log 4: it cannot tell data from samples")}


def check_arrays(method):
    """A model's method, which looks at its arrays before it runs."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    optional = {p.name for p in parameters if p.default is None}

    @functools.wraps(method)
    def wrapper(self, *arguments, **named):
        who = f"{type(self).__name__}.{method.__name__}"
        arguments = [
            self.checked(who, p.name, x, p.name in optional) if p.name in ARRAYS else x
            for p, x in zip(parameters, arguments, strict=False)
        ] + list(arguments[len(parameters) :])
        named = {
            name: self.checked(who, name, x, name in optional) if name in ARRAYS else x
            for name, x in named.items()
        }
        return method(self, *arguments, **named)

    return wrapper


class Model(Module):
    """Base class of generative models.

    Subclasses set `data_dim` and `config`, call `set_parts`, and have `sample` and a loss.

    Where a method takes x, z, eps or u, it must be an array, and x one of examples, (n, data_dim):
    else TypeError or ValueError.
    """

    n_classes = None
    examples = {}
    units = dict.fromkeys(("elbo", "log_likelihood", "nll", "kl"), NATS)
    landmarks = {}

    def __init_subclass__(cls):
        for name, method in list(vars(cls).items()):
            public = inspect.isfunction(method) and not name.startswith("_")
            if public and not set(ARRAYS).isdisjoint(inspect.signature(method).parameters):
                setattr(cls, name, check_arrays(method))

    def start_from(self, x):
        """Set what begins at a statistic of the data x (n, data_dim).

        `fit` calls this before the first step of a new run.
        """

    def players(self):
        """{name: module trained by one optimizer}."""
        return {"model": self}

    def turns(self, step):
        """[(loss function of a minibatch, names of the players whose gradients it fills …)]
        for the step with that number, from 0.

        The players of a turn are updated after its loss. Where they are several, each has a loss of its own,
        the part of that name.
        """
        return [(self.loss, "model")]

    def updated(self, name):
        """Called when the optimizer has updated the player of that name."""

    def optimizer(self, player):
        """A new optimizer for one of `players()`."""
        return Adam(player)

    def likelihoods(self, x, y=None, rng=None, n_samples=0):
        """{name: log p(x), or a bound on it, of each example of x (n, data_dim), in nats: (n,)}.

        n_samples: of an estimate that needs some.
        """
        return {}

    @check_arrays
    def evaluate(self, x, y=None, rng=None):
        """{name: mean over the examples of x (n, data_dim)} of what `likelihoods` gives;
        greater is better.
        """
        found = self.likelihoods(x, y, rng)
        return {name: float(np.mean(values, dtype=np.float64)) for name, values in found.items()}

    def facts(self, x, y=None):
        """{name: number, or list of numbers} of what else is to be known of this model on x (n, data_dim);
        for `evaluate` to print.
        """
        return {}

    def latent_model(self):
        """(decoder, likelihood, latent_dim) of a model in which z ~ N(0, I),
        and a decoder of z says which p(x|z) is meant; None of others.

        So log p(x) can be found by annealed importance sampling.
        """

    def clusters(self, x):
        """The class that a model which finds classes by itself puts each example of x (n, data_dim) in
        -> (n,) integers; None if it finds none.
        """

    def pictures(self, x, plots, folder):
        """Draw what there is to see of this model, on data x (n, data_dim), into the folder.

        plots: the module, which takes long to import.
        """

    def check_range(self, name, x):
        """ValueError if the model cannot produce numbers such as those in x (n, data_dim).

        name: of the argument.
        """

    def checked(self, who, name, x, optional=False):
        """The array that was given to a method as `name`, as a plain one.

        Raises TypeError or ValueError where it is none that fits this model.
        """
        if x is None and optional:
            return x
        x = an_array(who, name, x)
        if x.dtype.kind not in "fiub":
            raise TypeError(f"{name} is {x.dtype}; {who} needs real numbers")
        if name == "x" and (x.ndim != 2 or x.shape[1] != self.data_dim):
            raise ValueError(f"x has shape {tuple(x.shape)}; {who} needs (batch, {self.data_dim})")
        return x

    @property
    def least_batch(self):
        """How many examples a minibatch must have at least."""
        return 2 if self.couples_batch else 1

    @classmethod
    def least_params(cls, config):
        """A bound from below on the number of parameters of a model with these arguments,
        for one that makes something large before its weights.
        """
        return 0

    @classmethod
    def suited_to(cls, x):
        """Settings for data such as x (n, data_dim): of the constructor;
        and epochs or steps, batch_size, binarize, lr, schedule of the training.

        A model that takes labels has a second argument, y (n,) or None:
        the labels, where it is to be given them.
        """
        return {}

    def sample(self, n, rng=None):
        """n examples -> (n, data_dim).

        rng: seed, Generator, or None for the model's own stream.
        A model that takes labels has y (n,) before it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no sample")

    def labels_for(self, n):
        """n labels, equally many of each of the model's classes, in order -> (n,)."""
        if self.n_classes is None:
            raise ValueError(f"{type(self).__name__} was made without n_classes, and takes no labels")
        n = integer("n", n, 0)
        return array(np.arange(n) * self.n_classes // max(n, 1), np.int64)

    def _classes_in_turn(self, n):
        """n labels, 0, 1, … n_classes − 1 and again -> (n,): those of `sample` where none are given."""
        return array(np.arange(n) % self.n_classes, np.int64)

    def draw(self, n, rng=None):
        """`sample`, with labels_for(n) where the model takes labels."""
        if self.n_classes is None:
            return self.sample(n, rng=rng)
        return self.sample(n, y=self.labels_for(n), rng=rng)

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in self.config.items())})"


def check_unit_interval(name, x, why):
    """ValueError unless all of x lies in [0, 1]."""
    if not x.size:
        return
    low, high = float(x.min()), float(x.max())
    if low < 0 or high > 1:
        raise ValueError(f"{name} has values from {low:g} to {high:g}; {why} needs them in [0, 1]")


def is_square(n):
    """Whether n features can be a square picture, of at least 4 × 4 pixels."""
    return n >= 16 and math.isqrt(n) ** 2 == n


def grey_pictures(x):
    """Whether x (n, features) is like grey pictures: at least 16 features, all of them in [0, 1];
    or any number of bits.
    """
    in_unit_interval = float(x.min()) >= 0 and float(x.max()) <= 1
    return in_unit_interval and (x.shape[1] >= 16 or bool(np.isin(x, (0, 1)).all()))
