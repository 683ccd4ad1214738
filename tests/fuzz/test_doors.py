"""Random calls at every door: right things in strange shapes of memory, and wrong things.

Each either gives what the NumPy definition gives, or raises a TypeError or ValueError whose sentence is one of ours; memory beside the arrays stays
as it is. What there is to call is enumerated, operations, layers, losses, optimizers and models, so that new ones need no line here.
"""

import contextlib
import copy
import inspect
import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scratchgen as sg
from scratchgen import layers, losses, optim
from scratchgen.gradcheck.catalogue import OPTIMIZERS, example_layers, model_cases, n_inputs
from scratchgen.gradcheck.examples import Draw, examples, operations
from scratchgen.gradcheck.operations import difference
from scratchgen.ops import use_backend

# how Python and NumPy begin when they stumble over something nobody has looked at
INTERNAL = re.compile(
    r"'[\w.]+' object|.* object (has no attribute|is not|cannot be)|unsupported operand|.*not supported between"
    r"|(not enough|too many) values to unpack"
    r"|.*out of range|must be real number|could not convert|ufunc|Cannot cast|argument out|bad operand|object of type|tuple index|list index|numba"
    r"|.*dispatcher|.*truth value|operands could not|cannot reshape|maximum supported|zero-size|all the input|len\(\)|can't multiply|descriptor"
    r"|setting an"
    r"|only |invalid |__|float\(\)|int\(\)|The first argument|.*ambiguous|Data type|expected|data type"
)
STUMBLED = re.compile("cannot take these arguments: |needs what its forward returned beside y ")  # ours, which quote NumPy at their end
FLOATS = (np.float32, np.float64)


class Liar(np.ndarray):
    """An array that says of itself what is not so."""

    shape = property(lambda self: (1000, 1000))
    strides = property(lambda self: (4000, 4))
    ndim = property(lambda self: 2)
    size = property(lambda self: 10**6)
    dtype = property(lambda self: np.dtype(np.float64))
    T = property(lambda self: self)
    base = property(lambda self: None)
    ctypes = flags = property(lambda self: None)
    __array_interface__ = property(lambda self: {"shape": (1000, 1000), "typestr": "<f4", "data": (8, False), "version": 3})

    def ravel(self, *_):
        return np.zeros((7, 7))

    reshape = view = astype = copy = __array__ = ravel


class Duck:
    """What has all that an array has, and is none."""

    shape, ndim, size, strides, itemsize, base = (4, 5), 2, 20, (20, 4), 4, None
    dtype = np.dtype(np.float32)
    flags = np.zeros(1).flags
    __class__ = np.ndarray

    @property
    def T(self):
        return self


def surrounded(a):
    """A copy of the array in the middle of more memory, filled with sevens."""
    room = np.full((a.size * 3 + 64) * a.itemsize, 7, np.uint8)
    start = (a.size + 32) * a.itemsize
    inner = room[start : start + a.size * a.itemsize].view(a.dtype).reshape(a.shape)
    inner[...] = a
    return inner


def misaligned(a):
    room = np.zeros(a.nbytes + 1, np.uint8)
    inner = room[1:].view(a.dtype).reshape(a.shape)
    inner[...] = a
    return inner


def repeated(a):
    """Writable, and every row in the same place."""
    row = np.array(a[:1])
    return np.lib.stride_tricks.as_strided(row, a.shape, (0,) + row.strides[1:]) if a.ndim else a


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


