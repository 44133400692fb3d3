"""Findings: known effects, honest intervals, controls on the same subsets, and what a study keeps of them."""

import numpy as np
import pytest
import xarray as xr
from jaxsim.study.subsets import draw_subsets, measure_subsets

from jaxsim import compare
from jaxsim.models import capture
from jaxsim.study import Settings, StepLabel, Study, label_imbalance
from jaxsim.study.findings import TESTED, Effect, effects, measure_findings


def labels(**n_steps):
    return [StepLabel(m, f"s{i}", i / (n - 1)) for m, n in n_steps.items() for i in range(n)]


def along_depth(order: list[StepLabel], scale: float = 1.0) -> xr.Dataset:
    depth = np.array([label.depth for label in order])
    return label_imbalance(scale * np.abs(depth[:, None] - depth[None]), order)


class TestEffects:
    def test_steps_in_the_same_order_match_and_in_reverse_do_not(self):
        order = labels(a=6, b=6)
        same = effects(along_depth(order).imbalance)[Effect("alignment", "a", "b")]
        depth = np.array([label.depth for label in order])
        depth[6:] = depth[6:][::-1]
        turned = label_imbalance(np.abs(depth[:, None] - depth[None]), order).imbalance
        opposite = effects(turned)[Effect("alignment", "a", "b")]
        assert same == pytest.approx(7 / 18)  # the mean distance of two places drawn from six
        assert opposite == pytest.approx(7 / 18 - 3 / 5)

    def test_smoothness_and_its_difference(self):
        order = labels(slow=5, fast=5)
        values = np.ones((10, 10))
        values[:5, :5] = 0.1
        found = effects(label_imbalance(values, order).imbalance)
        assert found[Effect("smoothness", "slow")] == pytest.approx(0.1)
        assert found[Effect("smoothness_difference", "slow", "fast")] == pytest.approx(-0.9)
        assert found[Effect("middle_distance", "slow", "fast")] == pytest.approx(1.0)

    def test_what_is_given_up(self):
        order = labels(a=3, b=3)
        known = xr.Dataset(
            {"forward": (("k", "step", "space"), np.array([0.1, 0.4, 0.9, 0.2, 0.2, 0.2])[None, :, None])},
            coords={"k": [1], "space": ["colour"], "model": ("step", ["a"] * 3 + ["b"] * 3)},
        )
        found = effects(along_depth(order).imbalance, known)
        assert found[Effect("information_change", "a", space="colour")] == pytest.approx(0.8)
        assert found[Effect("information_change", "b", space="colour")] == pytest.approx(0.0)
        assert found[Effect("information_difference", "a", "b", "colour")] == pytest.approx(0.7)


def noisy_subsets(rng: np.random.Generator, n: int = 10, **shift: float) -> xr.Dataset:
    """Imbalances of two models of four steps: every model's own block moves by its shift, with noise."""
    order = labels(a=4, b=4)
    datasets = []
    for _ in range(n):
        values = 0.4 + rng.normal(0, 0.02, (8, 8))
        values[:4, :4] += shift.get("a", 0.0)
        values[4:, 4:] += shift.get("b", 0.0)
        datasets.append(label_imbalance(values, order)[["imbalance"]])
    found = xr.concat(datasets, "subset", data_vars="all")
    found.attrs = {"n_subsets": n, "n_samples": 50, "seed": 0}
    return found


def whole(subsets: xr.Dataset) -> xr.Dataset:
    return subsets.mean("subset")


