"""The page in a browser: no errors, and everything that a reader does with it. Skipped where there is no Chromium."""

import csv
import io
import json
import re
import struct
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from jaxsim.report import Control, write_report
from jaxsim.study.constructed import (
    constructed_descriptions,
    constructed_findings,
    constructed_information,
    constructed_labels,
    constructed_measures,
    constructed_study,
)

from .browser import CHROMIUM, Browser
from .conftest import AWKWARD, HOSTILE, Page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
MODELS = (HOSTILE, AWKWARD, "模型 Δ")


@pytest.fixture(scope="module")
def study():
    return constructed_study({MODELS[0]: 4, MODELS[1]: 6, MODELS[2]: 5}, k=(1, 10), n_samples=500, sampling=True)


def figures_of(page):
    """Names of the figures that a page holds."""
    return Page(page.read_text(encoding="utf-8")).payload["figures"]


@pytest.fixture(scope="module")
def page(study, tmp_path_factory):
    from jaxsim.study import information_plane, step_embedding, step_linkage
    from jaxsim.study.derived.verdicts import verdicts

    results = study[0]
    found = constructed_findings(MODELS, k=(1, 10), labels=("class",), n_samples=500)
    twin = constructed_study({MODELS[0]: 4, MODELS[1]: 6, MODELS[2]: 5}, k=(1, 10), n_samples=500, seed=5)
    tree = step_linkage(results.imbalance)
    measures = constructed_measures()
    return write_report(
        *study,
        tmp_path_factory.mktemp("browser"),
        information=constructed_information(results),
        labels=constructed_labels(results),
        findings=found,
        verdicts=verdicts(found),
        control=Control(*twin, constructed_information(twin[0]), constructed_labels(twin[0])),
        descriptions=constructed_descriptions(results),
        measures=measures.isel(k=[0, 0]).assign_coords(k=[1, 10]),
        paths=step_embedding(results.imbalance).merge(tree, compat="no_conflicts", combine_attrs="drop_conflicts"),
        plane=information_plane(results.imbalance, results.standard_error),
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    found = Browser(tmp_path_factory.mktemp("chromium"))
    yield found
    found.close()


@pytest.fixture
def opened(browser, page):
    browser.errors.clear()
    browser.open(page)
    yield browser
    assert browser.errors == []


def saved(browser, name, suffix):
    """What a link to a file of a figure gives, as bytes."""
    script = f"""(async () => {{
      const made = new Promise((resolve) => {{ URL.createObjectURL = (blob) => {{ resolve(blob); return "#"; }}; }});
      const click = HTMLAnchorElement.prototype.click;
      HTMLAnchorElement.prototype.click = function () {{ if (!this.download) click.call(this); }};
      document.querySelector(`[data-of="{name}"][data-save="{suffix}"]`).dispatchEvent(
        new MouseEvent("click", {{ bubbles: true, cancelable: true }}));
      const bytes = new Uint8Array(await (await made).arrayBuffer());
      return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    }})()"""
    return browser.run(script).encode("latin-1")


def rows_of(text):
    head, *rows = csv.reader(io.StringIO(text.decode("utf-8")))
    return [dict(zip(head, row, strict=True)) for row in rows]


@pytest.mark.parametrize("width", [1400, 420])
def test_every_figure_is_drawn_within_the_page(browser, page, width):
    browser.errors.clear()
    browser.open(page, width=width)
    browser.run("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    browser.run("new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 50)))")
    assert browser.run("document.documentElement.scrollWidth") == width
    drawn = json.loads(
        browser.run("""JSON.stringify([...document.querySelectorAll('.chart')].map((holder) => {
          const svg = holder.querySelector('svg'), outer = holder.getBoundingClientRect();
          const inside = [...svg.querySelectorAll('text, path, rect')].every((node) => {
            const box = node.getBoundingClientRect();
            return !box.width || (box.left >= outer.left - 30 && box.right <= outer.right + 30);
          });
          const title = svg.querySelector('title').textContent, described = svg.querySelector('desc').textContent;
          return [holder.dataset.figure, svg.childElementCount, inside, title.length, described.length, outer.right];
        }))""")
    )
    assert sorted(name for name, *_ in drawn) == sorted(figures_of(page))
    for name, parts, inside, title, described, right in drawn:
        assert parts > 8, name
        assert inside, name
        assert min(title, described) > 3, name
        assert right <= width, name
    assert browser.errors == []


def test_height_and_printed_pages(browser, page):
    browser.open(page)
    assert browser.run("document.documentElement.scrollHeight") < 6000
    printed = browser.printed()
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) <= 10
    assert browser.run("document.body.classList.contains('printing')") is False


