"""Random files of settings: each is read, written again the same, or ends in a sentence that names it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from jaxsim.cli.app import app
from jaxsim.cli.config import as_toml, read_config

from ..damage import damaged, edited, edits, fuzzed, values
from ..sentences import outcome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

WHOLE: dict[str, Any] = {
    "models": {"a": "embedded:vit_digits", "b": "embedded:cnn_selfsup_0"},
    "images": "digits",
    "k": [1, 10],
    "n_samples": 200,
    "n_queries": 100,
    "measures": ["cka", "mutual_knn"],
    "describe": ["intrinsic_dimension"],
    "metric": "euclidean",
    "clip": [0.01, 0.99],
    "pool": {"a": "cls", "b": "mean"},
    "image_size": {"b": 32, "*": [32, 32]},
    "labels": {"class": "class.csv", "shape": "column:shape"},
    "spaces": {"brain": "rdm.npy"},
    "groups": "near_duplicates",
    "seed": 3,
    "untrained": False,
    "precision": "float64",
}
DEEP = ["[" * 5000, "a." * 5000 + "b = 1", "k = " + "[" * 5000, "k = " + "{a = " * 5000, "k = " + "9" * 5000]
SAID: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def figures():
    yield
    print(f"\n{dict(SAID)}")


def toml(value: Any) -> str:
    """Any JSON value as TOML writes it, None as a text."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{toml(str(key))} = {toml(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, float):
        return repr(value)  # nan and inf are those of TOML
    return json.dumps("none" if value is None else value)


def as_file(whole: Any) -> str:
    return "\n".join(f"{toml(str(key))} = {toml(value)}" for key, value in whole.items())


def check(path):
    said = outcome(lambda: read_config(path), path, memory=2**29)
    SAID["read" if said is None else "sentence"] += 1
    if said is None:
        found = read_config(path)
        text = as_toml(found, "1")
        path.write_text(text, encoding="utf-8")
        assert as_toml(read_config(path), "1") == text
    else:
        assert "\n" not in said.strip()
    ended = CliRunner().invoke(app, ["compare", "--config", str(path), "--write-config", "-"])
    assert ended.exit_code in (0, 1, 2), ended.output
    assert ended.exception is None or isinstance(ended.exception, SystemExit), repr(ended.exception)
    assert "Traceback" not in ended.output
    if ended.exit_code:
        assert len(ended.output) < 6000


@fuzzed(0.4)
@given(data=st.data())
def test_settings_of_any_values(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("settings") / "study.toml"
    whole = data.draw(damaged(WHOLE, most=2))
    if isinstance(whole, dict):
        path.write_text(as_file(whole), encoding="utf-8", errors="surrogatepass")
        check(path)


@fuzzed(0.4)
@given(key=st.sampled_from(sorted(WHOLE)), value=values)
def test_one_setting_of_any_value(tmp_path_factory, key, value):
    path = tmp_path_factory.mktemp("settings") / "study.toml"
    path.write_text(as_file({key: value}), encoding="utf-8", errors="surrogatepass")
    check(path)


@fuzzed(0.3)
@given(data=st.data())
def test_bytes_of_a_file_of_settings(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("settings") / "study.toml"
    content = as_file(WHOLE).encode()
    path.write_bytes(edited(content, data.draw(edits(len(content)))))
    check(path)


@fuzzed(0.2)
@given(
    text=st.one_of(st.text(), st.binary(), st.sampled_from(["[" * 5000, "a." * 5000 + "b = 1", "k = " + "[" * 5000]))
)
def test_any_text(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("settings") / "study.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    check(path)


def test_the_file_that_is_damaged_is_whole(tmp_path):
    (tmp_path / "study.toml").write_text(as_file(WHOLE))
    assert read_config(tmp_path / "study.toml").options["measures"] == ("cka", "mutual_knn")


def test_settings_that_are_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "none.toml", Path("/dev/zero")):
        ended = CliRunner().invoke(app, ["compare", "--config", str(path), "--write-config", "-"])
        assert ended.exit_code == 2
        assert "Traceback" not in ended.output
