"""The sections along the depth of the models: distance, best match, smoothness, each with its table."""

import numpy as np
import xarray as xr

from jaxsim.report import alignment, sentences
from jaxsim.report.errors import band_note, error_meaning, error_word, errors_of
from jaxsim.report.header import swatch
from jaxsim.report.markup import Markup, joined, table, tag
from jaxsim.report.schema import at_k
from jaxsim.report.sentences import number, with_error
from jaxsim.report.story import Story, footnotes, per_k, plot_figure

MOST_ROWS = 15
THIN_LINES = " Thin lines are the same architectures with random weights, without intervals."


def between_models(story: Story) -> Markup:
    """Distance of the models along their depth."""
    if story.between is None:
        raise ValueError(
            "Expected a study with at least one pair of models. Leave this section out for a single model."
        )
    between = story.between
    word, flags = error_word(between, "distance"), story.flags

    def rows(k: int) -> Markup:
        listing = [
            [
                f"{peak.model_a}, {peak.model_b}",
                f"{flags.marked(peak.model_a, peak.step_a)} / {flags.marked(peak.model_b, peak.step_b)}",
                f"{peak.t:.2f}",
                with_error(peak.distance, peak.error),
                alignment.in_stretches(peak.spans),
                f"{peak.lowest_t:.2f}",
                number(peak.lowest),
            ]
            for peak in alignment.peaks(between, k=k)
        ]
        head = [
            "Models",
            "Most different step",
            "Depth",
            "Distance",
            "Within 2 errors",
            "Closest at",
            "Distance",
        ]
        return table(
            head,
            listing,
            caption=f"The most different processing step of each pair, the depths within two {word}s of it, and where "
            f"the pair is closest; ± one {error_meaning(between, 'distance')}.",
            numeric_from=2,
            class_=_tall(listing),
        )

    figure = plot_figure(
        story,
        "between",
        lambda k: alignment.describe_peaks(alignment.peaks(between, k=k)),
        "Mean of both directions between the steps nearest to each relative depth. A ring marks the peak, the most "
        "different "
        f"processing step. {band_note(between, 'distance')}{_thin(story)}",
    )
    shown = [peak for k in story.facts.k for peak in alignment.peaks(between, k=k)]
    labels = [f"{peak.model_a}/{peak.step_a}" for peak in shown] + [f"{peak.model_b}/{peak.step_b}" for peak in shown]
    title = tag("h2", "Distance along the depth")
    return tag("section", title, figure, per_k(story.facts.k, rows), footnotes(story, labels), id="between")


def best_match(story: Story) -> Markup:
    """Where each step finds its closest counterpart."""
    if story.between is None:
        raise ValueError(
            "Expected a study with at least one pair of models. Leave this section out for a single model."
        )
    between = story.between

    def rows(k: int) -> Markup:
        found = alignment.alignments(between, story.results, k=k)
        tested = any(np.isfinite(row.offset_p) for row in found)
        listing = [
            [
                f"{row.source} → {row.target}",
                number(row.offset),
                number(row.spread),
                f"{row.within_tenth} of {row.n_steps}",
                *([_cell(row.offset_p), _cell(row.spearman)] if tested else []),
            ]
            for row in found
        ]
        head = ["Steps of → matched in", "Mean offset", "If spread evenly", "Within 0.1"]
        caption = "Offset in relative depth between a step and its closest step in the other model."
        if tested:
            head += ["p of offset", "Spearman"]
            caption += " p: how often shuffled matches lie as near. Spearman: correlation of the two depths."
        return table(
            head,
            listing,
            caption=caption,
            class_=_tall(listing),
        )

    figure = plot_figure(
        story,
        "best-match",
        lambda k: alignment.describe_alignments(alignment.alignments(between, story.results, k=k)),
        "For each step, the relative depth of the closest step of the other model (smallest mean of both "
        "directions). On the grey diagonal steps match at equal depth.",
    )
    return tag("section", tag("h2", "Depth of the best match"), figure, per_k(story.facts.k, rows), id="best-match")


