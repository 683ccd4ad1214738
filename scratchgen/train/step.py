"""One training step: at each turn, compute the gradients of the players whose turn it is, then let their optimizers update them."""

import math

import numpy as np

from scratchgen.ops import is_async, to_host
from scratchgen.optim import clip_grad_norm


class Diverged(FloatingPointError):
    """A loss or a parameter became NaN or infinite."""


def train_step(model, optimizers, x, step, clip_norm=None, y=None, shards=None):
    """Train `model` on one minibatch x (batch, data_dim) -> {part of the loss: scalar}.

    optimizers: {player: Optimizer}; step: number of the step, from 0; clip_norm: bound on the norm of each player's gradients.
    y: labels (batch,), for a model whose objective takes them.  shards: the Shards that compute gradients, if the minibatch is cut.
    Raises Diverged if a loss is not finite, before anything is updated by it; on a device, where reading the loss would wait, check_losses does this.
    """
    record, players = {}, model.players()
    for turn, (loss, *names) in enumerate(model.turns(step)):
        if shards:
            total, parts = shards.loss(turn, x, y)
        else:
            for name in names:
                players[name].zero_grads()
            total, parts = loss(x) if y is None else loss(x, y=y)
        if not is_async() and not math.isfinite(total):
            what, first = f"the loss of {' and '.join(names)} is {float(total)} at step {step}", names[0]
            raise Diverged(explain(players[first], what, optimizers[first].lr))
        for name in names:
            if clip_norm is not None:
                clip_grad_norm(players[name], clip_norm)
            optimizers[name].step()
            model.updated(name)
        record.update(parts)
    return record


def check_losses(model, optimizers, sums, steps):
    """Raise Diverged if a sum of losses, {part: [Σ, n]}, is not finite."""
    for part, (total, _) in sums.items():
        if not math.isfinite(to_host(total)):
            players = model.players()
            name = part if part in players else next(iter(players))  # a GAN's losses have the names of its players
            raise Diverged(explain(players[name], f"{part} became {float(to_host(total))} within {steps} steps", optimizers[name].lr))


def check_parameters(model, optimizers, steps):
    """Raise Diverged if a parameter is not finite. The next loss would show it, but no checkpoint must be written before."""
    for name, player in model.players().items():
        if not np.isfinite(to_host(player.flat_params)).all():
            raise Diverged(explain(player, f"{name} diverged within {steps} steps", optimizers[name].lr))


def explain(player, what, lr):
    """What happened, where, and what usually helps."""
    where = "every parameter and gradient is still finite"
    for kind, values in (("parameter", player.params), ("gradient of", player.grads)):
        broken = [key for key, value in values.items() if not np.isfinite(to_host(value)).all()]
        if broken:
            where = f"{kind} {broken[0]} is not finite"
            break
    return f"{what}: {where}; try a smaller learning rate than {lr:g}, or clip_norm=1"
