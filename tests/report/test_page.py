"""The page: its numbers are the datasets', nothing in it reaches outside, and no name can become markup."""

import hashlib
import html
import json
import re
from pathlib import Path

import numpy as np
import pytest

from jaxsim.files import OwnedFiles
from jaxsim.metrics import find_measures
from jaxsim.metrics.measure import declared as declared_as
from jaxsim.report import chapters, write_report
from jaxsim.report.chapter import figures_of
from jaxsim.report.page import CHAPTERS
from jaxsim.study.constructed import constructed_findings, constructed_study
from jaxsim.study.derived.verdicts import verdicts

from .conftest import AWKWARD, HOSTILE, NOTE, TIES, WARNINGS, Page, table_of, unpacked, unpacked_floats

CHOSEN = ("overview", "pair-forward", "pair-backward", "distance", "best-match", "equal-stretches", "step-changes")


def test_every_cell_of_every_k_is_on_the_page(report):
    payload = report.page.payload
    assert payload["k"] == [1, 10]
    np.testing.assert_allclose(payload["floor"], [2 / 250, 11 / 250])
    for place in range(2):
        for variable in ("imbalance", "standard_error"):
            packing = payload["of_errors"] if variable == "standard_error" else payload
            decimals, digits = packing["decimals"], packing["digits"]
            written = unpacked(payload[variable][place], decimals=decimals, digits=digits)
            expected = report.results[variable].values[place].ravel()
            np.testing.assert_allclose(written, expected, rtol=0, atol=0.5 * 10.0**-decimals + 1e-12)


def test_steps_and_models_are_named_in_order(report):
    payload = report.page.payload
    assert [step["name"] for step in payload["steps"]] == report.results["source_step"].values.tolist()
    depths = [step["depth"] for step in payload["steps"]]
    np.testing.assert_allclose(depths, report.results["source_depth"].values, atol=1e-4)
    assert [model["name"] for model in payload["models"]] == [HOSTILE, AWKWARD]
    assert [(model["start"], model["stop"]) for model in payload["models"]] == [(0, 4), (4, 10)]


def test_every_figure_has_a_place_and_a_description(report, full, single):
    for page in (report.page, full.page, single[1]):
        places = {each["data-figure"] for each in page.all("div") if "data-figure" in each}
        figures = page.payload["figures"]
        assert places == set(figures)
        assert all(len(each["description"]) > 20 and each["title"] for each in figures.values())
        links = {(each["data-of"], each["data-save"]) for each in page.all("a") if "data-save" in each}
        assert links == {(name, suffix) for name in figures for suffix in ("svg", "png", "pdf", "csv")}
        tables = {each["data-table"] for each in page.all("div") if "data-table" in each}
        assert tables == set(page.payload["tables"])
    assert set(CHOSEN) <= set(report.page.payload["figures"])


def test_the_title_is_the_question(report, single, full):
    assert report.page.prose.count("Do 2 models take the same steps? 250 images") == 2  # the title and the heading
    assert "Do vit and resnet take the same steps? 400 images" in full.page.prose
    assert "How does only change its representation, step by step? 400 images" in single[1].prose


def test_provenance_is_whole_and_in_a_closed_fold(report):
    prose = report.page.prose
    stated = ("Images N 250", "Queries 250 (all)", "Neighbours k 1, 10", "Floor (k + 1) / N 0.008, 0.044")
    for each in stated:
        assert each in prose
    for model in json.loads(report.results.attrs["models"]):
        assert model["source"] in prose
        assert model["weights_hash"][:12] in prose
    for word in ("euclidean", "mean", "index", report.results.attrs["created"], "kind: constructed, samples: 250"):
        assert word in prose
    for line in (*json.loads(report.results.attrs["damaged"]), *json.loads(report.results.attrs["warnings"])):
        assert line in prose
    assert "2 damaged images left out for every model" in prose
    folds = report.page.all("details")
    assert [each.get("class") for each in folds].count("provenance") == 1
    assert not any("open" in each for each in folds)
    assert "Mind: 2 warnings" in prose


