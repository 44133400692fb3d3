"""One function per figure of a study: a `Study` in, matplotlib axes out.

Colours are those of the report: a hue per family that colour-blind readers can tell apart, lightness, line style and
marker within it, so that a grey print still shows which model is which. Imbalance has one scale everywhere, 0 .. 1,
dark meaning similar. Bands are two errors: sampling errors (what new images would change) where the study has them,
else query-row errors (conditional on these reference images). Steps that are the same for all images are hatched in
heat maps and left out elsewhere. Beside its own options every figure takes `models`, `labels`, `colors` and `width`,
see `Look`.

    import jaxsim

    study = jaxsim.Study.load("run")
    with jaxsim.plot.style():
        ax = jaxsim.plot.distance(study, models=["vit*"], labels={"vit_0": "ViT"}, width="column")
        ax.figure.savefig("distance.pdf")
"""

from jaxsim.plot.depth import best_match, distance, smoothness
from jaxsim.plot.effects import findings, sample_size
from jaxsim.plot.look import Look, style
from jaxsim.plot.matrices import imbalance_heatmap
from jaxsim.plot.spaces import label_overlap, low_level_information
from jaxsim.plot.steps import dendrogram, information_plane, trajectories

__all__ = [
    "Look",
    "best_match",
    "dendrogram",
    "distance",
    "findings",
    "imbalance_heatmap",
    "information_plane",
    "label_overlap",
    "low_level_information",
    "sample_size",
    "smoothness",
    "style",
    "trajectories",
]
