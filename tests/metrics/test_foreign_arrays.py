"""Arrays of other libraries keep every bit; what cannot be measured is refused in a sentence that names the layer."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import xarray as xr

from jaxsim import imbalance_matrix, information_imbalance

from .exact_delta import delta, squared

N = 200


@pytest.fixture(scope="module")
def target():
    return np.random.default_rng(1).standard_normal((N, 3))


@pytest.fixture(scope="module")
def far(target):
    """A small spread on a large offset: 32 bits would not hold it."""
    return np.random.default_rng(0).standard_normal((N, 5)) * 1e-3 + 1e4 + np.c_[target * 1e-3, np.zeros((N, 2))]


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def forward(x, y, **options):
    return information_imbalance(x, y, **options).forward


class TestTorch:
    @pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
    def test_float64_as_it_was_given(self, torch, far, target):
        expected = delta(squared(far), squared(target))
        conjugate = torch.complex(torch.tensor(target), torch.tensor(far[:, :3])).conj()
        for tensor in (
            torch.tensor(far),
            torch.tensor(far, requires_grad=True),
            torch.tensor(far.T.copy()).T,
            torch.nn.Parameter(torch.tensor(far)),
            torch.tensor(far).to_sparse(),
            torch.tensor(far).to_sparse_csr(),
        ):
            assert forward(tensor, torch.tensor(target)) == expected
        assert forward(conjugate.imag, target) == delta(squared(-far[:, :3]), squared(target))

    def test_verification_starts_from_what_was_given(self, torch, far, target):
        found = imbalance_matrix({"x": torch.tensor(far), "y": torch.tensor(target)}, verify=True)
        assert found.verification.n_rows == 32
        assert found.verification.largest_deviation == 0
        assert found.values[0, 1] == delta(squared(far), squared(target))

    def test_integers_of_64_bits(self, torch, target):
        x = np.random.default_rng(0).integers(0, 2**40, (N, 2)) + 2**52
        assert forward(torch.tensor(x), target) == pytest.approx(delta(squared(x), squared(target)), abs=1e-12)

    def test_narrow_floats(self, torch, target):
        x = torch.tensor(np.random.default_rng(0).standard_normal((N, 6)))
        for dtype in (torch.bfloat16, torch.float16, torch.float8_e4m3fn):
            narrow = x.to(dtype)
            exact = narrow.double().numpy()
            expected = delta(squared(exact), squared(target), expected=True)
            assert forward(narrow, target, ties="expected") == pytest.approx(expected, abs=1e-12)
        with pytest.warns(match="tied"):
            assert forward(x > 0, target) == forward((x > 0).numpy().astype(float), target)

    def test_no_values(self, torch, target):
        with pytest.raises(ValueError, match="'x' is a torch tensor on the meta device"):
            forward(torch.empty((N, 3), device="meta"), target)
        with pytest.raises(ValueError, match="'x' must hold real numbers, got dtype complex128; give real and"):
            forward(torch.zeros((N, 3), dtype=torch.complex128), target)


class TestProtocols:
    def test_float64_of_jax(self, far, target):
        with jax.enable_x64(True):
            wide = jnp.asarray(far)
        assert wide.dtype == jnp.float64
        assert forward(wide, target) == delta(squared(far), squared(target))

    def test_dlpack_and_numpy_protocols(self, far, target):
        class ByDlpack:
            def __dlpack__(self, **options):
                return far.__dlpack__(**options)

            def __dlpack_device__(self):
                return far.__dlpack_device__()

        class ByArray:
            def __array__(self, dtype=None, copy=None):
                return far

        class ByInterface:
            __array_interface__ = far.__array_interface__

        expected = delta(squared(far), squared(target))
        for x in (ByDlpack(), ByArray(), ByInterface(), far.tolist(), far.astype(np.longdouble), far.astype(">f8")):
            assert forward(x, target) == expected

    def test_bfloat16_of_ml_dtypes(self, target):
        x = np.random.default_rng(0).standard_normal((N, 6)).astype(ml_dtypes.bfloat16)
        assert forward(x, target) == pytest.approx(delta(squared(x.astype(float)), squared(target)), abs=1e-12)

    def test_what_is_no_array(self, target):
        for x in (object(), None, xr.Dataset({"a": ("s", np.zeros(N))}), jax.random.split(jax.random.key(0), (N, 2))):
            with pytest.raises(ValueError, match="layer 'x'"):
                forward(x, target)
        with pytest.raises(ValueError, match="layer 'x' cannot be read as an array: got list"):
            forward([[1.0, 2.0], [3.0]], target)


class TestMasked:
    def test_masked_values_are_refused(self, far, target):
        x = np.ma.masked_array(far.copy(), np.zeros(far.shape, bool))
        assert forward(x, target) == forward(far, target)
        assert forward(np.ma.masked_array(far), target) == forward(far, target)
        x[7, 2] = x[90, 0] = np.ma.masked
        with pytest.raises(ValueError, match=r"'x' holds masked values in 2 of .* first in sample 7"):
            forward(x, target)
        with pytest.raises(ValueError, match=r"'a' holds masked values"):
            imbalance_matrix({"b": target, "a": x})

    def test_rows_that_are_read_masked(self, far, target):
        class OnDisk:
            shape, dtype = far.shape, far.dtype

            def __getitem__(self, rows):
                return np.ma.masked_equal(far[rows], far[150, 1])

        with pytest.raises(ValueError, match=r"'x' holds masked values in 1 .* first in sample 150"):
            forward(OnDisk(), target)


class TestSparse:
    @pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
    @pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "lil", "dok", "dia"])
    @pytest.mark.parametrize("of", ["matrix", "array"])
    def test_scipy(self, target, kind, of):
        rng = np.random.default_rng(0)
        x = rng.standard_normal((N, 9)) * (rng.random((N, 9)) > 0.4)
        sparse = getattr(scipy.sparse, f"{kind}_{of}")(x)
        assert forward(sparse, target, metric="euclidean") == delta(squared(x), squared(target))
        assert imbalance_matrix({"x": sparse}, drop_duplicates=True).n_samples == N

    def test_jax_and_booleans(self, target):
        from jax.experimental.sparse import BCOO

        x = np.random.default_rng(0).integers(0, 3, (N, 12)) == 1
        expected = delta(squared(x.astype(int)), squared(target), expected=True)
        for each in (scipy.sparse.csr_array(x), BCOO.fromdense(jnp.asarray(x, jnp.float32))):
            assert forward(each, target, ties="expected") == pytest.approx(expected, abs=1e-12)


class TestTables:
    def test_frames(self, far, target):
        expected = delta(squared(far), squared(target))
        frame = pd.DataFrame(far, columns=list("abcde"))
        assert forward(frame, target) == expected
        assert forward(frame.convert_dtypes(), target) == expected
        counts = np.random.default_rng(0).integers(0, 2**40, (N, 2)) + 2**60
        nullable = pd.DataFrame(counts).astype("Int64")
        assert forward(nullable, target) == pytest.approx(delta(squared(counts), squared(target)), abs=1e-12)
        with pytest.raises(ValueError, match=r"got one DataFrame; name it as \{'name': it\}"):
            imbalance_matrix(frame)

    def test_frames_that_are_no_numbers(self, far, target):
        frame = pd.DataFrame(far, columns=list("abcde"))
        with pytest.raises(ValueError, match=r"'x' must hold real numbers, but column 'name' .* select"):
            forward(frame.assign(name="a"), target)
        with pytest.raises(ValueError, match="'x' has missing values in 1 sample, first in sample 4"):
            forward(frame.assign(b=[np.nan if i == 4 else 1.0 for i in range(N)]), target)
        with pytest.raises(ValueError, match=r"'x' mixes integers beyond 2\^53 \(column 'id'\)"):
            forward(frame.assign(id=np.arange(N) + 2**60), target)

    def test_xarray(self, far, target):
        x = xr.DataArray(far, dims=("sample", "feature"))
        assert forward(x, target) == delta(squared(far), squared(target))
        positive = x > 1e4
        with pytest.warns(match="tied"):
            assert forward(positive, target) == forward(positive.values.astype(float), target)


@pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")
def test_booleans_on_disk(tmp_path, target):
    h5py, zarr = pytest.importorskip("h5py"), pytest.importorskip("zarr")
    x = np.random.default_rng(0).random((N, 14)) > 0.5
    expected = delta(squared(x.astype(int)), squared(target), expected=True)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        found = [forward(file.create_dataset("x", data=x), target, ties="expected")]
    found.append(forward(zarr.create_array(str(tmp_path / "x.zarr"), data=x), target, ties="expected"))
    np.save(tmp_path / "x.npy", x)
    found.append(forward(np.load(tmp_path / "x.npy", mmap_mode="r"), target, ties="expected"))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    traced = jax.jit(lambda a: information_imbalance(a, target))(jnp.asarray(x))
    assert float(traced.tied_ranks_backward) > 0.5


class TestIntegers:
    @pytest.mark.parametrize(("dtype", "offset"), [
        pytest.param("int64", 2**62, marks=pytest.mark.slow), ("int64", -(2**63)), ("uint64", 2**64 - 2**42),
    ])  # fmt: skip
    def test_differences_of_large_ones(self, target, dtype, offset):
        x = (np.random.default_rng(0).integers(0, 2**41, (N, 2)).astype(object) + offset).astype(dtype)
        matrix = imbalance_matrix({"x": x, "y": target}, verify=4)
        assert matrix.values[0, 1] == pytest.approx(delta(squared(x), squared(target)), abs=1e-12)
        assert matrix.verification.largest_deviation == 0
        traced = jax.jit(information_imbalance)(jnp.asarray((x - x.min(0) + 2**31 - 2**41 // 2**20) >> 20), target)
        assert 0 < float(traced.forward) < 2

    def test_what_float64_does_not_hold(self, target):
        x = np.random.default_rng(0).integers(0, 2**10, (N, 2))
        x[3, 1] = 2**62 + 1
        with pytest.raises(ValueError, match=r"'x' holds integers that are more than 2\^53 apart.*feature 1, first in"):
            forward(x, target)
        x[3, 1] = 2**62
        x[0, 1] = 0
        assert forward(x, target) == pytest.approx(delta(squared(x), squared(target)), abs=0.05)


def test_dtypes_that_are_no_numbers(target):
    cases = {
        "datetime64": np.zeros((N, 2), "datetime64[s]"),
        "timedelta64": np.zeros((N, 2), "timedelta64[s]"),
        "object; convert": np.full((N, 2), None),
        "complex128; give real": np.zeros((N, 2), complex),
        "<U1": np.full((N, 2), "a"),
        r"\|S1": np.full((N, 2), b"a"),
        "select a field of the structured array: a, b": np.zeros((N, 2), [("a", float), ("b", int)]),
    }
    for said, x in cases.items():
        with pytest.raises(ValueError, match=f"'x' must hold real numbers.*{said}"):
            forward(x, target)


def test_names_that_read_alike(far, target):
    with pytest.raises(ValueError, match="two that read '1'"):
        imbalance_matrix({1: far, "1": target})


def test_numbers_of_neighbours_of_any_integer_type(far, target):
    plain = information_imbalance(far, target, k=3)
    for k in (np.int64(3), np.uint8(3), np.array(3), jnp.asarray(3), np.array(3, np.int16)):
        found = information_imbalance(far, target, k=k)
        assert found.forward == plain.forward
        assert found.k == 3
        assert type(imbalance_matrix([far, target], k=k).k) is int
    several = information_imbalance(far, target, k=(3, 5))
    for k in (np.array([3, 5]), [np.int64(3), 5], range(3, 6, 2), jnp.asarray([3, 5])):
        assert information_imbalance(far, target, k=k).k == (3, 5)
        np.testing.assert_array_equal(information_imbalance(far, target, k=k).forward, several.forward)
    for k in (np.array(1.5), np.array(True), np.array([[1, 2]]), "3", None):
        with pytest.raises(ValueError, match="expected every k to be an integer"):
            information_imbalance(far, target, k=k)