def test_choices_are_kept_in_the_address(opened, page):
    opened.run("document.querySelectorAll('input[name=k]')[1].click()")
    opened.run("document.getElementById('stretch').click()")
    choose = "(node, value) => { node.value = value; node.dispatchEvent(new Event('change')); }"
    opened.run(f"({choose})(document.getElementById('pair-b'), '2')")
    opened.run(f"({choose})(document.getElementById('scale'), 'log')")
    assert opened.run("location.hash") == "#&k=10&pair=0-2&scale=log&stretch=1"
    opened.run("document.querySelector('nav a[href=\"#smoothness\"]').click()")
    assert opened.run("location.hash") == "#smoothness&k=10&pair=0-2&scale=log&stretch=1"
    opened.open(page, fragment="#pair&k=10&pair=2-1&scale=linear&stretch=1")
    state = "[...document.querySelectorAll('#pair-a, #pair-b, #scale')].map((node) => node.value).join()"
    assert opened.run(state) == "linear,2,1"
    assert opened.run("document.querySelector('input[name=k]:checked').value") == "1"
    assert opened.run("[...document.querySelectorAll('[data-k=\"1\"]')].every((node) => !node.hidden)")
    assert opened.run("[...document.querySelectorAll('[data-k=\"0\"]')].every((node) => node.hidden)")
    assert opened.run("Math.abs(document.getElementById('pair').getBoundingClientRect().top) < 200")
    assert opened.run("document.querySelector('#pair-forward h3 span').textContent") == f"{MODELS[2]} → {MODELS[1]}"


def test_nonsense_in_the_address_is_left_alone(browser, page):
    browser.errors.clear()
    browser.open(page, fragment="#nowhere&k=7&pair=9-x&scale=bent&stretch=")
    assert browser.run("document.querySelector('input[name=k]:checked').value") == "0"
    assert browser.run("document.getElementById('pair-a').value") == "0"
    assert browser.errors == []


def test_the_selector_changes_both_maps_and_the_curves(opened):
    look = """JSON.stringify(['pair-forward', 'pair-backward', 'distance', 'best-match'].map(
        (name) => document.querySelector(`[data-figure="${name}"] svg`).outerHTML.length))"""
    before = json.loads(opened.run(look))
    opened.run("(() => { const a = document.getElementById('pair-a'); a.value = 2; "
               "a.dispatchEvent(new Event('change')); })()")  # fmt: skip
    after = json.loads(opened.run(look))
    assert all(one != other for one, other in zip(before, after, strict=True))
    titles = (
        "['pair-forward', 'pair-backward'].map((id) => document.querySelector(`#${id} h3 span`).textContent).join('|')"
    )
    assert opened.run(titles) == f"{MODELS[2]} → {MODELS[1]}|{MODELS[1]} → {MODELS[2]}"
    opened.run("document.getElementById('pair-turn').click()")
    assert opened.run(titles) == f"{MODELS[1]} → {MODELS[2]}|{MODELS[2]} → {MODELS[1]}"


def test_a_click_in_the_overview_chooses_that_pair(opened):
    opened.run("""(() => {
      const image = document.querySelector('[data-figure="overview"] image').getBoundingClientRect();
      const at = { bubbles: true, clientX: image.left + image.width * 0.95, clientY: image.top + image.height * 0.05 };
      document.querySelector('[data-figure="overview"]').dispatchEvent(new MouseEvent("click", at));
    })()""")
    assert opened.run("['a', 'b'].map((id) => document.getElementById(`pair-${id}`).value).join()") == "0,2"


def test_a_cell_says_what_the_dataset_holds(opened, study):
    results = study[0]
    opened.run("""(() => {
      const holder = document.querySelector('[data-figure="overview"]');
      for (const key of ["ArrowDown", "ArrowRight", "ArrowRight"])
        holder.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    })()""")
    said = opened.run("document.querySelector('.unseen').textContent")
    assert f"{float(results['imbalance'][0, 1, 2]):.4f}" in said
    assert results["source_step"].values[1] in said