def test_the_command_that_made_a_study_stands_with_it(tmp_path):
    results, smoothness, between = constructed_study()
    results.attrs["command"] = "jaxsim compare a b --images <here>"
    text = write_report(results, smoothness, between, tmp_path).read_text(encoding="utf-8")
    assert "<pre><code>jaxsim compare a b --images &lt;here&gt;</code></pre>" in text
    (tmp_path / "jaxsim.toml").write_text("images = 'of somebody else'")
    assert "somebody else" not in write_report(results, smoothness, between, tmp_path).read_text(encoding="utf-8")
    (tmp_path / "jaxsim.toml").unlink()
    OwnedFiles(tmp_path).write("jaxsim.toml", b'images = "<here>"')
    text = write_report(results, smoothness, between, tmp_path).read_text(encoding="utf-8")
    assert "<pre><code>images = &quot;&lt;here&gt;&quot;</code></pre>" in text


def test_names_are_text_never_markup(report):
    page = report.page
    assert "<script>alert" not in page.text
    assert len(page.scripts) == 2
    assert "alert" not in page.scripts[1]
    assert page.all("b") == []
    assert HOSTILE in page.prose
    assert AWKWARD in page.prose


def test_the_page_is_well_formed_and_its_ids_are_unique(report, full, small_control, single):
    for page in (report.page, full.page, small_control[1], single[1]):
        assert page.unbalanced == []
        assert page.open == []
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        links = [attributes.get("href", "") or "" for _, attributes in page.elements if "href" in attributes]
        assert {link[0] for link in links} == {"#"}
        assert {link[1:] for link in links} <= set(ids)
        assert "nan" not in page.prose.lower().split()
        json.dumps(page.payload, allow_nan=False)


def test_the_page_needs_nothing_but_itself(report):
    page = report.page
    assert {name for name, _ in page.elements} & {"link", "iframe", "img", "object", "embed", "base"} == set()
    for _, attributes in page.elements:
        assert "src" not in attributes
        assert not any(str(value).lower().startswith(("http:", "https:", "//")) for value in attributes.values())
    style = page.text[page.text.index("<style>") : page.text.index("</style>")]
    assert "@import" not in style
    assert "url(" not in style
    assert re.findall(r"https?://[^\"'\s<]+", page.text) == ["http://www.w3.org/2000/svg"]  # the name of a namespace
    assert "fetch(" not in page.scripts[1]
    assert "innerHTML" not in page.scripts[1]


def test_each_k_has_its_sentences_and_the_first_is_shown(report):
    blocks = [each for each in report.page.all("div") if "data-k" in each]
    assert {each["data-k"] for each in blocks} == {"0", "1"}
    assert all(("hidden" in each) == (each["data-k"] == "1") for each in blocks)
    radios = [each for each in report.page.all("input") if each.get("type") == "radio"]
    assert [each["value"] for each in radios] == ["0", "1"]


def test_no_figure_says_more_than_a_sentence_of_two_numbers(report, full, small_control):
    for page in (report.page, full.page, small_control[1]):
        captions = re.findall(r"<figcaption>(.*?)</figcaption>", page.text, re.DOTALL)
        assert len(captions) > 6
        for caption in captions:
            for block in re.findall(r"<div data-k[^>]*>(.*?)</div>", caption):
                said = html.unescape(re.sub(r"<[^>]*>", "", block)).replace(AWKWARD, "").replace(HOSTILE, "")
                assert len(re.findall(r"(?<![\w.])\d[\d,.]*(?!\w)", said)) <= 2, said
                assert said.count(". ") == 0, said


def test_nothing_is_said_twice(full):
    said = re.findall(r"<p>([^<]{25,})</p>", full.page.text)
    assert len(said) > 8
    assert sorted(said) == sorted(set(said))


def test_chapters_are_those_that_a_study_has_something_for(report, single, full, small_control):
    def ids(page):
        return {attributes.get("id") for name, attributes in page.elements if name == "section"}

    shared = {"all-steps", "pair", "smoothness", "provenance"}
    assert ids(report.page) == shared
    assert ids(single[1]) == shared
    assert ids(full.page) == shared | {"effects-all", "statistics", "separation"}
    assert ids(small_control[1]) == shared | {"random-weights", "statistics"}
    assert "distance" not in single[1].payload["figures"]


def test_too_few_images_for_intervals_still_show_the_control(small_control):
    _, page, control = small_control
    assert "from 64 samples on unless n_splits (--splits) asks for them; this study has 40" in page.prose
    assert page.prose.count("cannot tell") == 3
    assert "It cannot be told: without half-samples there is no interval." in page.prose
    rows = {(row[0], row[1]): row[3] for row in table_of(page.payload, "untrained")}
    for place, name in enumerate(("vit", "resnet")):
        mean = float(np.nanmean(control.smoothness["fixed_step"].values[0, place]))
        assert rows["Change over equal stretches", name] == pytest.approx(mean, rel=1e-4)
    assert page.payload["sampling_error"] is None
    assert "± is one query-row error (conditional on these reference samples)" in page.prose