STRANGE = {  # what is right, in strange memory
    "surrounded": surrounded,
    "misaligned": misaligned,
    "transposed": np.asfortranarray,
    "backwards": lambda a: np.ascontiguousarray(a[::-1])[::-1] if a.ndim else a,
    "gaps": lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a,
    "matrix": lambda a: np.asmatrix(a.copy()) if a.ndim == 2 else a,
    "read-only": read_only,
    "broadcast": lambda a: np.broadcast_to(a[:1].copy(), a.shape) if a.ndim else a,
    "repeated": repeated,
    "liar": lambda a: a.copy().view(Liar),
    "empty": lambda a: a[:0],
}
OTHER = {  # what is another thing
    "list": lambda a: np.asarray(a).tolist(),
    "None": lambda a: None,
    "memoryview": lambda a: memoryview(np.array(a)),
    "bytes": lambda a: np.asarray(a).tobytes(),
    "object": lambda a: np.array(a, object),
    "string": lambda a: "x",
    "scalar": lambda a: 0.5,
    "whole": lambda a: 3,
    "huge": lambda a: 2**70,
    "negative": lambda a: -1,
    "nan": lambda a: float("nan"),
    "NumPy scalar": lambda a: np.float32(0.5),
    "complex number": lambda a: 1j,
    "complex": lambda a: np.array(a, np.complex64),
    "float16": lambda a: np.array(a, np.float16),
    "longdouble": lambda a: np.array(a, np.longdouble),
    "other float": lambda a: np.array(a, np.float32 if np.asarray(a).dtype == np.float64 else np.float64),
    "integers": lambda a: np.array(a, np.int64),
    "small integers": lambda a: np.array(a, np.int8),
    "booleans": lambda a: np.array(a, bool),
    "swapped": lambda a: np.array(a, np.asarray(a).dtype.newbyteorder()),
    "structured": lambda a: np.zeros(np.shape(a), [("x", "f4")]),
    "dates": lambda a: np.zeros(np.shape(a), "M8[s]"),
    "masked": lambda a: np.ma.masked_array(a, np.zeros(np.shape(a), bool)),
    "record": lambda a: np.zeros(np.shape(a), [("x", "f4")]).view(np.recarray),
    "duck": lambda a: Duck(),
    "dict": lambda a: {"x": a},
    "type": lambda a: np.float32,
    "function": lambda a: np.tanh,
    "tuple": lambda a: (1, 2),
    "0-d": lambda a: np.array(0.5, np.float32),
    "flat": lambda a: np.array(a).ravel(),
    "deeper": lambda a: np.array(a)[None],
    "column": lambda a: np.array(a)[..., :1] if np.ndim(a) else a,
    "row": lambda a: np.array(a)[:1] if np.ndim(a) else a,
    "longer": lambda a: np.concatenate([a, a]) if np.ndim(a) else a,
    "no columns": lambda a: np.array(a)[..., :0] if np.ndim(a) else a,
    "square": lambda a: np.ones((3, 3), np.float32),
}
DISTURBED = STRANGE | OTHER


@st.composite
def disturbances(draw, n):
    """{number of an argument: name of what becomes of it}, of n; mostly one."""
    count = draw(st.sampled_from([0, 1, 1, 1, 1, 2])) if n else 0
    which = draw(st.lists(st.integers(0, n - 1), min_size=count, max_size=count, unique=True)) if count <= n and n else []
    return {k: draw(st.sampled_from(sorted(DISTURBED))) for k in which}


def disturbed(arguments, how):
    arguments = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    for k, name in how.items():
        if name in STRANGE and not isinstance(arguments[k], np.ndarray):
            continue
        with contextlib.suppress(TypeError, ValueError, IndexError):  # what cannot be made of this argument
            arguments[k] = DISTURBED[name](arguments[k])
    return arguments


def truth(a):
    """An argument as it is in memory: what an array says of itself is not asked."""
    return np.ndarray.view(a, np.ndarray) if issubclass(type(a), np.ndarray) else a


def called(function, arguments, named=None):
    """("result", arrays and numbers of the result) or ("refused", sentence). Fails for any other exception."""
    try:
        return "result", flat(function(*arguments, **(named or {})))
    except (TypeError, ValueError, NotImplementedError) as error:
        said = str(error)
        assert said and (STUMBLED.search(said) or not INTERNAL.match(said)), f"{type(error).__name__}: {said}"
        assert "\n" not in said
        return "refused", said


def flat(result):
    if isinstance(result, (tuple, list)):
        return [x for part in result for x in flat(part)]
    if isinstance(result, dict):
        return [x for part in result.values() for x in flat(part)]
    return [result]


