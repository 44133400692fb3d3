"""The error beside a number is the sampling error where the study has it, and is called what it is."""

import numpy as np
import pytest

from jaxsim.report.alignment import peaks
from jaxsim.report.chapters.labels import describe_labels
from jaxsim.report.chapters.overview import describe_overview
from jaxsim.report.chapters.pairs import describe_peaks
from jaxsim.report.chapters.smoothness import describe_stretches
from jaxsim.report.errors import band_note, error_name, errors_of
from jaxsim.study.constructed import constructed_labels, constructed_study

from .conftest import story_of


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
    assert f"Bands: two {word}." == band_note(between, "distance")


def test_an_error_that_was_not_measured_is_not_taken():
    results = constructed_study(sampling=True)[0]
    results["sampling_error"][:] = np.nan
    assert error_name(results, "imbalance") == "standard_error"
    smoothness = constructed_study()[1].drop_vars("fixed_step_se")
    assert np.isnan(errors_of(smoothness, "fixed_step")).all()


def test_sentences_name_the_error_they_judge_by(study):
    sampling, (results, smoothness, between) = study
    word = "sampling error" if sampling else "query-row error"
    smoothness, between = smoothness.copy(deep=True), between.copy(deep=True)
    smoothness["fixed_step"].values[:] = 0.3
    between["distance"].values[:] = 0.4
    labels = constructed_labels(results)
    labels["overlap"].values[:] = 0.5
    said = [
        describe_stretches(story_of(results, smoothness), 1),
        describe_peaks(peaks(between)),
        describe_labels(story_of(results, smoothness, labels=labels), 1),
    ]
    assert all(f"within two {word}s" in sentence for sentence in said)
    three = constructed_study(dict.fromkeys("abc", 3), sampling=sampling)
    three[0]["imbalance"].values[:] = 0.5
    assert describe_overview(story_of(*three), 1).endswith("but that order is within the errors.")
