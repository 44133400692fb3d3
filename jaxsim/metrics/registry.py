"""All measures by name: those of jaxsim, and those that other packages register.

A package registers a measure by an entry point of the group `jaxsim.measures` that leads to a `Measure` or a
`LayerMeasure`:

    [project.entry-points."jaxsim.measures"]
    my_measure = "my_package.my_module:MY_MEASURE"
"""

import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any, get_args

from .declaration import LayerMeasure, Measure, Orientation
from .factor_measures import MEASURES as FACTOR_MEASURES
from .information_imbalance import INFORMATION_IMBALANCE
from .kernel_measures import MEASURES as KERNEL_MEASURES
from .layer_measures import MEASURES as LAYER_MEASURES
from .neighbour_measures import MEASURES as NEIGHBOUR_MEASURES
from .statistics import Need

GROUP = "jaxsim.measures"

#: What results call something else.
_TAKEN = ("imbalance", "standard_error", "sampling_error", "source", "target", "layer", "step", "k", "split", "half")
_TAKEN_ENDS = ("_sampling_error", "_halves")

_BUILT_IN: tuple[Measure | LayerMeasure, ...] = (
    INFORMATION_IMBALANCE,
    *KERNEL_MEASURES,
    *NEIGHBOUR_MEASURES,
    *FACTOR_MEASURES,
    *LAYER_MEASURES,
)


@cache
def all_measures() -> dict[str, Measure | LayerMeasure]:
    """Every measure by name, jaxsim's first.

    Raises:
        ValueError: If a registered measure cannot be loaded, is none, or has a name that is taken.

    Example:
        >>> list(all_measures())[0]
        'information_imbalance'
    """
    found = {measure.name: measure for measure in _BUILT_IN}
    for point in entry_points(group=GROUP):
        measure = _loaded(point)
        if measure.name in found:
            raise ValueError(
                f"expected measures of different names, got a second {measure.name!r} from {point.value}; rename it "
                "there, or uninstall that package."
            )
        found[measure.name] = measure
    return found


def pair_measures() -> dict[str, Measure]:
    """Measures of two layers, by name.

    Example:
        >>> "cka" in pair_measures()
        True
    """
    return {name: each for name, each in all_measures().items() if isinstance(each, Measure)}


def describing_measures() -> dict[str, LayerMeasure]:
    """Measures of one layer, by name.

    Example:
        >>> "participation_ratio" in describing_measures()
        True
    """
    return {name: each for name, each in all_measures().items() if isinstance(each, LayerMeasure)}


def find_measures(measures: Any, kind: type[Any] = Measure) -> tuple[Any, ...]:
    """Measures from names, or as they are given.

    Args:
        measures: A name or a measure, or several.
        kind: `Measure` or `LayerMeasure`.

    Returns:
        The measures in the order given.

    Raises:
        ValueError: For a name that does not exist (says which are near), one of the other kind, none, or two of one
            name.

    Example:
        >>> [each.name for each in find_measures(("cka", "rsa"))]
        ['cka', 'rsa']
    """
    single = isinstance(measures, (str, Measure, LayerMeasure))
    if not single and (isinstance(measures, Mapping) or not isinstance(measures, Iterable)):
        raise ValueError(f"expected measures as names or measures, got {measures!r}.")
    found = tuple(_find(each, kind) for each in ([measures] if single else measures))
    if not found:
        raise ValueError("expected at least one measure, got none; `jaxsim metrics` lists them.")
    names = [each.name for each in found]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise ValueError(f"expected different measures, got {twice!r} twice.")
    return found


def _find(measure: Any, kind: type[Any]) -> Any:
    if isinstance(measure, str):
        known = all_measures()
        if measure not in known:
            fitting = [name for name, each in known.items() if isinstance(each, kind)]
            near = difflib.get_close_matches(measure.lower(), fitting, 3, 0.4)
            meant = f"; did you mean {', '.join(map(repr, near))}?" if near else "."
            raise ValueError(f"unknown measure {measure!r}{meant} `jaxsim metrics` lists all of them.")
        measure = known[measure]
    if isinstance(measure, (Measure, LayerMeasure)):
        _check_declaration(measure)
    if isinstance(measure, kind):
        return measure
    if isinstance(measure, LayerMeasure):
        raise ValueError(
            f"{measure.name!r} is a measure of one layer, expected a measure of two layers; jaxsim.describe takes it, "
            "and so does describe= of a study."
        )
    if isinstance(measure, Measure):
        raise ValueError(
            f"{measure.name!r} is a measure of two layers, expected a measure of one layer; jaxsim.measure takes it, "
            "and so does measures= of a study."
        )
    if hasattr(measure, "shape"):
        raise ValueError(
            f"expected a measure or its name, got an array of shape {tuple(measure.shape)}; layers are given "
            'together, as in measure({"x": x, "y": y}, "cka").'
        )
    raise ValueError(f"expected a measure or its name, got {measure!r}; `jaxsim metrics` lists the names.")


def _loaded(point: Any) -> Measure | LayerMeasure:
    try:
        measure = point.load()
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"the measure {point.name!r}, registered as {point.value}, cannot be loaded: {error}; mend or uninstall "
            "the package that registers it."
        ) from error
    if not isinstance(measure, (Measure, LayerMeasure)):
        raise ValueError(
            f"expected {point.value}, registered as the measure {point.name!r}, to be a Measure or a LayerMeasure, got "
            f"{type(measure).__name__}."
        )
    _check_declaration(measure)
    return measure


def _check_declaration(measure: Measure | LayerMeasure) -> None:
    """Refuses what no variable, file or page could show."""
    name = measure.name
    if not isinstance(name, str) or not name.isidentifier() or name in _TAKEN or name.endswith(_TAKEN_ENDS):
        raise ValueError(
            f"expected the name of a measure to be an identifier such as 'my_measure' that results use for nothing "
            f"else, got {name!r}; rename it in its declaration."
        )
    if isinstance(measure, Measure) and measure.orientation not in get_args(Orientation):
        raise ValueError(
            f"expected the orientation of {name!r} to be one of {', '.join(get_args(Orientation))}, got "
            f"{measure.orientation!r}; mend its declaration."
        )
    if not measure.needs or not all(isinstance(need, Need) for need in measure.needs):
        raise ValueError(
            f"expected the needs of {name!r} as statistics such as jaxsim.metrics.KernelSums, got {measure.needs!r}; "
            "mend its declaration."
        )
    if not callable(measure.formula):
        raise ValueError(f"expected the formula of {name!r} as a function, got {measure.formula!r}.")
