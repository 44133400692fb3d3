"""The first screen: three questions, each with its answer, a chart and the number that stands for it."""

import math

import numpy as np
import xarray as xr

from jaxsim.report.chapter import Figure, file_links
from jaxsim.report.chapters.information import drawn_spaces
from jaxsim.report.chapters.smoothness import stretches_drawn
from jaxsim.report.charts import Spec
from jaxsim.report.effects import main_space, space_title
from jaxsim.report.markup import Markup, joined, tag
from jaxsim.report.schema import at_k
from jaxsim.report.story import Story, per_k
from jaxsim.wording import decimals_for, p_value, signed

WIDTH, HEIGHT = 300, 26
#: Claim -> the kind of findings that it rests on, and what their values are.
CLAIMS = {
    "order": ("alignment", "how much nearer in depth than shuffled matches"),
    "information": ("information_change", "rise of {symbol} to {space}, first to last step"),
    "smoothness": ("smoothness_difference", "difference in mean {symbol} over equal stretches"),
}


def cards(story: Story) -> Markup:
    """The answers beside each other; nothing where the study comes without them."""
    found = story.verdicts
    if found is None:
        return joined()
    charts = small_charts(story)
    shown = []
    for place, claim in enumerate(found["claim"].values.astype(str).tolist()):
        name = f"{claim}-answer"

        def answered(k: int, place: int = place, claim: str = claim) -> Markup:
            return _answered(story, claim, at_k(found, k).isel(claim=place), k)

        chart = tag("div", class_="chart small", data_figure=name), tag("p", file_links(name), class_="key")
        shown.append(
            tag(
                "article",
                tag("h2", str(found["question"].values[place])),
                per_k(story.facts.k, answered),
                joined(*chart) if name in charts else joined(),
                class_="card",
                id=name,
            )
        )
    return tag("div", *shown, class_="cards", id="answers")


def figures(story: Story) -> list[Figure]:
    """The small charts of the cards."""
    titles = {
        "order-answer": ("Depth of the best match", "relative depth of every step's best match against the own depth"),
        "information-answer": ("What the steps hold", "how well every step predicts it, against relative depth"),
        "smoothness-answer": ("Change over equal stretches of depth", "change over equal stretches against depth"),
    }
    return [
        Figure(name, titles[name][0], f"Small line chart: {titles[name][1]}.", "lines", lambda _k, drawn=drawn: drawn)
        for name, drawn in small_charts(story).items()
    ]


def small_charts(story: Story) -> dict[str, Spec]:
    """The charts of the cards, by name: which panel of which figure of the page each shows."""
    found: dict[str, Spec] = {}
    if story.verdicts is None:
        return found
    # A line needs two places: a model of one step has one depth, and one of two steps a single stretch.
    lines = story.results.sizes["source"] > len(story.models)
    if lines and story.between is not None and story.between.sizes.get("match", 0):
        found["order-answer"] = {"same": "best-match", "panel": 0}
    if lines and story.information is not None:
        space = main_space(story.information["space"].values)
        drawn = drawn_spaces(story.information)
        found["information-answer"] = {"same": "information", "panel": drawn.index(space) if space in drawn else 0}
    if len(story.models) > 1 and len(stretches_drawn(story)) > 1:
        found["smoothness-answer"] = {"same": "equal-stretches", "panel": 0}
    return found


def _answered(story: Story, claim: str, verdict: xr.Dataset, k: int) -> Markup:
    """The answer for one k: a word, a sentence, and the number that stands for it with its interval and control."""
    told, beside = str(verdict["verdict"].item()), str(verdict["against_control"].item())
    word = tag("p", told, class_=f"verdict {told.replace(' ', '-')}")
    answer = tag("p", f"{verdict['answer'].item()}.")
    against = tag("p", f"{beside[0].upper()}{beside[1:]}.", class_="key") if beside else joined()
    value, low, high, p, control = (float(verdict[name]) for name in ("value", "low", "high", "p_corrected", "control"))
    if not math.isfinite(value):
        return joined(word, answer, against)
    known = math.isfinite(low) and math.isfinite(high)
    decimals = decimals_for(high - value) if known else 3
    between = f"[{signed(low, decimals)}, {signed(high, decimals)}]" if known else "no interval"
    chance = f", p {p_value(p)}" if math.isfinite(p) else ""
    everything = _all_effects(story, claim, str(verdict["space"].item()), k)
    a, b = str(verdict["a"].item()), str(verdict["b"].item())
    of = f"{a} \u2212 {b}" if claim == "smoothness" else f"{a}, {b}" if b else a
    role, space = str(verdict["role"].item()), space_title(str(verdict["space"].item()))
    what = CLAIMS[claim][1].format(symbol=story.measure.symbol, space=space) if claim in CLAIMS else ""
    marks = [f"Ticks: all {len(everything)}."] if len(everything) > 1 else []
    marks += ["Grey: random weights."] if math.isfinite(control) else []
    return joined(
        word,
        answer,
        against,
        tag("p", tag("strong", signed(value, decimals)), f" {between}{chance}", class_="headline"),
        _strip(value, low, high, control, everything),
        tag("p", " ".join([f"{of}{f', {role}' if role else ''}: {what}.", *marks]), class_="key"),
    )


def _all_effects(story: Story, claim: str, space: str, k: int) -> list[float]:
    """The values of all effects that an answer rests on."""
    if story.findings is None or claim not in CLAIMS:
        return []
    chosen = at_k(story.findings, k)
    own = (chosen["kind"].values == CLAIMS[claim][0]) & (chosen["space"].values == space)
    values = chosen["value"].values[own]
    return values[np.isfinite(values)].tolist()


def _strip(value: float, low: float, high: float, control: float, everything: list[float]) -> Markup:
    """A number with its interval on a line with 0, the control a grey mark, all effects ticks."""
    ends = [each for each in (value, low, high, control, 0.0, *everything) if math.isfinite(each)]
    least, most = min(ends), max(ends)
    unit = (WIDTH - 24) / ((most - least) or 1.0)

    def at(place: float) -> str:
        return f"{12 + (place - least) * unit:.1f}"

    parts: list[Markup] = [
        tag("line", x1=6, x2=WIDTH - 6, y1=18, y2=18, class_="axis-line"),
        tag("line", x1=at(0.0), x2=at(0.0), y1=4, y2=22, class_="zero-line"),
        tag("path", d="".join(f"M{at(each)} 14v8" for each in everything), class_="all-marks"),
    ]
    told = signed(value)
    if math.isfinite(low) and math.isfinite(high):
        parts.append(tag("line", x1=at(low), x2=at(high), y1=12, y2=12, class_="interval-line"))
        told += f", interval {signed(low)} to {signed(high)}"
    if math.isfinite(control):
        parts.append(tag("circle", cx=at(control), cy=12, r=5, class_="control-mark"))
        told += f", random weights {signed(control)}"
    parts.append(tag("circle", cx=at(value), cy=12, r=5, class_="value-mark"))
    described = "The effect with its interval; grey: random weights; ticks: all effects; dashed: 0."
    texts, box = (tag("title", told), tag("desc", described)), f"0 0 {WIDTH} {HEIGHT}"
    return tag("svg", *texts, *parts, viewBox=box, class_="strip", role="img", aria_label=told)
