"""The chapters of measures side by side, and of every step by itself."""

import numpy as np
import pytest

from jaxsim.report import Control, figures, write_report
from jaxsim.report.descriptions import checked_descriptions, describe_descriptions
from jaxsim.report.figures.canvas import figure_of
from jaxsim.report.measures import (
    checked_measures,
    describe_agreement,
    describe_measures,
    disagreement_rows,
    finding_rows,
)
from jaxsim.study.constructed import constructed_descriptions, constructed_measures, constructed_study

from .conftest import AWKWARD, HOSTILE, Page

#: Of whom nothing is known but what the declaration of a package of somebody says.
ODD = "a measure <b>& $x_1$ of a name that is longer than any figure has room for, and longer"


@pytest.fixture(scope="module")
def study():
    return constructed_study({HOSTILE: 5, AWKWARD: 5})


@pytest.fixture(scope="module")
def measures():
    made, owners = constructed_measures(), {"a": HOSTILE, "b": AWKWARD}
    renamed = {
        name: ("cell", np.array([f"{owners[label[0]]}{label[1:]}" for label in made[name].values]))
        for name in ("cell_source", "cell_target")
    }
    steps = {
        name: (made[name].dims, np.array([[f"{HOSTILE}{label[1:]}" for label in made[name].values[0]]], dtype=object))
        for name in ("source_step", "target_step")
    }
    titles = made["title"].values.tolist()
    return made.assign(steps).assign_coords(
        renamed | {"title": ("measure", np.array([*titles[:2], ODD], dtype=object))}
    )


