"""How the study was made, in a closed fold: settings, models, warnings, versions, and the command for it."""

from collections.abc import Sequence

from jaxsim.report.chapter import Chapter, Part
from jaxsim.report.facts import StudyFacts
from jaxsim.report.markup import Markup, joined, table, tag
from jaxsim.report.steps import describe_constant
from jaxsim.report.story import Story
from jaxsim.wording import counted, number

HASH_LENGTH = 12
#: Attribute of a study that says how it was asked for, as a line of a shell or of Python.
COMMAND = "command"


def notices(story: Story) -> list[tuple[str, list[str]]]:
    """What a reader should be wary of: headings with their lines; none where there is nothing.

    Args:
        story: What the study has.
    """
    facts, flags = story.facts, story.flags
    signs = flags.signs
    lines = [f"{signs[each]} {each}" if each in signs else each for each in facts.warnings]
    # What is said of a step need not be among the warnings of the study.
    lines += [note for note in flags.notes() if not any(note.endswith(f": {each}") for each in facts.warnings)]
    constant = describe_constant(story.results)
    found = [(counted(len(lines), "warning"), lines)] if lines else []
    found += [("steps without information", constant)] if constant else []
    if facts.damaged:
        found.append((f"{counted(len(facts.damaged), 'damaged image')} left out for every model", list(facts.damaged)))
    return found


def notice(story: Story) -> Markup:
    """One line under the title that leads to what a reader should be wary of; nothing where there is nothing."""
    found = notices(story)
    if not found:
        return joined()
    words = ", ".join(title for title, _ in found)
    return tag("p", tag("a", f"Mind: {words}", href="#provenance"), class_="notice", role="note")


def _settings(facts: StudyFacts, usual: bool) -> Markup:
    everyone = " (all)" if facts.n_queries == facts.n_samples else ""
    entries = [
        (f"{facts.sample.capitalize()}s N", f"{facts.n_samples:,}"),
        ("Queries", f"{facts.n_queries:,}{everyone}"),
        ("Neighbours k", ", ".join(map(str, facts.k))),
        ("Floor (k + 1) / N" if usual else "Value of equal layers", ", ".join(number(floor) for floor in facts.floor)),
        ("Pooling", facts.pool),
        ("Metric", facts.metric),
        ("Ties", facts.ties),
        ("Seed", facts.seed),
        (f"{facts.sample.capitalize()}s", "features alone" if facts.sample == "sample" else facts.images),
        ("Created", f"{facts.created}, jaxsim {facts.jaxsim_version}"),
        *((name, value or "none") for name, value in facts.further.items() if name != COMMAND),
        ("Versions", ", ".join(f"{name} {version}" for name, version in facts.versions.items()) or "not recorded"),
    ]
    rows = (tag("div", tag("dt", term), tag("dd", value or "not recorded")) for term, value in entries)
    return tag("dl", *rows, class_="facts")


def _models(story: Story) -> Markup:
    rows = [
        [
            joined(swatch(story.colours[model.name]), model.name),
            model.family or "not recorded",
            tag("code", model.source) if model.source else "not recorded",
            tag("code", model.weights_hash[:HASH_LENGTH]) if model.weights_hash else "not recorded",
            str(model.n_steps),
        ]
        for model in story.facts.models
    ]
    caption = f"Weights by the first {HASH_LENGTH} digits of their SHA-256."
    return table(["Model", "Family", "Source", "Weights", "Steps"], rows, caption=caption, numeric_from=4)


def swatch(colour: str) -> Markup:
    """A small square in a model's colour; it decorates a name that stands beside it."""
    return tag("span", class_="swatch", style=f"background:{colour}", aria_hidden="true")


def _commands(story: Story) -> list[Markup]:
    """The command and the configuration that made the study, where they are known."""
    found = [("Command", story.facts.further.get(COMMAND, "")), ("Configuration", story.config)]
    return [joined(tag("h3", title), tag("pre", tag("code", text))) for title, text in found if text]


def _parts(story: Story) -> Sequence[Part]:
    listed = (
        joined(tag("h3", f"{title[0].upper()}{title[1:]}"), tag("ul", *(tag("li", line) for line in lines)))
        for title, lines in notices(story)
    )
    inside = (*_commands(story), *listed, _models(story), _settings(story.facts, story.measure.usual))
    return [tag("details", tag("summary", "Settings, models, warnings, versions"), *inside, class_="provenance")]


CHAPTER = Chapter("provenance", "How it was made", lambda _story: True, _parts)