def smoothness(story: Story) -> Markup:
    """Step changes, the fixed-step profile and their summary."""
    key = f"Change between consecutive steps at their middle depth. {band_note(story.smoothness, 'mean')}"
    profiles = plot_figure(story, "smoothness", lambda k: sentences.describe_smoothness(story.smoothness, k=k), key)
    h = float(story.smoothness["fixed_step"].attrs.get("h", np.nan))
    origin = str(story.smoothness.attrs.get("h_from", ""))
    stretch = f" (h = {h:.3g}{', ' if origin else ''}{origin})" if np.isfinite(h) else ""
    fixed = plot_figure(
        story,
        "fixed-step",
        lambda k: sentences.describe_fixed_step(story.smoothness, k=k, findings=story.findings),
        f"Change from relative depth t to t + h{stretch}, between the steps nearest to each; "
        f"the same h for every model, undefined where t + h > 1. "
        f"{band_note(story.smoothness, 'fixed_step')}{_thin(story)}",
    )
    return tag(
        "section",
        tag("h2", "Smoothness of processing"),
        profiles,
        per_k(story.facts.k, lambda k: _summary(story, k)),
        tag("h3", "Over equal stretches of depth", id="fixed-step"),
        fixed,
        per_k(story.facts.k, lambda k: _changes(story, k)),
        footnotes(story),
        id="smoothness",
    )


def _summary(story: Story, k: int) -> Markup:
    chosen = at_k(story.smoothness, k)
    models = chosen["model"].values.astype(str)
    rows = []
    for place, name in enumerate(chosen["model_name"].values.astype(str)):
        own = (models == name) & np.isfinite(chosen["mean"].values)
        marked = int(chosen["marked"].values[own].sum())
        values = [
            _measured(chosen, f"{what}{suffix}", place)
            for suffix in ("", "_unmarked")
            for what in ("mean_change", "max_change", "roughness")
        ]
        heading = joined(swatch(story.colours[name]), name) if name in story.colours else name
        rows.append([heading, str(int(own.sum())), *values[:3], str(marked), *values[3:]])
    head = [
        "Model",
        "Changes",
        "Mean",
        "Max",
        "Roughness",
        "Marked",
        "Mean, unmarked",
        "Max, unmarked",
        "Roughness, unmarked",
    ]
    return table(
        head,
        rows,
        caption="Step changes (mean of both directions); roughness is their standard deviation. "
        "Marked changes go along with a change of resolution or width; the last three columns leave them out. "
        f"± one {error_meaning(chosen, 'mean_change')}.",
    )


def _changes(story: Story, k: int) -> Markup:
    chosen = at_k(story.smoothness, k)
    columns = [chosen[name].values for name in ("model", "step_from", "step_to", "depth", "marked")]
    directions = ("forward", "backward", "mean")
    numbers = [
        [with_error(float(v), float(e)) for v, e in zip(chosen[name].values, errors_of(chosen, name), strict=True)]
        for name in directions
    ]
    flags = story.flags
    rows = [
        [
            str(model),
            f"{flags.marked(str(model), str(start))} → {flags.marked(str(model), str(stop))}",
            "yes" if marked else "",
            f"{float(depth):.2f}",
            *values,
        ]
        for model, start, stop, depth, marked, *values in zip(*columns, *numbers, strict=True)
    ]
    meanings = [error_meaning(chosen, name) for name in directions]
    told = [f"of {name} one {meaning}" for name, meaning in zip(directions, meanings, strict=True)]
    both = f"± {f'one {meanings[0]}' if len(set(meanings)) == 1 else sentences.listed(told)}"
    listing = table(
        ["Model", "Steps", "Marked", "Depth", "Forward", "Backward", "Mean"],
        rows,
        caption=f"Every step change; {both}.",
        numeric_from=3,
        class_="tall",
    )
    return tag("details", tag("summary", "All step changes as a table"), listing)


def _measured(chosen: xr.Dataset, name: str, place: int) -> str:
    """A summary of one model, with its error where the study has that."""
    value, error = float(chosen[name].values[place]), float(errors_of(chosen, name)[place])
    return with_error(value, error) if np.isfinite(value) else "–"


def _thin(story: Story) -> str:
    """What the thin lines of a figure are, where there are some."""
    return THIN_LINES if story.control is not None else ""


def _tall(rows: list[list[str]]) -> str | None:
    """Long tables scroll."""
    return "tall" if len(rows) > MOST_ROWS else None


def _cell(value: float) -> str:
    return number(value) if np.isfinite(value) else "–"
