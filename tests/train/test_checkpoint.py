import io
import json
import os
import tracemalloc
import zipfile

import numpy as np
import pytest

import scratchgen as sg


def models(dtype=np.float32):
    return {
        "vae": sg.VAE(9, 2, (5,), likelihood="gaussian", rng=0, dtype=dtype),
        "gan": sg.GAN(9, 3, (5,), (6,), objective="minimax", rng=0, dtype=dtype),
        "made": sg.MADE(9, (8,), rng=0, dtype=dtype),
    }


@pytest.mark.parametrize("name", ["vae", "gan", "made"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_loaded_model_is_the_saved_one(name, dtype, tmp_path):
    model = models(dtype)[name]
    model.sample(3)  # moves the random stream
    sg.save(model, tmp_path / "new folder" / "model.npz")
    loaded = sg.load(tmp_path / "new folder" / "model.npz")
    assert type(loaded) is type(model) and loaded.config == json.loads(json.dumps(model.config)) | loaded.config
    assert loaded.dtype == dtype
    np.testing.assert_array_equal(loaded.flat_params, model.flat_params)
    np.testing.assert_array_equal(loaded.sample(4), model.sample(4))  # the stream goes on where it was


def test_the_file_holds_no_pickles(tmp_path):
    sg.save(models()["made"], tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as file:
        assert {"about", "params"} < set(file.files)
        assert all(file[name].dtype != object for name in file.files)


def damage(kind, path):
    content = path.read_bytes()
    if kind == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("hello")
    elif kind == "flipped byte":
        place = content.index(b"params.npy") + 200
        path.write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
    elif kind == "another npz":
        np.savez(path, x=np.zeros(3))
    elif kind == "pickled":
        np.savez(path, about=np.array([{"a": 1}], dtype=object))


@pytest.mark.parametrize("kind", ["truncated", "empty", "text", "flipped byte", "another npz", "pickled"])
def test_a_damaged_file_is_refused_by_name(kind, tmp_path):
    path = tmp_path / "model.npz"
    sg.save(models()["vae"], path)
    damage(kind, path)
    with pytest.raises(ValueError, match="model.npz is not a whole scratchgen checkpoint"):
        sg.load(path)


def test_any_flipped_byte_leaves_the_model_or_gives_a_valueerror(tmp_path):
    path = tmp_path / "model.npz"
    sg.save(sg.VAE(1, 1, (), rng=0), path)
    content = path.read_bytes()
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
        try:
            sg.load(path)
        except ValueError as error:
            assert "model.npz" in str(error)


class Wider(sg.VAE):
    """A model of a user's own, with arguments of its own."""

    def __init__(self, width, rng=None, dtype=np.float32):
        super().__init__(9, 2, (width,), rng=rng, dtype=dtype)
        self.config = {"width": width}


def test_a_model_of_ones_own_is_loaded_as_what_it_is(tmp_path):
    model = Wider(7, rng=0)
    sg.save(model, tmp_path / "model.npz")
    loaded = sg.load(tmp_path / "model.npz")
    assert type(loaded) is Wider
    np.testing.assert_array_equal(loaded.flat_params, model.flat_params)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint at .*nothing.npz"):
        sg.load(tmp_path / "nothing.npz")


@pytest.mark.parametrize("change", [{"model": "Vae"}, {"config": {"data_dim": 9, "latnet_dim": 2}}, {"config": {"data_dim": 10}}])
def test_a_model_that_cannot_be_rebuilt_is_refused(change, tmp_path):
    path = tmp_path / "model.npz"
    sg.save(models()["vae"], path)
    with np.load(path) as file:
        arrays = dict(file)
    about = json.loads(str(arrays.pop("about"))) | change
    np.savez(path, about=np.array(json.dumps(about)), **arrays)
    with pytest.raises(ValueError, match="cannot rebuild"):
        sg.load(path)


def rewritten(path, about=None, method=np.savez, **changes):
    """Write the file again with other entries: about(dict) changes the text in place or returns another value; arrays as given, None for left out."""
    with np.load(path) as file:
        arrays = dict(file)
    text = json.loads(str(arrays.pop("about")))
    text = (about and about(text)) or text
    method(path, about=np.array(json.dumps(text)), **{name: value for name, value in (arrays | changes).items() if value is not None})


def setting(place, value):
    """A change of `about` that sets the entry "a/b" to that value, or deletes it for ..."""

    def change(about):
        *folders, name = place.split("/")
        for folder in folders:
            about = about[folder]
        if value is ...:
            del about[name]
        else:
            about[name] = value

    return change


STRUCTURES = [
    (lambda about: [about], "about: "),
    (lambda about: "text", "about: 'text'"),
    (setting("format", 1), "format: 1"),
    (setting("model", ["VAE"]), "model: .'VAE'.*the name of a class"),
    (setting("config", ...), "it lacks config"),
    (setting("config", [1]), "config: "),
    (setting("dtype", "float16"), "dtype: 'float16'"),
    (setting("dtype", {}), "dtype: "),
    (setting("streams", {"reparameterize.stream": [1]}), "streams: "),
    (setting("streams", {"reparameterize.stream": [1, -1]}), "streams: "),
    (setting("streams", {"reparameterize.stream": [2**64, 1]}), "streams: "),
    (setting("streams", {"reparameterize.stream": [1.5, 1]}), "streams: "),
    (setting("run", []), "run/: "),
    (setting("run/step", 5.5), "run/step: 5.5, where a whole number is wanted"),
    (setting("run/step", -1), "run/step"),
    (setting("run/step", True), "run/step"),
    (setting("run/step", ...), "it lacks run/step"),
    (setting("run/epoch", "1"), "run/epoch: '1'"),
    (setting("run/epoch", 2), "run/rows: not one row for each of 2 epochs"),
    (setting("run/rows", {}), "run/rows"),
    (setting("run/rows", [1]), "run/rows"),
    (setting("run/rows", [{"epoch": 1, "step": 1, "loss": "low"}]), "run/rows"),
    (setting("run/rows", [{"epoch": 1, "step": 10**6}]), "run/rows: their steps"),
    (setting("run/rows", [{"epoch": 1}]), "run/rows: their steps"),
    (setting("run/epoch", 10**15), "run/rows: not one row for each of 1000000000000000 epochs"),
    (setting("run/bits", [1, 2, 3]), "run/bits"),
    (setting("run/settings", None), "run/settings"),
    (setting("run/sums", {"loss": 1.0}), "run/sums"),
    (setting("run/sums", {"loss": [10**400, 1]}), "about: |run/sums"),
    (setting("run/optimizer_steps", {"model": 1.5}), "run/optimizer_steps"),
    (setting("run/optimizer_steps", 3), "run/optimizer_steps"),
    (setting("run/best", 0), "run/best: 0, where one of 1 epochs is wanted"),
    (setting("run/best", 2), "run/best: 2"),
    (setting("run/best", True), "run/best: True"),
    (setting("run/best", "1"), "run/best: '1'"),
]


@pytest.fixture(scope="module")
def run_file(tmp_path_factory):
    """The content of a run's checkpoint."""
    folder = tmp_path_factory.mktemp("run")
    fit(sg.VAE(9, 2, (5,), rng=0), folder)
    return (folder / "checkpoint.npz").read_bytes()


def fit(model, folder, resume=False):
    sg.fit(model, np.zeros((20, 9), np.float32), epochs=1, batch_size=10, out=folder, resume=resume, progress=False)


@pytest.mark.parametrize("change, sentence", STRUCTURES, ids=[sentence for _, sentence in STRUCTURES])
def test_a_text_of_the_wrong_structure_is_refused_with_the_name_of_its_entry(change, sentence, run_file, tmp_path):
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(run_file)
    rewritten(path, change)
    for use in (sg.load, lambda path: fit(sg.VAE(9, 2, (5,), rng=0), path.parent, resume=True)):
        with pytest.raises(ValueError, match=f"checkpoint.npz is not a whole scratchgen checkpoint \\(({sentence})"):
            use(path)


RESUMED = [
    (dict(about=setting("run/settings", {})), "its model was None, now it is"),
    (dict(about=setting("run/optimizer_steps", {})), "another version of scratchgen: it lacks 'model'"),
    (dict(about=setting("run/step", 9)), "is damaged: step 9 is not in epoch 2, of 2 steps each"),
    ({"optimizer/model/m": np.zeros(3, np.float32)}, "optimizer/model/m is float32 .3,. in the checkpoint; the model has float32"),
    (dict(about=setting("run/best", 1)), "best/params is missing in the checkpoint"),
    ({"optimizer/model/v": None}, "another version of scratchgen: it lacks 'optimizer/model/v'"),
]


@pytest.mark.parametrize("changes, sentence", RESUMED)
def test_a_run_s_checkpoint_that_does_not_fit_the_run_changes_nothing(changes, sentence, run_file, tmp_path):
    (tmp_path / "checkpoint.npz").write_bytes(run_file)
    rewritten(tmp_path / "checkpoint.npz", **changes)
    model = sg.VAE(9, 2, (5,), rng=1)
    before = model.flat_params.copy()
    with pytest.raises(ValueError, match=sentence):
        fit(model, tmp_path, resume=True)
    np.testing.assert_array_equal(model.flat_params, before)


LARGER = {
    "vae": {"data_dim": 30_000, "hidden": [30_000]},
    "gan": {"latent_dim": 30_000, "generator_hidden": [30_000]},
    "made": {"data_dim": 30_000, "hidden": [1, 30_000]},
}


@pytest.mark.parametrize("name", LARGER)
def test_arguments_of_a_larger_model_cost_no_memory(name, tmp_path):
    path = tmp_path / "model.npz"
    sg.save(models()[name], path)
    rewritten(path, lambda about: about["config"].update(LARGER[name]))
    tracemalloc.start()
    with pytest.raises(ValueError, match="model.npz describes a model that this version cannot rebuild: its arguments make a larger model"):
        sg.load(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**23


def test_entries_that_the_model_does_not_have_are_not_read(tmp_path):
    path = tmp_path / "model.npz"
    model = models()["vae"]
    sg.save(model, path)
    rewritten(path, method=np.savez_compressed, unneeded=np.zeros(2**26, np.uint8))
    tracemalloc.start()
    np.testing.assert_array_equal(sg.load(path).flat_params, model.flat_params)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**23


@pytest.mark.parametrize("shape", [(2**28,), (10**9, 0), ()])
def test_a_header_that_lies_about_the_parameters_costs_no_memory(shape, tmp_path):
    path = tmp_path / "model.npz"
    sg.save(models()["vae"], path)
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (entries | {"params.npy": file.getvalue() + bytes(24)}).items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match="model.npz is not a whole scratchgen checkpoint .params: 24 bytes after its header"):
        sg.load(path)


def test_any_flipped_bit_of_a_header_is_a_valueerror(run_file, tmp_path):
    path = tmp_path / "checkpoint.npz"
    start = run_file.index(b"\x93NUMPY", run_file.index(b"params.npy"))
    for bit in range(0, 8 * 128, 3):
        content = bytearray(run_file)
        content[start + bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        with pytest.raises(ValueError, match="checkpoint.npz is not a whole"):
            sg.load(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "checkpoint.npz")
    for path in (tmp_path, tmp_path / "checkpoint.npz"):
        with pytest.raises(ValueError, match="checkpoint.npz is a pipe or a device; a file is wanted"):
            sg.load(path)


def test_too_little_memory_is_said(tmp_path, monkeypatch):
    def exhausted(*arguments):
        raise MemoryError

    sg.save(models()["vae"], tmp_path / "model.npz")
    monkeypatch.setattr("scratchgen.train.checkpoint.restore", exhausted)
    with pytest.raises(MemoryError, match="the model in .*model.npz does not fit into memory"):
        sg.load(tmp_path / "model.npz")


def test_two_classes_of_one_name_are_told_apart_by_asking(tmp_path):
    def defined(module):
        class Twin(sg.VAE):
            pass

        Twin.__module__ = module
        return Twin

    first = defined("one")
    sg.save(first(4, latent_dim=2, hidden=(3,), rng=0), tmp_path / "twin.npz")
    assert type(sg.load(tmp_path / "twin.npz")) is first
    again = defined("one")  # as where a cell of a notebook runs anew
    assert type(sg.load(tmp_path / "twin.npz")) is again
    other = defined("other")
    with pytest.raises(ValueError, match="several of that name: one.* and other"):
        sg.load(tmp_path / "twin.npz")
    assert first is not again is not other


def test_a_class_named_as_one_of_the_library_is_refused(tmp_path):
    class VAE(sg.VAE):
        pass

    with pytest.raises(TypeError, match="VAE has the name of a model of this library"):
        sg.save(VAE(4, latent_dim=2, hidden=(3,), rng=0), tmp_path / "model.npz")
    assert not (tmp_path / "model.npz").exists()
