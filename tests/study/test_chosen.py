"""Studies of arrays, and studies made from studies: chosen, renamed, joined, shown."""

import html
import json
import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import jaxsim
from jaxsim.files import OwnedFiles
from jaxsim.study import Study

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 6))
LAYERS = {
    "vit_s": {"in": X, "mid": X + 0.3 * RNG.normal(size=X.shape), "out": X[:, :3] ** 2},
    "cnn": {"in": X, "_bn1": X[:, ::2], "out": X[:, :2]},
    "mlp": {"in": X[:, 1:], "out": np.tanh(X @ RNG.normal(size=(6, 4)))},
}
OPTIONS = {
    "k": (1, 3),
    "n_splits": 3,
    "labels": {"class": np.arange(96) % 4},
    "spaces": {"axis": X[:, :2]},
    "measures": "cka",
    "describe": "effective_rank",
}


def study_of(*models: str, **more) -> Study:
    return Study.from_layers({name: LAYERS[name] for name in models}, **(OPTIONS | more))


@pytest.fixture(scope="module")
def whole() -> Study:
    twins = {name: {step: RNG.normal(size=x.shape) for step, x in steps.items()} for name, steps in LAYERS.items()}
    return study_of(*LAYERS, untrained=twins)


def assert_same(one: Study, other: Study, parts=("results", "halves", "shuffled", "label_overlap", "descriptions")):
    for name in parts:
        a, b = getattr(one, name), getattr(other, name)
        for variable in a.data_vars:
            np.testing.assert_allclose(a[variable].values, b[variable].values, rtol=1e-9, err_msg=f"{name}.{variable}")
            assert all(
                a[variable][d].values.tolist() == b[variable][d].values.tolist()
                for d in a[variable].dims
                if d in a.coords
            )


class TestFromLayers:
    def test_values_are_those_of_the_metric(self, whole) -> None:
        layers = {f"{model}/{step}": x for model, steps in LAYERS.items() for step, x in steps.items()}
        expected = jaxsim.imbalance_matrix(layers, k=(1, 3))
        np.testing.assert_array_equal(whole.imbalance.values, np.asarray(expected.values))
        assert whole.imbalance.source.values.tolist() == list(layers)
        assert whole.imbalance.source_depth.values.tolist() == [0, 0.5, 1, 0, 0.5, 1, 0, 1]

    def test_it_is_saved_without_any_model(self, whole, tmp_path) -> None:
        back = Study.load(whole.save(tmp_path / "run"))
        assert back.models == ("vit_s", "cnn", "mlp")
        assert back.untrained is not None
        xr.testing.assert_identical(back.verdicts, whole.verdicts)
        table = pd.read_csv(tmp_path / "run" / "verdicts.csv", keep_default_na=False, na_values=[""])
        assert table[["k", "claim"]].values.tolist() == [
            [k, claim] for k in (1, 3) for claim in ("order", "information", "smoothness")
        ]
        for name in ("verdict", "answer"):
            assert table[name].tolist() == whole.verdicts[name].values.ravel().tolist()
        for name in ("value", "low", "p_corrected", "control"):
            np.testing.assert_allclose(table[name], whole.verdicts[name].values.ravel())

    def test_how_it_was_asked_for_is_kept_and_shown_on_the_page(self, whole, tmp_path) -> None:
        asked = "jaxsim.Study.from_layers({'vit_s': <features of 3 steps>, "
        assert whole.results.attrs["command"].startswith(asked)
        assert "labels={'class': <ndarray [96]>}, spaces={'axis': <ndarray [96, 2]>}" in whole.results.attrs["command"]
        assert "command" not in whole.untrained.results.attrs
        page = whole.report(tmp_path).read_text(encoding="utf-8")
        shown = page.partition("<h3>Command</h3><pre><code>")[2].partition("</code>")[0]
        assert html.unescape(shown) == whole.results.attrs["command"]
        joint = whole.select(models=("vit_s", "cnn", "mlp"))
        assert joint.results.attrs["command"] == whole.results.attrs["command"]

    def test_settings_of_an_earlier_command_do_not_stay_beside_a_study_made_otherwise(self, tmp_path) -> None:
        OwnedFiles(tmp_path).write("jaxsim.toml", b'images = "digits"')
        Study.from_layers({"cnn": LAYERS["cnn"]}, out=tmp_path, n_splits=0)
        assert not (tmp_path / "jaxsim.toml").exists()
        (tmp_path / "jaxsim.toml").write_text("of somebody else")
        Study.from_layers({"cnn": LAYERS["cnn"]}, out=tmp_path, n_splits=0, report=False)
        assert (tmp_path / "jaxsim.toml").exists()

    def test_a_call_is_told_with_what_was_given(self) -> None:
        features = {name: jaxsim.open_features(LAYERS[name], layers=list(LAYERS[name]), name=name) for name in ("cnn",)}
        study = jaxsim.compare(features, k=3, n_splits=0)
        said = "jaxsim.compare({'cnn': <features of 3 steps>}, images=None, out=None, k=3, n_splits=0)"
        assert study.results.attrs["command"] == said

    def test_a_second_run_into_a_folder_uses_what_is_there(self, tmp_path) -> None:
        def run(**more) -> Study:
            layers = {name: LAYERS[name] for name in ("cnn", "mlp")}
            return Study.from_layers(layers, out=tmp_path, report=False, n_splits=0, **more)

        assert (run().reused, run().reused) == ((), ("imbalance",))
        assert run(ids=[f"i{i}" for i in range(96)]).reused == ()

    @pytest.mark.parametrize(
        ("layers", "more", "said"),
        [
            ({}, {}, "layers as a mapping from names of models"),
            ({"a": X}, {}, "the steps of 'a' as a mapping"),
            ({"a": {"s": X.astype(str)}}, {}, "'s' of arrays in memory is no layer: it holds .* not real numbers"),
            ({"a": {"s": np.where(X > 2, np.nan, X)}}, {}, "layer 'a/s', but sample .* has NaN"),
            ({"a": {"s": X}, "b": {"s": X[1:]}}, {}, "the same samples for all, but '000095' is only in 'a'"),
            ({"a": {"s": X}}, {"ids": ["x"] * 96}, "different ids in sample_ids, got 'x' in rows 0 and 1"),
            ({"a": {"s": X}}, {"untrained": True}, "was given as features, which jaxsim cannot draw random"),
        ],
    )
    def test_what_is_no_layer_is_refused(self, layers, more, said) -> None:
        with pytest.raises(ValueError, match=said):
            Study.from_layers(layers, **more)