def alike(got, wanted, dtype):
    assert len(got) == len(wanted)
    for a, b in zip(got, wanted, strict=True):
        if issubclass(type(b), (np.ndarray, float, np.floating)):
            b, a = np.asarray(truth(b)), np.asarray(truth(a))
            if b.dtype.kind == "c" and a.dtype.kind == "f":  # the root of a negative Python number
                assert np.isnan(a).all()
                continue
            if b.dtype.kind not in "fiub":
                assert a.dtype == b.dtype and (a.tolist() == b.tolist() if b.dtype == object else a.tobytes() == b.tobytes())
                continue
            assert not (text := difference("it", a.astype(b.dtype) if a.shape == b.shape else a, b, dtype)), text
        elif isinstance(b, (int, str, type(None))):
            assert a == b


def same_on_both(function, make, dtype, honest=False):
    """Call on both backends, on arguments made anew for each: both refuse, or give the same, also in the arguments; numba may refuse more."""
    outcomes = []
    for backend in ("numpy", "numba"):
        arguments = make()
        with use_backend(backend), warnings.catch_warnings():
            warnings.simplefilter("error" if honest else "ignore")
            outcomes.append((*called(function, arguments), [truth(a) for a in arguments]))
        for a in arguments:
            base = getattr(truth(a), "base", None)
            if type(base) is np.ndarray and base.dtype == np.uint8 and base.size == (truth(a).size * 3 + 64) * truth(a).itemsize:
                start = (truth(a).size + 32) * truth(a).itemsize
                assert (base[:start] == 7).all() and (base[start + truth(a).nbytes :] == 7).all()  # surrounded
    (kind, wanted, left), (other, got, changed) = outcomes
    assert not (honest and "refused" in (kind, other)), (wanted, got)
    if other == "result":
        assert kind == "result", f"the definition refuses: {wanted}"
        alike(got, wanted, dtype)
        alike([a for a in changed if type(a) is np.ndarray], [a for a in left if type(a) is np.ndarray], dtype)


OPERATIONS = operations()


def rounds(operation):
    """The positions of the arguments that say how often an operation's definition loops: 2⁷⁰ rounds would not end. (Layers check their counts.)"""
    source = inspect.getsource(operation.__wrapped__)
    parameters = inspect.signature(operation).parameters
    return {k for k, name in enumerate(parameters) if re.search(rf"\brange\([^)]*\b{name}\b", source)}


@given(data=st.data(), name=st.sampled_from(sorted(OPERATIONS)), dtype=st.sampled_from(FLOATS), seed=st.integers(0, 99))
def test_operations(data, name, dtype, seed):
    calls = examples(OPERATIONS[name], Draw(dtype, 4, 5, seed=seed))
    arguments = data.draw(st.sampled_from(range(len(calls))).map(lambda k: calls[k]))
    how = data.draw(disturbances(len(arguments)))
    if name.startswith("random") and how.get(2) == "huge" or any(how.get(k) == "huge" for k in rounds(OPERATIONS[name])):
        return
    same_on_both(OPERATIONS[name], lambda: disturbed(arguments, how), np.float32, honest=not how)


@given(data=st.data(), name=st.sampled_from(sorted(losses.__all__)), dtype=st.sampled_from(FLOATS), seed=st.integers(0, 99))
def test_losses(data, name, dtype, seed):
    loss = getattr(losses, name)
    arguments = examples(loss, Draw(dtype, 4, 5, seed=seed))[0]
    how = data.draw(disturbances(len(arguments)))
    same_on_both(loss, lambda: disturbed(arguments, how), np.float32, honest=not how)


LAYERS = {dtype: example_layers(dtype) for dtype in FLOATS}


