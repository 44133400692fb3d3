"""The page: its numbers are the dataset's, nothing in it reaches outside, and no name can become markup."""

import hashlib
import json
import re
from itertools import product

import numpy as np
import pytest

from jaxsim.report import write_report
from jaxsim.report.payload import unpacked
from jaxsim.report.sentences import describe_pair
from jaxsim.study.constructed import constructed_study


def test_every_cell_of_every_k_is_on_the_page(report):
    payload = report.page.payload
    assert payload["k"] == [1, 10]
    np.testing.assert_allclose(payload["floor"], [2 / 250, 11 / 250])
    for place in range(2):
        for variable in ("imbalance", "standard_error"):
            written = unpacked(payload[variable][place], decimals=payload["decimals"], digits=payload["digits"])
            expected = report.results[variable].values[place].ravel()
            np.testing.assert_allclose(written, expected, rtol=0, atol=0.5 * 10.0 ** -payload["decimals"] + 1e-12)


def test_steps_and_models_are_named_in_order(report):
    payload = report.page.payload
    assert [step["name"] for step in payload["steps"]] == report.results["source_step"].values.tolist()
    np.testing.assert_allclose(
        [step["depth"] for step in payload["steps"]], report.results["source_depth"].values, atol=1e-4
    )
    names = list(dict.fromkeys(report.results["source_model"].values.tolist()))
    assert [model["name"] for model in payload["models"]] == names
    assert [(model["start"], model["stop"]) for model in payload["models"]] == [(0, 4), (4, 10)]


def test_every_ordered_pair_has_a_heat_map_that_keyboards_reach(report):
    maps = [each for each in report.page.all("div") if "heatmap" in (each.get("class") or "").split()]
    pairs = {(each["data-source"], each["data-target"]) for each in maps if "data-source" in each}
    assert pairs == {(str(a), str(b)) for a, b in product(range(2), repeat=2)}
    assert sum("overview" in each["class"] for each in maps) == 1
    assert all(each["tabindex"] == "0" and each["aria-label"] for each in maps)


def test_header_states_the_settings(report):
    prose = report.page.prose
    for stated in ("Images N 250", "Queries 250 (all)", "Neighbours k 1, 10", "Floor (k + 1) / N 0.008, 0.044"):
        assert stated.split()[-1] in prose
        assert stated in prose
    models = json.loads(report.results.attrs["models"])
    versions = json.loads(report.results.attrs["versions"])
    assert f"numpy {versions['numpy']}" in prose
    for model in models:
        assert model["source"] in prose
        assert model["weights_hash"][:12] in prose
    for word in ("euclidean", "mean", "index", report.results.attrs["created"], "kind: constructed, samples: 250"):
        assert word in prose


def test_warnings_and_damaged_images_are_listed(report):
    for line in (*json.loads(report.results.attrs["damaged"]), *json.loads(report.results.attrs["warnings"])):
        assert line in report.page.prose
    assert "2 damaged images left out for every model" in report.page.prose


def test_names_are_text_never_markup(report):
    page = report.page
    assert "<script>alert" not in page.text
    assert len(page.scripts) == 2
    assert "alert" not in page.scripts[1]
    assert page.all("b") == []
    assert '<script>alert("x")</script>' in page.prose
    assert "res $x_1$ & 'net' } #ffffff 0.123456 url(#a)" in page.prose


def test_the_page_is_well_formed_and_its_ids_are_unique(report):
    page = report.page
    assert page.unbalanced == []
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes.get("href", "") or "" for _, attributes in page.elements if "href" in attributes]
    assert {link[0] for link in links} == {"#"}
    assert {link[1:] for link in links} <= set(ids)
    used = re.findall(
        r"url\(#([^)]+)\)", " ".join(str(a) for _, attributes in page.elements for a in attributes.values())
    )
    assert {each for each in used if each != "a"} <= set(ids)


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


