"""The processes that train one model together, started by `mpiexec -n N` (MPI, the message passing interface; mpi4py).

Each computes some shards of every minibatch (shards.py). Their sums are added between neighbours, then between neighbours of neighbours:

    rank             0        1        2        3
    distance 1      g_0+g_1  g_0+g_1  g_2+g_3  g_2+g_3          each sends its sum to its partner, rank ⊕ 1, and adds what it gets
    distance 2      (g_0+g_1) + (g_2+g_3)  everywhere            the same with rank ⊕ 2

Recursive doubling: after log₂ N exchanges all have the same sum, to the bit, because a + b = b + a. So all make the same update, and no
parameters ever travel. With latency α and β seconds a byte it takes  log₂ N · (α + 4 β P)  for P parameters, while N processes save
(1 − 1/N) of the time of a step: it pays where that is more.

Rank 0 reads and writes the run's folder, and tells the others what it read.
"""

import contextlib
import functools
import os
import sys
import traceback

import numpy as np

from scratchgen.ops import add, array, to_host

STARTED = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK")  # what MPICH, Slurm and Open MPI tell the processes that they start


class Alone:
    """One process, which needs no messages."""

    rank, size = 0, 1

    def summed(self, values):
        """The sums of each of these arrays or scalars over all processes."""
        return values

    def same(self, make):
        """The value of make() on rank 0, on all processes."""
        return make()

    def any(self, flag):
        """Whether it is true on any process."""
        return flag

    @contextlib.contextmanager
    def together(self):
        """Within this context no process ends alone: where one fails, all end."""
        yield


class Ranks(Alone):
    """The processes of MPI's COMM_WORLD."""

    def __init__(self, comm):
        self.comm, self.rank, self.size = comm, comm.rank, comm.size

    def summed(self, values):
        for bit in range(self.size.bit_length() - 1):
            partner = self.rank ^ 1 << bit
            values = [add(mine, self.exchange(mine, partner)) for mine in values]
        return values

    def exchange(self, mine, partner):
        """Send an array or scalar, and receive the partner's."""
        send = np.asarray(to_host(mine))
        receive = np.empty_like(send)
        self.comm.Sendrecv(send, partner, recvbuf=receive, source=partner)
        return array(receive) if np.ndim(mine) else receive[()]

    def same(self, make):
        return self.comm.bcast(make() if self.rank == 0 else None)

    def any(self, flag):
        return bool(self.comm.allreduce(int(flag)))

    @contextlib.contextmanager
    def together(self):
        try:
            yield
        except KeyboardInterrupt:  # all processes have agreed to stop after the same step
            raise
        except BaseException as error:
            if not isinstance(error, (ValueError, OSError, ArithmeticError, MemoryError, RuntimeError)):
                traceback.print_exc()
            what = str(error) or type(error).__name__
            print(f"scratchgen: process {self.rank + 1} of {self.size} ends the run: {what}", file=sys.stderr, flush=True)
            self.comm.Abort(1)


@functools.cache
def ranks():
    """The processes that were started together with this one. RuntimeError if mpi4py is missing.

    Those of one machine share its cores, where no environment variable says otherwise, and take a graphics card each.
    """
    if not any(variable in os.environ for variable in STARTED):
        return Alone()
    import numba  # here, because it takes time

    MPI = mpi()
    if MPI.COMM_WORLD.size == 1:
        return Alone()
    neighbours = MPI.COMM_WORLD.Split_type(MPI.COMM_TYPE_SHARED)
    if not {"NUMBA_NUM_THREADS", "SCRATCHGEN_NUM_THREADS"} & os.environ.keys():
        numba.set_num_threads(max(1, numba.config.NUMBA_NUM_THREADS // neighbours.size))
    os.environ["CUDA_VISIBLE_DEVICES"] = card_of(neighbours.rank, os.environ.get("CUDA_VISIBLE_DEVICES"))
    return Ranks(MPI.COMM_WORLD)


def mpi():
    """The module MPI of mpi4py. RuntimeError if it is missing."""
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise RuntimeError("this process was started by mpiexec or srun, but mpi4py is not installed; the extra `mpi` brings it") from error
    return MPI


def on_its_own():
    """From now on this process trains alone, although others were started with it."""
    for variable in STARTED:
        os.environ.pop(variable, None)
    ranks.cache_clear()


def card_of(rank, visible):
    """The graphics card for a machine's process number `rank`.  visible: the list of cards that it may use; None: all."""
    cards = visible.split(",") if visible else [str(rank)]
    return cards[rank % len(cards)]
