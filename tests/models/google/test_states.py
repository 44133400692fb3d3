"""Scenic, vision_transformer and big_vision: states of the originals, layouts of their files."""

import shutil

import jax
import ml_dtypes
import numpy as np
import pytest
import scipy.ndimage

from jaxsim.models import load_model
from jaxsim.models.google.positions import fixed_positions, read_grid


def bound(case):
    return 1e-4 if "resnet" in case else 2e-5


def load(google, path, case, **options):
    return load_model(path, image_size=google.inputs(case).shape[1:3], **options)


def test_states_of_the_original(google, case, file):
    found = google.errors(load(google, google.root / case / file, case), case)
    assert max(found.values()) <= bound(case), found


@pytest.mark.parametrize(
    "case",
    [
        "scenic_clip",
        *(
            pytest.param(f"scenic_{name}", marks=pytest.mark.slow)
            for name in ("vit_gap_nonsquare", "vit_token_resized", "resnet18")
        ),
    ],
)
def test_orbax_gives_what_msgpack_gives(google, case, tmp_path):
    model = load(google, google.write_orbax(google.tree(case), tmp_path / "checkpoint_7"), case)
    assert model.weights_hash == load(google, google.root / case / "msgpack", case).weights_hash
    assert max(google.errors(model, case).values()) <= bound(case)


def test_hf_granularity_counts_embeddings_and_blocks(google):
    case = "vit_jax_prelogits_opt_target"
    model = load(google, google.root / case / "checkpoint.npz", case, granularity="hf")
    assert [step.name for step in model.steps] == [f"hidden_states.{i}" for i in range(4)]
    assert (model.family, model.steps[0].layout.prefix) == ("vit", ("cls",))


def test_the_latest_step_of_a_training_directory(google, tmp_path):
    shutil.copy(google.root / "scenic_vit_token" / "msgpack" / "checkpoint_7", tmp_path / "checkpoint_20")
    shutil.copy(google.root / "scenic_vit_legacy_optimizer" / "msgpack" / "checkpoint_7", tmp_path / "checkpoint_9")
    assert load_model(tmp_path).config["num_classes"] == 10
    assert load_model(tmp_path / "checkpoint_9").config["num_classes"] == 6


def test_optimizer_state_is_never_taken_for_parameters(google, tmp_path):
    state = google.tree("scenic_vit_token")
    state["opt_state"]["0"]["mu"] = jax.tree.map(lambda leaf: leaf + 1, state["opt_state"]["0"]["mu"])
    changed = load_model(google.write_orbax(state, tmp_path / "checkpoint_7"))
    assert changed.weights_hash == load_model(google.root / "scenic_vit_token" / "msgpack").weights_hash


def test_parameters_below_optimizer_target_params(google, tmp_path):
    state = google.tree("scenic_vit_legacy_optimizer")
    state["optimizer"]["target"] = {"params": state["optimizer"]["target"]}
    model = load_model(google.write_orbax(state, tmp_path / "checkpoint_7"))
    assert max(google.errors(model, "scenic_vit_legacy_optimizer").values()) <= 2e-5


@pytest.mark.parametrize(
    "place", ["pos_embedding", "Transformer/pos_embedding", "Transformer/posembed_input/pos_embedding"]
)
def test_old_big_vision_tables_with_a_slot_for_the_class_token(google, place, tmp_path):
    def age(arrays):
        table, slot = arrays.pop("params/pos_embedding"), np.full((1, 1, 32), 0.25, np.float32)
        arrays[f"params/{place}"] = np.concatenate([slot, table], axis=1)
        arrays["params/cls"] = arrays["params/cls"] - slot

    path = google.edit_npz("bv_vit_tok", tmp_path / "old.npz", age)
    model = load_model(path)
    assert model.image_size == (32, 32)
    assert max(google.errors(model, "bv_vit_tok").values()) <= 2e-5


