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
# # Features and images that you already have
#
# Delta compares any representations of the same samples: those of another program, of another modality, of a brain.
# `open_features` opens the files they are kept in, and sets meet by the ids of their samples, never by position.

# %%
import tempfile
import warnings
from pathlib import Path

import h5py
import numpy as np
import PIL.Image

import jaxsim
from jaxsim.features import extract

folder = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)

# %% [markdown]
# ## One line for each format
#
# Every array `[n_samples, n_features]` is a layer; ids are looked for under `sample_ids`, `ids` and the like, or named.
# Rows are read as they are measured, so a file may be larger than memory.

# %%
early, late = rng.normal(size=(200, 8)), rng.normal(size=(200, 4))
words = [f"word{i:03d}" for i in range(200)]

np.savez(folder / "features.npz", early=early, late=late, ids=words)
with h5py.File(folder / "features.h5", "w") as file:
    file["early"], file["late"], file["sample_ids"] = early, late, words

from_npz = jaxsim.open_features(folder / "features.npz")
from_hdf5 = jaxsim.open_features(folder / "features.h5", layers="l*")
in_memory = jaxsim.open_features({"early": early, "late": late}, sample_ids=words)
from_npz, from_hdf5, in_memory

# %% [markdown]
# The same call opens a folder of `.npy` files, safetensors, Parquet and Arrow (a column of lists, or
# `layers={"embedding": "x_*"}` for columns of numbers), a Zarr group (also at `gs://` or `s3://`) and a `.pt` file of
# tensors. On the command line: `jaxsim compare features.h5 other.parquet --out run`.

# %%
jaxsim.measure(from_npz, ("information_imbalance", "cka")).cka.to_pandas().round(3)

# %% [markdown]
# ## A caption and its image
#
# Different inputs that belong together have one id. Here pictures of shapes, seen by a convolutional network, and
# captions of most of them, in an order of their own, as counts of words.

# %%
images = jaxsim.rendered(500)
image_features = extract(jaxsim.load_model("embedded:cnn_classifier_0"), images, batch_size=100)

factors = jaxsim.data.factor_spaces(images.ids)
hue, scale = factors["object_hue"], factors["scale"][:, 0]
shape = images.labels
colours, sizes = np.array(["red", "green", "blue"]), np.array(["small", "large"])
colour = colours[(np.arctan2(hue[:, 1], hue[:, 0]) // (2 * np.pi / 3)).astype(int) % 3]
size = sizes[(scale > np.median(scale)).astype(int)]
captions = {name: f"a {size[i]} {colour[i]} shape{shape[i]}" for i, name in enumerate(images.ids) if rng.random() < 0.9}
some = list(captions)
rng.shuffle(some)
captions[some[0]]

# %% [markdown]
# As representations of the text: which words there are, and, from these, the shape alone.

# %%
vocabulary = sorted({word for text in captions.values() for word in text.split()})
counts = np.array([[text.split().count(word) for word in vocabulary] for text in (captions[name] for name in some)])
shapes = counts[:, [word.startswith("shape") for word in vocabulary]]
jitter = 1e-3 * rng.normal(size=counts.shape)  # captions that are equal would be as near as each other
text_features = jaxsim.open_features({"words": counts + jitter, "shape": shapes + jitter[:, :1]}, sample_ids=some)

# %% [markdown]
# Sets that differ are refused with the first ids, and aligned when that is asked for.

# %%
try:
    jaxsim.measure({"image": image_features, "text": text_features})
except ValueError as error:
    refused = str(error)
    print(refused)

# %%
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    both = jaxsim.align_features({"image": image_features, "text": text_features}, intersect=True)
for each in said:
    print(each.message)

found = jaxsim.measure(both, "information_imbalance", k=5)
to_text = found.information_imbalance.sel(k=5, target="text/shape")
to_text.sel(source=[f"image/{step}" for step in image_features]).to_pandas().round(2)

# %% [markdown]
# The last steps of the classifier predict the shape that the caption names; its first ones do not.

# %%
ends = list(image_features)
first, last = (float(to_text.sel(source=f"image/{step}")) for step in (ends[0], ends[-1]))
assert "is only in 'image'" in refused
assert set(both["image"].sample_ids) == set(captions)
assert last < first - 0.1
first, last

# %% [markdown]
# ## Images from anywhere
#
# `open_images` takes folders, globs, lists of paths or of Pillow images, tables of encoded images as the datasets
# library saves them, tar shards of webdataset, arrays in HDF5 and Zarr, data sets of torch and grain. Each image has a
# stable id; labels and groups that come with them are columns, for `labels=`, `groups=` and stratified subsets.

# %%
for i in range(40):
    (folder / "photos" / f"class{i % 2}").mkdir(parents=True, exist_ok=True)
    PIL.Image.new("RGB", (32, 24), (5 * i, 100, 50)).save(folder / "photos" / f"class{i % 2}" / f"{i:02d}.png")

photos = jaxsim.open_images(folder / "photos")
chosen = photos.subset(10, seed=1, stratify="folder")
globbed = jaxsim.open_images(f"{folder}/photos/class1/*.png")
listed = jaxsim.open_images([(PIL.Image.new("L", (8, 8), i), i % 3) for i in range(9)])
assert chosen.column("folder").count("class0") == 5
assert len(globbed) == 20
assert listed.column("label") == (0, 1, 2) * 3
chosen.ids

# %% [markdown]
# ## Tokens as samples
#
# `pool="tokens:K"` takes K patches of every image, at the same places in all models, as samples of their own; their
# image is their group, so that they are not each other's neighbours. Several poolings come from one pass.

# %%
vit = jaxsim.load_model("embedded:vit_digits")
digits = jaxsim.open_images("digits").subset(60)
tokens = extract(vit, digits, pool="tokens:4")
several = extract(vit, digits, pool="mean,max")
assert tokens["block00"].shape[0] == len(tokens.groups) == 240
assert "block00:max" in several
tokens.sample_ids[:5], list(several)[:4]
