"""Labels of the images: overlap of the steps' neighbourhoods with them, in a whole study."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from jaxsim import label_overlap
from jaxsim.data import open_images
from jaxsim.features import extract
from jaxsim.metrics.half_samples import balanced_halves, half_sample_error
from jaxsim.study import Study, compare
from jaxsim.study.run.categories import check_categories, open_categories

pytestmark = pytest.mark.filterwarnings(
    "ignore::jaxsim.metrics.TieWarning", "ignore::jaxsim.metrics.DegenerateLayerWarning"
)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Noise on one of three pictures, so that neighbours share the picture more often than by chance."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(60, 200, (3, 8, 8, 3))
    noisy = pictures[np.arange(90) % 3] + rng.normal(0, 40, (90, 8, 8, 3))
    return noisy.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def labels() -> list[str]:
    return ["ant", "bee", "cow"] * 30


def test_values_are_those_of_the_metric_on_the_features(random_vit, images, labels) -> None:
    model = random_vit(0, "a")
    study = compare(model, images, labels={"class": labels, "number": np.arange(90) % 3}, k=(1, 4), n_splits=0)
    found = study.label_overlap
    features = extract(model, open_images(images))
    for step, x in features.items():
        expected = label_overlap(x, labels, k=(1, 4))
        own = found.sel(step=f"a/{step}", label="class")
        np.testing.assert_allclose(own.overlap, expected.value, rtol=1e-12)
        np.testing.assert_allclose(own.standard_error, expected.standard_error, rtol=1e-12)
        np.testing.assert_allclose(found.chance.sel(label="class"), expected.chance)
        np.testing.assert_allclose(found.ceiling.sel(label="class"), expected.ceiling)
    xr.testing.assert_equal(found.sel(label="class", drop=True), found.sel(label="number", drop=True))
    assert (found.overlap.sel(k=1, label="class") > found.chance.sel(k=1, label="class") + 0.1).all()
    assert found.n_classes.values.tolist() == [3, 3]
    assert found.model.values.tolist() == ["a"] * 4
    assert "sampling_error" not in found
    # The neighbours of the imbalance are those of the labels: without labels nothing is different.
    xr.testing.assert_equal(study.imbalance, compare(model, images, k=(1, 4), n_splits=0).imbalance)


def test_errors_come_from_the_overlap_within_halves(random_vit, images, labels) -> None:
    model = random_vit(0, "a")
    study = compare(model, images, labels={"class": labels}, pool="cls", n_splits=3, seed=4)
    x, sides = np.asarray(extract(model, open_images(images), pool="cls")["norm"]), balanced_halves(90, 3, seed=4)
    direct = np.array(
        [[label_overlap(x[half == side], np.array(labels)[half == side]).value for side in (0, 1)] for half in sides]
    )
    own = study.halves.overlap.sel(k=1, step="a/norm", label="class")
    np.testing.assert_allclose(own, direct, rtol=1e-12)
    error = half_sample_error(direct[:, :1], direct[:, 1:])[0]
    assert study.label_overlap.sampling_error.sel(k=1, step="a/norm", label="class") == pytest.approx(float(error))
    # The class token of the embeddings is the same for all images.
    assert np.isnan(study.label_overlap.overlap.sel(step="a/embeddings")).all()
    assert study.label_overlap.step_constant.values.tolist() == [True, False, False, False]


@pytest.mark.slow
def test_findings_about_labels(random_vit, images, labels, tmp_path) -> None:
    models = [random_vit(0, "a"), random_vit(1, "b")]
    study = compare(models, images, labels={"class": labels}, n_splits=4, untrained=True, out=tmp_path, report=False)
    overlap = study.label_overlap.overlap.sel(k=1, label="class")
    found = study.findings.sel(k=1)
    change = found.sel(finding="label_change: a (class)")
    assert change.value == overlap.sel(step="a/norm") - overlap.sel(step="a/embeddings")
    assert change.space == "class"
    assert change.low < change.value < change.high
    assert 0 < change.p_value <= 1
    control = study.untrained.label_overlap.overlap.sel(k=1, label="class")
    assert change.control == control.sel(step="a/norm") - control.sel(step="a/embeddings")
    difference = found.sel(finding="label_difference: a | b (class)")
    assert difference.value == overlap.sel(step="a/norm") - overlap.sel(step="b/norm")
    assert np.isnan(difference.shuffled)
    assert np.isfinite(study.all_findings.by_size.sel(k=1, finding="label_change: a (class)")).all()
    # Kept, and read again.
    back = Study.load(tmp_path)
    xr.testing.assert_identical(back.label_overlap.load(), study.label_overlap)
    table = pd.read_csv(tmp_path / "labels.csv")
    np.testing.assert_allclose(table.overlap, study.label_overlap.overlap.values.ravel())
    again = compare(models, images, labels={"class": labels}, n_splits=4, untrained=True, out=tmp_path, report=False)
    assert "imbalance" in again.reused
    xr.testing.assert_equal(again.label_overlap, study.label_overlap)
    other = compare(models, images, labels={"class": sorted(labels)}, n_splits=0, out=tmp_path, report=False)
    assert "imbalance" not in other.reused
    assert not np.array_equal(other.label_overlap.overlap, study.label_overlap.overlap)
    assert back.select_steps(steps="norm").label_overlap.step.values.tolist() == ["a/norm", "b/norm"]
    compare(models, images, n_splits=0, out=tmp_path, report=False)
    assert Study.load(tmp_path).label_overlap is None
    assert not (tmp_path / "labels.csv").exists()


@pytest.mark.filterwarnings("ignore::jaxsim.study.run.groups.NearDuplicateWarning")
def test_labels_follow_the_samples(random_vit, images, labels) -> None:
    """A subset, an image that is left out, duplicates that are dropped, labels in the order of the images or by id."""
    model = random_vit(0, "a")
    source = open_images(np.concatenate([images, images[:4]]))
    given = [*labels, *labels[:4]]
    by_id = dict(zip(source.ids, given, strict=True)) | {"another": "dog"}
    options = {"n_samples": 70, "seed": 3, "n_splits": 0, "drop_duplicates": True}
    study = compare(model, source, labels={"ordered": given, "by id": by_id}, **options)
    subset = source.subset(70, 3)
    dropped = json.loads(study.results.attrs["dropped"])
    kept = [i for i, each in enumerate(subset.ids) if each not in dropped]
    x = np.asarray(extract(model, subset)["norm"])[kept]
    expected = label_overlap(x, [by_id[subset.ids[i]] for i in kept]).value
    for name in ("ordered", "by id"):
        assert study.label_overlap.overlap.sel(k=1, step="a/norm", label=name) == pytest.approx(expected)
    some = compare(model, source, labels={"class": given}, n_queries=30, n_splits=0)
    assert some.label_overlap.attrs["n_queries"] == 30


IDS = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["x", "y"], "expected labels as a mapping from a name"),
        ({"a/b": ["x", "y"] * 2}, "a text without '/', got 'a/b'"),
        ({"class": ["x", None, "y", "x"]}, "sample 'b' has none"),
        ({"class": {"a": "x", "b": "y", "d": "x"}}, "'c' has none; give a mapping from every"),
        ({"class": {"a": "x", "b": "y", "c": "", "d": "x"}}, "sample 'c' has none"),
        ({"class": ["x", "y", "x"]}, "for each of the 4 samples of the study, got 3"),
        ({"class": ["x"] * 4}, "all 4 samples are 'x'"),
        ({"class": [1, 2, 3, 4]}, "all 4 labels differ"),
        ({"class": [0.5, 1, 2, 1]}, "sample 'a' has 0.5"),
    ],
)
def test_labels_that_do_not_fit(given, message) -> None:
    def opened():
        check_categories(given, IDS)
        return open_categories(given, ids=IDS, source_ids=IDS)

    with pytest.raises(ValueError, match=message):
        opened()


def test_wrong_labels_are_refused_before_the_work(random_vit, images, monkeypatch) -> None:
    import jaxsim.study.run.extraction as extraction_module

    def refuse(*args, **kwargs):
        raise AssertionError("work was begun")

    monkeypatch.setattr(extraction_module, "extract_together", refuse)
    with pytest.raises(ValueError, match="sample '000002' has none"):
        compare(random_vit(0), images, labels={"class": ["x", "y", None, *["x"] * 87]})