class TestSelect:
    @pytest.mark.slow
    def test_models_are_as_if_measured_alone(self, whole) -> None:
        chosen = whole.select(models=("vit_s", "mlp"))
        assert chosen.models == ("vit_s", "mlp")
        assert_same(chosen, study_of("vit_s", "mlp"))
        assert_same(chosen.by_measure["cka"], study_of("vit_s", "mlp").by_measure["cka"], ("results", "halves"))
        assert [each["name"] for each in json.loads(chosen.results.attrs["models"])] == ["vit_s", "mlp"]
        assert chosen.untrained is not None
        assert chosen.untrained.models == ("vit_s", "mlp")
        pairs = set(chosen.findings["finding"].values) - set(study_of("vit_s", "mlp").findings["finding"].values)
        assert not pairs

    def test_steps_depth_and_k(self, whole) -> None:
        chosen = whole.select(steps=["in", "_bn1", "out"], depth=(0.5, 1), k=3)
        assert chosen.steps == {"vit_s": ("out",), "cnn": ("_bn1", "out"), "mlp": ("out",)}
        assert chosen.imbalance.k.values.tolist() == [3]
        assert chosen.halves.sizes["k"] == chosen.label_overlap.sizes["k"] == chosen.verdicts.sizes["k"] == 1
        cell = {"k": 3, "source": "cnn/_bn1", "target": "mlp/out"}
        assert chosen.imbalance.sel(cell) == whole.imbalance.sel(cell)

    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            ({"models": "vits"}, "'vits' matches none; nearest are: vit_s"),
            ({"models": 3}, "expected models as"),
            ({"steps": "bn"}, "'bn' matches none"),
            ({"depth": (0.6, 0.4)}, "first and the last relative depth"),
            ({"depth": 0.5}, "first and the last relative depth"),
            ({"k": 2}, r"k among those that were measured \(1, 3\), got 2"),
            ({"models": "mlp", "depth": (0.4, 0.6)}, "none remains"),
        ],
    )
    def test_what_is_not_there_is_refused(self, whole, asked, said) -> None:
        with pytest.raises(ValueError, match=said):
            whole.select(**asked)


