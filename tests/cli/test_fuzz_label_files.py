"""Random damage to files of labels, spaces and groups: each is read or ends in a sentence that names it."""

from __future__ import annotations

import shutil
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxsim.cli.label_files import read_group_file, read_label_files, read_space_files

from ..damage import edited, edits, fuzzed
from ..sentences import outcome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

WHOLE = {
    "a.csv": b"id,label\na.png,cat\nb.png,dog\n",
    "b.csv": b"id,x,y\na.png,1.0,2.5\nb.png,-1,0\n",
    "a.txt": b"cat\ndog\ncat\n",
    "a.json": b'{"a.png": "cat", "b.png": "dog"}',
    "b.json": b"[[1.0, 2.0], [3.0, 4.0]]",
}
READ = {
    "labels": lambda path: read_label_files({"class": str(path)}),
    "spaces": lambda path: read_space_files({"brain": str(path)}),
    "groups": lambda path: read_group_file(str(path)),
}
SAID: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def figures():
    yield
    print(f"\n{dict(SAID)}")


@fuzzed(0.6)
@given(data=st.data(), what=st.sampled_from(sorted(READ)), name=st.sampled_from([*WHOLE, "a.npy", "b.npy"]))
def test_files(tmp_path_factory, data, what, name):
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, np.array(["cat", "dog"]) if name == "a.npy" else np.eye(3))
    content = WHOLE.get(name) or path.read_bytes()
    path.write_bytes(edited(content, data.draw(edits(len(content)))))
    said = outcome(lambda: READ[what](path), folder, memory=2**29)
    SAID[f"{what} read" if said is None else f"{what} refused"] += 1
    shutil.rmtree(folder)
