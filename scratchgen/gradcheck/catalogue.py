"""Every layer, loss and model of the library, small enough to be checked; and a way to add your own.

    for case in layer_cases():
        print(case.name, case.report().ok)

To add a layer, say how to make one, and the shapes of its inputs:

    register_layer(lambda: MyLayer(4, 3), (6, 4))

Batch, features and outputs all differ in size, so that arrays of a wrong shape do not fit by accident.
"""

import functools
import inspect
import itertools
import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scratchgen import layers, losses, models
from scratchgen.gradcheck.bijection import OneOutput
from scratchgen.gradcheck.engine import LIMIT, check_subject
from scratchgen.gradcheck.examples import Draw, examples
from scratchgen.gradcheck.report import Fault, GradientMismatch, Report, told
from scratchgen.gradcheck.subjects import LayerSubject, LossSubject, ObjectiveSubject
from scratchgen.gradcheck.twice import BackwardOf, has_double_backward
from scratchgen.layers import Sequential
from scratchgen.models import flow, maf, real_nvp
from scratchgen.ops import array, copy_to

BATCH, FEATURES, OUTPUTS = 6, 4, 3
F = np.float64
MASK = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0], [1, 0, 0]])

registered = []  # by register_layer


@dataclass(frozen=True)
class Case:
    """Something to check. subject: seed -> a new subject (see subjects.py) with inputs drawn from that seed.

    of, source: of a registered one, the layer's class, and the name of the module that registered it.
    """

    name: str
    subject: Any
    seed: int = 0
    limit: int | None = LIMIT
    of: type | None = None
    source: str = ""

    def report(self):
        """The Report of the check; a subject that cannot be made, or whose forward raises, is reported as wrong."""
        doing = "it cannot be made"
        try:
            subject = self.subject(self.seed)
            doing = "forward raises an exception"
            report = check_subject(subject, self.seed, self.limit)
        except Exception as error:  # whatever a student's code raises is a finding
            return Report(self.name, {}, [Fault("not checked", None, f"{doing}: {told(error)}")], self.seed)
        report.subject = self.name
        return report

    def check(self):
        """The Report; raises GradientMismatch if anything is wrong."""
        report = self.report()
        if not report.ok:
            raise GradientMismatch(report)
        return report


def layer_case(name, make, *shapes, training=True):
    """The Case of a layer: make() -> the layer, shapes of its inputs, which are standard normal."""

    def subject(seed):
        rng = np.random.default_rng([seed, 1])
        layer = make()
        if any(value.dtype == np.float32 for value in layer.params.values()):
            layer = layer.astype(F)
        return LayerSubject(layer, [rng.standard_normal(shape) for shape in shapes], training)

    return Case(name, subject)


def example_layers(dtype=F, n=FEATURES):
    """{name: make} of all layers of the library, and of networks of them, for inputs (batch, n) of that type. A new layer needs a line here."""

    def linear(n_in=n, n_out=OUTPUTS, **options):
        layer = layers.Linear(n_in, n_out, rng=n_in + n_out, dtype=dtype, **options)
        return with_values(layer, b=lambda rng: rng.standard_normal(n_out)) if "b" in layer.params else layer

    def norm(kind, n_in):
        layer = with_values(kind(n_in, dtype=dtype), gamma=lambda rng: rng.standard_normal(n_in), beta=lambda rng: rng.standard_normal(n_in))
        for name, value in layer.buffers.items():  # running statistics that are no longer 0 and 1
            copy_to(value, array(np.linspace(-1, 1, n_in) if name == "mean" else np.linspace(0.5, 2, n_in), dtype))
        return layer

    mask, linear_after = np.resize(MASK, (n, OUTPUTS)), lambda n_out=2, **options: linear(OUTPUTS, n_out, **options)
    activations = {
        "ReLU": layers.ReLU,
        "LeakyReLU": lambda: layers.LeakyReLU(0.2),
        "ELU": lambda: layers.ELU(0.7),
        "Tanh": layers.Tanh,
        "Sigmoid": layers.Sigmoid,
        "Softplus": layers.Softplus,
        "Softmax": layers.Softmax,
    }
    return {
        "Linear": linear,
        "Linear (no bias)": lambda: linear(bias=False),
        "Linear (square)": lambda: linear(n, n),
        "MaskedLinear": lambda: layers.MaskedLinear(mask, rng=0, dtype=dtype),
        "MaskedLinear (no bias)": lambda: layers.MaskedLinear(mask, bias=False, rng=0, dtype=dtype),
        "Identity": layers.Identity,
        **activations,
        "Dropout": lambda: layers.Dropout(0.4, rng=0),
        "BatchNorm": lambda: norm(layers.BatchNorm, n),
        "LayerNorm": lambda: norm(layers.LayerNorm, n),
        "Maxout": lambda: layers.Maxout(2),
        "MinibatchDiscrimination": lambda: layers.MinibatchDiscrimination(n, 3, 2, rng=0, dtype=dtype),
        "Pack": lambda: layers.Pack(2),
        "RandomAffine": lambda: layers.RandomAffine((1, n), rng=0, dtype=dtype),
        "FourierFeatures": lambda: layers.FourierFeatures(np.random.default_rng(0).normal(size=(n, 3)), dtype=dtype),
        "Reparameterize": lambda: layers.Reparameterize(rng=0),
        "TimeEmbedding": lambda: layers.TimeEmbedding(4, highest=3, dtype=dtype),
        **{
            f"Linear and {name}": lambda f=f: Sequential(linear(), linear_after(5, bias=False), f(), linear(5, 2), f())
            for name, f in activations.items()
        },
        "Sequential": lambda: Sequential(linear(), norm(layers.BatchNorm, 3), layers.Tanh(), linear_after(5), layers.LeakyReLU(), linear(5, 2)),
        "Sequential (nested)": lambda: Sequential(Sequential(linear(), layers.Tanh()), Sequential(norm(layers.LayerNorm, OUTPUTS), linear_after())),
        "Sequential (no parameters)": lambda: Sequential(layers.Tanh(), layers.Softmax()),
    }


