"""What measures declare, checked for all of them at once, and how measures are found."""

import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import jaxsim
from jaxsim.cli.app import app
from jaxsim.metrics.declaration import constant
from jaxsim.metrics.registry import all_measures, describing_measures, find_measures, pair_measures
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

# Of the many ways to compare distances, which share their formulas, some are looked at every day.
EVERY_DAY = ("rsa", "rsa_correlation_pearson", "rsa_euclidean_cosine", "rsa_euclidean_spearman")
# More samples than the other checks take, in two precisions: of every kind of statistics one.
TOLERANCES = ("information_imbalance", "cka", "rsa_euclidean_spearman", "mutual_knn", "procrustes", "twonn")
CASES = [
    pytest.param(
        name,
        check,
        id=f"{name}-{check.__name__}",
        marks=[pytest.mark.slow]
        if (name.startswith("rsa_") and name not in EVERY_DAY) or (check is check_tolerance and name not in TOLERANCES)
        else [],
    )
    for name, each in all_measures().items()
    for check in checks_of(each)
]


@pytest.mark.parametrize(("name", "check"), CASES)
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
        assert {*pair_measures(), *describing_measures()} == set(all_measures())
        assert len(pair_measures()) > 15
        assert len(describing_measures()) > 5

    def test_near_names(self):
        with pytest.raises(ValueError, match=r"unknown measure 'mutal_knn'; did you mean 'mutual_knn'.*jaxsim metrics"):
            jaxsim.measure([np.eye(5)], "mutal_knn")

    def test_near_names_whatever_the_case(self):
        with pytest.raises(ValueError, match=r"unknown measure 'CKA'; did you mean 'cka'"):
            jaxsim.measure([np.eye(5)], "CKA")

    @pytest.mark.parametrize(
        ("measures", "says"),
        [
            ({"cka": 1}, "names or measures, got {'cka': 1}"),
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


def command(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


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
        assert float(found.toy_distance[0, 0]) == pytest.approx(0.0, abs=1e-12)
        for check in checks_of(all_measures()["toy_distance"]):
            check(all_measures()["toy_distance"])

    def test_a_study_the_command_line_and_the_page_speak_it(self, package, tmp_path):
        package(TOY)
        assert re.search(r"^ *toy_distance +\| toy distance", command("metrics").stdout, re.MULTILINE)
        run = command(
            *("compare", "embedded:cnn_selfsup_0", "--images", "rendered:40", "--steps", "stage1*", "--splits", "0"),
            *("--measures", "toy_distance", "--out", tmp_path / "run"),
        )
        assert run.exit_code == 0, run.output
        assert re.search(r"beside it +toy distance", run.stdout)
        study = jaxsim.Study.load(tmp_path / "run")
        own = study.by_measure["toy_distance"]
        np.testing.assert_array_equal(own.results.toy_distance, own.imbalance)
        (kept,) = (tmp_path / "run" / "features").iterdir()
        features = jaxsim.open_features(kept)
        layers = {step: features[step] for step in own.results.source_step.values.tolist()}
        expected = jaxsim.measure(layers, "toy_distance").toy_distance
        np.testing.assert_allclose(own.imbalance.sel(k=1), expected, atol=1e-9)
        assert study.measures.title.values.tolist() == ["information imbalance", "toy distance"]
        page = (tmp_path / "run" / "index.html").read_text(encoding="utf-8")
        assert "rank correlation of every two measures" in page
        assert "toy distance" in page

    def test_declarations_that_nothing_could_show(self):
        (cka,) = find_measures("cka")
        for fields, said in (
            ({"name": "a b"}, "name of a measure to be an identifier"),
            ({"name": "imbalance"}, "name of a measure to be an identifier .* got 'imbalance'"),
            ({"name": "cka_halves"}, "got 'cka_halves'"),
            ({"needs": frozenset()}, "needs of 'cka' as statistics"),
        ):
            with pytest.raises(ValueError, match=said):
                jaxsim.measure([np.eye(6)], replace(cka, **fields))

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
