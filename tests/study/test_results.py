import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from jaxsim.study import Study


@pytest.fixture
def study(step_labels, depth_imbalance) -> Study:
    labels = step_labels("vit", 4) + step_labels("resnet", 5, grids=((8, 8),) * 3 + ((4, 4),) * 2)
    return Study.from_results(depth_imbalance(labels, k=(1, 10)), seed=5)


def test_a_saved_study_comes_back_identical(study, tmp_path) -> None:
    study.save(tmp_path / "deep" / "run")
    back = Study.load(tmp_path / "deep" / "run")
    for name in ("results", "smoothness", "between"):
        xr.testing.assert_identical(getattr(back, name).load(), getattr(study, name))
    assert back.smoothness.marked.dtype == bool
    assert back.between.attrs["alignment_seed"] == 5
    xr.testing.assert_identical(back.imbalance, study.imbalance)
    xr.testing.assert_identical(back.standard_error, study.standard_error)


def test_a_study_of_one_model_is_saved_too(step_labels, depth_imbalance, tmp_path) -> None:
    alone = Study.from_results(depth_imbalance(step_labels("vit", 4)))
    alone.save(tmp_path)
    assert Study.load(tmp_path).between.sizes["pair"] == 0
    assert (tmp_path / "between.csv").read_text().startswith("k,pair,t,")


def test_imbalance_csv_has_every_cell(study, tmp_path) -> None:
    study.save(tmp_path)
    table = pd.read_csv(tmp_path / "imbalance.csv")
    assert len(table) == 2 * 9 * 9
    for _, row in table.sample(20, random_state=0).iterrows():
        cell = study.imbalance.sel(k=row.k, source=row.source, target=row.target)
        assert row.imbalance == pytest.approx(cell.item())
        assert row.source == f"{row.source_model}/{row.source_step}"
        assert row.floor == pytest.approx((row.k + 1) / 1000)
    assert (table.standard_error == 0.01).all()


def test_smoothness_csv_against_the_arrays(study, tmp_path) -> None:
    study.save(tmp_path)
    table = pd.read_csv(tmp_path / "smoothness.csv")
    assert len(table) == 2 * (3 + 4)
    np.testing.assert_allclose(table["mean"], study.smoothness["mean"].values.ravel())
    assert table.query("model == 'resnet' and k == 1").marked.tolist() == [False, False, True, False]
    np.testing.assert_allclose((table.forward + table.backward) / 2, table["mean"])
    summary = pd.read_csv(tmp_path / "smoothness_summary.csv").set_index(["k", "model_name"])
    assert summary.loc[(10, "vit"), "mean_change"] == pytest.approx(
        study.smoothness.mean_change.sel(k=10, model_name="vit").item()
    )


def test_between_csv_against_the_arrays(study, tmp_path) -> None:
    study.save(tmp_path)
    table = pd.read_csv(tmp_path / "between.csv")
    assert table.columns[:3].tolist() == ["k", "pair", "t"]
    np.testing.assert_allclose(table.distance, study.between.distance.values.ravel())
    matches = pd.read_csv(tmp_path / "matches.csv")
    assert len(matches) == 2 * 9
    assert len(pd.read_csv(tmp_path / "alignment.csv")) == 2 * 2


def test_files_are_replaced_whole(study, tmp_path, monkeypatch) -> None:
    study.save(tmp_path)
    before = (tmp_path / "study.nc").read_bytes()

    real = xr.Dataset.dump_to_store

    def die(self, store, **kwargs):
        real(self.drop_vars(list(self.data_vars)[1:]), store, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(xr.Dataset, "dump_to_store", die)
        with pytest.raises(KeyboardInterrupt):
            study.save(tmp_path)
    assert (tmp_path / "study.nc").read_bytes() == before
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_saved_files_follow_the_umask(study, tmp_path) -> None:
    mask = os.umask(0o022)
    try:
        study.save(tmp_path)
    finally:
        os.umask(mask)
    assert (tmp_path / "study.nc").stat().st_mode & 0o777 == 0o644


def test_a_folder_that_cannot_be_written_is_a_value_error(study, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match=r"cannot save the study in .*choose another folder"):
        study.save(tmp_path / "file")


def test_a_folder_without_a_study_is_a_value_error(study, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"has no study\.nc"):
        Study.load(tmp_path)
    study.save(tmp_path)
    (tmp_path / "between.nc").write_bytes(b"not netcdf")
    with pytest.raises(ValueError, match=r"cannot read .*between\.nc"):
        Study.load(tmp_path)


FOREIGN = ("information.csv", "findings.csv", "findings_by_size.csv", "labels.nc", "halves.nc", "notes.txt", "mine.png")


def test_files_that_jaxsim_has_not_written_stay(study, tmp_path) -> None:
    for name in FOREIGN:
        (tmp_path / name).write_text("mine")
    (tmp_path / "untrained").mkdir()
    (tmp_path / "untrained" / "study.nc").write_text("mine")
    study.save(tmp_path)
    study.save(tmp_path)
    assert {(tmp_path / name).read_text() for name in (*FOREIGN, "untrained/study.nc")} == {"mine"}
    # Nor are they taken for parts of the study.
    loaded = Study.load(tmp_path)
    assert (loaded.halves, loaded.label_overlap, loaded.untrained) == (None, None, None)
    xr.testing.assert_identical(loaded.results, study.results)


@pytest.mark.parametrize("name", ["study.nc", "imbalance.csv"])
def test_a_file_that_was_changed_by_hand_is_not_replaced(study, tmp_path, name) -> None:
    study.save(tmp_path)
    (tmp_path / name).write_bytes(b"changed by hand")
    with pytest.raises(ValueError, match=rf"{name} was not written by jaxsim, or was changed"):
        study.save(tmp_path)
    assert (tmp_path / name).read_bytes() == b"changed by hand"


def test_parts_that_an_earlier_study_had_are_removed(study, tmp_path) -> None:
    replace(study, shuffled=study.results, untrained=study).save(tmp_path / "a")
    study.save(tmp_path / "b")
    study.save(tmp_path / "a")
    names = {root: {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()} for root in tmp_path.iterdir()}
    assert names[tmp_path / "a"] - names[tmp_path / "b"] == {"untrained/jaxsim.jsonl"}


@pytest.mark.parametrize("name", ["study.nc", "between.nc", "smoothness.nc"])
def test_one_flipped_bit_in_a_saved_study_is_found(study, tmp_path, name) -> None:
    study.save(tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[-40] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} is damaged.*run the comparison again"):
        Study.load(tmp_path)


def test_a_missing_part_is_named(study, tmp_path) -> None:
    replace(study, shuffled=study.results).save(tmp_path)
    (tmp_path / "shuffled.nc").unlink()
    with pytest.raises(ValueError, match=r"shuffled\.nc is missing.*run the comparison again"):
        Study.load(tmp_path)
