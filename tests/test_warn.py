"""Warnings point to the line that called jaxsim, whatever lies between."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import jaxsim
from jaxsim.metrics import DegenerateLayerWarning, TieWarning
from jaxsim.sample_ids import SampleOrderWarning
from jaxsim.study.derived.unchanged_steps import UnchangedStepWarning
from jaxsim.study.run.groups import NearDuplicateWarning
from jaxsim.warn import warn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
TIED, COPIES = np.round(X), np.tile(X[:30], (2, 1))
ONE, OTHER = (
    jaxsim.open_features({"a": X, "b": X[:, :2]}, sample_ids=[f"{i:02d}" for i in order], name=f"m{order[0]}")
    for order in (range(60), range(59, -1, -1))
)
CLASSES = ["a", "b"] * 30

CALLS = {
    "imbalance": (TieWarning, lambda: jaxsim.information_imbalance(TIED, X)),
    "matrix": (DegenerateLayerWarning, lambda: jaxsim.imbalance_matrix({"x": X, "same": np.ones((60, 2))})),
    "matrix of sets": (SampleOrderWarning, lambda: jaxsim.imbalance_matrix({"one": ONE, "other": OTHER})),
    "measure": (TieWarning, lambda: jaxsim.measure({"x": TIED, "y": X}, ["mutual_knn"])),
    "label overlap": (TieWarning, lambda: jaxsim.label_overlap(TIED, CLASSES)),
    "describe": (TieWarning, lambda: jaxsim.describe({"x": COPIES}, ["intrinsic_dimension"])),
    "study, equal steps": (UnchangedStepWarning, lambda: jaxsim.compare({"m": {"a": X, "b": X}}, n_splits=0)),
    "study, constant step": (
        DegenerateLayerWarning,
        lambda: jaxsim.compare({"m": {"a": X, "b": X[:, :2], "c": 0 * X}}, n_splits=0),
    ),
    "study, ties": (TieWarning, lambda: jaxsim.compare({"m": {"a": TIED[:, :2], "b": X}}, n_splits=0)),
    "study, copies": (
        NearDuplicateWarning,
        lambda: jaxsim.compare({"m": {"a": COPIES, "b": COPIES[:, :2]}}, n_splits=0),
    ),
    "study, order": (SampleOrderWarning, lambda: jaxsim.compare([ONE, OTHER], n_splits=0)),
    "deprecated": (DeprecationWarning, lambda: jaxsim.compare({"m": {"a": X, "b": X[:, :2]}}, n_subsets=0)),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_warning_points_to_the_line_of_the_user(name) -> None:
    category, call = CALLS[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    own = [each for each in caught if issubclass(each.category, category)]
    assert own
    assert {each.filename for each in own} == {__file__}
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    assert all("jaxsim." in lines[each.lineno - 1] for each in own)


def test_a_warning_of_nobody_else_does_not_run_out_of_frames() -> None:
    names = {"__name__": "jaxsim.inner", "warn": warn}
    exec("def call():\n    warn('odd', DeprecationWarning)", names)
    with pytest.warns(DeprecationWarning, match="odd") as caught:
        names["call"]()
    assert caught[0].filename == __file__


def test_all_of_jaxsim_warns_by_one_function() -> None:
    package = Path(jaxsim.__file__).parent
    found = [
        f"{file.relative_to(package)}"
        for file in package.rglob("*.py")
        if re.search(r"\bwarnings\.warn\(|\bstacklevel=", file.read_text(encoding="utf-8"))
    ]
    assert found == ["warn.py"]
