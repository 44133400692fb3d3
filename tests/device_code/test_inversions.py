import numpy as np
import pytest
from jaxsim_kernels.host.inversions import inversions


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 64, 301])
@pytest.mark.parametrize("n_values", [1, 3, 1000])
def test_all_pairs(n, n_values):
    values = np.random.default_rng(n).integers(0, n_values, n)
    before = values.copy()
    assert inversions(values) == np.triu(values[:, None] > values[None, :], 1).sum()
    np.testing.assert_array_equal(values, before)
    assert inversions(np.sort(values)) == 0
    assert inversions(np.sort(values)[::-1]) == np.triu(np.sort(values)[::-1][:, None] > np.sort(values)[::-1], 1).sum()