def test_inline_figures_are_described_and_keep_text_as_text(report):
    plots = [each for each in report.page.all("svg") if each.get("class") == "plot"]
    assert len(plots) == 2 * 4
    assert all(each["role"] == "img" and len(each["aria-label"] or "") > 20 for each in plots)
    assert "relative depth" in report.page.prose
    assert {attributes.get("lang") for attributes in report.page.all("html")} == {"en"}


def test_each_k_has_its_block_and_the_first_is_shown(report):
    blocks = [each for each in report.page.all("div") if "data-k" in each]
    assert {each["data-k"] for each in blocks} == {"0", "1"}
    assert all(("hidden" in each) == (each["data-k"] == "1") for each in blocks)
    radios = [each for each in report.page.all("input") if each.get("type") == "radio"]
    assert [each["value"] for each in radios] == ["0", "1"]
    first = report.results["source_model"].values[0]
    last = report.results["source_model"].values[-1]
    for k in (1, 10):
        assert " ".join(describe_pair(report.results, first, last, k=k).split()) in report.page.prose


def test_a_single_model_has_no_pairs(single):
    folder, page = single
    assert page.unbalanced == []
    ids = {attributes.get("id") for _, attributes in page.elements}
    assert {"smoothness", "within", "reading"} <= ids
    assert ids & {"overview", "between", "best-match", "pairs"} == set()
    assert not [each for each in page.all("input") if each.get("type") == "radio"]
    assert not list((folder / "figures").glob("between*"))


def test_a_study_without_pairs_gives_the_same_bytes_again_with_or_without_their_dataset(tmp_path, single):
    results, smoothness, _ = constructed_study({"only": 4})
    write_report(results, smoothness, None, tmp_path)

    def digests(folder):
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    assert digests(tmp_path) == digests(single[0])
    assert len(digests(tmp_path)) == 1 + 1 + 2 * 4


def test_figures_of_an_earlier_report_go_and_other_files_stay(tmp_path):
    write_report(*constructed_study({"gone": 3}), tmp_path)
    figures = tmp_path / "figures"
    (figures / "overview_of_my_talk.png").write_bytes(b"kept")
    (figures / "heatmap_00-07_mine_to_mine_k1.svg").write_bytes(b"kept")
    touched_up = next(path for path in figures.glob("heatmap_*gone*.svg"))
    touched_up.write_bytes(b"changed by hand")
    seen = []
    write_report(*constructed_study({"only": 3}), tmp_path, progress=lambda *step: seen.append(step))
    assert list(figures.glob("*gone*")) == [touched_up]
    assert (figures / "overview_of_my_talk.png").read_bytes() == b"kept"
    assert (figures / "heatmap_00-07_mine_to_mine_k1.svg").read_bytes() == b"kept"
    touched_up.unlink()
    (figures / "heatmap_00-07_mine_to_mine_k1.svg").unlink()
    assert not list(tmp_path.rglob("*.partial"))
    total = seen[-1][1]
    assert [done for done, _, _ in seen] == list(range(total + 1))
    assert seen[-1] == (total, total, "index.html")
    assert len(list((tmp_path / "figures").glob("*.svg"))) == total


def test_a_page_that_jaxsim_has_not_written_is_not_replaced(tmp_path):
    (tmp_path / "index.html").write_text("my home page")
    with pytest.raises(ValueError, match=r"index\.html was not written by jaxsim.*move it elsewhere"):
        write_report(*constructed_study({"only": 3}), tmp_path)
    assert (tmp_path / "index.html").read_text() == "my home page"
    assert not list((tmp_path / "figures").iterdir())


def test_a_full_disk_while_drawing_names_the_folder(tmp_path, monkeypatch):
    def full(path, content, **_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jaxsim.files.owned.write_whole", full)
    with pytest.raises(ValueError, match=rf"{tmp_path.name}.*cannot be written.*No space left"):
        write_report(*constructed_study({"only": 3}), tmp_path)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ValueError, match=r"folder to write the report into.*taken.*Choose another folder"):
        write_report(*constructed_study(), tmp_path / "taken")
