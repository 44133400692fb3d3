"""Sets of samples meet by their ids."""

from __future__ import annotations

import numpy as np
import pytest

from jaxsim.sample_ids import checked_ids, meet


def test_equal_sets_need_nothing():
    found = meet({"a": ["x", "y"], "b": ("x", "y")})
    assert found.ids == ("x", "y")
    assert found.rows == {"a": None, "b": None}
    assert found.messages == ()


def test_another_order_is_put_right_and_said():
    found = meet({"a": ["x", "y", "z"], "b": ["z", "x", "y"]})
    assert found.ids == ("x", "y", "z")
    assert found.rows["b"].tolist() == [1, 2, 0]
    assert "'b' are in another order than those of 'a'" in found.messages[0]


def test_sets_that_differ_are_refused_with_the_first_ids():
    with pytest.raises(ValueError, match=r"'y' is only in 'a' and 'w' is only in 'b' \(2 samples in 'b', 3 in 'a'\)"):
        meet({"a": ["x", "y", "z"], "b": ["w", "x"]})
    with pytest.raises(ValueError, match=r"intersect=True .* measures the 1 sample that all have"):
        meet({"a": ["x", "y", "z"], "b": ["w", "x"]})
    with pytest.raises(ValueError, match="no sample is in all of them"):
        meet({"a": ["x"], "b": ["y"]}, intersect=True)


def test_intersection_keeps_the_first_order():
    found = meet({"a": ["x", "y", "z"], "b": ["z", "w", "x"]}, intersect=True)
    assert found.ids == ("x", "z")
    assert found.rows["a"].tolist() == [0, 2]
    assert found.rows["b"].tolist() == [2, 0]
    assert found.messages[0] == "2 samples that all sets have were kept (3 in 'a', 3 in 'b')"


def test_ids_of_every_kind_become_texts():
    assert checked_ids(np.array([3, 1]), 2, "here") == ("3", "1")
    assert checked_ids(np.array(["a", "b"]), 2, "here") == ("a", "b")
    assert checked_ids([b"\xff", "\x1b"], None, "here") == ("\\xff", "\\x1b")
    for ids, said in ((["a", ""], "empty"), ([True, False], "got True in row 0"), ("ab", "as a sequence")):
        with pytest.raises(ValueError, match=said):
            checked_ids(ids, 2, "here")
