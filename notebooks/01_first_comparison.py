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
# # A first comparison
#
# Two small models, a vision transformer and a ResNet, learned to read the same handwritten digits. Both are right about
# most of them. Do they get there by the same steps?
#
# Everything here is in the package: 1,797 real digits and both trained models. Nothing is downloaded.

# %%
import tempfile
from pathlib import Path

import numpy as np

import jaxsim

# %% [markdown]
# ## A model is a function from images to steps
#
# `load_model` opens a Hugging Face directory or hub id. Calling the model gives every intermediate state by name.

# %%
vit = jaxsim.load_model("embedded:vit_digits")
resnet = jaxsim.load_model("embedded:resnet_digits")
images = jaxsim.open_images("digits")

pixels = vit.preprocess([images.load(i) for i in range(4)])
for name, state in vit(pixels).items():
    print(f"{name:12s} {tuple(state.shape)}")

# %%
for step in resnet.steps:
    print(f"{step.name:15s} depth {step.depth:.2f}  {step.layout}")

# %% [markdown]
# ## How well does one representation predict another?
#
# The information imbalance Delta(A -> B) takes each image's nearest neighbour in A and asks for its rank in B. 0 means
# that A knows all that B knows, 1 that it knows nothing of it. It has a direction: a part never predicts the whole.

# %%
rng = np.random.default_rng(0)
whole = rng.standard_normal((1000, 8))
part = whole[:, :4]
result = jaxsim.information_imbalance(whole, part)
print(f"whole -> part {result.forward:.3f} +- {result.forward_standard_error:.3f}")
print(f"part -> whole {result.backward:.3f} +- {result.backward_standard_error:.3f}")
print(f"equal spaces would give {result.floor:.3f}")

# %% [markdown]
# Delta is one measure of many (`jaxsim metrics` lists them). `measure` gives any of them between all layers from one
# pass, with an error from half-samples where asked; `describe` gives what is known of a layer by itself. Most measures
# are symmetric: they see that half is missing, and not on which side.

# %%
layers = {"whole": whole, "part": part, "noise": rng.standard_normal((1000, 8))}
found = jaxsim.measure(layers, ("information_imbalance", "cka", "mutual_knn"), k=10, n_splits=8)
for name in ("cka", "mutual_knn"):
    print(found[name].attrs["long_name"], found[f"{name}_sampling_error"].values.max().round(3))
    print(found[name].squeeze(drop=True).to_pandas().round(3), end="\n\n")
jaxsim.describe(layers, ("intrinsic_dimension", "participation_ratio")).squeeze(drop=True).to_dataframe().round(2)

# %% [markdown]
# ## All steps of both models, in one call
#
# `compare` extracts every step, pools it to a vector per image, and measures Delta between all pairs of steps.

# %%
out = Path(tempfile.mkdtemp()) / "digits"
study = jaxsim.compare([vit, resnet], images="digits", k=(1, 10), pool="mean", batch_size=128, out=out)
imbalance = study.imbalance.sel(k=1)
imbalance

# %% [markdown]
# Which step of the ResNet is closest to each step of the transformer?

# %%
towards = imbalance.sel(source=imbalance.source_model == vit.name, target=imbalance.target_model == resnet.name)
for source, row in zip(towards.source.values, towards.values, strict=True):
    best = int(row.argmin())
    print(f"{source:25s} -> {towards.target.values[best]:32s} {row[best]:.3f}")

# %% [markdown]
# ## How smoothly does each model change its representation?

# %%
print(study.smoothness.sel(k=1)[["mean_change", "max_change", "roughness"]].to_dataframe().round(3))

# %% [markdown]
# ## The report
#
# One self-contained page with all heat maps and profiles, beside CSV and NetCDF files.

# %%
print(sorted(path.name for path in out.iterdir()))

# %%
# What the prose above claims:
assert result.forward < result.backward
assert result.floor == 2 / 1000
assert found.cka.sel(source="whole", target="part") == found.cka.sel(source="part", target="whole")
assert abs(found.cka.sel(source="whole", target="noise")) < 0.01 < 0.5 < found.cka.sel(source="whole", target="part")
own = imbalance.values.diagonal()
assert (own == 2 / 1797).all(), "equal spaces give exactly (k + 1) / N"
assert (out / "index.html").stat().st_size > 10_000
assert imbalance.sizes["source"] == len(vit.steps) + len(resnet.steps)