def with_values(layer, **values):
    """The layer with new values for some parameters: name = function of a generator."""
    rng = np.random.default_rng(5)  # one generator for all: if gamma equalled beta, exchanging them would not be noticed
    for name, draw in values.items():
        copy_to(layer.params[name], array(draw(rng), layer.params[name].dtype))
    return layer


def n_inputs(layer):
    """How many arrays its forward takes: 2 for forward(mu, logvar)."""
    parameters = inspect.signature(layer.forward).parameters.values()
    return sum(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)


def layer_cases():
    """Cases of all layers of the library, and of those registered; their double backward, if they have one; and inference, if it is different."""
    cases = []
    for name, make in example_layers().items():
        layer, x = make(), (BATCH, FEATURES)
        cases.append(layer_case(name, make, *[x] * n_inputs(layer)))
        if has_double_backward(layer):
            cases.append(layer_case(f"{name} (double backward)", lambda make=make: BackwardOf(make()), x, output_shape(layer, x)))
        if not isinstance(layer, Sequential) and n_inputs(layer) == 1 and (layer.streams() or layer.all_buffers()):
            cases.append(layer_case(f"{name} (inference)", make, x, training=False))
    return cases + registered


def output_shape(layer, shape):
    """Shape of its output, for an input of that shape."""
    return tuple(layer(np.zeros(shape)).shape)


def register_layer(make, *shapes, name=None, training=True):
    """Add a layer of your own to the catalogue: make() -> the layer, shapes of its inputs -> the Case. Another of the same name is numbered.

    >>> register_layer(lambda: Scale(3.0), (6, 4))
    """
    cls, source = type(make()), sys._getframe(1).f_globals.get("__name__", "")
    name, taken = name or cls.__name__, {case.name for case in registered}
    name = next(each for each in itertools.chain([name], (f"{name} ({i})" for i in itertools.count(2))) if each not in taken)
    registered.append(replace(layer_case(name, make, *shapes, training=training), of=cls, source=source))
    return registered[-1]


# name of a loss -> the arguments that it returns gradients of; what the arguments are, examples.py says. A new loss needs a line here.
LOSSES = {
    "bce_with_logits": ("logits",),
    "bernoulli_nll": ("logits",),
    "softmax_cross_entropy": ("logits",),
    "squared_error": ("y",),
    "gaussian_kl": ("mu", "logvar"),
    "gaussian_nll": ("mu", "logvar"),
    "gaussian_mixture_nll": ("logits", "mu", "logvar"),
    "discriminator_bce": ("real", "fake"),
    "generator_non_saturating": ("fake",),
    "generator_minimax": ("fake",),
    "discriminator_least_squares": ("real", "fake"),
    "generator_least_squares": ("fake",),
    "discriminator_hinge": ("real", "fake"),
    "generator_hinge": ("fake",),
    "critic_wasserstein": ("real", "fake"),
    "generator_wasserstein": ("fake",),
    "mmd": ("x",),
    "discriminator_bce_smoothed": ("real", "fake"),
    "feature_matching": ("fake",),
    "two_looks": ("first", "second"),
}

