"""The section that answers the study's questions: effect at N, interval, control, and one sentence for each."""

from functools import partial

from jaxsim.report.effects import KINDS, notes_of
from jaxsim.report.finding_sizes import describe_sizes, headlines, size_names
from jaxsim.report.findings import figure_names, finding_rows, kinds_of_question, questions, study_of
from jaxsim.report.markup import Markup, joined, table, tag
from jaxsim.report.sentences import listed, percent
from jaxsim.report.story import Story, per_k, plot_figure

MOST_ROWS = 15
CAPTIONS = {
    "alignment": "How much nearer in relative depth best-matching steps lie than shuffled matches.",
    "middle_distance": "Mean Δ of both directions between steps at the same relative depth, from 0.25 to 0.75.",
    "information_change": "Δ(last step → statistic) minus Δ(first step → statistic): above 0, the model gives it up.",
    "information_difference": "Δ(last step → statistic) of the first model minus that of the second: above 0, the "
    "second holds more.",
    "smoothness": "Mean Δ between the steps at t and t + h, h the same for all models.",
    "smoothness_difference": "That of the first model minus that of the second: below 0, the first is smoother.",
    "label_change": "Overlap of neighbours with the label at the last step minus that at the first: above 0, the model "
    "comes to separate it.",
    "label_difference": "Overlap with the label at the last step of the first model minus that of the second: above 0, "
    "the first separates it better.",
}


def findings(story: Story) -> Markup:
    """Every question with its figures, sentence and numbers, and what depends on the number of images."""
    found = story.findings
    if found is None:
        raise ValueError("Expected findings. Leave this section out where no intervals were asked for.")
    sizes = [f"{int(size):,}" for size in found["size"].values]
    head = ["Of", f"Effect at N = {sizes[-1]}, interval", "p, corrected", "Random weights", "Shuffled images"]
    head += [f"At {', '.join(sizes[:-1])} images"]
    attrs = found.attrs
    kept = (
        f"[low, high]: {percent(attrs['level'])} interval from {attrs['n_splits']} balanced half-samples, at N = "
        f"{attrs['n_samples']:,}. The largest effects first."
    )
    parts = []
    for question in questions(found):
        parts.append(tag("h3", question.title, id=question.anchor))
        for place, kind in enumerate(kinds_of_question(found, question)):
            notes = notes_of(found.isel(finding=found["kind"].values == kind))
            caption = f"{CAPTIONS[kind]} {kept}"
            if not KINDS[kind].nothing:
                caption += " There is no p: 0 is not what nothing would give."
            caption += f" Points without a bar have no interval: {'; '.join(notes)}." if notes else ""

            def rows(k: int, kind: str = kind, caption: str = caption) -> Markup:
                listing = finding_rows(found, kind, k)
                marked = any("↕" in cell for row in listing for cell in row)
                word = "sign" if KINDS[kind].nothing else "place in the order"
                note = f" ↕: the {word} is another at a smaller N." if marked else ""
                tall = "tall" if len(listing) > MOST_ROWS else None
                return table(head, listing, caption=f"{caption}{note}", class_=tall)

            said = partial(question.say, found) if place == 0 else None
            parts.append(plot_figure(story, figure_names(found, kind), said, caption))
            parts.append(per_k(story.facts.k, rows))
    about = per_k(story.facts.k, lambda k: tag("p", study_of(found, k)))
    return tag("section", tag("h2", "Findings"), about, joined(*parts), _sizes(story), id="findings")


def _sizes(story: Story) -> Markup:
    """What depends on the number of images."""
    found = story.findings
    if found is None:
        return joined()
    spaces = [space for kind, space in headlines(found) if kind == "information_change"]
    key = (
        f"Effects at {listed(size_names(found))} images, the smaller samples within the larger ones and each the "
        "mean of "
        "several; the bar is the interval at N. Δ itself depends on N, so compare effects at one N only."
    )
    key += f" Of the image statistics, {spaces[0]!r} is shown; the tables above have all spaces." if spaces else ""
    figure = plot_figure(story, "sample-size", lambda k: describe_sizes(found, k), key)
    return joined(tag("h3", "Does it depend on the number of images?", id="sample-size"), figure)
