"""What a comparison will do, before it does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxsim_kernels import Options, Workload, make_placement, plan_for

from jaxsim.features import FeatureSet, estimate
from jaxsim.study.run.halves import n_splits_for
from jaxsim.study.run.inputs import StudyInput
from jaxsim.study.run.settings import Settings
from jaxsim.study.selection import choose_of_every_model

FLOAT_BYTES = 4


@dataclass(frozen=True)
class PlannedModel:
    """One model of the plan.

    Attributes:
        name: Its name in the results.
        family: Family of models.
        source: Where it comes from.
        widths: Number of features of every step to measure, after pooling.
        extracted: Whether its features come from images; False where they were given.
        extracted_width: Number of features of all its steps, which are extracted whichever of them are measured.
    """

    name: str
    family: str
    source: str
    widths: tuple[int, ...]
    extracted: bool
    extracted_width: int = 0


@dataclass(frozen=True)
class Plan:
    """What a comparison will do.

    Sizes are estimates: damaged images and features that exist already lower them.

    Attributes:
        models: The models in order.
        n_samples: Number of samples N.
        n_queries: Number of query rows M.
        settings: The settings.
        memory_bytes: Memory of the measurement: features and working blocks.
        passes: "one-pass" or "two-pass", see `imbalance_matrix`.
        n_splits: Splits of the samples into halves that intervals rest on.
        distances_in_halves: Distances between samples that the halves need beside those of all samples: none where
            both come from the same products.
    """

    models: tuple[PlannedModel, ...]
    n_samples: int
    n_queries: int
    settings: Settings
    memory_bytes: int
    passes: str
    n_splits: int = 0
    distances_in_halves: int = 0

    @property
    def n_layers(self) -> int:
        """Steps of all models together."""
        return sum(len(model.widths) for model in self.models)

    @property
    def n_cells(self) -> int:
        """Ordered pairs of steps, and so entries of the result, per k."""
        return self.n_layers**2

    @property
    def distance_evaluations(self) -> int:
        """Distances between samples: queries x samples, once per step."""
        return self.n_queries * self.n_samples * self.n_layers

    @property
    def interval_distances(self) -> int:
        """Distances for intervals and for images paired at random: that is measured once more, halves and all."""
        if not self.n_splits:
            return 0
        in_quarters = self.distance_evaluations // 4
        return self.distance_evaluations + 2 * self.distances_in_halves + in_quarters

    @property
    def images_to_run(self) -> int:
        """Images through models, if no features are there already."""
        return self.n_samples * sum(model.extracted for model in self.models)

    @property
    def feature_bytes(self) -> int:
        """Bytes of the features to extract, uncompressed."""
        return FLOAT_BYTES * self.n_samples * sum(model.extracted_width for model in self.models)


def make_plan(inputs: Sequence[StudyInput], n_samples: int, settings: Settings) -> Plan:
    """Plans a comparison without running a model.

    Args:
        inputs: The models.
        n_samples: Number of samples.
        settings: The settings.

    Returns:
        The plan.

    Raises:
        ValueError: If the pooling does not suit a model, which is named; if a glob of `steps` or `drop_steps` matches
            no step, or they leave a model none.
    """
    models = []
    names = {each.name: each.step_names(settings.pool_of(each.name)) for each in inputs}
    chosen = choose_of_every_model(names, settings.steps, settings.drop_steps)
    for each in inputs:
        own = chosen[each.name]
        if isinstance(each.given, FeatureSet):
            widths = tuple(step.n_features for step in each.given.steps if step.name in own)
            source = str(each.given.manifest["model"]["source"])
            models.append(PlannedModel(each.name, each.given.manifest["model"]["family"], source, widths, False))
        else:
            steps = estimate(each.given, n_samples, pool=settings.pool_of(each.name)).steps
            widths = tuple(step.n_features for step in steps if step.name in own)
            every = sum(step.n_features for step in steps)
            models.append(PlannedModel(each.name, each.given.family, each.given.source, widths, True, every))
    n_queries = settings.n_queries or n_samples
    widths = tuple(width for model in models for width in model.widths)
    n_splits = n_splits_for(n_samples, settings)
    measurement = plan_for(
        Workload(n_samples, n_queries, widths, max(settings.k), n_splits=n_splits),
        Options(
            ks=settings.k,
            metric=settings.metric,
            ties=settings.ties,
            precision=settings.precision,
            passes=settings.plan,
        ),
        make_placement(settings.devices),
    )
    in_halves = 0 if measurement.sharing else n_splits * n_queries * n_samples * len(widths) // 2
    return Plan(
        tuple(models), n_samples, n_queries, settings, measurement.n_bytes, measurement.passes, n_splits, in_halves
    )
