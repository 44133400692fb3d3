"""Studies: metrics over the steps of several models, as labelled results."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxsim.study.derived.alignment import depth_alignment as depth_alignment
    from jaxsim.study.derived.between import between_models as between_models
    from jaxsim.study.derived.information import label_information as label_information
    from jaxsim.study.derived.labels import StepLabel as StepLabel
    from jaxsim.study.derived.labels import label_imbalance as label_imbalance
    from jaxsim.study.derived.smoothness import smoothness_profile as smoothness_profile
    from jaxsim.study.derived.trajectories import information_plane as information_plane
    from jaxsim.study.derived.trajectories import step_embedding as step_embedding
    from jaxsim.study.derived.trajectories import step_linkage as step_linkage
    from jaxsim.study.results import Study as Study
    from jaxsim.study.run.compare import compare as compare
    from jaxsim.study.run.comparison import Comparison as Comparison
    from jaxsim.study.run.plan import Plan as Plan
    from jaxsim.study.run.preparation import prepare_comparison as prepare_comparison
    from jaxsim.study.run.settings import Settings as Settings
    from jaxsim.study.run.settings import checked_settings as checked_settings
    from jaxsim.study.versions import package_versions as package_versions

# Names are imported when they are first used: the command line reads the settings and needs nothing else.
_HOMES = {
    "Comparison": "run.comparison",
    "Plan": "run.plan",
    "Settings": "run.settings",
    "StepLabel": "derived.labels",
    "Study": "results",
    "between_models": "derived.between",
    "checked_settings": "run.settings",
    "compare": "run.compare",
    "depth_alignment": "derived.alignment",
    "information_plane": "derived.trajectories",
    "label_imbalance": "derived.labels",
    "label_information": "derived.information",
    "package_versions": "versions",
    "prepare_comparison": "run.preparation",
    "smoothness_profile": "derived.smoothness",
    "step_embedding": "derived.trajectories",
    "step_linkage": "derived.trajectories",
}

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'jaxsim.study' has no attribute {name!r}")
    value = getattr(import_module(f"jaxsim.study.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