class TestIntervals:
    def test_a_difference_is_found_and_exceeds_its_control(self):
        rng = np.random.default_rng(0)
        subsets, control = noisy_subsets(rng, b=0.2), noisy_subsets(rng)
        found = measure_findings(whole(subsets), subsets, control=control)
        row = found.isel(k=0).sel(finding="smoothness_difference: a | b")
        assert row.low < -0.2 < row.high < 0
        assert row.p_corrected < 1e-4
        assert row.beyond_high < 0
        assert row.control_low < 0 < row.control_high
        assert np.isnan(found.sel(finding="smoothness: a").p_value).all()

    @pytest.mark.slow
    def test_false_positives_are_as_frequent_as_stated(self):
        rng = np.random.default_rng(1)
        p = []
        for _ in range(200):
            subsets = noisy_subsets(rng)
            p.append(
                measure_findings(whole(subsets), subsets).sel(finding="smoothness_difference: a | b").p_value.item()
            )
        assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.085  # 0.05 with three standard errors of 200 draws, rounded

    def test_without_a_control_there_is_none(self):
        subsets = noisy_subsets(np.random.default_rng(0))
        found = measure_findings(whole(subsets), subsets)
        assert np.isnan(found.control).all()
        assert np.isnan(found.beyond_low).all()

    def test_a_control_on_other_subsets_is_refused(self):
        subsets = noisy_subsets(np.random.default_rng(0))
        other = subsets.assign_attrs(seed=1)
        with pytest.raises(ValueError, match="on the same subsets"):
            measure_findings(whole(subsets), subsets, control=other)


class TestNulls:
    """Steps that are one latent space and noise of their own, of two models alike: no kind of effect is there."""

    ORDER = labels(a=4, b=4)

    def p_values(self, rng: np.random.Generator, n: int = 500) -> xr.DataArray:
        settings = Settings(n_subsets=10, seed=int(rng.integers(1 << 30)))
        latent = rng.normal(size=(n, 4))
        layers = {label.label: latent + 0.7 * rng.normal(size=latent.shape) for label in self.ORDER}
        layers["space"] = latent[:, :1]
        subsets = []
        for values in measure_subsets(layers, draw_subsets(n, settings), settings):
            known = (("k", "step", "space"), values[:, :-1, -1:])
            names = {"space": ["space"], "model": ("step", [label.model for label in self.ORDER])}
            one = label_imbalance(values[:, :-1, :-1], self.ORDER)
            subsets.append(one.assign_coords(names).assign(forward=known))
        together = xr.concat(subsets, "subset", combine_attrs="drop", data_vars="all")
        return measure_findings(subsets[0], together, information=subsets[0]).p_value.isel(k=0)

    @pytest.mark.slow
    @pytest.mark.timeout(1800)
    def test_false_positives_of_every_kind(self):
        # Of 1,000 nulls of another seed: alignment 6.2 %, change 5.0 %, difference 5.1 %, smoothness 5.7 %. A rate
        # from 200 has a standard error of 1.5 %, too much for the bounds.
        rng = np.random.default_rng(0)
        p = xr.concat([self.p_values(rng) for _ in range(600)], "null")
        for kind in TESTED:
            rate = float((p.isel(finding=p.kind.values == kind) < 0.05).mean())
            assert 0.03 <= rate <= 0.07, kind


class TestSubsets:
    def test_sizes(self):
        assert draw_subsets(499, Settings()) is None
        assert draw_subsets(500, Settings()).shape == (10, 50)
        assert draw_subsets(1000, Settings(k=(1, 120))) is None
        assert draw_subsets(1000, Settings(n_subsets=0)) is None
        assert draw_subsets(40, Settings(n_subsets=4)).shape == (4, 10)
        drawn = draw_subsets(10_000, Settings(n_queries=100))
        assert drawn.shape == (10, 100)
        assert len(np.unique(drawn)) == drawn.size

    def test_too_few_samples_for_what_was_asked(self):
        with pytest.raises(ValueError, match="at least k \\+ 2 = 3 samples in each of 20 subsets"):
            draw_subsets(40, Settings(n_subsets=20))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), np.uint8)


