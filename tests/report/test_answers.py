"""The first screen: the study's own answers, with the number, its interval and its control."""

import re

import numpy as np

from jaxsim.report import write_report
from jaxsim.study.constructed import constructed_findings, constructed_information, constructed_study
from jaxsim.study.derived.verdicts import QUESTIONS, verdicts

from .conftest import Page


def screen(tmp_path, findings):
    study = constructed_study({"vit": 5, "resnet": 4}, k=(1, 10))
    known = constructed_information(study[0])
    told = verdicts(findings)
    text = write_report(*study, tmp_path, information=known, findings=findings, verdicts=told).read_text(
        encoding="utf-8"
    )
    return text, told


def test_answers_are_those_of_the_study_for_every_k(tmp_path):
    findings = constructed_findings(k=(1, 10))
    findings["p_corrected"].values[0] = np.where(np.isfinite(findings["p_corrected"].values[0]), 0.001, np.nan)
    text, told = screen(tmp_path, findings)
    cards = re.findall(r"<article.*?</article>", text, re.DOTALL)
    assert len(cards) == len(QUESTIONS)
    for place, card in enumerate(cards):
        own = told.isel(claim=place)
        assert str(own["question"].item()) in card
        blocks = re.findall(r"<div data-k.*?</div>", card, re.DOTALL)
        assert len(blocks) == 2
        for k, block in enumerate(blocks):
            row = own.isel(k=k)
            page = Page(block)
            assert page.words[0] == row["verdict"].item()
            assert f"{row['answer'].item()}." in page.prose
            value, low = float(row["value"]), float(row["low"])
            assert f"{abs(value):.3f}" in page.prose
            assert f"{abs(low):.3f}" in page.prose
            marks = [each["class"] for each in page.all("circle")]
            assert marks == ["control-mark", "value-mark"]
            assert page.all("svg")[0]["aria-label"].startswith(f"{value:+.3f}".replace("-", "\u2212"))
    assert 'class="verdict yes"' in text


def test_without_a_control_there_is_no_grey_mark(tmp_path):
    text, _ = screen(tmp_path, constructed_findings(k=(1, 10), control=False))
    assert "value-mark" in text
    assert 'class="control-mark"' not in text


def test_ticks_are_all_effects(tmp_path):
    findings = constructed_findings(("a", "b", "c"), spaces=())
    study = constructed_study(dict.fromkeys("abc", 4))
    index = write_report(*study, tmp_path, findings=findings, verdicts=verdicts(findings))
    page = Page(index.read_text(encoding="utf-8"))
    ticks = [each["d"] for each in page.all("path") if each.get("class") == "all-marks"]
    assert [each.count("M") for each in ticks] == [3, 3]
