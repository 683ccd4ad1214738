"""Recording: a step that runs again and again becomes a list of operations, which is optimised as a whole and replayed.

    step = sg.recorded(step)              step(x) -> loss, say: forward, backward, update

A training step calls the same operations on the same arrays every time, and looking each of them up takes Python a good part of a small step. So:

    calls 1 to 3    run as written, and watched (watching.py). The second and third must be alike: the same operations, on arrays in the same places.
                    What grows by the same amount, such as the position in a random stream, is noted as growing
    call 4          the list is optimised (fusing.py), its temporary arrays get fixed places, and it is replayed. Then all is put back, the step
                    runs as written, and the two are compared, to the bit. So are the 8th, the 29th, the 92nd replay, and so on
    from then on    replayed

Why a replay can be trusted. The recorder sees every operation. An array that no operation has made (NumPy computed it in between) is a new one at
every call, and is noticed. Numbers that operations take come from attributes of the objects that call them and of objects that these hold, and from
variables of the step and their attributes; all of these are compared before every replay, and if one has changed, the step is recorded anew. Counts
that grow with the steps, such as an optimizer's, tell when Python compares them or computes with them (host_state.py). A call whose argument lies in
memory that the step changes runs as written. If anything remains unexplained, the step stays as written, and the log
(logging.getLogger("scratchgen")) says why, once.

What is not noticed:

    a branch on what operations have computed (`if loss < 4:`), unless it goes the other way in a replay that is compared
    a count as the index of a list (`if flags[optimizer.steps]:`), which Python reads without a method
    changes of anything else: of what lies deeper (settings.network.width, settings.widths[0], objects in lists), of a class's attributes, of
        variables of the functions that the step calls
    what a step does on the host without operations, such as printing or keeping a best loss

What changes from call to call should be an argument of the step: arrays are looked up anew at every replay, other arguments are part of what is
recorded.
"""

import logging
from bisect import bisect_left, bisect_right
from numbers import Real
from threading import RLock, get_ident

import numpy as np

from scratchgen.ops import checks, dispatch
from scratchgen.ops.host_state import NotRecordable, State, moving_number
from scratchgen.ops.watching import Entry, Place, Watched, address_of, flat, is_array, mapped, memory_of, places, span

log = logging.getLogger("scratchgen")
KEPT = 8  # recordings at most, of all keys together


def recorded(step):
    """step(*arrays, *others) as a function that is called in the same way, and replayed from its fourth call on.

    step: changes arrays by operations only. It returns arrays, numbers, or tuples and dicts of them: at a replay, copies of what was computed.
    On the numpy backend, nothing is recorded. Threads may share the function; they take turns.
    """
    return Recorded(step)


class Recorded:
    """A step with its recordings, by key: shapes and types of arrays, and the values of everything else."""

    beside = ("recordings", "said")  # for a recorded step that another one calls: host_state.py

    def __init__(self, step):
        self.step, self.recordings, self.said, self.lock = step, {}, set(), RLock()
        self.__wrapped__ = step

    def __reduce__(self):  # a copy records for itself
        return Recorded, (self.step,)

    def __call__(self, *arguments):
        backend = dispatch.active()
        if backend.assemble is None or dispatch.recorders and get_ident() in dispatch.recorders:
            return self.step(*arguments)
        if any(isinstance(x, np.ndarray) and type(x) is not np.ndarray for x in arguments):
            name = getattr(self.step, "__name__", "the step")
            arguments = [checks.plain(name, f"argument {k}", x) for k, x in enumerate(arguments)]
        try:
            key = backend.name, tuple([(x.shape, x.dtype) if is_array(x) else (type(x), x) for x in arguments])
            found = self.recordings.get(key)
        except TypeError:  # an argument that cannot be looked up
            return self.step(*arguments)
        with self.lock:
            recording = self.recording(key, found, backend)
            if recording.watched is not None:
                return recording(arguments)
        return self.step(*arguments)  # it stays as written, in several threads at once, too

    def recording(self, key, found, backend):
        """The Recording for a key, a new one where none fits.  found: those of the key, None if there were none before it was this thread's turn."""
        for recording in found or self.recordings.get(key, ()):
            if recording.fits():
                return recording
        while sum(map(len, self.recordings.values())) >= KEPT:
            del self.recordings[next(iter(self.recordings))]
        self.recordings.setdefault(key, []).append(recording := Recording(self.step, backend, self.said))
        return recording


