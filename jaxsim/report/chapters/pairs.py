"""Two models at a time: heat maps of both directions, distance along the depth and best matches, by one selector."""

from collections.abc import Sequence

from jaxsim.report.alignment import Alignment, Peak, alignments, in_stretches, peaks
from jaxsim.report.chapter import Cell, Chapter, Figure, Part, Row, Spec, Table
from jaxsim.report.chapters.overview import block, map_key, mean_of
from jaxsim.report.charts import curve, panel, rounded
from jaxsim.report.errors import band_note, errors_of
from jaxsim.report.markup import Markup, tag
from jaxsim.report.schema import at_k
from jaxsim.report.story import Story
from jaxsim.wording import all_counted, counted, number


def describe_peaks(found: Sequence[Peak]) -> str:
    """Where along the depth models are most different: of one pair the place, of several how many peak half way."""
    if not found:
        return "No distance between two models is defined."
    if len(found) == 1:
        (one,) = found
        if one.flat:
            return f"No depth stands out: the curve stays within two {one.word}s of its highest value."
        ends = f"{one.model_a}/{one.step_a} and {one.model_b}/{one.step_b}"
        return f"{ends}, the steps nearest to depth {one.t:.2f}, are most different, by {number(one.distance)}."
    inner = sum(0.25 <= peak.t <= 0.75 and not peak.flat for peak in found)
    return f"{inner} of {counted(len(found), 'pair')} are most different in the middle half of the depth."


def describe_matches(found: Sequence[Alignment]) -> str:
    """How far in depth best matches lie, against an even spread."""
    if not found:
        return "There is no other model to match steps with."
    offset, spread = (sum(getattr(row, name) for row in found) / len(found) for name in ("offset", "spread"))
    return (
        f"A best match lies {number(offset)} of the depth away on average, where an even spread would give "
        f"{number(spread)}."
    )


def describe_pair(story: Story, a: str, b: str, k: int) -> str:
    """Which direction of a pair is lower, or, of one model, whether its first or its last step tells more."""
    value, error = block(story.results, a, b, k)
    back, back_error = block(story.results, b, a, k)
    if a == b:
        informative = [place for place in range(len(value)) if value[place, place] == value[place, place]]
        if len(informative) < 2:
            return f"{a} has fewer than two steps that tell samples apart."
        first, last = informative[0], informative[-1]
        there, here = float(value[first, last]), float(value[last, first])
        bound = 2 * (float(error[first, last]) + float(error[last, first]))
        words = ("From the first step of it to the last", "and back")
    else:
        there, here = mean_of(value), mean_of(back)
        bound = 2 * (mean_of(error) + mean_of(back_error))
        words = ("On average from left to right", "and back")
    said = f"{words[0]} {story.measure.symbol} is {number(there)}, {words[1]} {number(here)}"
    if there != there or here != here:
        return f"{story.measure.symbol} is undefined between all steps of {a} and {b}."
    if not story.measure.directed:
        return (
            f"{'First and last step' if a == b else 'On average they'} are at {story.measure.symbol} = {number(there)}."
        )
    return f"{said}." if abs(there - here) > bound else f"{said}: no direction stands out."


def selector(story: Story) -> Markup:
    """The choice of two models that the figures below follow."""

    def choice(name: str, chosen: int) -> Markup:
        options = (tag("option", each, value=at, selected=at == chosen) for at, each in enumerate(story.models))
        return tag("select", *options, id=f"pair-{name}", aria_label=f"Model {name.upper()}")

    second = min(1, len(story.models) - 1)
    turn = tag("button", "⇄", type="button", id="pair-turn", aria_label="Swap the two models", title="Swap")
    line = tag("p", "", class_="said", id="pair-said")
    return tag("div", choice("a", 0), tag("span", "→"), choice("b", second), turn, line, class_="selector")


def pair_sentences(story: Story, k: int) -> list[str]:
    """The sentence of every ordered pair, row by row."""
    return [describe_pair(story, a, b, k) for a in story.models for b in story.models]


def _distances(story: Story, k: int) -> Spec:
    if story.between is None:
        raise ValueError("Expected a study with at least one pair of models.")
    chosen, measure = at_k(story.between, k), story.measure
    curves = []
    errors, found = errors_of(chosen, "distance"), {(p.model_a, p.model_b): p for p in peaks(story.between, k=k)}
    pairs = list(zip(chosen["model_a"].values.astype(str), chosen["model_b"].values.astype(str), strict=True))
    t = chosen["t"].values
    for at, (a, b) in enumerate(pairs):
        top = found.get((str(a), str(b)))
        marks = [] if top is None or top.flat else [int(abs(t - top.t).argmin())]
        curves.append(
            curve(
                f"{a}, {b}", t, chosen["distance"].values[at], a=story.place(a), b=story.place(b), error=errors[at],
                marks=marks,
            )
        )  # fmt: skip
    if story.control is not None and story.control.between is not None:
        beside = at_k(story.control.between, k)
        twins = zip(beside["model_a"].values.astype(str), beside["model_b"].values.astype(str), strict=True)
        for at, (a, b) in enumerate(twins):
            curves.append(
                curve(
                    f"{a}, {b}, random weights", beside["t"].values, beside["distance"].values[at], a=story.place(a),
                    b=story.place(b), twin=True,
                )
            )  # fmt: skip
    return {"panels": [panel(curves, y=measure.both_ways)], "pairs": True}


