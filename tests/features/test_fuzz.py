"""Random damage to folders of features: each opens or ends in a sentence that names it."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxsim.data import open_images
from jaxsim.features import extract, open_features
from jaxsim.models import load_model

from ..damage import damaged, edited, edits, fuzzed, written
from ..sentences import outcome
from .conftest import Stop, stop_after

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

SAID: Counter[str] = Counter()


@cache
def model():
    """Loaded where it is used: every run of tests imports this file."""
    return load_model("embedded:cnn_selfsup_0")


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "features"
    extract(model(), open_images("digits").subset(12), out=folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def figures():
    yield
    print(f"\n{dict(SAID)}")


def read(folder):
    """Every number of every step."""
    opened = open_features(folder)
    for step in opened:
        np.asarray(opened[step])


@fuzzed(0.25)
@given(data=st.data())
def test_manifests_and_chunks(features, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged") / "features"
    shutil.copytree(features, folder)
    file = data.draw(st.sampled_from(sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())))
    content = (folder / file).read_bytes()
    if file.suffix == ".json" and data.draw(st.integers(0, 3)):
        written(folder / file, data.draw(damaged(json.loads(content))))
    else:
        (folder / file).write_bytes(edited(content, data.draw(edits(len(content)))))
    said = outcome(lambda: read(folder), folder)
    SAID["read" if said is None else "sentence"] += 1
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    """Notes of one process and, by hand, of two."""
    folder = tmp_path_factory.mktemp("begun") / "features"
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Stop):
        patch.setattr("jaxsim.features.folder_writer._MOST_BLOCK_ROWS", 4)
        extract(model(), open_images("digits").subset(12), out=folder, batch_size=4, progress=stop_after(8))
    note = {"damaged": [], "centred": False, "seconds": {"decode": 1.0}}
    for part, (first, stop_at, start) in enumerate(((8, 12, 10), (12, 12, 12))):
        written(folder / f"part-{part}-of-2.json", note | {"first": first, "stop": stop_at, "start": start})
    return folder


@fuzzed(0.1)
@given(data=st.data())
def test_notes_of_what_has_not_finished(unfinished, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged") / "features"
    shutil.copytree(unfinished, folder)
    file = data.draw(st.sampled_from(["request.json", "progress.json", "part-0-of-2.json"]))
    content = (folder / file).read_bytes()
    if data.draw(st.integers(0, 3)):
        written(folder / file, data.draw(damaged(json.loads(content))))
    else:
        (folder / file).write_bytes(edited(content, data.draw(edits(len(content)))))

    def go_on():
        return extract(model(), open_images("digits").subset(12), out=folder, batch_size=4)

    said = outcome(go_on, folder)
    SAID["continued" if said is None else "sentence"] += 1
    shutil.rmtree(folder)