@pytest.fixture(scope="module")
def page(study, measures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("measures")
    described = constructed_descriptions(study[0])
    described["matrix_entropy"].attrs["long_name"] = ODD
    control = Control(
        *constructed_study({HOSTILE: 5, AWKWARD: 5}, seed=3), None, None, constructed_descriptions(study[0])
    )
    index = write_report(*study, folder, measures=measures, descriptions=described, control=control)
    return folder, Page(index.read_text(encoding="utf-8")), described


class TestPage:
    def test_both_chapters_are_there_and_well_formed(self, page):
        folder, found, _ = page
        assert (found.unbalanced, found.open) == ([], [])
        ids = {attributes.get("id") for _, attributes in found.elements}
        assert {"measures", "descriptions"} <= ids
        assert found.all("b") == []
        for name in ("measure-correlations", "measure-ranks", "descriptions"):
            for suffix in ("svg", "png"):
                assert (folder / "figures" / f"{name}_k1.{suffix}").stat().st_size > 1000

    def test_odd_names_stand_as_they_are(self, page):
        assert ODD in page[1].prose
        assert HOSTILE in page[1].prose

    def test_numbers_of_the_sentences_and_tables(self, page, measures):
        _, found, described = page
        for value in measures["rank_correlation"].values[0, 0, 1:]:
            assert f"{value:.3f}" in found.prose
        for row in disagreement_rows(measures, 1):
            assert all(cell in found.prose for cell in row)
            assert f"{row[4]} {row[5]}" in found.prose
        cells = described["intrinsic_dimension"].values[0]
        assert sum(f"{value:.3f}" in found.prose for value in cells) == len(cells)
        assert "± one sampling error" in found.prose
        assert "nan" not in found.prose.split()

    def test_without_measures_there_are_no_chapters(self, study, tmp_path):
        found = Page(write_report(*study, tmp_path).read_text(encoding="utf-8"))
        ids = {attributes.get("id") for _, attributes in found.elements}
        assert not {"measures", "descriptions"} & ids


class TestSentences:
    def test_errors_are_to_their_digit(self):
        made = constructed_measures()
        made["sampling_error"] = made["rank_correlation"] * 0 + 0.0062
        assert "±\u00a00.006" in describe_measures(made)
        assert "±" not in describe_measures(constructed_measures())

    def test_a_measure_that_is_the_same_everywhere(self):
        made = constructed_measures()
        made["rank_correlation"].values[:, 0, 2] = np.nan
        assert describe_measures(made).endswith("and mutual kNN has no order of its own.")

    def test_smallest_and_largest_values(self):
        results = constructed_study({"a": 3, "b": 3})[0]
        made = constructed_descriptions(results)[["intrinsic_dimension"]]
        made["intrinsic_dimension"].values[0] = [1, 7, 3, 2, 4, 12.345]
        names = made["step_name"].values
        assert describe_descriptions(made) == (
            f"Intrinsic dimension (TwoNN) lies between 1 (a, {names[0]}) and 12.3 (b, {names[5]}). Models have their "
            "largest value at relative depth 0.50 to 1.00."
        )
        made["intrinsic_dimension"].values[0, 3:] = np.nan
        assert describe_descriptions(made).endswith("The model has its largest value at relative depth 0.50.")
        made["intrinsic_dimension"].values[0] = np.nan
        assert describe_descriptions(made) == "Intrinsic dimension (TwoNN) is undefined for every step."

    def test_what_other_measures_bear_out_and_what_they_turn_round(self):
        made = constructed_measures()
        assert describe_agreement(made).endswith(
            "with the same sign: debiased CKA 4 and mutual kNN 2 (and 1 with the opposite sign)."
        )
        made["effect_low"].values[0, 0], made["effect_high"].values[0, 0] = -1.0, 1.0
        assert describe_agreement(made) == "No interval of an effect excludes 0 by information imbalance."
        assert describe_agreement(made.drop_dims("finding")) == ""
        made["kind"].values[:] = "smoothness"  # of which 0 is not what nothing gives
        assert (describe_agreement(made), finding_rows(made)) == ("", {})

    def test_effects_and_intervals_by_every_measure(self, page, measures):
        made = constructed_measures()
        rows = finding_rows(made)
        assert list(rows) == ["alignment", "smoothness_difference"]
        assert rows["smoothness_difference"][0] == [
            "a − b", "+0.110 [+0.080, +0.140]", "+0.120 [+0.090, +0.150]", "−0.100 [−0.130, −0.070]",
        ]  # fmt: skip
        assert all(cell in page[1].prose for kind in rows.values() for row in kind for cell in row)
        made["effect_low"].values[0, 1] = np.nan
        assert finding_rows(made)["alignment"][0][2] == "+0.100"


class TestFigures:
    def test_a_table_of_colours_has_every_number(self, measures):
        ax = figures.measure_correlations(measures)
        shown = [text.get_text() for text in ax.texts]
        assert shown == [f"{value:.2f}" for value in measures["rank_correlation"].values[0].ravel()]
        assert all(len(label.get_text()) <= 40 for label in ax.get_yticklabels())
        assert figure_of(ax).get_size_inches()[0] < 10

    def test_every_pair_of_steps_is_a_point(self, measures):
        axes = figures.measure_ranks(measures)
        assert len(axes) == measures.sizes["measure"] - 1
        for ax in axes:
            assert sum(len(each.get_offsets()) for each in ax.collections) == measures.sizes["cell"]

    @pytest.mark.parametrize("count", [2, 9])
    def test_few_and_many_measures(self, count, study, tmp_path):
        made = constructed_measures()
        place = np.arange(count) % 3
        names = np.array([f"m{each}" for each in range(count)], dtype=object)
        many = made.isel(measure=place, measure_a=place, measure_b=place).assign_coords(
            measure=names, measure_a=names, measure_b=names, title=("measure", names),
            first=("disagreement", np.repeat(names[:1], 3)), second=("disagreement", np.repeat(names[1:2], 3)),
        )  # fmt: skip
        page = Page(write_report(*study, tmp_path, measures=many).read_text(encoding="utf-8"))
        assert page.unbalanced == []
        assert all(name in page.prose for name in names)
        assert len(figures.measure_ranks(many)) == count - 1

    def test_descriptions_have_a_panel_for_each(self, study):
        made = constructed_descriptions(study[0])
        assert [ax.get_title(loc="left") for ax in figures.description_panels(made)] == [
            "intrinsic dimension (TwoNN)", "matrix entropy",
        ]  # fmt: skip
        one = figures.description_panels(made[["matrix_entropy", "matrix_entropy_sampling_error"]])
        assert len(one) == 1
        with pytest.raises(ValueError, match="'intrinsic_dimension', 'matrix_entropy', but 'twonn' came"):
            figures.description(made, "twonn")


@pytest.mark.parametrize(("check", "made"), [(checked_measures, "measures"), (checked_descriptions, "descriptions")])
def test_what_lacks_a_variable_is_refused(check, made, study):
    known = constructed_measures() if made == "measures" else constructed_descriptions(study[0])
    gone = "rank" if made == "measures" else "depth"
    assert check(None) is None
    with pytest.raises(ValueError, match=rf"{made}.*{gone}|{gone}.*{made}"):
        check(known.drop_vars(gone))