def _matches(story: Story, k: int) -> Spec:
    if story.between is None:
        raise ValueError("Expected a study with at least one pair of models.")
    chosen = at_k(story.between, k)
    own, other = (chosen[name].values.astype(str) for name in ("match_model_from", "match_model_to"))
    curves = []
    for a, b in dict.fromkeys(zip(own.tolist(), other.tolist(), strict=True)):
        rows = (own == a) & (other == b)
        x, y = chosen["match_depth"].values[rows], chosen["best_depth"].values[rows]
        labels = chosen["best_step"].values[rows].astype(str).tolist()
        curves.append(curve(f"{a} in {b}", x, y, points=True, labels=labels, a=story.place(a), b=story.place(b)))
    drawn = panel(curves, x="relative depth of a step", y="depth of its best match", diagonal=True)
    return {"panels": [drawn], "pairs": True}


def _pair_rows(story: Story, k: int) -> list[list[Cell]]:
    if story.between is None:
        return []
    by_pair: dict[frozenset[str], list[Alignment]] = {}
    for row in alignments(story.between, story.results, k=k):
        by_pair.setdefault(frozenset((row.source, row.target)), []).append(row)
    rows: list[list[Cell]] = []
    for peak in peaks(story.between, k=k):
        matched = by_pair.get(frozenset((peak.model_a, peak.model_b)), [])
        offsets = [rounded(row.offset) for row in matched[:2]] + [None] * (2 - len(matched[:2]))
        rows.append(
            [
                peak.model_a, peak.model_b, rounded(mean_of(block(story.results, peak.model_a, peak.model_b, k)[0])),
                rounded(mean_of(block(story.results, peak.model_b, peak.model_a, k)[0])), rounded(peak.t),
                rounded(peak.distance), rounded(peak.error),
                f"{story.flags.marked(peak.model_a, peak.step_a)} / {story.flags.marked(peak.model_b, peak.step_b)}",
                in_stretches(peak.spans), rounded(peak.lowest_t), rounded(peak.lowest), *offsets,
            ]
        )  # fmt: skip
    return rows


def _parts(story: Story) -> Sequence[Part]:
    title, both_ways = story.measure.title, story.measure.both_ways
    one_way = Row(
        tuple(
            Figure(
                f"pair-{name}",
                words,
                f"Heat map of {title} from the steps of one model (rows) to those of the other (columns): {words}.",
                "map",
                lambda _k, name=name: {"side": name},
                key=map_key(story) if name == "forward" else "",
            )
            for name, words in (("forward", "A → B"), ("backward", "B → A"))
        )
    )
    between = story.between
    if between is None:
        return [selector(story), one_way]
    twins = " Dashed: random weights." if story.control is not None and story.control.between is not None else ""
    curves = [
        Figure(
            "distance",
            "How far apart, along the depth",
            "Line chart: distance between models against relative depth, the peaks ringed.",
            "lines",
            lambda k: _distances(story, k),
            lambda k: describe_peaks(peaks(between, k=k)),
            key="At every depth the steps nearest to it. Bold: the pair chosen above. A ring: its peak. "
            f"{band_note(between, 'distance')}{twins}",
        )
    ]
    if between.sizes.get("match", 0):
        curves.append(
            Figure(
                "best-match",
                "Where each step finds its best match",
                "Line chart: relative depth of the closest step of the other model against the depth of the own step.",
                "lines",
                lambda k: _matches(story, k),
                lambda k: describe_matches(alignments(between, story.results, k=k)),
                key="On the grey diagonal, steps match at equal depth.",
            )
        )
    pairs = Table(
        "pairs",
        f"{all_counted(between.sizes['pair'], 'pair')} of models",
        (
            *("A", "B", f"mean {story.measure.of('A', 'B')}", f"mean {story.measure.of('B', 'A')}", "depth of peak"),
            *(
                f"distance ({both_ways})",
                "± error",
                "steps at the peak",
                "within two errors",
                "closest at",
                "distance there",
            ),
            *("offset of matches, A in B", "B in A"),
        ),
        lambda k: _pair_rows(story, k),
        key="Of the steps nearest to evenly spaced depths: where each pair is most different, which depths cannot be "
        "told from that peak, where it is closest.",
    )
    return [selector(story), one_way, Row(tuple(curves)), pairs]


CHAPTER = Chapter("pair", "Two models at a time", lambda _story: True, _parts)
