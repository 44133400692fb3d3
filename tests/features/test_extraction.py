import dataclasses
import json

import jax
import numpy as np
import PIL.Image
import pytest

from jaxsim.data import DamagedImage, open_images
from jaxsim.features import StoredRepresentation, estimate, extract, open_features, pool_state


@pytest.fixture(scope="module")
def images():
    return open_images("digits").subset(70, seed=0)


@pytest.fixture
def photos(tmp_path):
    """Nine pictures of which two are damaged."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(9):
        pixels = np.random.default_rng(i).integers(0, 256, (10 + i, 20, 3), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f"{i}.png")
    for name in ("3.png", "7.png"):
        (folder / name).write_bytes((folder / name).read_bytes()[:200])
    return folder


def by_hand(model, images, pool):
    """All images in one call, not jitted, pooled step by step."""
    states = model.apply(model.params, model.preprocess([images.load(i) for i in range(len(images))]))
    return {
        step.name: np.asarray(pool_state(state, step.layout, pool))
        for step, state in zip(model.steps, states.values(), strict=True)
    }


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize(("cls", "pool"), [(True, "cls"), (True, "mean"), (False, "spatial:2"), (False, "flatten")])
def test_equal_to_a_plain_call(TinyModel, images, tmp_path, on_disk, cls, pool):
    model = TinyModel(cls=cls)
    features = extract(model, images, pool=pool, out=tmp_path / "f" if on_disk else None, batch_size=32)
    expected = by_hand(model, images, pool)
    assert list(features) == [step.name for step in features.steps] == list(expected)
    for name, representation in features.items():
        assert representation.shape == expected[name].shape
        assert representation.dtype == np.float32
        assert isinstance(representation, StoredRepresentation if on_disk else np.ndarray)
        np.testing.assert_allclose(np.asarray(representation), expected[name], atol=2e-5)
    assert features.sample_ids == images.ids
    assert features.damaged == ()
    assert features.reused is False
    assert features.model_name == "tiny"


def test_batches_of_one_shape_compile_once(TinyModel, images):
    model = TinyModel()
    extract(model, images, batch_size=32)
    assert model.compilations == [(32, 8, 12, 3)]
    small = TinyModel()
    extract(small, images.select(range(5)), batch_size=32)
    assert small.compilations == [(5, 8, 12, 3)]


def test_results_do_not_depend_on_batch_size_or_threads(TinyModel, images):
    reference = extract(TinyModel(), images, batch_size=70, threads=0)
    for batch_size, threads in ((1, 0), (7, 2), (64, 4)):
        other = extract(TinyModel(), images, batch_size=batch_size, threads=threads)
        for name in reference:
            np.testing.assert_allclose(other[name], reference[name], atol=1e-5)


@pytest.mark.parametrize("on_disk", [False, True])
def test_damaged_images_are_left_out_and_listed(TinyModel, photos, tmp_path, on_disk):
    out = tmp_path / "f" if on_disk else None
    features = extract(TinyModel(), photos, out=out, batch_size=2)
    assert features.damaged == ("3.png", "7.png")
    assert features.sample_ids == ("0.png", "1.png", "2.png", "4.png", "5.png", "6.png", "8.png")
    assert [entry["position"] for entry in features.manifest["damaged"]] == [3, 7]
    assert all(entry["reason"] for entry in features.manifest["damaged"])
    whole = open_images(photos).select([0, 1, 2, 4, 5, 6, 8])
    for name, expected in by_hand(TinyModel(), whole, "mean").items():
        np.testing.assert_allclose(np.asarray(features[name]), expected, atol=2e-5)
    if out is not None:
        assert extract(TinyModel(), photos, out=out).reused
        with pytest.raises(DamagedImage, match=r"3.png"):
            extract(TinyModel(), photos, out=out, strict=True)


@pytest.mark.parametrize("on_disk", [False, True])
def test_strict(TinyModel, photos, tmp_path, on_disk):
    with pytest.raises(DamagedImage, match=r"3.png"):
        extract(TinyModel(), photos, out=tmp_path / "f" if on_disk else None, strict=True)


def test_all_images_damaged(TinyModel, tmp_path):
    for i in range(5):
        (tmp_path / f"{i}.jpg").write_text("no image")
    for out in (None, tmp_path / "f"):
        with pytest.raises(ValueError, match=r"none of 5 images.*0.jpg"):
            extract(TinyModel(), tmp_path, out=out, batch_size=2)


def test_nan_names_the_step_and_the_first_sample(TinyModel, images, tmp_path):
    sums = np.asarray(extract(TinyModel(), images)["Out"]).sum(1)
    threshold = np.sort(sums)[-4]
    first = images.ids[int(np.flatnonzero(sums > threshold)[0])]
    for out in (None, tmp_path / "f"):
        with pytest.raises(ValueError, match=rf"model tiny, step Out: NaN or Inf.*sample {first}: check the weights"):
            extract(TinyModel(blow_up_above=float(threshold)), images, batch_size=8, out=out)


def test_float16(TinyModel, images, tmp_path):
    features = extract(TinyModel(), images, out=tmp_path / "f", dtype="float16")
    assert features.manifest["dtype"] == "float16"
    np.testing.assert_allclose(
        np.asarray(features["stem"], np.float32), extract(TinyModel(), images)["stem"], rtol=1e-2, atol=1e-2
    )

    class Large(TinyModel):
        def apply(self, params, images):
            states = super().apply(params, images)
            return states | {"Out": states["Out"] * 1e6}

    with pytest.raises(ValueError, match=r"float16 ends at 65504"):
        extract(Large(), images, dtype="float16")


def test_progress(TinyModel, images):
    calls = []
    extract(TinyModel(), images, batch_size=32, progress=lambda *call: calls.append(call))
    assert calls == [(done, 70, "tiny") for done in (0, 32, 64, 70)]


def test_manifest_tells_what_decides_the_numbers(TinyModel, images, tmp_path):
    model = TinyModel()
    extract(model, images, out=tmp_path, batch_size=16)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["weights_hash"] == model.weights_hash
    assert manifest["sample_ids"] == list(images.ids)
    assert manifest["damaged"] == []
    assert manifest["pool"] == "mean"
    assert manifest["dtype"] == "float32"
    assert manifest["granularity"] == "block"
    assert manifest["preprocessing"] == {"image_size": [8, 12], "mean": 0.5}
    assert manifest["computation"] == {"dtype": "float32", "precision": "highest"}
    assert manifest["model"] == {"name": "tiny", "family": "tiny", "source": "tests"}
    assert manifest["images"]["kind"] == "embedded"
    assert manifest["versions"]["jax"] == jax.__version__
    assert manifest["steps"][0] == {
        "name": "stem",
        "kind": "stem",
        "depth": 0.0,
        "grid": [2, 3],
        "channels": 6,
        "n_features": 6,
    }
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != ".lock") == ["manifest.json", "steps.zarr"]


def test_readable_by_zarr_and_xarray(TinyModel, images, tmp_path):
    zarr = pytest.importorskip("zarr")
    import xarray

    features = extract(TinyModel(cls=False), images, out=tmp_path)
    group = zarr.open_group(tmp_path / "steps.zarr", mode="r")
    assert len(list(group.arrays())) == len(features) == 4
    for name in features:
        stored = group[name.replace("/", "%2F")]
        assert stored.metadata.zarr_format == 3
        np.testing.assert_array_equal(stored[:], features[name][:])
    dataset = xarray.open_zarr(tmp_path / "steps.zarr")
    assert dict(dataset.sizes)["sample"] == 70
    np.testing.assert_array_equal(dataset["stem"], features["stem"])


def test_indexing_a_representation_is_numpys(TinyModel, images, tmp_path):
    stored = extract(TinyModel(), images, out=tmp_path)["stem"]
    whole = np.asarray(stored)
    mask = np.arange(70) % 3 == 0
    rows = (0, -1, np.int64(5), [4, 1, 1, -2], np.array([3, 69]), mask, [])
    slices = ((None,), (3, 9), (-5, None), (60, 200), (9, 3), (None, None, 7), (None, None, -1))
    both = ((slice(2, 5), slice(1, 3)), (3, 2), ([1, 2], -1), (slice(None), slice(None, 2)))
    for index in (*rows, *(slice(*ends) for ends in slices), *both):
        key = index if not isinstance(index, list) else np.array(index, int)
        np.testing.assert_array_equal(stored[index], whole[key])
    assert len(stored) == 70
    assert stored.ndim == 2
    assert stored.nbytes == whole.nbytes
    np.testing.assert_array_equal(np.array(stored, np.float64), whole)
    np.testing.assert_array_equal(jax.numpy.asarray(np.asarray(stored)), whole)
    for index in ((0, 1, 2), (slice(None), [1, 2])):
        with pytest.raises(IndexError, match=r"columns by an integer or a slice"):
            stored[index]
    with pytest.raises(IndexError, match="out of bounds"):
        stored[70]


def test_unknown_step_lists_the_steps(TinyModel, images):
    with pytest.raises(KeyError, match=r"stem, block.b, Out"):
        extract(TinyModel(), images)["block"]


def test_pool_that_does_not_suit_is_refused_before_the_work(TinyModel, images):
    model = TinyModel(cls=False)
    with pytest.raises(ValueError, match=r"model tiny, step stem: .*CLS.*use mean"):
        extract(model, images, pool="cls")
    with pytest.raises(ValueError, match=r"unknown pool 'median'"):
        extract(model, images, pool="median")
    assert model.compilations == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"dtype": "int8"}, "one of float32, float16, bfloat16, got 'int8'"), ({"batch_size": 0}, "at least 1")],
)
def test_bad_arguments(TinyModel, images, arguments, words):
    with pytest.raises(ValueError, match=words):
        extract(TinyModel(), images, **arguments)


def test_estimate_is_what_it_takes(TinyModel, images, tmp_path):
    model = TinyModel(cls=False)
    expected = estimate(model, len(images), pool="flatten")
    features = extract(model, images, pool="flatten", out=tmp_path)
    assert expected.total_bytes == sum(features[name].nbytes for name in features)
    assert expected.sample_bytes * 70 == expected.total_bytes
    assert expected.steps == features.steps


def test_a_disk_that_is_too_small(TinyModel, images, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: dataclasses.make_dataclass("Usage", ["free"])(1000))
    with pytest.raises(ValueError, match=r"take 0.00 GB.*free"):
        extract(TinyModel(), images, out=tmp_path / "f")
    assert not open_is_possible(tmp_path / "f")


def open_is_possible(folder):
    try:
        open_features(folder)
    except ValueError:
        return False
    return True