def test_every_finding_is_in_the_table_and_in_one_plot(full):
    payload, findings = full.page.payload, full.more["findings"]
    rows = table_of(payload, "findings")
    head = payload["tables"]["findings"]["head"]
    assert len(rows) == findings.sizes["finding"]
    columns = {"value": "value", "low": "low", "p_corrected": "p corrected", "control": "random weights"}
    for name, column in columns.items():
        written = sorted(value for row in rows if (value := row[head.index(column)]) is not None)
        measured = findings[name].values[0]
        np.testing.assert_allclose(written, np.sort(measured[np.isfinite(measured)]), rtol=1e-4)
    drawn = [
        at
        for figure in payload["figures"].values()
        if figure["kind"] == "forest"
        for panel in figure["k"][0]["panels"]
        for at in panel["rows"]
    ]
    assert sorted(drawn) == list(range(len(rows)))
    sizes = [abs(rows[at][head.index("value")]) for at in payload["figures"]["effects"]["k"][0]["panels"][0]["rows"]]
    assert sizes == sorted(sizes, reverse=True)
    assert {row[-1] for row in rows} == {"", NOTE}
    assert f"Without an interval: {NOTE}." in full.page.prose


def test_curves_are_those_of_the_datasets_with_their_twins(full):
    payload = full.page.payload
    curves = {curve["name"]: curve for curve in payload["figures"]["equal-stretches"]["k"][0]["panels"][0]["curves"]}
    assert list(curves) == ["vit", "resnet", "vit, random weights", "resnet, random weights"]
    assert [name for name, curve in curves.items() if curve.get("twin")] == list(curves)[2:]
    expected = full.smoothness["fixed_step"].values[0, 1]
    written = np.array(unpacked_floats(curves["resnet"]["y"]), dtype=float)
    np.testing.assert_allclose(written, expected, rtol=1e-4)
    np.testing.assert_allclose(payload["lists"][curves["resnet"]["x"]], full.smoothness["t"].values, rtol=1e-4)
    panels = {panel["title"]: panel for panel in payload["figures"]["information"]["k"][0]["panels"]}
    known = full.more["information"]
    own = known["model"].values == "vit"
    written = np.array(unpacked_floats(panels["colour"]["curves"][0]["y"]), dtype=float)
    np.testing.assert_allclose(written, known["forward"].sel(space="colour").values[0, own], rtol=1e-4)
    for name in ("distance", "labels", "information"):
        assert any(curve.get("twin") for curve in payload["figures"][name]["k"][0]["panels"][0]["curves"])


def test_names_in_the_title_are_whole(full):
    assert '<h1>Do <span class="name">vit</span> and <span class="name">resnet</span> take the' in full.page.text


def test_steps_without_information_and_warnings_are_told(full):
    prose = full.page.prose
    assert "vit/embeddings: the class token before the first block is the same for every sample" in prose
    assert "same for all samples" in prose
    assert f"† {TIES}" in prose
    assert WARNINGS[1] in prose
    step = full.page.payload["steps"][2]
    assert (step["name"], step["sign"], step["warning"]) == ("block01", "†", TIES)
    packing = {name: full.page.payload[name] for name in ("decimals", "digits")}
    cells = unpacked(full.page.payload["imbalance"][0], **packing).reshape(9, 9)
    assert np.isnan(cells[0]).all()
    assert np.isnan(cells[:, 0]).all()


def test_a_page_of_another_measure_has_its_symbol(tmp_path):
    results, smoothness, between = constructed_study()
    declared = {"measure": "cka", **declared_as(find_measures("cka")[0])}
    index = write_report(results.assign_attrs(declared), smoothness, between, tmp_path)
    text = index.read_text(encoding="utf-8")
    script = text.rindex("<script>")
    assert "Δ" not in text[:script]
    assert "\\u0394" not in text[:script]
    assert "Measured by debiased CKA, a similarity turned round so that 0 is alike." in text
    assert '"CKA, turned round, t and t +' in text
    assert "debiased CKA, turned round from" not in text


