"""Studies with known numbers, and one report of a study whose model names try to break the page."""

import json
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest
import xarray as xr

from jaxsim.report import write_report
from jaxsim.report.constructed import constructed_study

HOSTILE = '<script>alert("x")</script>'
AWKWARD = "res $x_1$ & 'net' } #ffffff 0.123456 url(#a)"
DAMAGED = ("photos/<b>broken</b>.jpg", "photos/0007.png")
WARNINGS = ("layer 'stem' has no variance", "1.3 % of the rows have a tie & more")


class Page(HTMLParser):
    """What a test wants to know of an HTML document."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.text = text
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
        if tag not in ("meta", "input", "br", "hr"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data):
        if self.open[-1:] == ["script"]:
            self.scripts[-1] += data
        else:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def prose(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def payload(self) -> dict:
        return json.loads(self.scripts[0])


@dataclass(frozen=True)
class Report:
    folder: Path
    page: Page
    results: xr.Dataset
    smoothness: xr.Dataset
    between: xr.Dataset


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> Report:
    folder = tmp_path_factory.mktemp("report")
    results, smoothness, between = constructed_study({HOSTILE: 4, AWKWARD: 6}, k=(1, 10), n_samples=250)
    results.attrs["damaged"] = json.dumps(DAMAGED)
    results.attrs["warnings"] = json.dumps(WARNINGS)
    index = write_report(results, smoothness, between, folder)
    return Report(folder, Page(index.read_text(encoding="utf-8")), results, smoothness, between)


@pytest.fixture(scope="session")
def single(tmp_path_factory) -> tuple[Path, Page]:
    """The report of a study of one model."""
    folder = tmp_path_factory.mktemp("single")
    index = write_report(*constructed_study({"only": 4}), folder)
    return folder, Page(index.read_text(encoding="utf-8"))
