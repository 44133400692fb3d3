"""The first screen: three questions, each with its answer, a chart and the number that stands for it."""

import math
from collections.abc import Callable

from jaxsim.report.chapter import Figure, Spec, file_links
from jaxsim.report.chapters.information import drawn_spaces
from jaxsim.report.effects import decimals_for, main_space, signed
from jaxsim.report.markup import Markup, joined, tag
from jaxsim.report.story import Story, per_k
from jaxsim.report.verdicts import (
    Verdict,
    information_verdict,
    order_verdict,
    smoothness_verdict,
    told_space,
)

WIDTH, HEIGHT = 300, 26


def cards(story: Story) -> Markup:
    """The three answers beside each other."""
    questions: list[tuple[str, str, Callable[[Story, int], Verdict], str]] = [
        ("order", "Same order of steps?", order_verdict, "how much nearer in depth than shuffled matches"),
        (
            "given-up",
            f"Is {told_space(story)} given up?".replace("Is the image statistics", "Are image statistics"),
            information_verdict,
            f"change of {story.measure.symbol} to the statistic, first to last step",
        ),
        (
            "smoother",
            "Does one model change more smoothly?",
            smoothness_verdict,
            f"difference in mean {story.measure.symbol} over equal stretches",
        ),
    ]
    charts = small_charts(story)
    return tag(
        "div",
        *(
            tag(
                "article",
                tag("h2", question),
                per_k(story.facts.k, lambda k, answer=answer, what=what: _answered(answer(story, k), what)),
                joined(tag("div", class_="chart small", data_figure=name), tag("p", file_links(name), class_="key"))
                if name in charts
                else joined(),
                class_="card",
                id=name,
            )
            for name, question, answer, what in questions
        ),
        class_="cards",
        id="answers",
    )


def figures(story: Story) -> list[Figure]:
    """The small charts of the cards."""
    titles = {
        "order": ("Depth of the best match", "relative depth of every step's best match against the own depth"),
        "given-up": (f"What is held of {told_space(story)}", "how well every step predicts it, against relative depth"),
        "smoother": ("Change over equal stretches of depth", "change over equal stretches against relative depth"),
    }
    return [
        Figure(name, titles[name][0], f"Small line chart: {titles[name][1]}.", "lines", lambda _k, drawn=drawn: drawn)
        for name, drawn in small_charts(story).items()
    ]


def small_charts(story: Story) -> dict[str, Spec]:
    """The charts of the cards, by name: which panel of which figure of the page each shows."""
    found: dict[str, Spec] = {}
    if story.between is not None and story.between.sizes.get("match", 0):
        found["order"] = {"same": "best-match", "panel": 0}
    if story.information is not None:
        space = main_space(story.information["space"].values)
        found["given-up"] = {"same": "information", "panel": drawn_spaces(story.information).index(space)}
    if len(story.models) > 1:
        found["smoother"] = {"same": "equal-stretches", "panel": 0}
    return found


def _answered(verdict: Verdict, what: str) -> Markup:
    word = tag("p", verdict.word, class_=f"verdict {verdict.word.replace(' ', '-')}")
    number = joined()
    if math.isfinite(verdict.value):
        known = math.isfinite(verdict.low) and math.isfinite(verdict.high)
        decimals = decimals_for(verdict.high - verdict.value) if known else 3
        between = f"[{signed(verdict.low, decimals)}, {signed(verdict.high, decimals)}]" if known else "no interval"
        p = "" if not math.isfinite(verdict.p) else ", p < 0.001" if verdict.p < 0.001 else f", p = {verdict.p:.3f}"
        number = joined(
            tag("p", tag("strong", signed(verdict.value, decimals)), f" {between}{p}", class_="headline"),
            _strip(verdict),
            tag("p", f"{verdict.of}: {what}", class_="key"),
        )
    return joined(word, tag("p", verdict.sentence), number)


def _strip(verdict: Verdict) -> Markup:
    """The number with its interval on a line with 0, the control a grey mark."""
    ends = [each for each in (verdict.value, verdict.low, verdict.high, verdict.control, 0.0) if math.isfinite(each)]
    low, high = min(ends), max(ends)
    unit = (WIDTH - 24) / ((high - low) or 1.0)

    def at(value: float) -> str:
        return f"{12 + (value - low) * unit:.1f}"

    parts: list[Markup] = [
        tag("line", x1=6, x2=WIDTH - 6, y1=18, y2=18, class_="axis-line"),
        tag("line", x1=at(0.0), x2=at(0.0), y1=4, y2=22, class_="zero-line"),
    ]
    told = f"{signed(verdict.value)}"
    if math.isfinite(verdict.low) and math.isfinite(verdict.high):
        parts.append(tag("line", x1=at(verdict.low), x2=at(verdict.high), y1=12, y2=12, class_="interval-line"))
        told += f", interval {signed(verdict.low)} to {signed(verdict.high)}"
    if math.isfinite(verdict.control):
        parts.append(tag("circle", cx=at(verdict.control), cy=12, r=5, class_="control-mark"))
        told += f", random weights {signed(verdict.control)}"
    parts.append(tag("circle", cx=at(verdict.value), cy=12, r=5, class_="value-mark"))
    texts = tag("title", told), tag("desc", "The effect with its interval; grey: random weights; the upright line: 0.")
    box = f"0 0 {WIDTH} {HEIGHT}"
    return tag("svg", *texts, *parts, viewBox=box, class_="strip", role="img", aria_label=told)