def test_tables_sort_filter_copy_and_download(opened):
    opened.run("document.getElementById('findings').open = true")
    column = "[...document.querySelectorAll('[data-table=findings] tbody tr')].map((row) => row.cells[4].dataset.value)"
    values = opened.run("new Promise((resolve) => setTimeout(() => resolve(" + column + "), 50))")
    found = constructed_findings(MODELS, k=(1, 10), labels=("class",), n_samples=500)
    assert len(values) == found.sizes["finding"]
    head = "document.querySelectorAll('[data-table=findings] thead button')[4].click()"
    opened.run(head)
    numbers = [float(value) for value in opened.run(column)]
    assert numbers == sorted(numbers)
    opened.run(head)
    assert [float(value) for value in opened.run(column)] == sorted(numbers, reverse=True)
    sort = "document.querySelectorAll('[data-table=findings] th')[4].getAttribute('aria-sort')"
    assert opened.run(sort) == "descending"
    opened.run("""(() => {
      const node = document.querySelector('[data-table=findings] input');
      node.value = 'smoothness';
      node.dispatchEvent(new Event('input'));
    })()""")
    assert len(opened.run(column)) == 3
    latex = opened.run("""(async () => {
      let copied = "";
      Object.defineProperty(navigator, "clipboard", { value: { writeText: async (text) => { copied = text; } } });
      document.querySelector('[data-table=findings] .tools button').click();
      await new Promise((resolve) => setTimeout(resolve, 20));
      return copied;
    })()""")
    assert latex.startswith("\\begin{tabular}{llll")
    assert latex.count("\\\\\n") == 4
    assert "res \\$x\\_1\\$ \\& 'net' \\} \\#ffffff" in latex


def test_csv_files_hold_the_data(opened, study):
    results, smoothness, between = study
    cells = rows_of(saved(opened, "overview", "csv"))
    assert len(cells) == 15 * 15
    values = np.array([float(row["Δ"]) for row in cells]).reshape(15, 15)
    np.testing.assert_allclose(values, results["imbalance"].values[0], atol=1e-5)
    assert cells[1]["to"] == results["target"].values[1]
    rows = [row for row in rows_of(saved(opened, "equal-stretches", "csv")) if row["curve"] == AWKWARD]
    np.testing.assert_allclose([float(row["y"]) for row in rows], smoothness["fixed_step"].values[0, 1], rtol=1e-4)
    np.testing.assert_allclose([float(row["x"]) for row in rows], smoothness["t"].values, atol=1e-4)
    rows = [row for row in rows_of(saved(opened, "distance", "csv")) if "random" not in row["curve"]]
    np.testing.assert_allclose([float(row["y"]) for row in rows], between["distance"].values[0].ravel(), rtol=1e-4)
    opened.run("document.querySelectorAll('input[name=k]')[1].click()")
    rows = rows_of(saved(opened, "effects", "csv"))
    found = constructed_findings(MODELS, k=(1, 10), labels=("class",), n_samples=500)
    own = found["value"].values[1][found["kind"].values == "alignment"]
    written = [float(row["value"]) for row in rows if row["panel"] == "Order of processing"]
    np.testing.assert_allclose(np.sort(written), np.sort(own), rtol=1e-4)


def test_svg_and_png_files_are_whole_with_a_head_strip(opened):
    for name in ("overview", "effects", "distance", "plane", "tree", "measure-ranks"):
        text = saved(opened, name, "svg").decode("utf-8")
        root = ElementTree.fromstring(text)
        words = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
        assert any("N = 500 · k = 1 · pooling mean · euclidean · floor 0.004" in (word or "") for word in words)
        assert root.find("{http://www.w3.org/2000/svg}title").text
        assert root.find("{http://www.w3.org/2000/svg}desc").text
        assert "var(" not in text
        png = saved(opened, name, "png")
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        width, height = struct.unpack(">II", png[16:24])
        assert min(width, height) > 700


def test_pdf_files_are_whole(opened, page):
    names = json.loads(opened.run("JSON.stringify([...new Set([...document.querySelectorAll('[data-of]')]"
                                  ".map((link) => link.dataset.of))])"))  # fmt: skip
    assert sorted(names) == sorted(figures_of(page))
    for name in names:
        pdf = saved(opened, name, "pdf")
        assert pdf.startswith(b"%PDF-1.4")
        assert pdf.endswith(b"%%EOF\n")
        start = int(re.search(rb"startxref\n(\d+)\n", pdf)[1])
        assert pdf[start : start + 4] == b"xref"
        places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n", pdf)]
        for number, place in enumerate(places, 1):
            assert pdf[place:].startswith(b"%d 0 obj" % number)
        assert b"(N = 500 " in pdf
        assert pdf.count(b"BT ") > 5


def test_figures_follow_k(opened):
    before = opened.run("document.querySelector('[data-figure=\"distance\"] svg').outerHTML")
    opened.run("document.querySelectorAll('input[name=k]')[1].click()")
    assert opened.run("document.querySelector('[data-figure=\"distance\"] svg').outerHTML") != before


def test_a_link_to_what_is_in_a_fold_opens_it(opened):
    opened.run("document.querySelector('nav a[href=\"#provenance\"]').click()")
    assert opened.run("document.querySelector('.provenance').open")
