"""The table of measures, and measures in a comparison, from the shell."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import jaxsim.study.run.comparison as comparison_module
from jaxsim.cli.app import app
from jaxsim.metrics.registry import all_measures
from jaxsim.metrics.table import layer_rows, markdown, pair_rows
from jaxsim.study import Study

README = Path(__file__).parent.parent.parent / "README.md"


@pytest.fixture
def jaxsim():
    return lambda *args, **options: CliRunner().invoke(app, [str(arg) for arg in args], **options)


def test_the_table_prints_every_declaration(jaxsim) -> None:
    result = jaxsim("metrics")
    assert result.exit_code == 0, result.output
    text = re.sub(r"[|\s]+", "", result.stdout)
    for row in (*pair_rows(), *layer_rows()):
        assert re.search(rf"^ *{row[0]} ", result.stdout, re.MULTILINE), row[0]
        assert re.search(rf"^ *{row[0]} +\| {re.escape(row[-1])}", result.stdout, re.MULTILINE), row[-1]
        assert all(word in text for word in row[1].split())
    assert {row[0] for row in (*pair_rows(), *layer_rows())} == set(all_measures())
    assert "Numbers are those of N = 1,000, k = 10" in result.stdout


def test_the_readme_shows_the_same_table() -> None:
    text = README.read_text(encoding="utf-8")
    shown = text.partition("<!-- measures -->\n")[2].partition("<!-- /measures -->")[0]
    assert shown.strip() == markdown().strip()


def test_measures_are_compared_and_told(jaxsim, checkpoint, photos, tmp_path) -> None:
    out = tmp_path / "run"
    result = jaxsim(
        *("compare", checkpoint(0), checkpoint(1), "--images", photos, "--out", out, "--k", 3),
        *("--measures", "cka, mutual_knn", "--describe", "effective_rank", "--findings"),
    )
    assert result.exit_code == 0, result.output
    plan, summary = result.stdout.split("Smoothness", 1)
    assert re.search(r"beside it +debiased CKA, mutual k-NN", plan)
    assert re.search(r"each step +effective rank", plan)
    study = Study.load(out)
    assert tuple(study.by_measure) == ("cka", "mutual_knn")
    rows = study.measures.rank_correlation.sel(k=3).values[0]
    for title, value in zip(study.measures.title.values[1:], rows[1:], strict=True):
        assert re.search(rf"{title}[ |]+{value:.3f}", summary)
    ends = study.descriptions.effective_rank.sel(k=3).values[[0, -1]]
    assert all(f"{value:.3f}" in summary for value in ends)
    page = (out / "index.html").read_text(encoding="utf-8")
    assert 'id="measures"' in page
    assert 'id="descriptions"' in page


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--measures", "mutal_knn"), "unknown measure 'mutal_knn'; did you mean 'mutual_knn'"),
        (("--measures", "zzz"), "unknown measure 'zzz'. `jaxsim metrics` lists all of them"),
        (("--measures", ""), "expected --measures as names separated by commas"),
        (("--measures", "cka,,rv"), "expected --measures as names separated by commas"),
        (("--measures", "cka,cka"), "got 'cka' twice"),
        (("--describe", "cka"), "'cka' is a measure of two layers"),
        (("--measures", "gride"), "'gride' is a measure of one layer"),
        (("--measures", "hsic"), "or a similarity with a largest value, got 'hsic'"),
        (("--measures", "cka", "--samples", "3"), "at least 4 samples for 'cka', got 3"),
        (
            ("--measures", "rsa", "--queries", "9"),
            "'rsa' takes all pairs of samples, expected no n_queries (--queries), got 9",
        ),
        (("--measures", "mutual_knn", "--k", "0"), "every k to be an integer of at least 1"),
        (("--describe", "gride", "--k", "12"), "samples for 'gride'"),
    ],
    ids=str,
)
def test_what_cannot_be_measured_is_refused_before_the_work(
    jaxsim, checkpoint, photos, tmp_path, monkeypatch, change, said
) -> None:
    def refuse(*args, **kwargs):
        raise AssertionError("work was begun")

    monkeypatch.setattr(comparison_module, "all_features", refuse)
    result = jaxsim("compare", checkpoint(0), "--images", photos, "--out", tmp_path / "run", *change)
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()
