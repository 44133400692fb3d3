"""The control of random weights: of the same models, and beside the study's values."""

import numpy as np
import pytest

from jaxsim.report import Control
from jaxsim.report.control import checked_control, control_rows, describe_missing_intervals
from jaxsim.study.constructed import constructed_information, constructed_labels, constructed_study


def test_a_missing_interval_is_explained_by_the_number_of_images():
    assert (
        "from 64 samples on unless n_splits (--splits) asks for them; this study has 63"
        in describe_missing_intervals(63)
    )
    assert describe_missing_intervals(64).endswith("no half-samples were measured in this study.")


def test_the_control_s_values_stand_beside_those_of_the_study():
    study, other = (constructed_study({"vit": 4, "resnet": 5}, seed=seed) for seed in (0, 5))
    own = Control(*study, constructed_information(study[0]), constructed_labels(study[0]))
    control = checked_control(Control(*other, constructed_information(other[0], seed=3)), study[0])
    rows = {(row[0], row[1]): row[2:] for row in control_rows(own, control, "Δ", 1)}
    fixed = (float(np.nanmean(each[1]["fixed_step"].values[0, 0])) for each in (study, other))
    assert rows["Change over equal stretches", "vit"] == pytest.approx(list(fixed), rel=1e-4)
    known = own.information["forward"].sel(space="all").values[0]
    assert rows["Δ(step → all), last step minus first", "resnet"][0] == pytest.approx(known[8] - known[4], rel=1e-4)
    assert rows["Overlap with class, last step minus first", "vit"][1] is None
    middle = study[2]["distance"].sel(t=slice(0.25, 0.75)).values[0, 0].mean()
    assert rows["Half way, Δ at the same depth, 0.25 to 0.75", "vit, resnet"][0] == pytest.approx(middle, rel=1e-4)
    assert checked_control(None, study[0]) is None
    with pytest.raises(ValueError, match=r"control of the same models \(vit, resnet\)"):
        checked_control(Control(*constructed_study({"a": 3, "b": 3})), study[0])
