"""A minibatch cut in shards: its gradient is the same, to the bit, on one process and on many.

The loss of a minibatch is a mean over its n examples. Cut in shards of n_1, …, n_S examples it is a weighted mean, and so is its gradient:

    L = Σ_s (n_s / n) L_s                    g = Σ_s (n_s / n) g_s

Adding numbers in another order rounds otherwise. So the order is fixed: a tree over the shards, whichever processes compute them,

    ((g_0 + g_1) + (g_2 + g_3)) + ((g_4 + g_5) + (g_6 + g_7))                 S = 8

of which each of N processes computes a branch, S / N neighbouring shards. The upper levels of the tree join processes (ranks.py).

Everything else about a shard is independent of the others, too. Its noise begins at a position in the random streams that follows from the step, the
turn and the shard. Batch normalisation uses the shard's own statistics and starts from the running ones of the step before; the changes that the
shards make to these are averaged as gradients are.
"""

from scratchgen.errors import integer
from scratchgen.ops import add, copy_of, copy_to, recorded, scaled, scaled_difference

MOST = 256
TOTAL = "total"  # the name of the whole loss among its parts
BLOCKS = 2**32  # blocks of a random stream for each shard, more than it can draw


def check_shards(shards, size, model, smallest):
    """The number of shards as an int. ValueError unless it is a power of two that the processes can share, and no shard lacks examples."""
    shards = integer("shards", shards, 1, MOST)
    if shards & (shards - 1) or size & (size - 1) or shards % size:
        raise ValueError(f"shards is {shards} on {size} processes; both must be powers of two, and no process may be without a shard")
    if smallest // shards < model.least_batch:
        why = f"{type(model).__name__} needs at least {model.least_batch} in each"
        raise ValueError(f"shards is {shards}, but a minibatch has only {smallest} examples; {why}: choose fewer shards or another batch_size")
    return shards


class Shards:
    """The gradient of each turn of a run's steps, from S shards of the minibatch, which the processes divide among them.

    run: the Run.  n: number of shards.  ranks: the processes.
    """

    def __init__(self, run, n, ranks):
        self.run, self.n, self.ranks = run, n, ranks
        self.first, self.count = ranks.rank * n // ranks.size, n // ranks.size
        self.own = recorded(self.own)  # with several processes this is what is recorded: messages are not operations

    def loss(self, turn, x, y):
        """The turn's loss of the minibatch x (batch, data_dim), labels y (batch,) or None -> loss, {part: scalar}; sets its players' gradients."""
        model = self.run.model
        _, *names = model.turns(self.run.step)[turn]
        buffers = list(model.all_buffers().values())
        self.place(self.run.step, turn, 0)
        before, arrays, losses = self.own(turn, x, y)
        sums = self.ranks.summed(arrays)
        for name, grads in zip(names, sums, strict=False):
            copy_to(model.players()[name].flat_grads, grads)
        for value, old, change in zip(buffers, before, sums[len(names) :], strict=True):
            copy_to(value, add(old, change))
        parts = dict(zip(losses, self.ranks.summed(list(losses.values())), strict=True))
        return parts.pop(TOTAL), parts

    def own(self, turn, x, y):
        """This process's branch of the tree -> the buffers before it, and what `branch` returns."""
        before = tuple(copy_of(value) for value in self.run.model.all_buffers().values())
        arrays, losses = self.branch(self.first, self.count, turn, x, y, before)
        self.place(self.run.step + 1, turn, 0)  # where the next call begins: what a recorded step counts may only grow
        return before, arrays, losses

    def branch(self, first, count, turn, x, y, before):
        """Shards first … first + count − 1: the sums of what `shard` returns for each."""
        if count == 1:
            return self.shard(first, turn, x, y, before)
        half = count // 2
        (left, losses), (right, more) = (self.branch(k, half, turn, x, y, before) for k in (first, first + half))
        return tuple(add(*pair) for pair in zip(left, right, strict=True)), {part: add(losses[part], more[part]) for part in losses}

    def shard(self, s, turn, x, y, before):
        """(gradients …, changes of buffers …), {part: loss} of one shard, all times n_s / n."""
        model, step = self.run.model, self.run.step
        loss, *names = model.turns(step)[turn]
        players, buffers, n = [model.players()[name] for name in names], model.all_buffers().values(), x.shape[0]
        rows = slice(s * n // self.n, (s + 1) * n // self.n)
        weight = (rows.stop - rows.start) / n
        for value, old in zip(buffers, before, strict=True):
            copy_to(value, old)
        self.place(step, turn, s)
        for player in players:
            player.zero_grads()
        total, parts = loss(x[rows]) if y is None else loss(x[rows], y=y[rows])
        changes = (scaled_difference(value, old, weight) for value, old in zip(buffers, before, strict=True))
        grads = (scaled(player.flat_grads, weight) for player in players)
        return (*grads, *changes), {key: scaled(value, weight) for key, value in {TOTAL: total, **parts}.items()}

    def place(self, step, turn, shard):
        """Move every random stream to the position where that shard begins."""
        turns = len(self.run.model.players())
        for stream in self.run.model.streams().values():
            stream.block = ((step * turns + turn) * self.n + shard) * BLOCKS
