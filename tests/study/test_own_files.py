"""Files and links of others in the output folder: refused before the work, each by name."""

import json
import os

import numpy as np
import pytest

import jaxsim.study.run.comparison as comparison_module
import jaxsim.study.run.reuse as reuse_module
from jaxsim.files import JOURNAL, OwnedFiles
from jaxsim.study import Study, compare
from jaxsim.study.netcdf import write_netcdf
from jaxsim.study.run.folder import load_measurement

DEEP = "[" * 100_000
LABELS = {"class": np.arange(70) % 3}


@pytest.fixture
def no_work(monkeypatch):
    """Fails when features are extracted."""

    def refuse(*args, **kwargs):
        raise AssertionError("work was begun")

    monkeypatch.setattr(comparison_module, "all_features", refuse)


SOMETIMES = [
    ("halves.nc", {}),
    ("shuffled.nc", {}),
    ("findings.nc", {}),
    ("findings.csv", {}),
    ("findings_by_size.csv", {}),
    ("information.nc", {"statistics": True}),
    ("information.csv", {"spaces": {"size": np.arange(70.0)[:, None]}}),
    ("labels.nc", {"labels": LABELS}),
    ("labels.csv", {"labels": LABELS}),
    ("untrained/study.nc", {"untrained": True}),
    ("untrained/halves.nc", {"untrained": True}),
]


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(("name", "options"), SOMETIMES, ids=[name for name, _ in SOMETIMES])
def test_a_file_that_this_run_may_write_is_refused_before_the_work(random_vit, tmp_path, name, options) -> None:
    file = tmp_path / "run" / name
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    with pytest.raises(ValueError, match=rf"{file} was not written by jaxsim"):
        compare([random_vit()], "rendered:70", out=tmp_path / "run", **options)
    assert file.read_text() == "mine"


def test_files_that_this_run_does_not_write_stay_where_they_are(random_vit, tmp_path) -> None:
    names = ["halves.nc", "labels.nc", "information.csv", "figures/overview_k2.png", "figures/mine.png", "notes.txt"]
    (tmp_path / "figures").mkdir()
    for name in names:
        (tmp_path / name).write_text("mine")
    compare([random_vit()], "rendered:20", out=tmp_path)
    assert {(tmp_path / name).read_text() for name in names} == {"mine"}
    assert Study.load(tmp_path).halves is None
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"overview_k2.png", "mine.png"}


FOLDERS = ["measurements", "figures", "features", "features/vit", "statistics", "untrained"]


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_is_a_link_is_refused_before_the_work(random_vit, tmp_path, name) -> None:
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "run" / name
    elsewhere.mkdir()
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    with pytest.raises(ValueError, match=rf"{link} is a link: jaxsim writes and deletes only below the folder"):
        compare([random_vit()], "rendered:20", out=tmp_path / "run", untrained=True)
    assert os.listdir(elsewhere) == []


def test_the_output_folder_itself_may_be_a_link(random_vit, tmp_path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "disk")
    compare([random_vit()], "rendered:20", out=tmp_path / "run", report=False)
    assert (tmp_path / "disk" / "study.nc").is_file()


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_journal_that_is_no_file_is_refused_before_the_work(random_vit, tmp_path, kind) -> None:
    if kind == "link":
        (tmp_path / "precious").write_text("mine\n")
        (tmp_path / JOURNAL).symlink_to(tmp_path / "precious")
    else:
        os.mkfifo(tmp_path / JOURNAL)
    with pytest.raises(ValueError, match=r"expected .*jaxsim\.jsonl to be a file.*got (a link|something else)"):
        compare([random_vit()], "rendered:20", out=tmp_path)
    if kind == "link":
        assert (tmp_path / "precious").read_text() == "mine\n"


@pytest.mark.parametrize("name", ["study.nc", "index.html", "features/vit/manifest.json", "features/vit/request.json"])
def test_a_pipe_among_the_files_is_not_waited_for(random_vit, tmp_path, name) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(file)
    with pytest.raises(ValueError, match=file.name if file.parent == tmp_path else "features/vit"):
        compare([random_vit()], "rendered:20", out=tmp_path)


@pytest.mark.slow
def test_a_measurement_nested_too_deep_is_made_anew(random_vit, tmp_path) -> None:
    first = compare([random_vit()], "rendered:20", out=tmp_path, report=False)
    files = OwnedFiles(tmp_path)
    (name,) = [each for each in files if each.startswith("measurements/imbalance")]
    kept = load_measurement(tmp_path, name.removeprefix("measurements/imbalance-").removesuffix(".nc"))
    for attrs in ({"kept_with": DEEP}, {"kept_with": "[[]]"}, {"kept_with": "[]", "dropped": DEEP}):
        write_netcdf(kept.assign_attrs(attrs), OwnedFiles(tmp_path), name)
        again = compare([random_vit()], "rendered:20", out=tmp_path, report=False)
        assert "imbalance" not in again.reused
        np.testing.assert_array_equal(again.imbalance, first.imbalance)


@pytest.mark.parametrize("attribute", ["saved_with", "models", "dropped", "warnings"])
def test_a_study_nested_too_deep_names_its_file(random_vit, tmp_path, attribute) -> None:
    study = compare([random_vit()], "rendered:20")
    study.save(tmp_path)
    saved_with = json.dumps(dict.fromkeys(("smoothness.nc", "between.nc"), ""))
    changed = study.results.assign_attrs({"saved_with": saved_with, attribute: DEEP})
    write_netcdf(changed, OwnedFiles(tmp_path), "study.nc")
    with pytest.raises(ValueError, match=rf"study\.nc as NetCDF: its attribute '{attribute}' is nested more than 100"):
        Study.load(tmp_path)


def test_a_measurement_of_another_format_is_made_anew(random_vit, tmp_path, monkeypatch) -> None:
    compare([random_vit()], "rendered:20", out=tmp_path, report=False)
    assert "imbalance" in compare([random_vit()], "rendered:20", out=tmp_path, report=False).reused
    monkeypatch.setattr(reuse_module, "MEASUREMENT_FORMAT", reuse_module.MEASUREMENT_FORMAT + 1)
    assert "imbalance" not in compare([random_vit()], "rendered:20", out=tmp_path, report=False).reused
