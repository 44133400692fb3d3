"""Names of any bytes become text that every file and terminal can hold."""

import json
import os
import xml.etree.ElementTree as ElementTree

import numpy as np
import PIL.Image
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from jaxsim.data import open_images
from jaxsim.names import printable, printable_json
from jaxsim.report import write_report
from jaxsim.study.constructed import constructed_study


@given(st.text(st.characters(), max_size=20))
def test_what_is_printable_can_be_encoded_and_parsed(text):
    shown = printable(text)
    assert shown.encode("utf-8").decode() == shown
    assert not any(ord(each) < 32 or 127 <= ord(each) < 160 for each in shown)
    assert printable(shown) == shown
    escaped = shown.replace("&", "&amp;").replace("<", "&lt;")
    assert ElementTree.fromstring(f"<a>{escaped}</a>").text in (shown, None)


def test_ordinary_names_stay_as_they_are():
    for name in ("café", "模型", "a\\b", "vit-1.png", "Ωmega", "👩🏽‍🚀"):
        assert printable(name) == name
    assert printable(os.fsdecode(b"caf\xe9\x1b[31m")) == "caf\\xe9\\x1b[31m"
    assert printable("a\u202egnp.exe") == "a\\u202egnp.exe"
    assert json.dumps(printable_json({"a": ["\x1b"]})) == '{"a": ["\\\\x1b"]}'


def test_pictures_with_names_of_any_bytes(tmp_path):
    raw = os.fsencode(tmp_path)
    for value, name in enumerate((b"caf\xe9.png", b"caf\\xe9.png", b"\x1b[31m.png")):
        PIL.Image.new("L", (4, 4), value).save(tmp_path / "x.png")
        os.rename(raw + b"/x.png", raw + b"/" + name)
    images = open_images(tmp_path)
    assert sorted(images.ids) == ["\\x1b[31m.png", "caf\\xe9.png", "caf\\xe9.png'"]
    assert {int(images.load(i).max()) for i in range(3)} == {0, 1, 2}
    json.dumps(images.description).encode("ascii")


def named(dataset, name):
    """A dataset in which the model "plain" has another name, whatever its characters."""
    written = json.dumps(name)[1:-1]
    attrs = {
        key: each.replace("plain", written) if isinstance(each, str) else each for key, each in dataset.attrs.items()
    }
    changed = {
        key: xr.Variable(each.dims, np.array([str(text).replace("plain", name) for text in each.values]))
        for key, each in dataset.variables.items()
        if each.dtype.kind in "OU" and each.ndim == 1
    }
    # Labels of steps are an index, which takes no stray bytes; models are told by a coordinate of their own.
    kept = {key: each for key, each in changed.items() if key not in dataset.dims or key == "model_name"}
    dropped = dataset.drop_indexes("model_name") if "model_name" in dataset.dims else dataset
    return dropped.assign_coords({key: each for key, each in kept.items() if key in dataset.coords}).assign_attrs(attrs)


@pytest.mark.parametrize("name", ["\x1b[31mred", os.fsdecode(b"mod\xe8le"), "[red]vit"])
def test_a_page_of_any_name(tmp_path, name):
    results, smoothness, _ = constructed_study({"plain": 3})
    index = write_report(named(results, name), named(smoothness, name), None, tmp_path)
    assert printable(name) in index.read_text(encoding="utf-8")
