"""Random damage to folders of features: each opens or ends in a sentence that names it."""

from __future__ import annotations

import json
import shutil
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxsim.data import open_images
from jaxsim.features import extract, open_features
from jaxsim.models import load_model

from ..damage import damaged, edited, edits, fuzzed, written
from ..sentences import outcome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

SAID: Counter[str] = Counter()


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "features"
    extract(load_model("embedded:cnn_selfsup_0"), open_images("digits").subset(12), out=folder)
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