@given(data=st.data(), name=st.sampled_from(sorted(LAYERS[np.float32])), dtype=st.sampled_from(FLOATS), seed=st.integers(0, 99))
def test_layers(data, name, dtype, seed):
    make, rng = LAYERS[dtype][name], np.random.default_rng(seed)
    inputs = [rng.normal(size=(6, 4)).astype(dtype) for _ in range(n_inputs(make()))]
    inputs += [rng.random((6, 4)).astype(dtype)] if make().streams() and not isinstance(make(), layers.Sequential) else []
    how = data.draw(disturbances(len(inputs)))
    if make().couples_batch:  # equal examples have no variance, and what is left of x − mean is rounding
        how = {k: kind for k, kind in how.items() if kind not in ("broadcast", "repeated")}
    of_backward, wrt = data.draw(disturbances(2)), data.draw(st.sampled_from(["both", "input", "params"]))
    training = data.draw(st.booleans())

    def run(*inputs):
        layer = make()
        noise = {} if len(inputs) == n_inputs(layer) else {"eps": inputs[-1]}
        y, cache = layer.forward(*inputs[: n_inputs(layer)], training=training, **noise)
        dy, cache = disturbed([np.ones_like(y), cache], {0: of_backward[0]} if 0 in of_backward else {})[0], cache
        if 1 in of_backward:
            cache = wrong_cache(of_backward[1], cache)
        return y, layer.backward(dy, cache, wrt=wrt), layer.flat_grads if layer.params else None

    same_on_both(run, lambda: disturbed(inputs, how), np.float32)


def wrong_cache(name, cache):
    """Another thing in the place of a cache, if that is an array; else in the place of its first part."""
    if isinstance(cache, (np.ndarray, np.generic)) or not isinstance(cache, tuple):
        return disturbed([cache], {0: name})[0] if isinstance(cache, (np.ndarray, np.generic)) else "cache"
    parts = list(cache)
    if not isinstance(parts[0], np.ndarray):
        return parts[:0]
    parts[0] = disturbed([parts[0]], {0: name})[0]
    return type(cache)(*parts) if hasattr(cache, "_fields") else tuple(parts)


VALUES = st.sampled_from([None, "a", [1.0], -1, 0, 0.5, 2, float("nan"), float("inf"), 1j, (0.9, 0.9), True, np.ones(2), 2**70, b"x"])


@given(data=st.data(), name=st.sampled_from(sorted(OPTIMIZERS)))
def test_optimizers(data, name):
    make = getattr(optim, name)
    settings = dict(data.draw(st.sampled_from(OPTIMIZERS[name])))
    known = [p for p in inspect.signature(make).parameters if p != "module"]
    for key in data.draw(st.lists(st.sampled_from(known), max_size=2, unique=True)):
        settings[key] = data.draw(VALUES)

    def run():
        net = layers.mlp((3, 4, 2), rng=0)
        optimizer = make(net, **settings)
        net.grads["0.W"] = np.ones((3, 4), np.float32)
        optimizer.step()
        return net.flat_params

    with np.errstate(all="ignore"):
        same_on_both(run, list, np.float32)
        kind, _ = called(make, [data.draw(VALUES)])
        assert kind == "refused"


@given(data=st.data(), name=st.sampled_from(["StepLR", "ExponentialLR", "CosineLR"]), t=VALUES)
def test_schedules_and_clipping(data, name, t):
    def run():
        net = layers.mlp((3, 2), rng=0)
        optimizer = optim.SGD(net, lr=0.1)
        schedule = getattr(optim, name)(data.draw(st.one_of(st.just(optimizer), VALUES)), data.draw(VALUES))
        return schedule(t)

    called(run, [])
    kind, _ = called(optim.clip_grad_norm, [data.draw(VALUES), data.draw(VALUES)])
    assert kind == "refused"
    called(lambda: optim.clip_grad_norm(layers.mlp((3, 2), rng=0), data.draw(VALUES)), [])


