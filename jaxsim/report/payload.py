"""The numbers that the page carries: every cell of every heat map, packed to fit a few MB.

A value is a fixed-point number of `decimals` decimals, written with `digits` digits of base 64, most
significant first;
the largest number of that many digits stands for "undefined".
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float
from matplotlib.colors import to_hex

from jaxsim.report.errors import is_sampling
from jaxsim.report.facts import StudyFacts
from jaxsim.report.figures.palette import IMBALANCE_COLOURS
from jaxsim.report.schema import model_names, steps_of
from jaxsim.report.steps import Flags, constant_mask

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
N_COLOURS = 128
NO_FLAGS = Flags()


def packed(values: Float[np.ndarray, "..."], *, decimals: int, digits: int) -> str:
    """Numbers from 0 up as fixed-point text, in row-major order.

    Args:
        values: Non-negative numbers or NaN, any shape.
        decimals: Decimals that are kept.
        digits: Digits of base 64 per number.

    Returns:
        `values.size * digits` characters.

    Raises:
        ValueError: A number is negative or too large for so many digits.

    Example:
        >>> packed(np.array([0.0, 0.00064, np.nan]), decimals=5, digits=2)
        'AABA//'
    """
    undefined = 64**digits - 1
    flat = np.asarray(values, dtype=np.float64).ravel()
    defined = np.isfinite(flat)
    whole = np.full(flat.shape, undefined, dtype=np.int64)
    whole[defined] = np.rint(flat[defined] * 10.0**decimals).astype(np.int64)
    if (whole < 0).any() or (whole[defined] >= undefined).any():
        raise ValueError(
            f"Expected numbers from 0 to below {(undefined) / 10**decimals:g}, but they reach from "
            f"{flat[defined].min():g} to {flat[defined].max():g}. An imbalance lies between 0 and 2."
        )
    places = 64 ** np.arange(digits - 1, -1, -1)
    characters = np.frombuffer(DIGITS.encode(), dtype=np.uint8)[whole[:, None] // places % 64]
    return characters.tobytes().decode()


def unpacked(text: str, *, decimals: int, digits: int) -> Float[np.ndarray, " size"]:
    """The numbers that `packed` wrote, as the page's script reads them.

    Example:
        >>> unpacked("AABA//", decimals=5, digits=2)
        array([0.     , 0.00064,     nan])
    """
    place_of = np.zeros(128, dtype=np.int64)
    place_of[np.frombuffer(DIGITS.encode(), dtype=np.uint8)] = np.arange(64)
    characters = place_of[np.frombuffer(text.encode(), dtype=np.uint8)].reshape(-1, digits)
    whole = characters @ (64 ** np.arange(digits - 1, -1, -1))
    return np.where(whole == 64**digits - 1, np.nan, whole / 10.0**decimals)


def study_payload(
    results: xr.Dataset, facts: StudyFacts, colours: Mapping[str, str], flags: Flags = NO_FLAGS
) -> dict[str, Any]:
    """Everything that the page's script needs, ready for JSON.

    Args:
        results: Checked results dataset.
        facts: Its header.
        colours: CSS colour of every model.
        flags: Steps that warnings are about.

    Returns:
        Steps, models, k, floors, the colour scale and the packed numbers, one text per k; `sampling_error` is None
        where the study has not measured it.
    """
    value, error = results["imbalance"].values, results["standard_error"].values
    # Other measures than the imbalance have no floor, or one of 0 but for rounding.
    least = min((floor for floor in facts.floor if floor > 1e-9), default=1.0)
    decimals = max(5, math.ceil(-math.log10(least)) + 2)
    if facts.measure:
        # Steps that are more alike than equal ones, as local measures may find them, are drawn like these.
        value = np.maximum(value, 0.0)
    sampling = results["sampling_error"].values if is_sampling(results, "imbalance") else None
    arrays = (value, error) if sampling is None else (value, error, sampling)
    largest = max(float(np.nanmax(array, initial=0.0)) for array in arrays)
    digits = max(3, math.ceil(math.log(largest * 10**decimals + 3, 64)))
    names = model_names(results)
    blocks = [steps_of(results, name) for name in names]
    return {
        "k": list(facts.k),
        "floor": [floor if math.isfinite(floor) else None for floor in facts.floor],
        "n_samples": facts.n_samples,
        "models": [
            {"name": name, "start": int(block[0]), "stop": int(block[-1]) + 1, "colour": colours[name]}
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
                results["source_step"].values,
                results["source_kind"].values,
                results["source_depth"].values,
                results["source"].values,
                constant_mask(results),
                strict=True,
            )
        ],
        "colours": [to_hex(tuple(colour)) for colour in IMBALANCE_COLOURS(np.linspace(0, 1, N_COLOURS))],
        "undefined": to_hex(tuple(IMBALANCE_COLOURS.get_bad())),
        "decimals": decimals,
        "digits": digits,
        "imbalance": [packed(each, decimals=decimals, digits=digits) for each in value],
        "standard_error": [packed(each, decimals=decimals, digits=digits) for each in error],
        "sampling_error": None
        if sampling is None
        else [packed(each, decimals=decimals, digits=digits) for each in sampling],
    }


def as_script_text(payload: dict[str, Any]) -> str:
    """JSON that can stand inside a script element: no character in it can end the element or start markup."""
    text = json.dumps(payload, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