def test_attention_pooling_beside_the_transformer(google, tmp_path):
    def flatten(arrays):
        for name in [name for name in arrays if "MAPHead_0/" in name]:
            arrays[name.replace("MAPHead_0/", "")] = arrays.pop(name)

    path = google.edit_npz("bv_vit_map_scan", tmp_path / "vit_g.npz", flatten)
    assert max(google.errors(load_model(path), "bv_vit_map_scan").values()) <= 2e-5


@pytest.mark.parametrize("said", [{"image_size": (16, 40)}, {"overrides": {"grid": (2, 5)}}])
def test_a_genuine_grid_of_a_square_and_one_is_not_folded(google, said, tmp_path):
    table = np.random.default_rng(0).standard_normal((1, 10, 32)).astype(np.float32)
    paths = [
        google.edit_npz(
            "bv_vit_gap_nonsquare", tmp_path / f"{name}.npz", lambda a, t=t: a.update({"params/pos_embedding": t})
        )
        for name, t in {"table": table, "zeros": 0 * table}.items()
    ]
    models = [load_model(path, **said) for path in paths]
    assert models[0].image_size == (16, 40)
    found, bare = (google.embeddings(model, np.ones((1, 16, 40, 3), np.float32)) for model in models)
    np.testing.assert_allclose(found - bare, table, atol=1e-6)


@pytest.mark.parametrize("grid", [(4, 6), (2, 8), (3, 3)])
def test_positions_are_resized_to_grids_of_any_shape(google, grid, tmp_path):
    case, size = "vit_jax_token_resized", (grid[0] * 8, grid[1] * 8)
    name = "Transformer/posembed_input/pos_embedding"
    zero = google.edit_npz(case, tmp_path / "zero.npz", lambda arrays: arrays.update({name: 0 * arrays[name]}))
    images = np.ones((1, *size, 3), np.float32)
    found, bare = (
        google.embeddings(load_model(path, image_size=size), images)
        for path in (google.root / case / "checkpoint.npz", zero)
    )
    with np.load(google.root / case / "checkpoint.npz") as archive:
        table = archive[name][0]
    zoomed = scipy.ndimage.zoom(table[1:].reshape(4, 4, 32), (grid[0] / 4, grid[1] / 4, 1), order=1)
    expected = np.concatenate([table[:1], zoomed.reshape(-1, 32)])
    np.testing.assert_allclose((found - bare)[0], expected, atol=2e-6)


def test_bfloat16_in_npz_is_read_as_such(google, tmp_path):
    def halve(arrays):
        arrays.update({name: array.astype(ml_dtypes.bfloat16) for name, array in arrays.items()})

    def round_off(arrays):
        arrays.update({name: array.astype(ml_dtypes.bfloat16).astype(np.float32) for name, array in arrays.items()})

    half = google.edit_npz("bv_vit_tok", tmp_path / "half.npz", halve)
    with np.load(half) as archive:
        assert archive["params/cls"].dtype == np.dtype("V2")
    rounded = google.edit_npz("bv_vit_tok", tmp_path / "rounded.npz", round_off)
    assert load_model(half).weights_hash == load_model(rounded).weights_hash


def test_heads_must_be_told_where_kernels_are_flat(google, tmp_path):
    def flatten(arrays):
        for name, array in list(arrays.items()):
            if "MultiHead" in name and array.ndim == 3:
                arrays[name] = array.reshape((-1, 32) if "/out/" in name else (32, -1))
            elif "MultiHead" in name and array.ndim == 2:
                arrays[name] = array.reshape(-1)

    path = google.edit_npz("bv_vit_tok", tmp_path / "flat.npz", flatten)
    with pytest.raises(ValueError, match=r"overrides=\{'num_heads'"):
        load_model(path)
    assert max(google.errors(load_model(path, overrides={"num_heads": 2}), "bv_vit_tok").values()) <= 2e-5