# name of an optimizer -> settings to try it with. A new optimizer needs a line here.
OPTIMIZERS = {
    "SGD": [{}, {"momentum": 0.9, "nesterov": True}, {"momentum": 0.9, "classical": True}],
    "Adagrad": [{}],
    "Adadelta": [{}],
    "RMSProp": [{"momentum": 0.5, "centered": True}],
    "Adam": [{"weight_decay": 0.1}],
    "AdamW": [{}],
}


def example_bijections(dtype=F, n=FEATURES):
    """{name: make} of the bijections that flows are made of, for x (batch, n). A new one needs a line here."""
    tanh = dict(activation="tanh", rng=1, dtype=dtype)
    bijections = {
        "Standardize": lambda: flow.Standardize(np.linspace(-1, 1, n), np.linspace(0.5, 2, n), dtype),
        "MaskedAffine": lambda: maf.MaskedAffine(n, (6, 5), range(n)[::-1], **tanh),
        "Coupling": lambda: real_nvp.Coupling(n, (5,), **tanh),
        "Coupling (swapped)": lambda: real_nvp.Coupling(n, (5,), swap=True, **tanh),
    }
    return bijections | {"Chain": lambda: flow.Chain(*(bijections[name]() for name in ("Standardize", "MaskedAffine", "Coupling")))}


def bijection_cases():
    """Cases of all bijections, with both their outputs: z and the log-determinant."""
    return [layer_case(name, lambda make=make: OneOutput(make()), (BATCH, FEATURES)) for name, make in example_bijections().items()]


def loss_cases():
    """Cases of all losses."""

    def case(name, wrt):
        def subject(seed):
            loss = getattr(losses, name)
            arguments, *_ = examples(loss, Draw(F, BATCH, FEATURES, seed=[seed, 2]))
            return LossSubject(loss, list(arguments), wrt, {})

        return Case(f"losses.{name}", subject)

    return [case(name, wrt) for name, wrt in LOSSES.items()]


def model_cases():
    """Cases of the objectives of all models, end to end: each model's examples, and of each every player."""
    cases = [(name, functools.partial(cls, 5, **arguments)) for cls in models.MODELS.values() for name, arguments in cls.examples.items()]
    return [case for name, make in [*cases, ("GAN (batch norm)", CoupledGAN)] for case in objective_cases(name, make)]


class CoupledGAN(models.GAN):
    """A GAN whose discriminator couples the batch, so that real and generated examples go through it apart."""

    def __init__(self, **options):
        super().__init__(5, 2, (4,), (3,), **options)
        first, last = layers.Linear(5, 3, rng=1, dtype=F), layers.Linear(3, 1, rng=2, dtype=F)
        self.generator = layers.mlp((2, 4, 5), output="sigmoid", rng=0, dtype=F)
        self.discriminator = Sequential(first, layers.BatchNorm(3, dtype=F), layers.Tanh(), last)
        self.set_parts(generator=self.generator, discriminator=self.discriminator)


def objective_cases(name, make):
    """The Case of each player of a small model, make(rng=…, dtype=…), on data that it can produce."""

    def subject(seed, player):
        model, rng = make(rng=0, dtype=F), np.random.default_rng([seed, 3])
        x, labels = suitable_data(model, rng), {"y": rng.integers(model.n_classes, size=BATCH)} if model.n_classes else {}
        loss = players(model)[player]
        return ObjectiveSubject(model.players()[player], lambda: loss(x, **labels), (model,))

    names = list(players(make(rng=0, dtype=F)))
    return [Case(f"{name}, {player}" if len(names) > 1 else name, functools.partial(subject, player=player)) for player in names]


def players(model):
    """{player's name: its own loss}, of a step in which all of them have a turn, or of several steps."""
    turns = [turn for step in range(10) for turn in model.turns(step)]
    return {name: loss if len(names) == 1 else part_of(loss, name) for loss, *names in turns for name in names}


def part_of(loss, name):
    """A loss of several players, as that of the one: function -> the part of that name, {part: number}."""

    def own(*arguments, **options):
        _, parts = loss(*arguments, **options)
        return parts[name], parts

    return own


def suitable_data(model, rng):
    """x (6, 5): standard normal, or uniform where the model can produce numbers in [0, 1] only."""
    x = rng.standard_normal((BATCH, 5))
    try:
        model.check_range("x", x)
    except ValueError:
        return rng.uniform(size=x.shape)
    return x


def all_cases():
    """Cases of everything: layers, bijections, losses, models."""
    return [*layer_cases(), *bijection_cases(), *loss_cases(), *model_cases()]
