"""What measures declare, checked for all of them at once, and how measures are found."""

from dataclasses import replace

import numpy as np
import pytest

import jaxsim
from jaxsim.metrics.declaration import constant
from jaxsim.metrics.registry import all_measures, find_measures, layer_measures, pair_measures
from jaxsim.metrics.statistics import Neighbours

from .declaration_checks import (
    check_all_rows,
    check_bounds,
    check_equal,
    check_independent,
    check_invariances,
    check_k,
    check_least_samples,
    check_names,
    check_needs,
    check_symmetry,
    check_tolerance,
    checks_of,
)

CASES = [(name, check) for name, each in all_measures().items() for check in checks_of(each)]


@pytest.mark.parametrize(("name", "check"), CASES, ids=[f"{name}-{check.__name__}" for name, check in CASES])
def test_declarations(name, check):
    check(all_measures()[name])


WRONG = [
    ("cka", {"name": "Debiased CKA"}, check_names),
    ("cka", {"source": ""}, check_names),
    ("cka", {"invariances": frozenset({"sample permutation", "rotation", "translation"})}, check_invariances),
    ("cka", {"invariances": find_measures("cka")[0].invariances | {"invertible linear map"}}, check_invariances),
    ("cka", {"symmetric": False}, check_symmetry),
    ("information_imbalance", {"symmetric": True}, check_symmetry),
    ("cka", {"orientation": "dissimilarity"}, check_independent),
    ("information_imbalance", {"orientation": "similarity"}, check_independent),
    ("cka", {"lowest": constant(0.5)}, check_bounds),
    ("information_imbalance", {"highest": constant(0.9)}, check_bounds),
    ("cka", {"equal": constant(0.99)}, check_equal),
    ("cka_biased", {"independent": constant(0.0)}, check_independent),
    ("cka", {"uses_k": True}, check_k),
    ("mutual_knn", {"uses_k": False}, check_k),
    ("cka", {"needs": find_measures("cka")[0].needs | {Neighbours()}}, check_needs),
    ("cka", {"least_samples": 3}, check_least_samples),
    ("cka", {"tolerance": 0.0}, check_tolerance),
    ("cycle_knn", {"all_rows": False}, check_all_rows),
    ("mutual_knn", {"all_rows": True}, check_all_rows),
    ("participation_ratio", {"highest": constant(1.0)}, check_bounds),
    ("participation_ratio", {"invariances": frozenset({"sample permutation"})}, check_invariances),
]


@pytest.mark.parametrize(
    ("name", "fields", "check"),
    WRONG,
    ids=[f"{name}-{next(iter(fields))}-{place}" for place, (name, fields, _) in enumerate(WRONG)],
)
def test_wrong_declarations_fail(name, fields, check):
    right = all_measures()[name]
    check(right)
    with pytest.raises((AssertionError, ValueError, IndexError)):
        check(replace(right, **fields))


class TestFinding:
    def test_every_measure_is_of_one_kind(self):
        assert {*pair_measures(), *layer_measures()} == set(all_measures())
        assert len(pair_measures()) > 15
        assert len(layer_measures()) > 5

    def test_near_names(self):
        with pytest.raises(ValueError, match=r"unknown measure 'mutal_knn'; did you mean 'mutual_knn'.*jaxsim metrics"):
            jaxsim.measure([np.eye(5)], "mutal_knn")

    @pytest.mark.parametrize(
        ("measures", "says"),
        [
            ((), "at least one measure"),
            (("cka", "cka"), "'cka' twice"),
            (3, "names or measures, got 3"),
            ((3,), "a measure or its name, got 3"),
            ("participation_ratio", "of one layer.*jaxsim.describe"),
        ],
    )
    def test_bad_measures(self, measures, says):
        with pytest.raises(ValueError, match=says):
            jaxsim.measure([np.eye(5), np.eye(5)], measures)

    def test_a_pair_measure_does_not_describe(self):
        with pytest.raises(ValueError, match=r"of two layers.*jaxsim.measure"):
            jaxsim.describe([np.eye(5)], "cka")


class TestEntryPoints:
    """A measure in one file outside the package."""

    @pytest.fixture
    def package(self, tmp_path, monkeypatch):
        def install(code, value="toy_measures:TOY", name="toy"):
            (tmp_path / "toy_measures.py").write_text(code)
            information = tmp_path / "toy_measures-1.0.dist-info"
            information.mkdir(exist_ok=True)
            (information / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-measures\nVersion: 1.0\n")
            (information / "entry_points.txt").write_text(f"[jaxsim.measures]\n{name} = {value}\n")
            monkeypatch.syspath_prepend(str(tmp_path))
            monkeypatch.delitem(__import__("sys").modules, "toy_measures", raising=False)
            all_measures.cache_clear()

        yield install
        monkeypatch.undo()
        all_measures.cache_clear()

    def test_found_everywhere(self, package):
        package(TOY)
        found = jaxsim.measure([np.eye(6)[:, :3], np.eye(6)], "toy_distance")
        assert found.toy_distance.attrs["long_name"] == "toy distance"
        assert float(found.toy_distance[0, 0]) == 0.0
        for check in checks_of(all_measures()["toy_distance"]):
            check(all_measures()["toy_distance"])

    def test_a_name_that_is_taken(self, package):
        package(TOY.replace("toy_distance", "cka"))
        with pytest.raises(ValueError, match="a second 'cka' from toy_measures:TOY"):
            all_measures()

    def test_what_cannot_be_loaded(self, package):
        package(TOY, "toy_measures:NOTHING")
        with pytest.raises(ValueError, match="'toy', registered as toy_measures:NOTHING, cannot be loaded"):
            all_measures()

    def test_what_is_no_measure(self, package):
        package("TOY = 3")
        with pytest.raises(ValueError, match="to be a Measure or a LayerMeasure, got int"):
            all_measures()


TOY = '''
"""How different two layers' distances are, normalised: a measure in one file."""
from jaxsim.metrics import KernelSums, Measure

SUMS = KernelSums("distance")


def formula(statistics):
    products = statistics[SUMS].products
    xp = products.__array_namespace__()
    norms = xp.sqrt(products.diagonal())
    return 1 - products / norms[:, None] / norms[None]


TOY = Measure(
    name="toy_distance", title="toy distance", source="Nobody 2026", orientation="dissimilarity", symmetric=True,
    uses_k=False, lowest=lambda case: 0.0, highest=lambda case: 1.0, equal=lambda case: 0.0, independent=None,
    invariances=frozenset({"sample permutation", "rotation", "translation", "scale"}), needs=frozenset({SUMS}),
    formula=formula,
)
'''