def test_a_page_of_features_alone_speaks_of_samples(tmp_path):
    steps = {"vit": 3, "resnet": 4}
    results, smoothness, between = constructed_study(steps, sampling=True)
    results.attrs["images"] = json.dumps({"kind": "features"})
    findings = constructed_findings()
    more = {"findings": findings, "verdicts": verdicts(findings)}
    text = write_report(results, smoothness, between, tmp_path, **more).read_text(encoding="utf-8")
    assert "take the same steps? 400 samples" in text
    # Image statistics are what they are called; whether they were measured is another matter.
    said = re.sub(
        r"<style>.*?</style>|[Ii]mage statistics|class_=|image-rendering", "", text[: text.rindex("<script>")]
    )
    assert re.findall(r".{30}\bimages?\b.{20}", said, re.IGNORECASE) == []


def test_a_page_of_one_pair_and_one_effect_counts_them_in_words(tmp_path, report):
    assert "The one pair of models" in report.page.prose
    findings = constructed_findings(spaces=()).isel(finding=[0])
    results, smoothness, between = constructed_study()
    text = write_report(results, smoothness, between, tmp_path, findings=findings).read_text(encoding="utf-8")
    assert "The one effect<" in text
    assert "All 1" not in text
    text = write_report(results.assign_attrs(n_samples=1), smoothness, between, tmp_path).read_text(encoding="utf-8")
    assert "take the same steps? 1 image ·" in text


def test_no_chart_is_drawn_where_there_is_one_place_alone(tmp_path):
    # A model of two steps has one stretch, its whole depth: a line needs two.
    results, smoothness, between = constructed_study({"two": 2, "four": 4})
    findings = constructed_findings(("two", "four"))
    text = write_report(
        results, smoothness, between, tmp_path, findings=findings, verdicts=verdicts(findings)
    ).read_text(encoding="utf-8")
    page = Page(text)
    assert "smoothness-answer" in {each.get("id") for each in page.all("article")}
    assert "smoothness-answer" not in page.payload["figures"]
    assert "order-answer" in page.payload["figures"]
    (drawn,) = page.payload["figures"]["equal-stretches"]["k"][0]["panels"]
    assert all(curve["points"] for curve in drawn["curves"])


def test_the_same_datasets_give_the_same_page(tmp_path, single):
    results, smoothness, _ = constructed_study({"only": 4})
    write_report(results, smoothness, None, tmp_path)

    def digests(folder):
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    assert digests(tmp_path) == digests(single[0])
    assert set(digests(tmp_path)) == {"index.html", "jaxsim.jsonl"}


def test_figures_of_an_earlier_report_go_and_other_files_stay(tmp_path):
    (tmp_path / "figures").mkdir()
    files = OwnedFiles(tmp_path)
    for name in ("overview_k1.png", "overview_k1.svg"):
        files.write(f"figures/{name}", b"drawn")
    (tmp_path / "figures" / "overview_k1.svg").write_bytes(b"changed by hand")
    (tmp_path / "figures" / "mine.png").write_bytes(b"kept")
    write_report(*constructed_study({"only": 3}), tmp_path)
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"overview_k1.svg", "mine.png"}


def test_a_page_that_jaxsim_has_not_written_is_not_replaced(tmp_path):
    (tmp_path / "index.html").write_text("my home page")
    with pytest.raises(ValueError, match=r"index\.html was not written by jaxsim.*move it elsewhere"):
        write_report(*constructed_study({"only": 3}), tmp_path)
    assert (tmp_path / "index.html").read_text() == "my home page"


def test_a_full_disk_while_writing_names_the_folder(tmp_path, monkeypatch):
    def full(path, content, **_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jaxsim.files.owned.write_whole", full)
    with pytest.raises(ValueError, match=rf"{tmp_path.name}.*cannot be written.*No space left"):
        write_report(*constructed_study({"only": 3}), tmp_path)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ValueError, match=r"folder to write the report into.*taken.*Choose another folder"):
        write_report(*constructed_study(), tmp_path / "taken")


def test_the_page_walks_all_chapters():
    anchors = [chapter.anchor for chapter in CHAPTERS]
    rooms = [file for file in Path(chapters.__file__).parent.glob("*.py") if "\nCHAPTER = " in file.read_text("utf-8")]
    assert len(set(anchors)) == len(anchors) == len(rooms)
    assert figures_of([]) == []