@pytest.mark.parametrize(("pool", "reduce"), [("gap", "mean"), ("gmp", "max"), ("gsp", "sum")])
def test_pooling_that_shapes_cannot_tell(google, pool, reduce):
    case = "bv_vit_gap_nonsquare"
    found = google.states(
        load(google, google.root / case / "checkpoint.npz", case, overrides={"pool": pool}), google.inputs(case)
    )
    np.testing.assert_allclose(found["pooler_output"], getattr(found["norm"], reduce)(axis=1), rtol=1e-5, atol=1e-5)


def test_a_file_without_positions(google, tmp_path):
    path = google.edit_npz(
        "bv_vit_gap_nonsquare", tmp_path / "plain.npz", lambda arrays: arrays.pop("params/pos_embedding")
    )
    model = load_model(path, image_size=(16, 24))
    assert model.config["positions"] == "sincos2d"
    images = np.ones((1, 16, 24, 3), np.float32)
    found = google.embeddings(model, images)
    bare = google.embeddings(load_model(path, image_size=(16, 24), overrides={"positions": "none"}), images)
    np.testing.assert_allclose((found - bare)[0], fixed_positions("sincos2d", (2, 3), 32, 0), atol=1e-5)


def test_fixed_positions_by_hand():
    table = np.asarray(fixed_positions("sincos2d", (2, 3), 8, 1))
    np.testing.assert_array_equal(table[0], 0)
    row, column, slow = 1, 2, 1e-4
    expected = [np.sin(column), np.sin(column * slow), np.cos(column), np.cos(column * slow)]
    expected += [np.sin(row), np.sin(row * slow), np.cos(row), np.cos(row * slow)]
    np.testing.assert_allclose(table[1 + 5], expected, atol=1e-6)
    scenic = np.asarray(fixed_positions("sinusoidal_2d", (2, 3), 8, 0))
    np.testing.assert_allclose(scenic[5, :2], [np.sin(2), np.sin(2 * 1e-2)], atol=1e-6)
    line = np.asarray(fixed_positions("sinusoidal_1d", (2, 3), 8, 1))
    np.testing.assert_allclose(line[6, :4], [np.sin(6), np.cos(6), np.sin(0.6), np.cos(0.6)], atol=1e-6)


@pytest.mark.parametrize(
    ("n", "known", "expected"),
    [
        (16, {}, ((4, 4), False)),
        (17, {}, ((4, 4), True)),
        (17, {"default_slot": False, "image_grid": (4, 4)}, ((4, 4), True)),
        (25, {"slot": True, "image_grid": (4, 6)}, ((4, 6), True)),
        (16, {"image_grid": (2, 8)}, ((4, 4), False)),
        (16, {"grid": (2, 8)}, ((2, 8), False)),
        (26, {"image_grid": (13, 2)}, ((13, 2), False)),
        (26, {"image_grid": (6, 6)}, ((5, 5), True)),
    ],
)
def test_which_grid_a_table_stands_for(n, known, expected):
    known = {"slot": None, "default_slot": True, "grid": None, "image_grid": None, **known}
    assert read_grid(n, where="a.npz", **known) == expected


def test_image_values_are_stated_and_applied(google):
    white = np.full((40, 50, 3), 255, np.uint8)
    vit = load_model(google.root / "bv_vit_tok" / "checkpoint.npz")
    assert vit.preprocess([white]).max() == 1
    assert vit.preprocess([0 * white]).min() == -1
    resnet = load_model(google.root / "scenic_resnet18" / "msgpack", image_size=64)
    assert resnet.preprocess([white]).max() == pytest.approx((1 - 0.406) / 0.225)
    for model in (vit, resnet):
        assert "the checkpoint carries none" in model.preprocessing["reason"]


@pytest.mark.slow
def test_random_twin_of_a_checkpoint(google):
    model = load_model(google.root / "bv_vit_map_scan" / "checkpoint.npz", init="random", seed=3)
    assert model.name == "bv_vit_map_scan-checkpoint-random3"
    assert len(model.steps) == 5
