"""How to read the page: what the measure asks, its range, its direction, errors and intervals."""

from jaxsim.report.control import describe_missing_intervals
from jaxsim.report.errors import QUERY_ROWS, SAMPLING, is_sampling
from jaxsim.report.markup import Markup, tag
from jaxsim.report.story import Story
from jaxsim.wording import counted, number, percent


def lead(story: Story) -> str:
    """What the numbers of the page are, in one sentence."""
    measure = story.measure
    if measure.usual:
        return (
            f"Measured by the information imbalance {measure.symbol}: how badly a sample's nearest neighbours at one "
            "step predict those at another, from 0 (fully predicted) to 1 (unrelated)."
        )
    turned = ", a similarity turned round so that 0 is alike" if measure.turned else ""
    return f"Measured by {measure.title}{turned}."


def reading(story: Story) -> Markup:
    """The fold that explains the measure, its errors and its intervals."""
    facts, measure = story.facts, story.measure
    paragraphs: list[list[str]] = []
    if measure.usual:
        least = min(range(len(facts.k)), key=lambda place: facts.k[place])
        beside = (facts.k[least] + 1) / facts.n_samples
        # With groups a row ranks the samples of other groups alone.
        ranked = ", N being a sample and those outside its group" if facts.floor[least] > beside + 1e-9 else ""
        floor = f"here {number(facts.floor[least])}" + (f" for k = {facts.k[least]}" if len(facts.k) > 1 else "")
        paragraphs = [
            [
                tag("strong", "What Δ asks. "),
                "Take each sample's k nearest neighbours at a step of model A and look up how near they rank at a step "
                "of model B. ",
                tag("span", measure.of("A", "B"), class_="formula"),
                " is twice their average rank, divided by the number of samples N. By chance it can exceed 1.",
            ],
            [
                tag("strong", "Direction. "),
                "If A knows all that B knows and more, Δ(A → B) is small and Δ(B → A) is not.",
            ],
            [
                tag("strong", "The floor. "),
                f"Two identical steps give exactly (k + 1) / N, {floor}{ranked}. Δ depends on N, so compare numbers "
                "only with studies on as many samples.",
            ],
        ]
    elif measure.turned:
        text = (
            f"{measure.title} is a similarity; the page shows it taken off its largest value, so that low means alike."
        )
        paragraphs.append([tag("strong", "The measure. "), text])
    depth = "runs from 0 (first step) to 1 (last step) in every model, whatever its number of steps."
    paragraphs += [
        [tag("strong", "Errors. "), _errors(story)],
        [tag("strong", "Intervals. "), _intervals(story)],
        [tag("strong", "Relative depth "), depth],
        [
            tag("strong", "Answers. "),
            "Yes and no need every effect that they rest on to differ from nothing by its p, corrected for how many "
            "there are, below 0.05; some but not all make it mixed; none, and it cannot be told. Ticks under a "
            "number are all its effects, the grey mark is that of random weights.",
        ],
    ]
    body = tag("div", *(tag("p", *paragraph) for paragraph in paragraphs), class_="reading")
    return tag("details", tag("summary", "How to read this page"), body, id="reading")


def _errors(story: Story) -> str:
    shared = "Models share the samples, so errors of different cells are not independent of each other."
    if is_sampling(story.results, "imbalance"):
        return f"± is one {SAMPLING}; pointing at a cell also gives its {QUERY_ROWS}. {shared}"
    return f"± is one {QUERY_ROWS}: new samples would move a value by more than that. {shared}"


def _intervals(story: Story) -> str:
    if story.findings is None:
        return describe_missing_intervals(story.facts.n_samples)
    attrs = story.findings.attrs
    everything = counted(attrs["n_samples"], story.facts.sample)
    return (
        f"[low, high] is a {percent(attrs['level'])} interval around the value of all {everything}. "
        f"It comes from {counted(attrs['n_splits'], 'split')} into balanced halves; samples stay together in "
        f"{attrs['n_groups']} groups. The seed is {attrs['seed']}, and t has {attrs['degrees_of_freedom']:g} degrees "
        "of freedom. Intervals are one by one: of 100 effects that are nothing, about "
        f"{100 * (1 - attrs['level']):.0f} seem to be something."
    )