class TestRename:
    def test_everything_goes_by_the_new_names(self, whole) -> None:
        new = whole.rename({"vit_s": "ViT-S", "_bn1": "stem", "mlp/out": "head"})
        assert new.steps == {"ViT-S": ("in", "mid", "out"), "cnn": ("in", "stem", "out"), "mlp": ("in", "head")}
        assert_numbers = [(new.imbalance, whole.imbalance), (new.halves.imbalance, whole.halves.imbalance)]
        assert all(np.array_equal(a.values, b.values) for a, b in assert_numbers)
        assert "alignment: ViT-S | cnn" in new.findings["finding"].values
        assert new.untrained is not None
        assert new.untrained.steps == new.steps
        assert new.by_measure["cka"].steps == new.steps

    @pytest.mark.slow
    def test_a_page_without_any_model_goes_by_the_new_names(self, whole, tmp_path) -> None:
        new = whole.rename({"vit_s": "ViT-S", "_bn1": "stem"}).select(models=["ViT-S", "cnn"])
        # The command is the one that was given, under the names of then.
        text = re.sub("<h3>Command</h3><pre>.*?</pre>", "", new.report(tmp_path).read_text(), count=1, flags=re.DOTALL)
        assert "_bn1" not in text
        assert "vit_s" not in text
        assert "ViT-S" in text

    @pytest.mark.parametrize(
        ("names", "said"),
        [
            ({"vit": "a"}, "'vit' is none; nearest are: vit_s"),
            ({"cnn": "mlp"}, "once among the models, got 'mlp' twice"),
            ({"_bn1": "out"}, "once among the steps of 'cnn', got 'out' twice"),
            ({"cnn": 3}, "mapping from old names to new"),
            (["cnn"], "mapping from old names to new"),
        ],
    )
    def test_names_that_cannot_be_are_refused(self, whole, names, said) -> None:
        with pytest.raises(ValueError, match=said):
            whole.rename(names)


class TestConcat:
    def test_two_studies_of_the_same_samples_are_one(self, whole) -> None:
        # Every pair is in one of the two, and only the second has the third model.
        both = whole.select(models=("vit_s", "cnn")).concat(whole)
        assert both.models == ("vit_s", "cnn", "mlp")
        assert_same(both, whole)
        assert both.untrained is not None
        np.testing.assert_array_equal(both.findings["value"].values, whole.findings["value"].values)
        np.testing.assert_allclose(both.findings["low"].values, whole.findings["low"].values, rtol=1e-12)
        assert json.loads(both.results.attrs["models"]) == json.loads(whole.results.attrs["models"])
        assert_same(both.by_measure["cka"], whole.by_measure["cka"], ("results", "halves"))

    def test_a_pair_that_nobody_measured_is_named(self, whole) -> None:
        with pytest.raises(ValueError, match="'vit_s' and 'mlp' were not measured together; compare all models"):
            whole.select(models=("vit_s", "cnn")).concat(whole.select(models=("cnn", "mlp")))

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"k": 1}, "the same k in both"),
            ({"metric": "cosine"}, "measured alike, but metric is 'euclidean' and 'cosine'"),
            ({"n_splits": 2}, "same splits"),
            ({"spaces": {"other": X[:, 1]}}, "same spaces"),
        ],
    )
    def test_studies_that_were_measured_otherwise_are_refused(self, whole, change, said) -> None:
        with pytest.raises(ValueError, match=said):
            whole.concat(study_of("vit_s", "cnn", **({"measures": (), "describe": ()} | change)))

    def test_numbers_that_differ_are_refused(self, whole) -> None:
        other = study_of("vit_s", "cnn")
        other.results["imbalance"][0, 0, 1] += 0.1
        with pytest.raises(ValueError, match="the same imbalance where both"):
            whole.concat(other)


class TestTables:
    def test_tables_are_those_that_are_saved(self, whole, tmp_path) -> None:
        whole.save(tmp_path)
        for name, table in whole.tables().items():
            assert len(pd.read_csv(tmp_path / f"{name}.csv")) == len(table), name
        pd.testing.assert_frame_equal(whole.to_pandas("matches"), whole.tables()["matches"])

    def test_latex_has_every_row_and_escapes_names(self, whole) -> None:
        text = whole.to_latex("smoothness", ["model", "step_to", "mean"], digits=2)
        lines = text.splitlines()
        assert lines[0] == r"\begin{tabular}{llr}"
        assert len(lines) == 6 + len(whole.tables()["smoothness"])
        assert r"cnn & \_bn1 & " in text

    def test_what_is_not_there_is_refused(self, whole) -> None:
        with pytest.raises(ValueError, match=r"table to be one of imbalance, .*, got 'imbalances'"):
            whole.to_pandas("imbalances")
        with pytest.raises(ValueError, match="columns to be one of"):
            whole.to_latex("smoothness", ["means"])


class TestShown:
    def test_ten_lines_with_names_as_they_are(self, whole) -> None:
        lines = repr(whole).splitlines()
        assert len(lines) <= 10
        assert lines[0] == "Study of 3 models, 8 steps, 96 samples"
        assert any(line.startswith("  vit_s  3 steps: in to out") for line in lines)
        assert any(line.startswith("  order") for line in lines)
        many = Study.from_layers({f"m{i}": {"a": X, "b": X[:, :2]} for i in range(7)}, n_splits=0)
        assert len(repr(many).splitlines()) <= 10
        assert "and 4 more" in repr(many)

    def test_html_escapes_names(self) -> None:
        html = Study.from_layers({"<b>": {"a": X, "b": X[:, :2]}}, n_splits=0)._repr_html_()
        assert "&lt;b&gt;" in html
        assert "<b><" not in html
