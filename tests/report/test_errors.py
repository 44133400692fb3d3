"""The error beside a number is the sampling error where the study has it, and is called what it is."""

import numpy as np
import pytest

from jaxsim.report import figures
from jaxsim.report.alignment import describe_peaks, peaks
from jaxsim.report.errors import band_note, error_meaning, error_name, errors_of
from jaxsim.report.information import describe_information
from jaxsim.report.labels import describe_label_overlap
from jaxsim.report.sentences import describe_direction, describe_fixed_step, describe_overview, describe_pair
from jaxsim.study.constructed import (
    constructed_findings,
    constructed_information,
    constructed_labels,
    constructed_study,
)

from .conftest import changed


@pytest.fixture(scope="module", params=[False, True], ids=["query rows", "sampling"])
def study(request):
    return request.param, constructed_study({"a": 4, "b": 4}, sampling=request.param)


def test_the_sampling_error_is_taken_where_it_was_measured(study):
    sampling, (results, smoothness, between) = study
    factor = 2 if sampling else 1
    np.testing.assert_array_equal(errors_of(results, "imbalance"), factor * results["standard_error"].values)
    np.testing.assert_array_equal(errors_of(smoothness, "fixed_step"), factor * smoothness["fixed_step_se"].values)
    np.testing.assert_array_equal(errors_of(between, "distance"), factor * between["distance_se"].values)
    np.testing.assert_array_equal(errors_of(smoothness, "forward"), smoothness["forward_se"].values)
    word = "sampling errors" if sampling else "query-row errors"
    assert f"two {word} to both sides" in band_note(between, "distance")
    assert ("conditional on these reference images" in error_meaning(results, "imbalance")) == (not sampling)


def test_an_error_that_was_not_measured_is_not_taken():
    results = constructed_study(sampling=True)[0]
    results["sampling_error"][:] = np.nan
    assert error_name(results, "imbalance") == "standard_error"
    smoothness = constructed_study()[1].drop_vars("fixed_step_se")
    assert np.isnan(errors_of(smoothness, "fixed_step")).all()


def test_bands_are_two_of_them(study):
    _, (results, smoothness, between) = study
    known, labels = constructed_information(results), constructed_labels(results)
    drawn = [
        (
            figures.smoothness_profile(smoothness, "a"),
            smoothness.isel(change=smoothness["model"].values == "a"),
            "mean",
        ),
        (figures.between_model_distance(between, "a"), between, "distance"),
        (figures.low_level_information(known, "all"), known.sel(space="all", step=known.model == "a"), "forward"),
        (figures.label_overlap(labels, "class"), labels.sel(step=labels.model == "a"), "overlap"),
        (figures.fixed_step_profile(smoothness), smoothness.isel(model_name=0), "fixed_step"),
    ]
    for ax, chosen, of in drawn:
        edges = ax.collections[0].get_paths()[0].vertices[:, 1]
        top = np.nanmax(chosen[of].values + 2 * errors_of(chosen, of))
        assert edges.max() == pytest.approx(float(top)), of


def test_sentences_name_the_error_they_judge_by(study):
    sampling, (results, smoothness, between) = study
    word = "sampling error" if sampling else "query-row error"
    results, smoothness = results.copy(deep=True), smoothness.copy(deep=True)
    results["imbalance"].values[:] = 0.5
    smoothness["fixed_step"].values[:] = 0.3
    between["distance"].values[:] = 0.4
    said = [
        describe_direction(results, "a", "b"),
        describe_fixed_step(smoothness),
        describe_peaks(peaks(between)),
        describe_label_overlap(constructed_labels(results, n_classes={"class": 400})),
    ]
    for sentence in said[:3]:
        assert f"two {word}s" in sentence
    other = "query-row" if sampling else "sampling"
    assert not any(f"two {other}" in sentence for sentence in said)
    three = constructed_study(dict.fromkeys("abc", 3), sampling=sampling)[0]
    three["imbalance"].values[:] = 0.5
    assert f"two {word}s (a bound), so the order is uncertain" in describe_overview(three)


def test_independence_is_judged_by_query_rows():
    results = constructed_study({"a": 3, "b": 3}, sampling=True)[0]
    results["imbalance"].values[:] = 0.9
    results["standard_error"].values[:] = 0.01
    results["sampling_error"].values[:] = 0.5
    said = describe_pair(results, "a", "b").replace("\u00a0", " ")
    assert "(0.900 ± 0.500" in said
    assert said.endswith("No cell is within two query-row errors of 1.")


def test_intervals_of_findings_decide_where_there_are_some():
    results, smoothness, _ = constructed_study({"vit": 4, "resnet": 4})
    known = constructed_information(results)
    findings = changed(constructed_findings(), "information_change", value=0.3, low=-0.1, high=0.7)
    findings = changed(findings, "information_difference", value=-0.2, low=-0.3, high=-0.1)
    said = describe_information(known, findings=findings)
    assert "vit neither gains nor loses as far as can be told" in said
    assert "the interval of the change holds 0" in said
    assert said.endswith("the interval of their difference excludes 0.")
    assert "loses" in describe_information(known)
    smoothness["fixed_step"].values[:, 0], smoothness["fixed_step"].values[:, 1] = 0.2, 0.4
    findings = changed(findings, "smoothness_difference", value=-0.2, low=-0.25, high=-0.15)
    assert describe_fixed_step(smoothness, findings=findings).endswith(
        "; the interval of the difference, 0.200 [0.150, 0.250], excludes 0."
    )
    findings = changed(findings, "smoothness_difference", value=-0.2, low=-0.5, high=0.1)
    assert describe_fixed_step(smoothness, findings=findings).endswith("0.200 [−0.100, 0.500], holds 0.")
    findings = changed(findings, "smoothness_difference", low=np.nan, high=np.nan)
    assert "query-row errors" in describe_fixed_step(smoothness, findings=findings)
