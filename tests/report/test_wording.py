"""What the page says: one sentence a figure, two numbers a sentence, and beside a number what it is of."""

import re

import numpy as np
import pytest

from jaxsim.report import write_report
from jaxsim.study.constructed import constructed_findings, constructed_information, constructed_study
from jaxsim.study.derived.verdicts import verdicts

from .conftest import Page

#: Steps of constructed models, whose names hold digits.
STEPS = re.compile(r"block\d+|stage\d+\.block\d+")
NUMBER = re.compile(r"\d[\d,.]*")


def texts_of(text, pattern):
    """The words of every part of a page that a pattern finds."""
    return [" ".join(Page(each).words) for each in re.findall(pattern, text, re.DOTALL)]


def sentences_of(words):
    return [each for each in re.split(r"(?<=[.?!])\s+(?=[A-Z(])", STEPS.sub("", words)) if each.strip()]


@pytest.fixture(params=["full", "single", "small_control"])
def text(request):
    made = request.getfixturevalue(request.param)
    folder = made[0] if isinstance(made, tuple) else made.folder
    return (folder / "index.html").read_text(encoding="utf-8")


def test_a_figure_has_one_sentence_of_two_numbers(text):
    captions = texts_of(text, r"<figcaption>.*?</figcaption>")
    assert captions
    for caption in re.findall(r"<figcaption>.*?</figcaption>", text, re.DOTALL):
        for block in re.findall(r"<div data-k.*?</div>", caption, re.DOTALL):
            (sentence,) = sentences_of(" ".join(Page(block).words))
            assert len(NUMBER.findall(sentence)) <= 2, sentence


def test_no_sentence_has_more_than_two_numbers(text):
    paragraphs = texts_of(text, r'<p(?! class="headline")[ >].*?</p>')
    paragraphs += texts_of(text, r'<div class="reading">.*?</div>')
    assert len(paragraphs) > 10
    for sentence in (each for words in paragraphs for each in sentences_of(words)):
        # A formula, and what a table's columns or a warning of the study say, are no sentences of numbers.
        assert len(NUMBER.findall(sentence.replace("(k + 1) / N", ""))) <= 2, sentence


def test_a_mixed_answer_keeps_to_the_rule_and_names_its_number(tmp_path):
    findings = constructed_findings(("a", "b", "c"), n_samples=400)
    order = findings["kind"].values == "alignment"
    values, p = findings["value"].values[0], findings["p_corrected"].values[0]
    p[order] = 0.01, 0.01, 0.5
    shift = -2 * values[np.flatnonzero(order)[1]]
    for name in ("value", "low", "high"):
        findings[name].values[0, np.flatnonzero(order)[1]] += shift
    study = constructed_study(dict.fromkeys("abc", 4))
    told = verdicts(findings)
    index = write_report(
        *study, tmp_path, information=constructed_information(study[0]), findings=findings, verdicts=told
    )
    card = re.findall(r"<article.*?</article>", index.read_text(encoding="utf-8"), re.DOTALL)[0]
    assert "mixed" in card
    for words in texts_of(card, r'<p(?! class="headline")[ >].*?</p>'):
        for sentence in sentences_of(words):
            assert len(NUMBER.findall(sentence)) <= 2, sentence
    prose = Page(card).prose
    row = told.isel(k=0, claim=0)
    assert f"{row['a'].item()}, {row['b'].item()}, the median: how much nearer in depth" in prose
    assert "Ticks: all 3. Grey: random weights." in prose