CLASSES = {name: thing for name, thing in vars(layers).items() if isinstance(thing, type) and issubclass(thing, layers.Layer)} | {
    "mlp": layers.mlp,
    **{name: thing for name, thing in vars(sg.models).items() if isinstance(thing, type) and issubclass(thing, sg.models.Model)},
}
USUAL = {"n_in": 3, "n_out": 2, "n": 4, "data_dim": 5, "sizes": (4, 3), "rate": 0.5, "pieces": 2, "mask": np.eye(3), "layers": layers.Tanh}
SMALL = dict.fromkeys(("hidden", "generator_hidden", "discriminator_hidden"), (3,))


@given(data=st.data(), name=st.sampled_from(sorted(CLASSES)))
def test_constructors(data, name):
    make = CLASSES[name]
    parameters = {p.name: p for p in inspect.signature(make).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    arguments = {key: USUAL.get(key) for key, p in parameters.items() if p.default is p.empty} | {k: v for k, v in SMALL.items() if k in parameters}
    for key in data.draw(st.lists(st.sampled_from(sorted(parameters)), min_size=1, max_size=2, unique=True)) if parameters else []:
        arguments[key] = data.draw(VALUES)
    called(lambda: make(**arguments).flat_params, [])


MODELS = {case.name: case for case in model_cases()}
METHODS = {
    (name, method)
    for name, case in MODELS.items()
    for method, function in inspect.getmembers(type(case.subject(0).modules[1]), inspect.isfunction)
    if not method.startswith("_")
    and function.__module__.startswith("scratchgen.models")
    and method != "updated"  # called by train_step alone, with a name that `players` gave it
}
GIVEN = {"n": 3, "rng": 0, "n_samples": 2, "step": 0, "name": "x", "why": "it"}


@given(data=st.data(), which=st.sampled_from(sorted(METHODS)), seed=st.integers(0, 9))
def test_models(data, which, seed):
    name, method = which
    first = MODELS[name].subject(0).modules[1]
    rng = np.random.default_rng(seed)
    arrays = {
        "x": rng.integers(2, size=(6, 5)).astype(float),
        "z": rng.normal(size=(6, getattr(first, "latent_dim", first.data_dim))),
        "eps": rng.normal(size=(*([first.n_samples] if hasattr(first, "n_samples") else []), 6, 2)),
    }
    parameters = inspect.signature(getattr(first, method)).parameters
    if not set(parameters) <= {*arrays, *GIVEN} or (method == "labels_for" and first.n_classes is None):
        return
    arguments = [arrays.get(p, GIVEN.get(p)) for p in parameters]
    how = data.draw(disturbances(len(arguments)))
    if any(kind in ("huge", "whole") for kind in how.values()):
        return
    model = copy.deepcopy(first)

    def run(*arguments):
        twin = copy.deepcopy(model)
        result = getattr(twin, method)(*arguments)
        return result if method != "turns" else None

    same_on_both(run, lambda: disturbed(arguments, how), np.float64, honest=not how)


@given(data=st.data(), name=st.sampled_from(sorted(DISTURBED)), later=st.sampled_from(sorted(DISTURBED)))
def test_recorded_steps(data, name, later):
    """A recorded step, given the same thing seven times, and then others; results are those of the step as written."""
    x = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    net = layers.mlp((4, 3), rng=0)

    def step(x):
        y, cache = net.forward(x)
        net.zero_grads()
        net.backward(y, cache)
        return y

    with use_backend("numba"):
        recorded = sg.recorded(step)
        for kind in [None] * data.draw(st.sampled_from([0, 7])) + [name] * 5 + [later, None]:
            given = [x] if kind is None else disturbed([x], {0: kind})
            (one, wanted), (other, got) = called(step, given), called(recorded, given)
            assert one == other
            if one == "result":
                alike(got, wanted, np.float32)


def test_the_process_lives_and_others_are_right_after_all_that():
    x = np.linspace(-1, 1, 20, dtype=np.float32).reshape(4, 5)
    with use_backend("numba"):
        np.testing.assert_allclose(layers.Tanh()(x), np.tanh(x), rtol=1e-6)


if not hasattr(np, "asmatrix"):
    pytest.skip("NumPy without matrices", allow_module_level=True)
