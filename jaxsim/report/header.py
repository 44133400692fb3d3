"""The top of the page: what was compared, on what, with which settings, and what to be wary of."""

from collections.abc import Mapping, Sequence

from jaxsim.report.facts import StudyFacts
from jaxsim.report.markup import Markup, joined, table, tag
from jaxsim.report.sentences import counted, listed, number
from jaxsim.report.steps import Flags

HASH_LENGTH = 12


def masthead(facts: StudyFacts, colours: Mapping[str, str], *, constant: Sequence[str] = (), flags: Flags) -> Markup:
    """Title, settings, models, warnings, steps without information and damaged images.

    Args:
        facts: Settings and models.
        colours: CSS colour of every model.
        constant: What is said of the steps that are the same for all images.
        flags: Steps that warnings are about.
    """
    names = [model.name for model in facts.models]
    shown = names if len(names) <= 4 else [*names[:3], f"{len(names) - 3} more"]
    return tag(
        "header",
        tag("p", "jaxsim · similarity of processing steps", class_="kicker"),
        tag("h1", listed(shown)),
        tag("p", _lead(facts), class_="lead"),
        *_warnings(facts, flags),
        *_constant(constant),
        _settings(facts),
        _models(facts, colours),
        _versions(facts),
        *_damaged(facts),
        class_="masthead",
    )


def _lead(facts: StudyFacts) -> str:
    steps = sum(model.n_steps for model in facts.models)
    by = "measured by the information imbalance Δ."
    if facts.measure:
        by = f"measured by {facts.measure} as a dissimilarity, which is what Δ stands for on this page."
    if len(facts.models) == 1:
        return (
            f"How the representation of {counted(facts.n_samples, 'image')} changes along the "
            f"{counted(steps, 'processing step')} of one model, {by}"
        )
    return (
        f"Which of the {counted(steps, 'processing step')} of {len(facts.models)} models carry the same "
        f"information about "
        f"{counted(facts.n_samples, 'image')}, and in which direction it is lost, {by}"
    )


def _settings(facts: StudyFacts) -> Markup:

    everyone = facts.n_queries == facts.n_samples
    entries = [
        ("Images N", f"{facts.n_samples:,}"),
        ("Queries", f"{facts.n_queries:,}" + (" (all)" if everyone else "")),
        ("Neighbours k", ", ".join(map(str, facts.k))),
        (
            "Value of equal layers" if facts.measure else "Floor (k + 1) / N",
            ", ".join(number(floor) for floor in facts.floor),
        ),
        ("Pooling", facts.pool),
        ("Metric", facts.metric),
        ("Ties", facts.ties),
        ("Seed", facts.seed),
    ]
    wide = [("Image source", facts.images), ("Created", f"{facts.created}, jaxsim {facts.jaxsim_version}")]
    wide += [(name, value or "none") for name, value in facts.further.items()]
    return tag(
        "dl",
        *(tag("div", tag("dt", term), tag("dd", value or "not recorded")) for term, value in entries),
        *(tag("div", tag("dt", term), tag("dd", value or "not recorded"), class_="wide") for term, value in wide),
        class_="facts",
    )


def _models(facts: StudyFacts, colours: Mapping[str, str]) -> Markup:
    rows = [
        [
            joined(swatch(colours[model.name]), model.name),
            model.family or "not recorded",
            tag("code", model.source) if model.source else "not recorded",
            tag("code", model.weights_hash[:HASH_LENGTH]) if model.weights_hash else "not recorded",
            str(model.n_steps),
        ]
        for model in facts.models
    ]
    caption = f"The {counted(len(rows), 'model')}; weights by the first {HASH_LENGTH} digits of their SHA-256."
    return table(["Model", "Family", "Source", "Weights", "Steps"], rows, caption=caption, numeric_from=4)


def swatch(colour: str) -> Markup:
    """A small square in a model's colour; it decorates a name that stands beside it."""
    return tag("span", class_="swatch", style=f"background:{colour}", aria_hidden="true")


def _versions(facts: StudyFacts) -> Markup:
    listing = ", ".join(f"{name} {version}" for name, version in facts.versions.items())
    return tag("p", f"Versions: {listing or 'not recorded'}.", class_="files")


def _warnings(facts: StudyFacts, flags: Flags) -> list[Markup]:
    """Every warning in full, with the sign of the steps that it is about."""
    signs = flags.signs
    lines = [f"{signs[each]} {each}" if each in signs else each for each in facts.warnings]
    # What is said of a step need not be among the warnings of the study.
    lines += [note for note in flags.notes() if not any(note.endswith(f": {each}") for each in facts.warnings)]
    if not lines:
        return []
    title = counted(len(lines), "warning")
    listing = tag("ul", *(tag("li", each) for each in lines))
    key = f"Steps that a warning is about have its sign behind their names: {', '.join(flags.texts)}." if signs else ""
    return [tag("div", tag("h2", title), listing, *([tag("p", key)] if key else []), class_="notice", role="note")]


def _constant(lines: Sequence[str]) -> list[Markup]:
    """The steps without information, named, and why."""
    if not lines:
        return []
    title = "Steps without information"
    listing = tag("ul", *(tag("li", each) for each in lines))
    return [tag("div", tag("h2", title), listing, class_="notice", role="note", id="constant")]


def _damaged(facts: StudyFacts) -> list[Markup]:
    if not facts.damaged:
        return []
    heading = f"{counted(len(facts.damaged), 'damaged image')} left out for every model"
    listing = tag("ul", *(tag("li", each) for each in facts.damaged), class_="plain")
    return [tag("details", tag("summary", heading), listing)]
