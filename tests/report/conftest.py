"""Studies with known numbers, and one report of a study whose model names try to break the page."""

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from jaxsim.report import Control, write_report
from jaxsim.report.facts import read_facts
from jaxsim.report.measured_by import measured_by
from jaxsim.report.packing import DIGITS
from jaxsim.report.steps import read_flags
from jaxsim.report.story import Story
from jaxsim.study.constructed import (
    constructed_findings,
    constructed_information,
    constructed_labels,
    constructed_study,
)
from jaxsim.study.derived.verdicts import effects_alone, verdicts

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
    more: dict[str, xr.Dataset] = field(default_factory=dict)


def changed(findings: xr.Dataset, kind: str, **values: float | str) -> xr.Dataset:
    """The findings with some variables of one kind set to a value; low and high follow a new value unless given."""
    found = findings.copy(deep=True)
    own = findings["kind"].values == kind
    if "value" in values and "low" not in values:
        values |= {"low": values["value"] - 0.05, "high": values["value"] + 0.05}
    for name, value in values.items():
        found[name].values[..., own] = value
    return found


def unpacked(text: str, *, decimals: int, digits: int) -> np.ndarray:
    """The numbers that `packed` wrote, as the page's script reads them."""
    place_of = np.zeros(128, dtype=np.int64)
    place_of[np.frombuffer(DIGITS.encode(), dtype=np.uint8)] = np.arange(64)
    characters = place_of[np.frombuffer(text.encode(), dtype=np.uint8)].reshape(-1, digits)
    whole = characters @ (64 ** np.arange(digits - 1, -1, -1))
    return np.where(whole == 64**digits - 1, np.nan, whole / 10.0**decimals)


def unpacked_floats(text: str) -> list[float | None]:
    """The numbers that `packed_floats` wrote, as the page's script reads them."""
    codes = unpacked(text, decimals=0, digits=4)
    return [
        None if np.isnan(code) else (int(code) % 199_999 - 99_999) / 10.0 ** (int(code) // 199_999) for code in codes
    ]


def story_of(results, smoothness, between=None, **more) -> Story:
    """What the chapters draw on, of datasets as they are."""
    facts = read_facts(results)
    colours = dict.fromkeys(facts.families, "black")
    pairs = between if between is not None and between.sizes["pair"] else None
    return Story(results, smoothness, pairs, facts, colours, measured_by(results), flags=read_flags(results), **more)


def table_of(payload: dict, name: str, place: int = 0) -> list[list]:
    """The rows of a table of the page, of one k."""
    columns = payload["tables"][name]["k"][place]
    cells = [
        unpacked_floats(column["floats"])
        if "floats" in column
        else column.get("numbers") or [column["texts"][at] for at in column["at"]]
        for column in columns
    ]
    return [list(row) for row in zip(*cells, strict=True)]


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


TIES = "3 % of the rows of vit/block01 have a tie at the 10th neighbour; run with --ties expected"
NOTE = "half-samples hold the truth too seldom for this kind"


@pytest.fixture(scope="session")
def full(tmp_path_factory) -> Report:
    """A report with all there can be: steps without information, warnings, labels, notes, changes with N, a control."""
    folder = tmp_path_factory.mktemp("full")
    steps, empty = {"vit": 5, "resnet": 4}, ("vit/embeddings",)
    results, smoothness, between = constructed_study(
        steps, constant=empty, pool="cls", sampling=True, flags={"vit/block01": TIES}
    )
    results.attrs["warnings"] = json.dumps([TIES, WARNINGS[1]])
    beside = constructed_study(steps, constant=empty, pool="cls", seed=5)
    control = Control(*beside, constructed_information(beside[0]), constructed_labels(beside[0]))
    findings = constructed_findings(labels=("class",), notes={"middle_distance": NOTE})
    place = int((findings["kind"].values == "smoothness_difference").argmax())
    findings["sign_changes"].values[0, place] = True
    findings["by_size"].values[0, place, 0] = -0.03
    more = {
        "information": constructed_information(results, tied=("colour",)),
        "findings": findings,
        "labels": constructed_labels(results),
    }
    index = write_report(results, smoothness, between, folder, control=control, verdicts=verdicts(findings), **more)
    return Report(folder, Page(index.read_text(encoding="utf-8")), results, smoothness, between, more)


@pytest.fixture(scope="session")
def small_control(tmp_path_factory) -> tuple[Path, Page, Control]:
    """The report of a study of 40 images with a control of random weights: too few for intervals."""
    folder = tmp_path_factory.mktemp("control")
    steps = {"vit": 3, "resnet": 3}
    study = constructed_study(steps, n_samples=40)
    beside = constructed_study(steps, n_samples=40, seed=5)
    control = Control(*beside, constructed_information(beside[0], seed=3))
    known = constructed_information(study[0])
    told = verdicts(effects_alone(study[0], known))
    index = write_report(*study, folder, information=known, control=control, verdicts=told)
    return folder, Page(index.read_text(encoding="utf-8")), control
