"""What is measured beside the models' steps, and what they are measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jaxsim.study.run.options import option, options_of


@dataclass(frozen=True)
class Surroundings:
    """Options of a comparison that are data; `compare` says what each means, in the words that stand here."""

    spaces: Any = option(
        None,
        "Further spaces to measure the steps against, such as the true factors of rendered images: name -> array "
        "`[n_samples, n_features]` in the order of the images, or name -> mapping from sample id to row. They are used "
        "as they are: give columns of different units a common scale. A space of which only dissimilarities are known "
        "is given as `jaxsim.Dissimilarities(matrix)`; categories are given as `labels`.",
        kind="files",
        flag="--space",
        short="Further space to measure steps against (csv, json, npy): one row for each image, or id first; goes by "
        "its own name without NAME; may come several times.",
    )
    labels: Any = option(
        None,
        "Categories of the images, strings or integers: name -> one for each image in order, name -> mapping from "
        'sample id to category, or name -> "column:NAME" for a column that came with the images. How many of a '
        "step's nearest neighbours share the category is in `Study.label_overlap`.",
        kind="files",
        short="Categories of the images (csv, txt, json, npy): one in a line, or id,label; or column:NAME, which came "
        "with the images; goes by its own name without NAME; may come several times.",
    )
    groups: Any = option(
        None,
        "Samples that belong together, such as crops of one photograph or frames of one film: one entry for each "
        'image, a mapping from sample id to group, or "column:NAME" for a column that came with the images. Samples '
        'of one group are not ranked among each other and stay in one half. "near_duplicates" takes the groups of '
        "near copies that jaxsim finds.",
        kind="file",
        short="Images that belong together: a file like that of labels, column:NAME, or near_duplicates to find them.",
    )
    untrained: Any = option(
        False,
        "Also measure the same architectures with random weights, the control of every finding: `Study.untrained`. "
        "True draws the weights, with a seed that follows from `seed` and the model's name; a mapping from the names "
        "of models to untrained ones (or their features) serves models that cannot be drawn anew.",
        kind="flag",
        short="Also measure the same architectures with random weights, as a control.",
    )


#: Every one of them by name.
SURROUNDINGS = options_of(Surroundings)
