"""All declarations as a table: for the terminal, the README and the documentation."""

from .declaration import Bound, Case, LayerMeasure, Measure
from .registry import all_measures

EXAMPLE = Case(1000, 10, (384, 384))
"""What bounds are shown for."""

PAIR_COLUMNS = (
    "measure",
    "what it is",
    "larger is",
    "range",
    "equal",
    "chance",
    "k",
    "symmetric",
    "unchanged by",
    "source",
)
LAYER_COLUMNS = ("measure", "what it is", "unit", "range", "k", "unchanged by", "source")

_SHORT = {
    "sample permutation": "",
    "rotation": "rotation",
    "translation": "shift",
    "scale": "scale",
    "invertible linear map": "linear maps",
}


def pair_rows() -> list[tuple[str, ...]]:
    """One row for each measure of two layers, as `PAIR_COLUMNS` names; numbers are those of `EXAMPLE`.

    Example:
        >>> pair_rows()[0][:3]
        ('information_imbalance', 'information imbalance', 'less alike')
    """
    return [
        (
            each.name,
            each.title,
            "more alike" if each.orientation == "similarity" else "less alike",
            _range(each),
            _at(each.equal),
            _at(each.independent),
            "yes" if each.uses_k else "",
            "yes" if each.symmetric else "no",
            _unchanged(each),
            each.source,
        )
        for each in all_measures().values()
        if isinstance(each, Measure)
    ]


def layer_rows() -> list[tuple[str, ...]]:
    """One row for each measure of one layer, as `LAYER_COLUMNS` names.

    Example:
        >>> "intrinsic_dimension" in [row[0] for row in layer_rows()]
        True
    """
    return [
        (
            each.name,
            each.title,
            each.unit,
            _range(each),
            "yes" if each.uses_k else "",
            _unchanged(each),
            each.source,
        )
        for each in all_measures().values()
        if isinstance(each, LayerMeasure)
    ]


def markdown() -> str:
    """Both tables, as the README and the documentation show them.

    Example:
        >>> markdown().splitlines()[1][:11]
        '| --- | ---'
    """
    tables = []
    for columns, rows in ((PAIR_COLUMNS, pair_rows()), (LAYER_COLUMNS, layer_rows())):
        lines = [columns, tuple("---" for _ in columns), *((f"`{row[0]}`", *row[1:]) for row in rows)]
        tables.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(tables) + "\n"


def _range(each: Measure | LayerMeasure) -> str:
    return f"{_at(each.lowest) or '-inf'} to {_at(each.highest) or 'inf'}"


def _at(bound: Bound | None) -> str:
    return "" if bound is None else f"{bound(EXAMPLE):.3g}"


def _unchanged(each: Measure | LayerMeasure) -> str:
    return ", ".join(_SHORT[kind] for kind in _SHORT if kind in each.invariances and _SHORT[kind])
