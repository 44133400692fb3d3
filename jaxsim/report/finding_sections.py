"""The section that answers the study's questions: effect, interval, control, and one sentence for each."""

from functools import partial

from jaxsim.report.findings import figures_of, finding_rows, questions, study_of
from jaxsim.report.markup import Markup, joined, table, tag
from jaxsim.report.story import Story, per_k, plot_figure

MOST_ROWS = 15
HEAD = ["Of", "Effect, interval", "p, corrected", "Random weights", "Shuffled images"]
CAPTIONS = {
    "alignment": "How much nearer in relative depth best-matching steps lie than shuffled matches.",
    "middle_distance": "Mean Δ of both directions between steps at the same relative depth, from 0.25 to 0.75.",
    "information_change": "Δ(last step → statistic) minus Δ(first step → statistic): above 0, the model gives it up.",
    "information_difference": "Δ(last step → statistic) of the first model minus that of the second: above 0, the "
    "second holds more.",
    "smoothness": "Mean Δ between the steps at t and t + h, h the same for all models.",
    "smoothness_difference": "That of the first model minus that of the second: below 0, the first is smoother.",
}


def findings(story: Story) -> Markup:
    """Every question with its figures, sentence and numbers."""
    found = story.findings
    if found is None:
        raise ValueError("Expected findings. Leave this section out where no intervals were asked for.")
    parts = []
    for question in questions(found):
        parts.append(tag("h3", question.title, id=question.anchor))
        for place, kind in enumerate(figures_of(found, question)):

            def rows(k: int, kind: str = kind) -> Markup:
                listing = finding_rows(found, kind, k)
                tall = "tall" if len(listing) > MOST_ROWS else None
                return table(HEAD, listing, caption=CAPTIONS[kind], class_=tall)

            name = f"finding-{kind.replace('_', '-')}"
            said = partial(question.say, found) if place == 0 else None
            parts.append(plot_figure(story, name, said, CAPTIONS[kind]))
            parts.append(per_k(story.facts.k, rows))
    about = per_k(story.facts.k, lambda k: tag("p", study_of(found, k)))
    return tag("section", tag("h2", "Findings"), about, joined(*parts), id="findings")
