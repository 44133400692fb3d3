"""Several sets of layers whose rows are named: they meet by the names of the samples, not by position."""

from collections.abc import Mapping
from typing import Any

from jaxsim.arguments import shown
from jaxsim.rows import SelectedRows
from jaxsim.sample_ids import SampleOrderWarning, meet
from jaxsim.warn import warn


def names_samples(x: Any) -> bool:
    """Whether a value is a set of layers whose rows are named, such as `jaxsim.open_features` gives.

    Example:
        >>> names_samples({"layer": [[1.0]]})
        False
    """
    return isinstance(x, Mapping) and hasattr(x, "sample_ids")


def layers_of_sets(sets: Mapping[Any, Any]) -> dict[str, Any]:
    """The layers of all sets, named "set/layer", with the samples of the first set in its order.

    Args:
        sets: Name -> set of layers with `sample_ids`.

    Returns:
        Name -> layer, its rows read where they are.

    Raises:
        ValueError: If one names no samples, or the sets have different samples; names the first ids.

    Warns:
        SampleOrderWarning: Where a set had another order.
    """
    odd = next((name for name, x in sets.items() if not names_samples(x)), None)
    if odd is not None:
        raise ValueError(
            f"expected all values to be sets of layers whose samples have ids (jaxsim.open_features), got {odd!r} as "
            f"{shown(type(sets[odd]).__name__)} beside such sets; open it with sample_ids=, or give single layers alone"
        )
    met = meet({str(name): x.sample_ids for name, x in sets.items()})
    for message in met.messages:
        warn(message, SampleOrderWarning)
    found = {}
    for name, each in sets.items():
        rows = met.rows[str(name)]
        found |= {f"{name}/{layer}": x if rows is None else SelectedRows(x, rows) for layer, x in each.items()}
    return found
