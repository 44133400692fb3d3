"""Groups that a user names, aligned by sample, and near copies that are found."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from jaxsim.data import ArraySource, open_images
from jaxsim.features import extract
from jaxsim.metrics import near_duplicates
from jaxsim.study import checked_settings, compare
from jaxsim.study.run.groups import NearDuplicateWarning, check_groups, find_copies, open_groups, warning_of
from jaxsim.study.run.statistics import open_statistics

IDS = ("a", "c", "d")
SOURCE = ("a", "b", "c", "d")


def never():
    raise AssertionError("nothing is to be looked for")


@pytest.mark.parametrize(
    "given",
    [
        ["film 1", "film 2", "film 1"],
        ["film 1", "film 9", "film 2", "film 1"],
        {"d": "film 1", "b": "film 9", "c": "film 2", "a": "film 1"},
        np.array([7, 3, 7]),
        np.array([7.0, 1.0, 3.0, 7.0]),
        (True, False, True),
    ],
)
def test_given_groups_follow_the_samples(given):
    assert open_groups(given, IDS, SOURCE, copies=never).tolist() == [0, 1, 0]


def test_none_and_near_duplicates():
    assert open_groups(None, IDS, SOURCE, copies=never) is None
    found = near_duplicates([[0.0], [1.0], [0.0]])
    assert open_groups("near_duplicates", IDS, SOURCE, copies=lambda: found).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("films", "'near_duplicates', 'column:NAME' .* a sequence .* or a mapping .* got 'films'"),
        (3, "got a int"),
        (["x", "y"], "3 samples of the study or the 4 it was drawn from, got 2"),
        ({"a": 1, "c": 2}, "'d' has none; give a mapping"),
        (["x", None, "y"], "that of 'c' is None; give a sample"),
        (np.array([1.0, 2.0, np.nan]), "that of 'd' is nan"),
        (np.zeros((3, 2)), "text or a number, got a list for 'a'"),
        ([np.zeros(2)] * 3, "text or a number, got a ndarray for 'a'"),
        (["x", "x", "x"], "at least two groups, but all 3 samples are in 'x'"),
    ],
)
def test_bad_groups_are_refused_with_advice(given, words):
    with pytest.raises(ValueError, match=words):
        open_groups(given, IDS, SOURCE, copies=never)


def test_what_no_group_can_be_is_refused_early():
    for given in (None, "near_duplicates", {"a": 1}, [1, 2], np.arange(3)):
        check_groups(given)
    with pytest.raises(ValueError, match="got 'crops'"):
        check_groups("crops")


@pytest.fixture(scope="module")
def images():
    """Rendered images, the first twenty of them there again with other noise."""
    rng = np.random.default_rng(0)
    pixels = np.stack([open_images("rendered:100").load(i) for i in range(100)])
    noisy = np.clip(pixels[:20] + rng.normal(0, 3, (20, 32, 32, 3)), 0, 255).astype(np.uint8)
    return ArraySource(np.concatenate([pixels, noisy]))


def test_copies_are_found_in_the_thumbnails_of_the_statistics(images, random_vit):
    found_in = open_statistics(checked_settings(k=1, statistics=True), images=images, ids=images.ids, out=None)
    features = {"vit": extract(random_vit(0), images)}
    copies = find_copies(features, images.ids, found_in)
    assert copies.rule.startswith("in thumbnails of the images: equal, or nearer")
    assert copies.pairs.tolist() == [[i, 100 + i] for i in range(20)]
    chosen = images.ids[5:105]
    assert find_copies(features, chosen, found_in).members() == [(f"{i:06d}", f"{100 + i:06d}") for i in range(5)][5:]
    warning = warning_of(copies)
    assert isinstance(warning, NearDuplicateWarning)
    for words in ("40 of 120", "20 groups: (000000, 000100), ", "at small k", "groups='near_duplicates'", "thumbnails"):
        assert words in str(warning)
    doubt = "may hold a class as tightly as copies"
    assert doubt not in str(warning)
    assert doubt in str(warning_of(dataclasses.replace(copies, rule=f"in step vit/last: {copies.rule}")))


def test_copies_are_found_in_the_step_of_most_dimensions(images, random_vit):
    flat = {"flat": extract(random_vit(0), images, pool="flatten")}
    both = flat | {"mean": extract(random_vit(1), images)}
    for features in (both, dict(reversed(both.items()))):
        copies = find_copies(features, images.ids)
        assert copies.rule.startswith("in step flat/")
        assert np.mean(copies.groups[:20] == copies.groups[100:]) > 0.8
    assert find_copies(both, images.ids[:100]).n_groups == 0
    assert warning_of(find_copies(both, images.ids[:100])) is None


def test_constant_steps_tell_nothing(images, random_vit):
    features = extract(random_vit(0), images, pool="cls")
    assert (np.asarray(features["embeddings"]) == np.asarray(features["embeddings"])[0]).all()
    assert "embeddings" not in find_copies({"vit": features}, images.ids).rule


def test_a_few_copies_in_a_hundred_are_not_warned_of():
    x = np.random.default_rng(0).normal(size=(400, 15))
    x[1] = x[0]
    few = near_duplicates(x)
    assert few.n_copies == 2
    assert warning_of(few) is None
    x[3], x[5] = x[2], x[4]
    assert warning_of(near_duplicates(x)) is not None
    assert warning_of(dataclasses.replace(few, groups=np.arange(400), n_groups=0)) is None


def test_a_column_of_the_images_is_taken_by_name(random_vit):
    source = open_images("digits")
    alone = {"n_samples": 80, "n_splits": 0, "steps": "block*"}
    named = compare([random_vit(0)], source, groups="column:digit", labels={"class": "column:digit"}, **alone)
    digits = source.column("digit")
    given = compare([random_vit(0)], source, groups=digits, labels={"class": digits}, **alone)
    np.testing.assert_array_equal(named.imbalance, given.imbalance)
    xr.testing.assert_equal(named.label_overlap, given.label_overlap)
    with pytest.raises(ValueError, match=r"expected a column of the images \('digit'\), got 'film'"):
        compare([random_vit(0)], source, groups="column:film")
    with pytest.raises(ValueError, match=r"expected images for labels\['class'\]='column:digit'"):
        compare({"a": {"x": np.eye(80)}}, labels={"class": "column:digit"})


def test_the_floor_is_what_a_step_gives_of_itself(random_vit):
    images = np.random.default_rng(0).integers(0, 256, (48, 8, 8, 3), np.uint8)
    spaces = {"brightness": images.mean((1, 2))}
    study = compare([random_vit()], images, groups=np.arange(48) // 16, k=(1, 3), n_splits=0, spaces=spaces)
    own = np.diagonal(study.results.imbalance.values, axis1=1, axis2=2)
    np.testing.assert_allclose(own, np.repeat(study.results.floor.values[:, None], 4, axis=1), rtol=1e-12)
    np.testing.assert_allclose(study.information.floor, study.results.floor)
    assert study.results.floor.values.tolist() == pytest.approx([2 / 33, 4 / 33])
