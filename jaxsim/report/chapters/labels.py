"""How well the steps separate the labels of the images, along the depth."""

from collections.abc import Sequence

import numpy as np

from jaxsim.report.chapter import Cell, Chapter, Figure, Part, Spec, Table
from jaxsim.report.charts import curve, numbers, panel
from jaxsim.report.errors import band_note, error_word, errors_of
from jaxsim.report.schema import at_k
from jaxsim.report.story import Story
from jaxsim.wording import number


def describe_labels(story: Story, k: int) -> str:
    """In which last step neighbours share the first label most, and how often they would by chance.

    Args:
        story: What the study has.
        k: Number of neighbours.
    """
    if story.labels is None:
        raise ValueError("Expected a study with labels.")
    chosen = at_k(story.labels, k).isel(label=0)
    owners, values, errors = chosen["model"].values.astype(str), chosen["overlap"].values, errors_of(chosen, "overlap")
    last = []
    for model in dict.fromkeys(owners.tolist()):
        own = np.flatnonzero((owners == model) & np.isfinite(values))
        last += [(float(values[own[-1]]), float(errors[own[-1]]), model)] if len(own) else []
    label = str(chosen["label"].item())
    if not last:
        return f"How well the steps separate {label} is undefined."
    least, most = min(last), max(last)
    said = (
        f"Neighbours share the {label} most in the last step of {most[2]} ({number(most[0])}; by chance "
        f"{number(float(chosen['chance']))})"
    )
    near = len(last) > 1 and most[0] - least[0] <= 2 * (np.nan_to_num(most[1]) + np.nan_to_num(least[1]))
    return f"{said}, all last steps within two {error_word(chosen, 'overlap')}s." if near else f"{said}."


def _curves(story: Story, place: int, k: int) -> Spec:
    if story.labels is None:
        raise ValueError("Expected a study with labels.")
    chosen = at_k(story.labels, k).isel(label=place)
    label = str(chosen["label"].item())
    owners, errors = chosen["model"].values.astype(str), errors_of(chosen, "overlap")
    curves = []
    for model in dict.fromkeys(owners.tolist()):
        own = owners == model
        curves.append(
            curve(
                model, chosen["depth"].values[own], chosen["overlap"].values[own], a=story.place(model),
                error=errors[own], points=True, labels=chosen["step_name"].values[own].astype(str).tolist(),
            )
        )  # fmt: skip
    control = None if story.control is None else story.control.labels
    if control is not None and label in control["label"].values.astype(str):
        beside = at_k(control, k).sel(label=label)
        of = beside["model"].values.astype(str)
        for model in dict.fromkeys(of.tolist()):
            x, y = beside["depth"].values[of == model], beside["overlap"].values[of == model]
            curves.append(curve(f"{model}, random weights", x, y, a=story.place(model), twin=True))
    rules = [(float(chosen["chance"]), "chance"), (float(chosen["ceiling"]), "ceiling")]
    title = f"{label}, {int(chosen['n_classes'])} classes"
    return panel(curves, title=title, y="share of neighbours", rules=rules)


def _rows(story: Story, k: int) -> list[list[Cell]]:
    if story.labels is None:
        return []
    chosen = at_k(story.labels, k).transpose("step", "label", ...)
    errors = errors_of(chosen, "overlap")
    rows: list[list[Cell]] = []
    for at in range(chosen.sizes["step"]):
        model, step = str(chosen["model"].values[at]), str(chosen["step_name"].values[at])
        for place, label in enumerate(chosen["label"].values.astype(str).tolist()):
            measured = (chosen["overlap"].values[at, place], errors[at, place])
            limits = (chosen["chance"].values[place], chosen["ceiling"].values[place])
            depth = chosen["depth"].values[at]
            rows.append(
                [model, story.flags.marked(model, step), *numbers([depth]), label, *numbers([*measured, *limits])]
            )
    return rows


def _parts(story: Story) -> Sequence[Part]:
    known = story.labels
    if known is None:
        return []
    twins = story.control is not None and story.control.labels is not None
    return [
        Figure(
            "labels",
            "How often neighbours share a label",
            "Line charts, one per label: how often nearest neighbours share it, against relative depth.",
            "lines",
            lambda k: {"panels": [_curves(story, place, k) for place in range(known.sizes["label"])]},
            lambda k: describe_labels(story, k),
            key="Dotted: chance, and the most that any step can reach. "
            + band_note(known, "overlap")
            + (" Dashed: random weights." if twins else ""),
        ),
        Table(
            "label-steps",
            "Every step and label",
            ("model", "step", "depth", "label", "overlap", "± error", "chance", "ceiling"),
            lambda k: _rows(story, k),
        ),
    ]


CHAPTER = Chapter("separation", "How well labels separate", lambda story: story.labels is not None, _parts, half=True)
