import json

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
