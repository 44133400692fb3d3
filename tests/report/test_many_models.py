"""The page of 2 and of 12 models with all chapters that there are: its height, width, printed pages and bytes."""

import re

import numpy as np
import pytest

from jaxsim.report import Control, write_report
from jaxsim.report.page import CHAPTERS
from jaxsim.study import information_plane, step_embedding, step_linkage
from jaxsim.study.constructed import (
    constructed_descriptions,
    constructed_findings,
    constructed_information,
    constructed_labels,
    constructed_study,
)
from jaxsim.study.derived.side_by_side import findings_side_by_side, measures_side_by_side
from jaxsim.study.derived.verdicts import verdicts

from .browser import CHROMIUM, Browser
from .conftest import Page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
SPACES = ("all", "luminance", "colour", "frequency", "orientation", "layout")
LABELS = {"class": 10, "superclass": 3}
MEASURES = {
    "information_imbalance": "information imbalance",
    "cka": "debiased CKA",
    "mutual_knn": "mutual kNN",
    "rsa": "RSA of correlation distances",
    "procrustes": "Procrustes distance",
    "distance_correlation": "distance correlation",
}
N, K = 741, (1, 10)


def page_of(n_models, folder):
    """A page with every chapter: models of 13 and 17 steps, names as long as those of a hub."""
    models = tuple(f"vision-base-patch16-{place}" for place in range(n_models))
    steps = {name: 13 + 4 * (place % 2) for place, name in enumerate(models)}
    kind = {"k": K, "n_samples": N, "sampling": True}
    tied = {f"{models[0]}/block01": "3 % of the rows have a tie at the 10th neighbour; run with --ties expected"}
    study, twin = constructed_study(steps, flags=tied, **kind), constructed_study(steps, seed=5, **kind)
    results, noise = study[0], np.random.default_rng(0)
    own = {"k": K, "spaces": SPACES, "labels": tuple(LABELS), "n_samples": N}
    found = {name: constructed_findings(models, seed=seed, **own) for seed, name in enumerate(MEASURES)}
    by_measure = {
        name: results.imbalance + noise.normal(0, 0.02 * place, results.imbalance.shape)
        for place, name in enumerate(MEASURES)
    }
    titles = ("measure", np.array(list(MEASURES.values()), dtype=object))
    measures = measures_side_by_side(by_measure).assign_coords(title=titles).merge(findings_side_by_side(found))
    paths = step_embedding(results.imbalance)
    control = Control(
        *twin,
        constructed_information(twin[0], spaces=SPACES),
        constructed_labels(twin[0], n_classes=LABELS),
        constructed_descriptions(twin[0]),
    )
    return write_report(
        *study,
        folder,
        information=constructed_information(results, spaces=SPACES),
        labels=constructed_labels(results, n_classes=LABELS),
        findings=found["information_imbalance"],
        verdicts=verdicts(found["information_imbalance"]),
        control=control,
        descriptions=constructed_descriptions(results),
        measures=measures,
        paths=paths.merge(step_linkage(results.imbalance), compat="no_conflicts", combine_attrs="drop_conflicts"),
        plane=information_plane(results.imbalance, results.standard_error),
    )


@pytest.mark.parametrize("n_models", [2, pytest.param(12, marks=pytest.mark.slow)])
def test_a_page_with_all_chapters_is_short(n_models, tmp_path):
    page = page_of(n_models, tmp_path / "page")
    assert page.stat().st_size < 1_500_000
    assert len(list(page.parent.iterdir())) <= 40
    figures = Page(page.read_text(encoding="utf-8")).payload["figures"]
    assert ("each-statistic" in figures) == (n_models == 12)
    panels = [panel for each in figures.values() if each["kind"] == "forest" for panel in each["k"][0]["panels"]]
    drawn = [row for panel in panels for row in panel["rows"]]
    assert sorted(drawn) == list(range(len(drawn)))
    browser = Browser(tmp_path / "chromium")
    try:
        browser.open(page)
        assert (
            browser.run("document.querySelectorAll('main > section').length") == len(CHAPTERS) - 1
        )  # all but the control of studies without findings
        assert browser.run("document.documentElement.scrollHeight") < 6000
        assert len(re.findall(rb"/Type\s*/Page\b", browser.printed())) <= 10
        browser.open(page, width=420)
        assert browser.run("document.documentElement.scrollWidth") == 420
        cut = """[...document.querySelectorAll('.chart svg')].filter((svg) => svg.getBoundingClientRect().right > 420)
                 .map((svg) => svg.parentNode.dataset.figure).join()"""
        assert browser.run(cut) == ""
        assert browser.errors == []
    finally:
        browser.close()
