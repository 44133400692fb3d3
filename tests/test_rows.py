"""Rows that are read a few at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxsim.rows import LazyRows, SelectedRows, take_rows


class Counted(LazyRows):
    """Notes every slice that is read."""

    def __init__(self, x, **options):
        self.slices = []

        def read(start, stop):
            self.slices.append((start, stop))
            return x[start:stop]

        super().__init__(read, x.shape, x.dtype, **options)


@given(rows=st.lists(st.integers(0, 49), max_size=60), chunk=st.integers(1, 20))
def test_rows_in_any_order_are_numpys(rows, chunk):
    x = np.arange(150.0).reshape(50, 3)
    rows = np.array(rows, np.int64)
    np.testing.assert_array_equal(take_rows(Counted(x, chunk_rows=chunk), rows), x[rows])
    np.testing.assert_array_equal(np.asarray(SelectedRows(Counted(x), rows)), x[rows])


def test_a_shuffle_never_reads_a_whole_layer_at_once():
    x = np.zeros((40_000, 1000))
    layer = Counted(x)
    shuffled = SelectedRows(layer, np.random.default_rng(0).permutation(len(x)))
    shuffled[:20]
    assert max(stop - start for start, stop in layer.slices) * 8000 <= 1 << 24
    assert sum(stop - start for start, stop in layer.slices) < 2000


def test_near_rows_are_read_by_one_slice():
    layer = Counted(np.zeros((1000, 4)))
    take_rows(layer, np.array([10, 14, 12, 900]))
    assert layer.slices == [(10, 901)] or len(layer.slices) == 2
    layer = Counted(np.zeros((1000, 4000)))
    take_rows(layer, np.array([10, 14, 12, 900]))
    assert layer.slices == [(10, 11), (12, 13), (14, 15), (900, 901)] or layer.slices == [(10, 15), (900, 901)]


def test_a_file_that_shrank_is_told():
    rows = LazyRows(lambda start, stop: np.zeros((1, 2)), (5, 2), np.float64)
    with pytest.raises(ValueError, match=r"expected rows 0 to 5 as \[5, 2\], got \[1, 2\]: the file changed"):
        rows[:]


def test_dtypes_and_columns():
    rows = LazyRows(lambda start, stop: np.ones((stop - start, 3), np.float32), (4, 3), np.float32)
    assert np.asarray(rows, np.float64).dtype == np.float64
    assert rows[2, 1] == 1.0
    assert rows[:, 1:].shape == (4, 2)
    with pytest.raises(IndexError, match="indexed by rows"):
        rows[0, [1, 2]]
    with pytest.raises(IndexError):
        rows[4]
