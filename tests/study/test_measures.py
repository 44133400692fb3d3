"""Further measures in a study: their values, what follows from them, what is kept, and what is refused."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy.stats import rankdata, spearmanr

import jaxsim
import jaxsim.study.run.comparison as comparison_module
import jaxsim.study.run.measurement as measurement_module
from jaxsim.data import open_images
from jaxsim.features import extract
from jaxsim.metrics import find_measures
from jaxsim.study import Study, checked_settings, compare
from jaxsim.study.derived.alignment import depth_alignment
from jaxsim.study.derived.between import between_models
from jaxsim.study.derived.smoothness import smoothness_profile

#: Of kernels, of the ranks of all distances, of neighbours, and one without a largest value.
MEASURES = ("cka", "rsa_euclidean_spearman", "mutual_knn", "cknna")
KS = (1, 5)
N = 70
SPACES = {"size": np.random.default_rng(0).normal(size=(N, 3))}
LABELS = {"class": np.arange(N) % 3}


@pytest.fixture(scope="module")
def models(random_vit):
    return [random_vit(0, "a"), random_vit(1, "b")]


@pytest.fixture(scope="module")
def images():
    return open_images(f"rendered:{N}")


@pytest.fixture(scope="module")
def layers(models, images):
    """The features of all steps, as the study has them."""
    return {
        f"{model.name}/{step}": np.asarray(features[step])
        for model in models
        for features in [extract(model, images)]
        for step in features
    }


@pytest.fixture(scope="module")
def run(models, images, tmp_path_factory):
    """A study with all there can be, and its folder."""
    folder = tmp_path_factory.mktemp("measures")
    study = compare(
        models, images, k=KS, measures=MEASURES, describe=("intrinsic_dimension", "effective_rank"),
        n_splits=2, untrained=True, spaces=SPACES, labels=LABELS, out=folder, report=False,
    )  # fmt: skip
    return study, folder


@pytest.fixture
def no_work(monkeypatch):
    """Fails when features are extracted."""

    def refuse(*args, **kwargs):
        raise AssertionError("work was begun")

    monkeypatch.setattr(comparison_module, "all_features", refuse)


class TestValues:
    def test_values_are_those_of_measure_on_the_features(self, run, layers) -> None:
        study, _ = run
        assert tuple(study.by_measure) == MEASURES
        expected = jaxsim.measure(layers, MEASURES, k=KS, n_splits=2)
        for name in MEASURES:
            own = study.by_measure[name].results[name]
            assert own.source.values.tolist() == list(layers)
            np.testing.assert_allclose(
                own.transpose("k", "source", "target"),
                expected[name] if "k" in expected[name].dims else np.broadcast_to(expected[name], own.shape),
                rtol=1e-9, atol=1e-12, err_msg=name,
            )  # fmt: skip
            np.testing.assert_allclose(
                study.by_measure[name].results.sampling_error.sel(k=5),
                expected[f"{name}_sampling_error"].sel(k=5)
                if "k" in expected[name].dims
                else expected[f"{name}_sampling_error"],
                rtol=1e-6, atol=1e-9, err_msg=name,
            )  # fmt: skip

    def test_the_imbalance_is_what_it_is_without_other_measures(self, run, layers) -> None:
        expected = jaxsim.imbalance_matrix(layers, k=KS)
        np.testing.assert_array_equal(run[0].imbalance, expected.values)

    @pytest.mark.parametrize("name", MEASURES)
    def test_a_similarity_is_taken_off_one(self, run, name) -> None:
        own = run[0].by_measure[name].results
        (measure,) = find_measures(name)
        np.testing.assert_array_equal(own.imbalance, 1 - own[name])
        assert own.attrs["orientation"] == measure.orientation
        assert own.attrs["long_name"] == measure.title
        assert own.attrs["measure"] == name
        np.testing.assert_allclose(own.floor, 0.0, atol=1e-12)
        np.testing.assert_allclose(np.diagonal(own.imbalance.sel(k=5)), 0.0, atol=1e-6)

    def test_dissimilarities_and_largest_values_other_than_one(self, models, images) -> None:
        study = compare(models[:1], images, k=5, measures=("cka_angular", "lcs_knn"), n_splits=0)
        angular, common = (study.by_measure[name].results for name in ("cka_angular", "lcs_knn"))
        np.testing.assert_array_equal(angular.imbalance, angular.cka_angular)
        np.testing.assert_array_equal(common.imbalance, 5 - common.lcs_knn)
        assert common.lcs_knn.values.diagonal(axis1=1, axis2=2).tolist() == [[5.0] * 4]

    def test_what_follows_is_worked_out_from_the_dissimilarity(self, run) -> None:
        own = run[0].by_measure["mutual_knn"]
        smooth = smoothness_profile(own.imbalance, own.standard_error)
        np.testing.assert_array_equal(own.smoothness["mean"], smooth["mean"])
        between = between_models(own.imbalance, own.standard_error)
        np.testing.assert_array_equal(own.between["distance"], between["distance"])
        aligned = depth_alignment(own.imbalance)
        np.testing.assert_array_equal(own.between["alignment_spearman"], aligned["alignment_spearman"])
        assert (own.smoothness["mean_change_sampling_error"] > 0).all()

    def test_findings_have_intervals_and_controls(self, run) -> None:
        study, _ = run
        for name in ("cka", "mutual_knn"):
            found = study.by_measure[name].findings.sel(k=5)
            delta = study.findings.sel(k=5)
            kinds = set(delta.kind.values) - {"label_overlap_change", "label_change"}
            assert kinds >= set(found.kind.values) >= {"alignment", "smoothness", "smoothness_difference"}
            smooth = found.isel(finding=found.kind.values == "smoothness")
            assert (smooth.low < smooth.value).all()
            assert (smooth.value < smooth.high).all()
            assert np.isfinite(smooth.control).all()
            apart = study.by_measure[name].untrained
            np.testing.assert_array_equal(
                np.sort(smooth.control), np.sort(apart.findings.sel(k=5).isel(finding=found.kind == "smoothness").value)
            )

    def test_spaces_are_measured_by_every_measure(self, run, layers) -> None:
        known = run[0].by_measure["cka"].information
        expected = jaxsim.measure(layers | SPACES, "cka").cka
        np.testing.assert_allclose(
            1 - known.forward.sel(k=1, space="size"), expected.sel(target="size")[: len(layers)], atol=1e-9
        )
        np.testing.assert_array_equal(known.forward, known.backward)
        assert run[0].information.space.values.tolist() == ["size"]
        assert run[0].label_overlap is not None

    def test_statistics_are_spaces_too(self, models, images) -> None:
        study = compare(models[:1], images, measures="mutual_knn", statistics=True, n_splits=0)
        known = study.by_measure["mutual_knn"].information
        assert known.space.values.tolist() == study.information.space.values.tolist()
        assert ((known.forward >= 0) & (known.forward <= 1)).all()

    def test_groups_stay_together(self, models, layers) -> None:
        groups = np.arange(N) // 2
        study = compare(models, f"rendered:{N}", measures=("mutual_knn", "cka"), groups=groups, k=3, n_splits=2)
        expected = jaxsim.measure(layers, ("mutual_knn", "cka"), k=3, groups=groups, n_splits=2)
        for name in ("mutual_knn", "cka"):
            own = study.by_measure[name].results
            wanted, error = (expected[each].squeeze() for each in (name, f"{name}_sampling_error"))
            np.testing.assert_allclose(own[name].sel(k=3), wanted, atol=1e-12)
            np.testing.assert_allclose(own.sampling_error.sel(k=3), error, atol=1e-9)

    @pytest.mark.filterwarnings("ignore::jaxsim.metrics.DegenerateLayerWarning")
    @pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")
    def test_steps_that_are_the_same_for_all_images_stay_undefined(self, random_vit) -> None:
        study = compare(
            [random_vit()], "rendered:40", pool="cls", measures=("cka", "mutual_knn"), describe="participation_ratio",
            n_splits=0,
        )  # fmt: skip
        constant = study.results.source_constant.values
        assert constant.tolist() == [True, False, False, False]
        for own in study.by_measure.values():
            assert np.isnan(own.imbalance.values[0, constant]).all()
            assert np.isfinite(own.imbalance.values[0, ~constant][:, ~constant]).all()
        assert np.isnan(study.descriptions.participation_ratio.values[0]).tolist() == constant.tolist()
        assert np.isfinite(study.measures["rank"]).sum() == 3 * 6

    def test_the_page_of_one_measure_says_what_it_shows(self, run, tmp_path) -> None:
        page = run[0].by_measure["mutual_knn"].report(tmp_path).read_text(encoding="utf-8")
        assert "Measured by mutual k-NN, a similarity turned round so that 0 is alike." in page
        assert "Δ" not in page[: page.index('<script type="application/json"')]
        assert "Value of equal layers" in page
        assert "<dt>Floor" not in page
        assert "Two identical steps give exactly" not in page

    def test_pages_of_measures_with_other_ranges(self, models, images, tmp_path) -> None:
        names = ("lcs_knn", "rsa_euclidean_kendall_tau_a", "cknna")
        study = compare(models, images, k=5, measures=names, n_splits=0)
        for name, own in study.by_measure.items():
            page = own.report(tmp_path / name).read_text(encoding="utf-8")
            assert f"Measured by {own.results.attrs['long_name'].split(chr(39))[0]}" in page
            assert ":NaN" not in page.replace(" ", "")


class TestSideBySide:
    def test_rank_correlations_are_spearmans(self, run) -> None:
        study, _ = run
        beside = study.measures
        names = ["information_imbalance", *MEASURES]
        assert beside.measure.values.tolist() == names
        assert beside.title.values.tolist() == ["information imbalance", *(m.title for m in find_measures(MEASURES))]
        apart = ~np.eye(study.results.sizes["source"], dtype=bool)
        values = [each.imbalance.sel(k=5).values[apart] for each in (study, *study.by_measure.values())]
        expected = spearmanr(np.stack(values), axis=1).statistic
        np.testing.assert_allclose(beside.rank_correlation.sel(k=5), expected, atol=1e-12)
        assert (beside.sampling_error.sel(k=5).values[apart[: len(names), : len(names)]] > 0).all()

    def test_cells_that_are_placed_most_differently(self, run) -> None:
        study, _ = run
        beside = study.measures.sel(k=1)
        apart = ~np.eye(study.results.sizes["source"], dtype=bool)
        places = {
            name: (rankdata(each.imbalance.sel(k=1).values[apart]) - 1) / (apart.sum() - 1)
            for name, each in {"information_imbalance": study, **study.by_measure}.items()
        }
        names = study.results.source.values
        cells = np.array([[names[a], names[b]] for a, b in np.argwhere(apart)], dtype=object)
        for first, second in (("information_imbalance", "mutual_knn"), ("cka", "mutual_knn")):
            rows = np.flatnonzero((beside["first"].values == first) & (beside.second.values == second))
            at = [
                int(np.flatnonzero((cells == [source, target]).all(axis=1))[0])
                for source, target in zip(beside.source_step.values[rows], beside.target_step.values[rows], strict=True)
            ]
            assert len(set(at)) == len(rows) == 5
            np.testing.assert_allclose(beside.rank_a.values[rows], places[first][at], atol=0.01)
            np.testing.assert_allclose(beside.rank_b.values[rows], places[second][at], atol=0.01)
            gaps = np.abs(places[first] - places[second])
            if first == "cka":  # both are symmetric: each pair once
                assert len({frozenset(cells[each]) for each in at}) == 5
                np.testing.assert_allclose(gaps[at], np.sort(gaps)[::-1][:10:2], atol=0.02)
            else:
                np.testing.assert_allclose(gaps[at], np.sort(gaps)[::-1][:5])

    def test_findings_stand_beside_each_other(self, run) -> None:
        study, _ = run
        beside = study.measures
        own = study.by_measure["cka"].findings
        assert beside.finding.values.tolist() == own.finding.values.tolist()
        assert set(study.findings.kind.values) - set(beside.kind.values) == {"label_change", "label_difference"}
        for name, part in (("effect", "value"), ("effect_low", "low"), ("effect_p", "p_corrected")):
            np.testing.assert_array_equal(beside[name].sel(measure="cka"), own[part])
            delta = study.findings[part].sel(finding=beside.finding)
            np.testing.assert_array_equal(beside[name].sel(measure="information_imbalance"), delta)

    def test_one_measure_has_nothing_beside_it(self, models, images) -> None:
        study = compare(models[:1], images, measures="information_imbalance", n_splits=0)
        assert study.by_measure == {}
        assert study.measures is None


class TestDescriptions:
    def test_values_are_those_of_describe_on_the_features(self, run, layers) -> None:
        described = run[0].descriptions
        names = ("intrinsic_dimension", "effective_rank")
        expected = jaxsim.describe(layers, names, k=KS, n_splits=2)
        assert described.step.values.tolist() == list(layers)
        for name in names:
            for k in KS:
                wanted = expected[name].sel(k=k) if "k" in expected[name].dims else expected[name]
                np.testing.assert_allclose(described[name].sel(k=k), wanted, rtol=1e-9, err_msg=name)
            assert (described[f"{name}_sampling_error"] > 0).all()
            assert described[name].attrs["long_name"]

    def test_copies_that_were_left_out_are_reported(self, models) -> None:
        pixels = np.stack([jaxsim.open_images("rendered:40").load(i) for i in [*range(40), 3, 7]])
        found = compare(models, pixels, describe="effective_rank", drop_duplicates=True, n_splits=0).descriptions
        assert json.loads(found.attrs["dropped"]) == ["000040", "000041"]
        assert found.attrs["n_samples"] == 40

    def test_the_control_is_described_too(self, run) -> None:
        study, _ = run
        assert study.untrained.descriptions.step.values.tolist() == study.descriptions.step.values.tolist()
        assert not np.allclose(study.untrained.descriptions.effective_rank, study.descriptions.effective_rank)


class TestKept:
    def test_saved_and_loaded(self, run) -> None:
        study, folder = run
        again = Study.load(folder)
        assert tuple(again.by_measure) == MEASURES
        xr.testing.assert_identical(again.descriptions, study.descriptions)
        xr.testing.assert_identical(again.measures, study.measures)
        for name in MEASURES:
            own, before = again.by_measure[name], study.by_measure[name]
            for part in ("results", "smoothness", "between", "information", "halves", "shuffled"):
                xr.testing.assert_identical(getattr(own, part), getattr(before, part))
            assert own.untrained is again.untrained.by_measure[name]
            xr.testing.assert_identical(own.findings, before.findings)
        assert (folder / "measures" / "cka" / "imbalance.csv").is_file()
        assert (folder / "descriptions.csv").is_file()

    def test_steps_are_chosen_of_all_measures_and_their_controls(self, run) -> None:
        study, _ = run
        chosen = study.select_steps(steps="b/*")
        kept = chosen.results.source.values.tolist()
        assert kept == [name for name in study.results.source.values if name.startswith("b/")]
        assert chosen.descriptions.step.values.tolist() == kept
        assert chosen.measures.sizes["cell"] == len(kept) * (len(kept) - 1)
        for name, own in chosen.by_measure.items():
            assert own.results.source.values.tolist() == kept
            assert own.untrained is chosen.untrained.by_measure[name]
            assert own.untrained.results.source.values.tolist() == kept
            assert own.findings is not None
            np.testing.assert_array_equal(own.imbalance, study.by_measure[name].imbalance.sel(source=kept, target=kept))

    def test_a_second_run_measures_nothing_and_other_measures_make_it_anew(
        self, models, images, tmp_path, monkeypatch
    ) -> None:
        def run(*measures, **options) -> Study:
            return compare(models[:1], images, measures=measures, n_splits=0, out=tmp_path, report=False, **options)

        first = run("cka", describe="effective_rank")

        def refuse(*args, **kwargs):
            raise AssertionError("measured again")

        with monkeypatch.context() as patch:
            patch.setattr(measurement_module, "measure_layers", refuse)
            second = run("cka", describe="effective_rank")
        assert "imbalance" in second.reused
        xr.testing.assert_identical(second.by_measure["cka"].results, first.by_measure["cka"].results)
        xr.testing.assert_identical(second.descriptions, first.descriptions)
        assert "imbalance" not in run("cka", "rv", describe="effective_rank").reused
        assert {each.name for each in (tmp_path / "measures").iterdir()} == {"cka", "rv"}
        only = run("rv")
        assert "imbalance" not in only.reused
        again = Study.load(tmp_path)
        assert (tuple(again.by_measure), again.descriptions) == (("rv",), None)
        assert not (tmp_path / "measures" / "cka" / "study.nc").exists()
        assert not (tmp_path / "descriptions.nc").exists()

    def test_another_measure_of_the_same_name_is_measured_anew(self, models, images, tmp_path) -> None:
        (cka,) = find_measures("cka")
        other = replace(cka, title="half of CKA", formula=lambda statistics: cka.formula(statistics) / 2)
        found = [
            compare(models[:1], images, measures=each, n_splits=0, out=tmp_path, report=False).by_measure["cka"]
            for each in (cka, other)
        ]
        np.testing.assert_allclose(found[1].results.cka, found[0].results.cka / 2)

    @pytest.mark.parametrize(
        "damage", ["gone", pytest.param("cut", marks=pytest.mark.slow), pytest.param("another", marks=pytest.mark.slow)]
    )
    def test_a_kept_measurement_that_is_not_whole_is_made_anew(self, models, images, tmp_path, damage) -> None:
        def run() -> Study:
            return compare(models[:1], images, measures="cka", n_splits=0, out=tmp_path, report=False)

        first = run()
        (file,) = (tmp_path / "measurements").glob("by-cka-results-*.nc")
        if damage == "gone":
            file.unlink()
        elif damage == "cut":
            file.write_bytes(file.read_bytes()[:100])
        else:
            file.write_bytes(next((tmp_path / "measurements").glob("imbalance-*.nc")).read_bytes())
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            second = run()
        assert "imbalance" not in second.reused
        np.testing.assert_array_equal(second.by_measure["cka"].imbalance, first.by_measure["cka"].imbalance)
        assert any("kept as" in str(each.message) for each in caught) == (damage != "gone")
        assert "imbalance" in run().reused

    def test_a_damaged_study_says_which_file(self, run, models, images, tmp_path) -> None:
        compare(models[:1], images, measures="cka", n_splits=0, out=tmp_path, report=False)
        file = tmp_path / "measures" / "cka" / "study.nc"
        file.write_bytes(file.read_bytes()[:100])
        with pytest.raises(ValueError, match=rf"{file} is damaged"):
            Study.load(tmp_path)
        file.unlink()
        with pytest.raises(ValueError, match=r"study\.nc"):
            Study.load(tmp_path)


class TestRefused:
    """All of it before any work."""

    pytestmark = pytest.mark.usefixtures("no_work")

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"measures": "cak"}, r"unknown measure 'cak'; did you mean 'cka'.*`jaxsim metrics`"),
            ({"describe": "intrinsic"}, r"unknown measure 'intrinsic'; did you mean 'intrinsic_dimension'"),
            ({"measures": ("cka", "cka")}, "'cka' twice"),
            ({"measures": 3}, "names or measures, got 3"),
            ({"measures": "effective_rank"}, r"'effective_rank' is a measure of one layer.*describe="),
            ({"describe": "cka"}, "'cka' is a measure of two layers"),
            ({"measures": "hsic"}, "a similarity with a largest value, got 'hsic'"),
            ({"measures": "distance_covariance"}, "got 'distance_covariance', which has none"),
            ({"measures": "cka", "n_samples": 3}, "at least 4 samples for 'cka', got 3"),
            ({"measures": "cka", "n_queries": 20}, "'cka' takes all pairs of samples, expected no n_queries, got 20"),
            ({"measures": "cycle_knn", "n_queries": 20}, "'cycle_knn' takes all"),
            ({"describe": "hubness", "n_queries": 20}, "'hubness' takes all"),
            ({"describe": "intrinsic_dimension", "ties": "expected"}, "'intrinsic_dimension' takes .* index order"),
            ({"measures": "joint_rank_jaccard", "k": 0}, "every k to be an integer of at least 1"),
            ({"describe": "gride", "k": 40}, r"at least \d+ samples for 'gride'"),
            ({"describe": "gride", "k": 20, "n_splits": 4}, r"halves of at least \d+ samples for 'gride'"),
            (
                {"measures": "cka", "spaces": {"brain": jaxsim.Dissimilarities(1 - np.eye(N))}},
                r"features for 'cka' \(measures\), got the space 'brain' as dissimilarities.*rsa",
            ),
            (
                {"describe": "effective_rank", "spaces": {"brain": jaxsim.Dissimilarities(1 - np.eye(N))}},
                r"features for 'effective_rank' \(describe\), got the space 'brain' as dissimilarities.*hubness",
            ),
            (
                {"measures": "rsa_correlation_pearson", "spaces": {"size": np.arange(float(N))}},
                "two features where rows are correlated .* the space 'size' with one",
            ),
        ],
        ids=str,
    )  # fmt: skip
    def test_what_a_study_cannot_measure(self, models, images, tmp_path, options, said) -> None:
        with pytest.raises(ValueError, match=said):
            compare(models, images, out=tmp_path / "run", **options)
        assert not (tmp_path / "run").exists()

    def test_steps_of_one_feature_where_rows_are_correlated(self, images) -> None:
        from jaxsim.study.run.measures import check_measures_fit

        measures = find_measures("rsa_correlation_pearson")
        with pytest.raises(ValueError, match=r"two features a step .*'vit' has a step with one"):
            check_measures_fit(measures, n_samples=50, ks=(1,), n_splits=0, widths={"vit": (3, 1)})

    def test_pairs_that_do_not_fit_the_memory(self) -> None:
        from jaxsim.study.run.measures import check_measures_fit

        measures = find_measures("rsa_euclidean_spearman")
        with pytest.raises(ValueError, match=r"GB|GiB|bytes"):
            check_measures_fit(measures, n_samples=2_000_000, ks=(1,), n_splits=0, widths={"vit": (8,) * 12})

    def test_a_folder_that_is_a_link(self, models, images, tmp_path) -> None:
        elsewhere, link = tmp_path / "elsewhere", tmp_path / "run" / "measures" / "cka"
        elsewhere.mkdir()
        link.parent.mkdir(parents=True)
        link.symlink_to(elsewhere, target_is_directory=True)
        with pytest.raises(ValueError, match="link"):
            compare(models, images, measures="cka", out=tmp_path / "run")
        assert list(elsewhere.iterdir()) == []

    @pytest.mark.parametrize("name", ["measures/cka/study.nc", "measures/cka/findings.csv", "descriptions.nc"])
    def test_files_of_others(self, models, images, tmp_path, name) -> None:
        file = tmp_path / "run" / name
        file.parent.mkdir(parents=True)
        file.write_text("mine")
        with pytest.raises(ValueError, match=rf"{file} was not written by jaxsim"):
            compare(models, images, measures="cka", describe="effective_rank", out=tmp_path / "run")
        assert file.read_text() == "mine"

    @pytest.mark.parametrize("name", ["../cka", "a b", "imbalance", "cka_halves", ""])
    def test_names_that_no_file_can_have(self, name) -> None:
        (cka,) = find_measures("cka")
        with pytest.raises(ValueError, match=r"name of a measure to be an identifier"):
            checked_settings(k=1, measures=replace(cka, name=name))


def test_a_study_that_names_impossible_measures_is_refused(models, images, tmp_path) -> None:
    from jaxsim.study.saved import _checked_hashes, load_datasets

    study = compare(models[:1], images, n_splits=0)
    study.save(tmp_path)
    from jaxsim.files import OwnedFiles
    from jaxsim.study.netcdf import read_netcdf, write_netcdf

    results = read_netcdf(tmp_path / "study.nc")
    named = _checked_hashes(results.attrs["saved_with"], tmp_path) | {"measures/../..": ""}
    write_netcdf(results.assign_attrs(saved_with=json.dumps(named)), OwnedFiles(tmp_path), "study.nc")
    with pytest.raises(ValueError, match="names measures that cannot be"):
        load_datasets(tmp_path)
