"""The effects beside those of random weights, for a study without intervals."""

from collections.abc import Sequence

from jaxsim.report.chapter import Chapter, Part, Table
from jaxsim.report.control import Control, control_rows
from jaxsim.report.story import Story


def _parts(story: Story) -> Sequence[Part]:
    control = story.control
    if control is None:
        return []
    own = Control(story.results, story.smoothness, story.between, story.information, story.labels)
    return [
        Table(
            "untrained",
            "Measured, and with random weights",
            ("what", "of", "measured", "random weights"),
            lambda k: control_rows(own, control, story.measure.symbol, k),
            key="Without intervals: how far the two differ by chance cannot be told from these.",
        )
    ]


CHAPTER = Chapter(
    "random-weights",
    "The same with random weights",
    lambda story: story.findings is None and story.control is not None,
    _parts,
)