class TestStudies:
    @pytest.mark.parametrize("statistics", [False, pytest.param(8, marks=pytest.mark.slow)])
    def test_measured_kept_and_read_again(self, random_vit, images, tmp_path, statistics):
        models = {"a": random_vit(0), "b": random_vit(1)}
        spaces = {"statistics": 8} if statistics else {"spaces": {"brightness": images.mean((1, 2))}}
        study = compare(models, images, n_subsets=4, untrained=True, **spaces, out=tmp_path)
        assert study.subsets.sizes["subset"] == 4
        assert study.findings.attrs["n_samples"] == 15
        assert np.isfinite(study.findings.control).all()
        by_chance = np.isfinite(study.findings.shuffled)[0]
        np.testing.assert_array_equal(by_chance, ~study.findings.kind.str.startswith("smoothness"))
        assert set(study.findings.kind.values) == {
            *("alignment", "middle_distance", "smoothness", "smoothness_difference"),
            *("information_change", "information_difference"),
        }
        loaded = Study.load(tmp_path)
        xr.testing.assert_identical(loaded.findings, study.findings)
        assert (tmp_path / "findings.csv").read_text().startswith("k,finding,value,estimate,low,high,p_value")
        assert "Who changes more smoothly?" in (tmp_path / "index.html").read_text()
        again = compare(models, images, n_subsets=4, untrained=True, **spaces, out=tmp_path, report=False)
        assert "untrained: imbalance" in again.reused
        without = compare(models, images, n_subsets=0, out=tmp_path, report=False)
        assert without.findings is None
        loaded = Study.load(tmp_path)
        assert loaded.findings is None
        assert loaded.untrained is None

    def test_subsets_are_the_metric_on_those_samples(self, random_vit, images):
        study = compare(random_vit(0), images, n_subsets=3, seed=5)
        rows = draw_subsets(60, Settings(n_subsets=3, seed=5))
        one = compare(random_vit(0), images[rows[1]], n_subsets=0)
        np.testing.assert_array_equal(study.subsets.imbalance[1], one.imbalance)
        # Of one model nothing is paired at random.
        np.testing.assert_array_equal(study.subsets.shuffled_imbalance, study.subsets.imbalance)

    def test_shuffled_pairs_are_unrelated(self):
        x = np.random.default_rng(0).normal(size=(600, 5))
        layers = {"a/0": x, "a/1": x, "b/0": x}
        rows = draw_subsets(600, Settings(n_subsets=6))
        owners = {name: name[0] for name in layers}
        shuffled = measure_subsets(layers, rows, Settings(), shuffled=owners)[:, 0]
        np.testing.assert_array_equal(shuffled[:, 0, 1], 2 / 100)
        between = shuffled[:, [0, 2], [2, 0]].ravel()
        assert abs(between.mean() - 1) < 0.1
        assert len(np.unique(between)) == 12, "every subset is shuffled anew"

    def test_random_weights_of_the_same_architecture(self, random_vit, images):
        model = random_vit(0)
        twin = model.untrained(3)
        assert (twin.name, twin.steps) == (model.name, model.steps)
        assert twin.weights_hash == random_vit(3).weights_hash != model.weights_hash
        study = compare({"m": model}, images, untrained={"m": random_vit(3)}, seed=3)
        drawn = compare({"m": model}, images, untrained=True, seed=3)
        xr.testing.assert_equal(study.untrained.imbalance, drawn.untrained.imbalance)
        two = compare({"m": model, "n": model}, images, untrained=True, seed=3).untrained.imbalance[0]
        assert float(two.sel(source="m/block00", target="n/block00")) > 2 / 60, "controls of one architecture differ"

    def test_duplicates_that_were_dropped_are_missing_from_the_control_too(self, random_vit, images):
        twice = np.concatenate([images, images[:4]])
        study = compare(random_vit(0), twice, untrained=True, drop_duplicates=True, n_subsets=3)
        assert study.results.n_samples == study.untrained.results.n_samples == 60
        assert np.isfinite(study.findings.control).all()

    def test_what_cannot_be_drawn_anew_has_to_be_given(self, random_vit, images):
        import torch

        net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 4, 3))
        with pytest.raises(ValueError, match="captured model, which jaxsim cannot draw"):
            compare({"net": capture(net, image_size=8)}, images, untrained=True)
        with pytest.raises(ValueError, match=r"to name models of the comparison \(m\), got 'other'"):
            compare({"m": random_vit(0)}, images, untrained={"other": random_vit(1)})
        with pytest.raises(ValueError, match="expected untrained to be True, False or a mapping"):
            compare({"m": random_vit(0)}, images, untrained=3)
