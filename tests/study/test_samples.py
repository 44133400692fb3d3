import numpy as np
import pytest

from jaxsim.data import open_images
from jaxsim.study.run.samples import order_messages, rows_of, shared_samples


def test_equal_ids_are_taken_as_they_are() -> None:
    assert shared_samples({"a": ("x", "y"), "b": ("x", "y")}, {"c": ("x", "y")}) == ("x", "y")


def test_an_image_damaged_for_one_model_is_left_out_for_all() -> None:
    extracted = {"a": ("x", "z"), "b": ("x", "y", "z"), "c": ("y", "z")}
    damaged = {"a": ("y",), "c": ("x",)}
    assert shared_samples(extracted, {}, damaged=damaged) == ("z",)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (("x", "y"), "'z' is only in 'a'"),
        (("x", "y", "z", "w"), "'w' is only in 'b'"),
    ],
)
def test_given_features_of_other_samples_are_refused(other, message) -> None:
    with pytest.raises(ValueError, match=message):
        shared_samples({}, {"a": ("x", "y", "z"), "b": other})
    with pytest.raises(ValueError, match=message):
        shared_samples({"a": ("x", "y", "z")}, {"b": other})


def test_a_subset_of_given_features_is_the_subset_of_the_images() -> None:
    images = open_images("digits").subset(50, 1)
    assert shared_samples({}, {"a": images.ids}, n_samples=20, seed=3) == images.subset(20, 3).ids


def test_a_subset_of_images_is_found_by_id_in_features_of_all() -> None:
    ids = shared_samples({"a": ("x", "z")}, {"b": ("z", "y", "x")}, n_samples=2)
    assert ids == ("x", "z")
    np.testing.assert_array_equal(rows_of(ids, ("z", "y", "x")), [2, 0])
    assert rows_of(ids, ("x", "z")) is None


def test_a_subset_larger_than_the_features_is_refused() -> None:
    with pytest.raises(ValueError, match="at most the 2 samples of the features, got 3"):
        shared_samples({}, {"a": ("x", "y")}, n_samples=3)


def test_given_features_in_another_order_are_put_right_and_said() -> None:
    given = {"a": ("x", "y", "z"), "b": ("z", "x", "y")}
    assert shared_samples({}, given) == ("x", "y", "z")
    assert shared_samples({"a": given["a"]}, {"b": given["b"]}) == ("x", "y", "z")
    said = order_messages(given, ("x", "y", "z"))
    assert said == ["the samples of 'b' are in another order than those of the study: put right by id"]


def test_an_intersection_is_asked_for_and_said() -> None:
    given = {"a": ("x", "y", "z"), "b": ("z", "w", "x")}
    ids = shared_samples({}, given, intersect=True)
    assert ids == ("x", "z")
    assert order_messages(given, ids, intersect=True)[-1] == "2 samples that all have are measured (3 in 'a', 3 in 'b')"
    assert shared_samples({"a": given["a"]}, {"b": given["b"]}, intersect=True) == ("x", "z")
