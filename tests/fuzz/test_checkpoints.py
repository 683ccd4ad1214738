"""Checkpoints with anything in them: the model that was saved, or one sentence with the file's name; never more memory than the file is worth."""

import copy
import io
import json

import numpy as np
import pytest
from damage import bounded_memory, check_sentence, damaged
from hypothesis import given
from hypothesis import strategies as st

import scratchgen as sg
from scratchgen.train.run import Run
from scratchgen.train.run_folder import RunFolder

MAKERS = {
    "vae": lambda seed: sg.VAE(9, 2, (5,), rng=seed),
    "gan": lambda seed: sg.GAN(9, 2, (5,), (5,), batch_norm=True, dropout=0.3, rng=seed),
    "made": lambda seed: sg.MADE(9, (5,), rng=seed),
}
STEPS_PER_EPOCH = 2


def new_run(name, seed):
    """A run that has not begun."""
    model = MAKERS[name](seed)
    return Run(
        model, {key: model.optimizer(player) for key, player in model.players().items()}, sg.data.Binarize("none", rng=seed), {"model": repr(model)}
    )


class Files(dict):
    def __repr__(self):  # Hypothesis prints arguments
        return "files"


@pytest.fixture(scope="module", autouse=True)
def on_numpy():
    with sg.use_backend("numpy"):
        yield


@pytest.fixture(scope="module")
def files(tmp_path_factory, on_numpy):
    """{name: (content of a checkpoint, about, arrays)}: runs of one epoch and a step, saved by hand."""
    files = Files()
    for name in MAKERS:
        run = new_run(name, 1)
        run.step, run.epoch, run.rows = 3, 1, [{"epoch": 1, "step": 2, "loss": 1.5}]
        for each in run.optimizers.values():
            each.steps = 3
        if name == "vae":  # one with a best epoch, as patience keeps it
            run.keep_best("loss")
        about, arrays = run.describe()
        files[name] = packed(about, arrays), json.loads(json.dumps(about)), arrays
    return files


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


def packed(about, arrays, save=np.savez):
    """The bytes of a checkpoint file."""
    file = io.BytesIO()
    save(file, about=np.array(json.dumps(about)), **arrays)
    return file.getvalue()


def use(folder, name, content):
    """The model that sg.load finds in that content and the run that is restored from it; None for what was refused in one sentence."""
    path = folder / "checkpoint.npz"
    path.write_bytes(content)
    model, run = None, new_run(name, 2)
    before = run.model.flat_params.copy()
    with bounded_memory(len(content)):
        try:
            model = sg.load(path)
        except ValueError as error:
            check_sentence(error, path)
        try:
            with RunFolder(folder) as opened:
                opened.restore(run, True, STEPS_PER_EPOCH)
        except ValueError as error:
            check_sentence(error, folder)
            np.testing.assert_array_equal(run.model.flat_params, before, err_msg="a refused checkpoint changed the model")
            run = None
    return model, run


def check_whole(files, name, model, run):
    """What was accepted is what was saved, to the bit."""
    _, about, arrays = files[name]
    for found in (model, run and run.model):
        if found is not None:
            np.testing.assert_array_equal(found.flat_params, arrays["params"])
            assert {key: list(stream.state) for key, stream in found.streams().items()} == about["streams"]
    if run is not None:
        again = json.loads(json.dumps(run.describe()[0]))
        assert again == about
        for key, value in run.describe()[1].items():
            np.testing.assert_array_equal(value, arrays[key])


names = st.sampled_from(list(MAKERS))


@given(name=names, content=st.binary(max_size=300))
def test_random_bytes(folder, name, content):
    assert use(folder, name, content) == (None, None)


@given(name=names, data=st.data())
def test_damaged_files_are_refused_or_whole(files, folder, name, data):
    check_whole(files, name, *use(folder, name, data.draw(damaged(st.just(files[name][0])))))


@given(name=names, bits=st.lists(st.integers(0, 2**17), min_size=1, max_size=3))
def test_flipped_bits_are_noticed(files, folder, name, bits):
    content = bytearray(files[name][0])
    for bit in bits:
        content[bit // 8 % len(content)] ^= 1 << bit % 8
    check_whole(files, name, *use(folder, name, bytes(content)))


numbers = st.one_of(st.integers(-3, 12), st.sampled_from([10**6, 10**9, 2**31, 2**63, 2**64, 10**30, 1e300]), st.floats())
values = st.recursive(st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=6)), lambda inner: st.one_of(
    st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["step", "epoch", "model", "loss", "a", ""]), inner, max_size=4)
), max_leaves=6)  # fmt: skip


def places(value, path=()):
    """The paths of all entries of nested dicts and lists."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, below in entries for place in places(below, (*path, key)))]


def changed(value, path, new):
    """A copy with another value at that path; ... takes the entry out."""
    if not path:
        return None if new is ... else new
    value = copy.deepcopy(value)
    owner = value
    for key in path[:-1]:
        owner = owner[key]
    if new is ...:
        del owner[path[-1]]
    else:
        owner[path[-1]] = new
    return value


@given(name=names, data=st.data())
def test_texts_of_the_wrong_structure(files, folder, name, data):
    """Any entry another value, or gone. What cannot be told from the right one, such as another sum, is accepted, with the parameters of the file."""
    _, about, arrays = files[name]
    path = data.draw(st.sampled_from(places(about)))
    about = changed(about, path, data.draw(st.one_of(st.just(...), values)))
    model, run = use(folder, name, packed(about, arrays))
    for found in (model, run and run.model):
        if found is not None:
            np.testing.assert_array_equal(found.flat_params, arrays["params"])
    if run is not None:
        assert all(type(count) is int and count >= 0 for count in (run.step, run.epoch, *(each.steps for each in run.optimizers.values())))
        assert run.epoch == len(run.rows) == (run.step - 1) // STEPS_PER_EPOCH or run.step == run.epoch * STEPS_PER_EPOCH
        run.describe()


@given(name=names, data=st.data())
def test_arrays_of_other_shapes_and_types(files, folder, name, data):
    content, about, arrays = files[name]
    key = data.draw(st.sampled_from(list(arrays)))
    shape = data.draw(st.one_of(st.just(arrays[key].shape), st.lists(st.integers(0, 40), max_size=3).map(tuple)))
    dtype = data.draw(st.sampled_from(["f4", "f8", "i4", ">f4", "U3", "b1", "c8", "V2"]))
    behind = {"unneeded": np.zeros(data.draw(st.sampled_from([0, 0, 2**22])), "u1")}
    save = data.draw(st.sampled_from([np.savez, np.savez_compressed]))
    model, run = use(folder, name, packed(about, arrays | {key: np.zeros(shape, dtype)} | behind, save))
    same = shape == arrays[key].shape and dtype == "f4"
    assert (run is not None) == same and (model is not None) == (same or key.startswith("optimizer/"))


def test_what_is_whole_is_accepted(files, folder):
    for name, (content, _, _) in files.items():
        model, run = use(folder, name, content)
        assert model is not None and run is not None
        check_whole(files, name, model, run)