class Recording:
    """The recording for one key: at first calls that are watched, then a program; the step as written where that is impossible."""

    def __init__(self, step, backend, said):
        self.step, self.backend, self.said = step, backend, said
        self.watched, self.program, self.script, self.state = [], None, None, None
        self.replays, self.compare_at = 0, 0  # how many so far; the number of the next one that is compared with the step as written

    def fits(self):
        """Whether everything that the program relies on is unchanged."""
        return self.program is None or self.state.unchanged()

    def __call__(self, arguments):
        if self.program is None:
            return self.watch(arguments)
        if self.memory.is_written(arguments):
            return self.step(*arguments)
        if self.still and any(arguments[k] is not x and address_of(arguments[k]) != address_of(x) for k, x in self.still):
            return self.watch_elsewhere(arguments)
        self.replays += 1
        if self.replays <= self.compare_at:
            return self.replay(arguments)
        self.compare_at = 3 * self.compare_at + 7
        return self.compared(arguments)

    def watch(self, arguments):
        """Run as written, and watch; after the third call make the program."""
        run = Watched(self.step, arguments, self.watched[-1].objects if self.watched else {})
        result = run.call()
        self.watched.append(run)
        if len(self.watched) == 3:
            try:
                _, before, last = self.watched
                self.state = State(before, last)
                script = Script(before, last, self.state, result)
                self.program = self.backend.assemble(script)
                self.memory = Memory(script.given, self.program.state)
                if self.memory.is_written(arguments):
                    raise NotRecordable("an argument shares memory with an array that it changes")
                self.script, self.still = script, last.stands_still(before)
                self.state.freeze(last)
                self.watched = ()
            except NotRecordable as reason:
                self.give_up(str(reason))
        return result

    def watch_elsewhere(self, arguments):
        """Run as written, and watch. While the arguments lay in the same memory at each watched call, an array of the step's own that lay there, too,
        was taken for a part of them: now it is seen where it lies."""
        if any(arguments[k].strides != x.strides for k, x in enumerate(self.script.given) if is_array(x)):
            return self.step(*arguments)  # places could not be compared
        run = Watched(self.step, arguments, {})
        result = run.call()
        if run.reason or not self.script.is_alike(run, result):
            self.give_up("it runs other operations when its arguments lie elsewhere; is one of them also an array of its own?")
        else:
            self.still = [(k, x) for k, x in self.still if address_of(x) == address_of(arguments[k])]
        return result

    def give_up(self, reason):
        if reason not in self.said:
            log.info("%s stays as written: %s", getattr(self.step, "__qualname__", self.step), reason)
            self.said.add(reason)
        self.program, self.watched, self.script, self.state = None, None, None, None

    def replay(self, arguments):
        result = self.program.replay(arguments, self.state.numbers())
        self.state.advance()
        return result

    def compared(self, arguments):
        """Replay; put everything back; run as written; compare. What was run as written stands."""
        before = self.program.snapshot(), self.state.counts()
        replayed = self.replay(arguments)
        after = self.program.snapshot(), self.state.counts()
        self.program.restore(before[0])
        self.state.set_counts(before[1])
        result = self.step(*arguments)
        same = same_bits(flat(result), flat(replayed)) and same_bits(self.program.state, after[0]) and self.state.counts() == after[1]
        if not same:
            self.give_up("a replay gave other numbers; does it compute beside the operations, or branch on what it computes?")
        return result


