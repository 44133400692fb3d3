"""The page of a study with all there can be, and of one with a control but too few images for intervals."""

import json

import numpy as np

from jaxsim.report.payload import unpacked

from .conftest import NOTE, TIES, WARNINGS


def test_the_page_is_well_formed(full, small_control):
    for page in (full.page, small_control[1]):
        assert page.unbalanced == []
        assert page.open == []
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        links = {attributes["href"][1:] for name, attributes in page.elements if name == "a"}
        assert links <= set(ids)
        assert "nan" not in page.prose.lower().split()
        assert "±\u00a0nan" not in page.text


def test_steps_without_information_are_named_and_reach_the_script_as_undefined(full):
    assert "Steps without information" in full.page.prose
    assert "vit/embeddings: the class token before the first block is the same for every image" in full.page.prose
    assert "same for all images" in full.page.prose
    payload = full.page.payload
    assert [step["constant"] for step in payload["steps"]] == [True, *[False] * 8]
    packing = {"decimals": payload["decimals"], "digits": payload["digits"]}
    for name, variable in (("imbalance", "imbalance"), ("sampling_error", "sampling_error")):
        cells = unpacked(payload[name][0], **packing).reshape(9, 9)
        assert np.isnan(cells[0]).all()
        assert np.isnan(cells[:, 0]).all()
        np.testing.assert_allclose(cells[1:, 1:], full.results[variable].values[0, 1:, 1:], atol=1e-5)
    json.dumps(payload, allow_nan=False)


def test_warnings_stand_in_full_and_mark_their_steps(full):
    prose = full.page.prose
    assert f"† {TIES}" in prose
    assert WARNINGS[1] in prose
    assert "2 warnings" in prose
    assert "block01 †" in prose
    assert f"† vit/block01: {TIES}" in prose
    step = full.page.payload["steps"][2]
    assert (step["name"], step["sign"], step["warning"]) == ("block01", "†", TIES)


def test_intervals_are_called_what_they_are(full):
    prose = full.page.prose
    assert "95 % interval from 8 balanced half-samples, at N = 400" in prose.replace("\u00a0", " ")
    for gone in ("standard error", "disjoint subsets", "standard errors"):
        assert gone not in prose
    assert "sampling error (what new images would change, from balanced half-samples)" in prose
    assert "query-row error (conditional on these reference images)" in prose
    findings = full.more["findings"]
    for place in range(findings.sizes["finding"]):
        assert f"{abs(float(findings['value'].values[0, place])):.3f}" in prose


def test_a_kind_without_interval_shows_its_note(full):
    assert f"no interval: {NOTE}" in full.page.prose
    assert f"Points without a bar have no interval: {NOTE}." in full.page.prose


def test_what_changes_with_n_is_told_and_drawn(full):
    assert "Does it depend on the number of images?" in full.page.prose
    assert "Which of two models is smoother changes with N in 1 of 1: vit, resnet (−0.030" in full.page.prose
    assert "↕: the sign is another at a smaller N." in full.page.prose
    assert (full.folder / "figures" / "sample-size_k1.svg").is_file()


def test_labels_and_ties_have_their_numbers(full):
    prose = full.page.prose
    assert "How well the steps separate the labels" in prose
    assert "Do they come to separate the labels?" in prose
    assert "Chance 0.100" in prose
    assert "Ceiling 0.980" in prose
    assert "Least attainable" in prose
    labels = full.more["labels"]
    for value in labels["overlap"].values[0, 1:, 0]:
        assert f"{value:.3f}" in prose


def test_with_findings_the_control_is_beside_them(full):
    ids = {attributes.get("id") for _, attributes in full.page.elements}
    assert "untrained" not in ids
    assert "Thin lines are the same architectures with random weights" in full.page.prose


def test_too_few_images_for_intervals_still_show_the_control(small_control):
    _, page, control = small_control
    ids = {attributes.get("id") for _, attributes in page.elements}
    assert "untrained" in ids
    assert "findings" not in ids
    prose = page.prose
    assert "balanced half-samples need at least 64 images (16 groups of 4), and this study has 40" in prose
    assert "Values at N = 40, without intervals" in prose
    for place in range(2):
        assert f"{float(np.nanmean(control.smoothness['fixed_step'].values[0, place])):.3f}" in prose
    assert prose.count("Thin lines are the same architectures with random weights, without intervals.") == 3


def test_query_row_errors_are_called_so_where_there_are_no_others(small_control):
    page = small_control[1]
    assert page.payload["sampling_error"] is None
    assert "± is one query-row error (conditional on these reference images)" in page.prose
    assert "sampling error" not in page.prose
