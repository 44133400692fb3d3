# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What does a step still know of the image?
#
# Delta(step -> space) asks how well a processing step predicts another space: low-level statistics of the pixels, or,
# for rendered images, the very factors that each image was drawn with. Near the floor (k + 1) / N the step holds the
# space, at 1 it holds nothing of it.

# %%
import numpy as np
import pandas as pd

import jaxsim
from jaxsim.data import factor_spaces
from jaxsim.study.inference import corrected_p_values, extremum_test, permutation_test

# %% [markdown]
# ## Images whose factors are known
#
# Class, colour, luminance, contrast, texture, position and scale are drawn independently of each other.

# %%
images = jaxsim.rendered(600)
factors = factor_spaces(images.ids)
{name: space.shape[1] for name, space in factors.items()}

# %% [markdown]
# A classifier and a model that fills in hidden patches, of one architecture. `statistics=True` measures the image
# statistics, `spaces=` any arrays of one's own, both in the same pass as the steps themselves.

# %%
position = np.concatenate([factors["position_x"], factors["position_y"]], axis=1)
own = {"true hue": factors["object_hue"], "true position": position, "true scale": factors["scale"]}
study = jaxsim.compare(
    {"classifier": "embedded:cnn_classifier_0", "masked": "embedded:cnn_selfsup_0"},
    images=images,
    statistics=True,
    spaces=own,
    batch_size=200,
)
known = study.information.sel(k=1)
ends = known.isel(step=[0, len(known.step) // 2 - 1, len(known.step) // 2, -1])
ends.forward.to_pandas().round(2)

# %% [markdown]
# ## Along the depth

# %%
jaxsim.plot.low_level_information(study, "layout")
# %%
jaxsim.plot.low_level_information(study, "true position")
# %% [markdown]
# ## Both directions
#
# A step of hundreds of features can hold colour and much else: Delta(step -> colour) is then smaller than Delta(colour
# -> step). Where the order is the other way round, colour explains the step better than the step holds colour.

# %%
colour = known.sel(space="colour")
pd.DataFrame({"step -> colour": colour.forward, "colour -> step": colour.backward}, index=known.step.values).round(2)

# %% [markdown]
# ## Could it be chance?
#
# Under shuffled pairing of images a step knows nothing. One cell is tested by `permutation_test`; having looked for
# the best of many calls for `extremum_test`, which compares the best with the best under shuffling.

# %%
model = jaxsim.load_model("embedded:cnn_classifier_0")
pixels = model.preprocess([images.load(i) for i in range(len(images))])
steps = {name: np.asarray(state).mean(axis=(1, 2)) for name, state in model(pixels).items()}
last = steps[list(steps)[-1]]
p_values = {
    name: permutation_test(last, space, n_permutations=199, seed=0).p_value
    for name, space in factors.items()
    if name not in ("class", "all")
}
tested = pd.DataFrame({"p": p_values, "corrected": corrected_p_values(list(p_values.values()))}, index=list(p_values))
tested.round(3)

# %%
best = extremum_test(steps, {"scale": factors["scale"]}, n_permutations=199, seed=0)
print(f"{best.source} knows the scale best: {best.value:.3f}, p = {best.p_value:.3f} of the best of {len(steps)} steps")

# %%
# What the prose above claims:
layout = known.sel(space="layout").forward
first, classified, masked = layout[0].item(), layout[len(layout) // 2 - 1].item(), layout[-1].item()
assert classified > 0.7 > first, "the classifier gives the layout up"
assert masked < 0.3, "the model of hidden patches keeps it"
assert best.p_value == 1 / 200
assert all(tested.corrected >= tested.p)
assert study.findings is not None
