"""How to cite the measure, the reference study and jaxsim, and how to load the study that a page shows."""

from jaxsim.report.markup import Markup, tag
from jaxsim.report.measured_by import MeasuredBy

IMBALANCE = """@article{glielmo2022ranking,
  title = {Ranking the information content of distance measures},
  author = {Glielmo, Aldo and Zeni, Claudio and Cheng, Bingqing and Cs{\\'a}nyi, G{\\'a}bor and Laio, Alessandro},
  journal = {PNAS Nexus},
  volume = {1},
  number = {2},
  year = {2022}
}"""
STUDY = """@article{mahaut2026similarity,
  title = {Similarity of Processing Steps in Vision Model Representations},
  author = {Mahaut, Mat{\\'e}o and Baroni, Marco},
  journal = {arXiv preprint arXiv:2601.21621},
  year = {2026}
}"""


def citing(measure: MeasuredBy, version: str) -> Markup:
    """The foot of the page.

    Args:
        measure: The measure behind the numbers.
        version: Of jaxsim.

    Returns:
        A fold with BibTeX entries, and the line that loads the study.
    """
    jaxsim = f"@software{{jaxsim,\n  title = {{jaxsim: similarity of processing steps}},\n  version = {{{version}}}\n}}"
    own = IMBALANCE if measure.usual else f"@misc{{{measure.name},\n  note = {{{measure.title}: {measure.source}}}\n}}"
    entries = "\n\n".join([own, STUDY, jaxsim])
    load = tag("code", 'jaxsim.Study.load("', tag("span", "folder of this page", id="folder"), '")')
    return tag(
        "footer",
        tag("p", "The numbers of this page: ", load, f". Made by jaxsim {version}."),
        tag("details", tag("summary", "How to cite"), tag("pre", tag("code", entries)), id="cite"),
    )
