"""A study in ten lines, as text and as HTML."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from jaxsim.files import parse_json
from jaxsim.wording import counted, decimals_for, p_value, sample_word, signed

#: Models that are named; of more the last line says how many.
MOST_MODELS = 3


def shown_as_text(study: Any) -> str:
    """What a prompt shows of a study: models, what was measured, and the verdicts, in at most ten lines.

    Args:
        study: The `Study`.

    Example:
        >>> import numpy as np
        >>> from jaxsim.study import StepLabel, Study, label_imbalance
        >>> labels = [StepLabel("m", "a", 0.0), StepLabel("m", "b", 1.0)]
        >>> print(shown_as_text(Study.from_results(label_imbalance(np.full((2, 2), 0.5), labels))).splitlines()[0])
        Study of 1 model, 2 steps
    """
    rows = model_rows(study)
    width = max(len(name) for name, _ in rows)
    lines = [_title(study), f"  {_measure(study)}", *(f"  {name:<{width}}  {said}" for name, said in rows)]
    lines += [f"  {claim:<11}  {verdict}: {said}" for claim, verdict, said in verdict_rows(study)]
    more = _more(study)
    return "\n".join([*lines, *([f"  also: {more}"] if more else [])])


def shown_as_html(study: Any) -> str:
    """The same for a notebook.

    Args:
        study: The `Study`.
    """
    models = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>{escape(said)}</td></tr>"
        for name, said in model_rows(study)
    )
    claims = "".join(
        f"<tr><th style='text-align:left'>{escape(claim)}</th><td style='text-align:left'><b>{escape(verdict)}</b></td>"
        f"<td style='text-align:left'>{escape(said)}</td></tr>"
        for claim, verdict, said in verdict_rows(study)
    )
    more = _more(study)
    return (
        f"<div><b>{escape(_title(study))}</b><br>{escape(_measure(study))}"
        f"<table>{models}</table><table>{claims}</table>{f'also: {escape(more)}' if more else ''}</div>"
    )


def model_rows(study: Any) -> list[tuple[str, str]]:
    """Names of models and what is said of each; one row for all beyond `MOST_MODELS`."""
    steps = study.steps
    named = list(steps.items())[: MOST_MODELS if len(steps) > MOST_MODELS + 1 else MOST_MODELS + 1]
    rows = [
        (name, f"{counted(len(own), 'step')}: {own[0]}" + (f" to {own[-1]}" if len(own) > 1 else ""))
        for name, own in named
    ]
    left = list(steps)[len(named) :]
    return rows + (
        [(f"and {len(left)} more", f"{counted(sum(len(steps[each]) for each in left), 'step')}")] * bool(left)
    )


def verdict_rows(study: Any, k: int | None = None) -> list[tuple[str, str, str]]:
    """Claim, verdict, and the number that it rests on with its interval, control and p, and how many are decided.

    Args:
        study: The `Study`.
        k: Number of neighbours; None for the first.
    """
    found = study.verdicts
    chosen = found.isel(k=0) if k is None else found.sel(k=k)
    rows = []
    for claim in chosen["claim"].values:
        row = chosen.sel(claim=claim)
        n, decided = int(row["n"]), int(row["n_for"]) + int(row["n_against"])
        counts = f"; {decided} of {n} decided" if n > 1 and math.isfinite(float(row["value"])) else ""
        rows.append((str(claim), str(row["verdict"].item()), f"{headline(row)}{counts}"))
    return rows


def headline(row: Any) -> str:
    """The number of a verdict: what it is of, the value with its interval, its control, and the corrected p.

    Args:
        row: Of `Study.verdicts`, at one k and claim.

    Example:
        >>> from jaxsim.study.constructed import constructed_findings
        >>> from jaxsim.study.derived.verdicts import verdicts
        >>> headline(verdicts(constructed_findings()).isel(k=0).sel(claim="order"))
        'vit, resnet: +0.213 [+0.163, +0.263], random weights +0.001, corrected p = 0.067'
    """
    value = float(row["value"])
    if not math.isfinite(value):
        answer = str(row["answer"].item()).partition(": ")[2]
        return answer or "undefined"
    low, high, p, control = (float(row[name]) for name in ("low", "high", "p_corrected", "control"))
    a, b, role = (str(row[name].item()) for name in ("a", "b", "role"))
    who = f"{a} minus {b}" if str(row["claim"].item()) == "smoothness" else f"{a}, {b}" if b else a
    who += f", {role}" if role else ""
    # As many decimals as on the page.
    decimals = decimals_for(high - low)

    def told(each: float) -> str:
        return signed(each, decimals, plain=True)

    said = f"{who}: {told(value)}"
    said += f" [{told(low)}, {told(high)}]" if math.isfinite(low) else " (no interval)"
    said += f", random weights {told(control)}" if math.isfinite(control) else ""
    return f"{said}, corrected p {p_value(p)}" if math.isfinite(p) else said


def _title(study: Any) -> str:
    steps, attrs = study.steps, study.results.attrs
    n = attrs.get("n_samples")
    images = f", {counted(int(n), sample_word(attrs.get('images')))}" if n is not None else ""
    return f"Study of {counted(len(steps), 'model')}, {counted(sum(map(len, steps.values())), 'step')}{images}"


def _measure(study: Any) -> str:
    attrs = study.results.attrs
    ks = ", ".join(str(int(each)) for each in study.results["k"].values)
    parts = [str(attrs.get("long_name", "information imbalance")), f"k = {ks}"]
    parts += [str(attrs["metric"])] if "metric" in attrs else []
    parts += [f"pooling {attrs['pool']}"] if "pool" in attrs else []
    return ", ".join(parts)


def _more(study: Any) -> str:
    spaces = "" if study.information is None else counted(study.information.sizes["space"], "space")
    parts = [f".information ({spaces})"] if spaces else []
    parts += [] if study.label_overlap is None else [".label_overlap"]
    parts += [] if study.descriptions is None else [".descriptions"]
    parts += [f".by_measure ({', '.join(study.by_measure)})"] if study.by_measure else []
    parts += [".untrained"] if study.untrained is not None else []
    damaged = parse_json(study.results.attrs.get("damaged", "[]"))
    parts += [f"{counted(len(damaged), 'damaged image')} left out"] if damaged else []
    return ", ".join(parts)