class Memory:
    """Where the arguments of a step lie, and what it changes: if they meet, the order of its operations matters, and a program has changed it.

    given: the arguments of a watched run.  state: the arrays that the step changes.
    """

    def __init__(self, given, state):
        self.given = [(k, x.strides, *(end - address_of(x) for end in span(x))) for k, x in enumerate(given) if is_array(x) and x.size]
        self.edges = []  # beginnings and ends of the stretches that are changed, in order
        for low, high in sorted(span(x) for x in state if x.size):
            if self.edges and low <= self.edges[-1]:
                self.edges[-1] = max(high, self.edges[-1])
            else:
                self.edges += [low, high]

    def is_written(self, arguments):
        """Whether one of these arguments lies in memory that is changed. Called before every replay: 0.4 µs for an argument."""
        for k, strides, low, high in self.given:
            x = arguments[k]
            first = address_of(x)
            low, high = (first + low, first + high) if x.strides == strides else span(x)
            if (at := bisect_right(self.edges, low)) % 2 or bisect_left(self.edges, high) != at:
                return True
        return False


def same_bits(a, b):
    """Whether two lists of arrays, numbers and other things are equal, arrays to the bit."""

    def bits(x):
        return dispatch.to_host(x).tobytes() if is_array(x) else np.float64(x).tobytes() if isinstance(x, (float, np.floating)) else x

    return len(a) == len(b) and all(bits(x) == bits(y) for x, y in zip(a, b, strict=True))


class Script:
    """What two equal runs have in common: entries whose arguments are Places, numbers, terms and others.

    outside: id -> owner of memory.  given: the arguments of the step.  result: what the step returned, with Places in place of arrays.
    """

    def __init__(self, before, last, state, result):
        for run in (before, last):
            if run.reason:
                raise NotRecordable(run.reason)
        if len(before.entries) != len(last.entries):
            raise NotRecordable("two calls in a row ran different operations")
        self.outside, self.given, self.state, self.entries = last.outside, last.arguments, state, []
        for k, (_, memory, low, high) in enumerate(last.given):
            if any(memory == other and low < stop and start < high for _, other, start, stop in last.given[:k]):
                raise NotRecordable("two of its arguments share memory")
        if any(step <= 0 and n > 1 for x in last.arguments if is_array(x) for n, step in zip(x.shape, x.strides, strict=True)):
            raise NotRecordable("it is given an array with negative or zero strides")
        for a, b in zip(before.entries, last.entries, strict=True):
            if a.definition is not b.definition or a.results != b.results or len(a.arguments) != len(b.arguments):
                raise NotRecordable("two calls in a row ran different operations")
            arguments = tuple(self.common(x, y, b, state, before, last) for x, y in zip(a.arguments, b.arguments, strict=True))
            self.entries.append(Entry(b.definition, b.run, arguments, b.results, b.arrays))
        state.check()
        self.result = mapped(lambda x: self.place(x, last), result)

    @property
    def growths(self):
        """By how much each term grows in a step."""
        growth = {(id(thing), name): by for thing, name, by, _ in self.state.moving}
        return [growth.get((id(thing), name), 0) for thing, name, *_ in self.state.terms]

    def common(self, x, y, entry, state, before, last):
        if isinstance(x, Place) and isinstance(y, Place):
            if x != y and (x.owner[0] == "given") != (y.owner[0] == "given"):
                raise NotRecordable(f"{entry.definition.__name__} takes an array that is an argument in one call, and none in the next")
            if x != y:
                raise NotRecordable(f"{entry.definition.__name__} takes an array that no operation has made: it is another one each time")
            return y
        if isinstance(x, Real) and isinstance(y, Real) and not isinstance(x, bool) and x != y:
            return moving_number(y, state.term(x, y, entry.callers, before, last))
        if type(x) is not type(y) or not (x is y or x == y or x != x and y != y):
            raise NotRecordable(f"a number that {entry.definition.__name__} takes changes from {x} to {y}")
        return y

    def is_alike(self, run, result):
        """Whether another run has called the same operations on arrays in the same places."""
        pairs = zip(self.entries, run.entries, strict=False)
        return (
            len(self.entries) == len(run.entries)
            and all(a.definition is b.definition and a.results == b.results and places(a.arguments) == places(b.arguments) for a, b in pairs)
            and places(flat(self.result)) == [run.place(x) for x in flat(result) if is_array(x)]
        )

    def place(self, x, last):
        """A part of the result: a Place for an array."""
        if not is_array(x):
            return x
        place = last.place(x)
        if place.owner[0] == "outside" and id(memory_of(x)[0]) not in self.outside:
            raise NotRecordable("it returns an array that no operation has made")
        return place
