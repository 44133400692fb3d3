"""The numbers that the page carries: every cell of every heat map, every curve and table, packed to fit a MB."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.colors import to_hex

from jaxsim.report.chapter import Figure, Table
from jaxsim.report.errors import is_sampling
from jaxsim.report.facts import StudyFacts
from jaxsim.report.measured_by import DELTA_MEASURE, MeasuredBy
from jaxsim.report.packing import fits_floats, packed, packed_floats
from jaxsim.report.palette import IMBALANCE_COLOURS, ModelStyle
from jaxsim.report.schema import model_names, steps_of
from jaxsim.report.steps import Flags, constant_mask
from jaxsim.report.story import Story
from jaxsim.wording import number

N_COLOURS = 128
NO_FLAGS = Flags()


def page_payload(
    story: Story,
    styles: Mapping[str, ModelStyle],
    figures: Sequence[Figure],
    tables: Sequence[Table],
    pair_sentences: Callable[[Story, int], list[str]],
) -> dict[str, Any]:
    """Everything that the page's script draws, ready for JSON.

    Args:
        story: Checked datasets and settings.
        styles: Colours and markers by model.
        figures: All figures of the page.
        tables: All tables.
        pair_sentences: k -> the sentence of every ordered pair of models.

    Returns:
        The numbers of the heat maps (see `study_payload`), what stands in the head of every exported figure, and, by
        name and for every k, what figures and tables hold.
    """
    facts, ks = story.facts, story.facts.k
    floors = [f"floor {number(floor)}" if math.isfinite(floor) and story.measure.usual else "" for floor in facts.floor]
    drawn, lists = _compact(
        {
            figure.name: {
                "title": figure.title,
                "description": figure.description,
                "kind": figure.kind,
                "k": _by_k([figure.draw(k) for k in ks]),
            }
            for figure in figures
        }
    )
    return study_payload(story.results, facts, styles, story.flags, story.measure) | {
        "strips": [
            " · ".join(
                part
                for part in (
                    *(f"N = {facts.n_samples:,}", f"k = {k}", f"pooling {facts.pool}", facts.metric, floor),
                    "" if story.measure.usual else story.measure.title,
                )
                if part
            )
            for k, floor in zip(ks, floors, strict=True)
        ],
        "said": [pair_sentences(story, k) for k in ks],
        "figures": drawn,
        "lists": lists,
        "tables": {
            each.name: {"title": each.title, "head": list(each.head), "k": _by_k([_columns(each, k) for k in ks])}
            for each in tables
        },
    }


def _columns(table: Table, k: int) -> list[dict[str, Any]]:
    """A table by columns: numbers packed where they fit, texts as places in a list of the different ones."""
    rows = table.rows(k)
    found: list[dict[str, Any]] = []
    for place in range(len(table.head)):
        cells = [row[place] for row in rows]
        if any(isinstance(cell, str) for cell in cells):
            texts = list(dict.fromkeys(cells))
            found.append({"texts": texts, "at": [texts.index(cell) for cell in cells]})
        else:
            found.append({"floats": packed_floats(cells)} if fits_floats(cells) else {"numbers": cells})
    return found


def _compact(figures: dict[str, Any]) -> tuple[dict[str, Any], list[list[Any]]]:
    """The figures with values of curves packed, and places in a list of lists for what curves have in common."""
    lists: dict[str, int] = {}
    for figure in figures.values():
        for spec in figure["k"]:
            for each in spec.get("panels", ()):
                for curve in each.get("curves", ()):
                    for key in curve.keys() & {"x", "labels"}:
                        curve[key] = lists.setdefault(json.dumps(curve[key]), len(lists))
                    for key in curve.keys() & {"y", "e"}:
                        curve[key] = packed_floats(curve[key]) if fits_floats(curve[key]) else curve[key]
    return figures, [json.loads(each) for each in lists]


def _by_k(drawn: list[Any]) -> list[Any]:
    """One entry where it is the same for every k."""
    return drawn[:1] if all(each == drawn[0] for each in drawn) else drawn


def study_payload(
    results: xr.Dataset,
    facts: StudyFacts,
    styles: Mapping[str, ModelStyle],
    flags: Flags = NO_FLAGS,
    measure: MeasuredBy = DELTA_MEASURE,
) -> dict[str, Any]:
    """The numbers of the heat maps.

    Args:
        results: Checked results dataset.
        facts: Its settings.
        styles: Colours and markers by model.
        flags: Steps that warnings are about.
        measure: The measure behind the numbers.

    Returns:
        Steps, models, k, floors, the colour scale and the packed numbers, one text per k; `sampling_error` is None
        where the study has not measured it.
    """
    value, error = results["imbalance"].values, results["standard_error"].values
    # Other measures than the imbalance have no floor, or one of 0 but for rounding.
    least = min((floor for floor in facts.floor if floor > 1e-9), default=1.0)
    decimals = max(5, math.ceil(-math.log10(least)) + 2)
    if not measure.usual:
        # Steps that are more alike than equal ones, as local measures may find them, are drawn like these.
        value = np.maximum(value, 0.0)
    sampling = results["sampling_error"].values if is_sampling(results, "imbalance") else None
    errors = [error] if sampling is None else [error, sampling]
    largest = float(np.nanmax(value, initial=0.0))
    digits = max(3, math.ceil(math.log(largest * 10**decimals + 3, 64)))
    # Errors are smaller, and a decimal less says as much of them.
    of_errors = {"decimals": decimals - 1}
    most = max(float(np.nanmax(each, initial=0.0)) for each in errors)
    of_errors["digits"] = max(2, math.ceil(math.log(most * 10 ** (decimals - 1) + 3, 64)))
    names = model_names(results)
    blocks = [steps_of(results, name) for name in names]
    of_steps = (results[f"source_{name}"].values for name in ("step", "kind", "depth"))
    return {
        "k": list(facts.k),
        "floor": [floor if math.isfinite(floor) else None for floor in facts.floor],
        "n_samples": facts.n_samples,
        "measure": {"symbol": measure.symbol, "usual": measure.usual, "directed": measure.directed},
        "models": [
            {
                "name": name,
                "start": int(block[0]),
                "stop": int(block[-1]) + 1,
                "colour": styles[name].colour,
                "marker": styles[name].marker,
            }
            for name, block in zip(names, blocks, strict=True)
        ],
        "steps": [
            {
                "name": str(name),
                "kind": str(kind),
                "depth": round(float(depth), 4),
                "constant": bool(empty),
                "sign": flags.sign(str(label)),
                "warning": flags.texts.get(str(label), ""),
            }
            for name, kind, depth, label, empty in zip(
                *of_steps, results["source"].values, constant_mask(results), strict=True
            )
        ],
        "colours": [to_hex(tuple(colour)) for colour in IMBALANCE_COLOURS(np.linspace(0, 1, N_COLOURS))],
        "undefined": to_hex(tuple(IMBALANCE_COLOURS.get_bad())),
        "decimals": decimals,
        "digits": digits,
        "imbalance": [packed(each, decimals=decimals, digits=digits) for each in value],
        "of_errors": of_errors,
        "standard_error": [packed(each, **of_errors) for each in error],
        "sampling_error": None if sampling is None else [packed(each, **of_errors) for each in sampling],
    }


def as_script_text(payload: dict[str, Any]) -> str:
    """JSON that can stand inside a script element: no character in it can end the element or start markup."""
    text = json.dumps(payload, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
