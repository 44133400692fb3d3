import numpy as np
import pytest
import transformers
from safetensors.numpy import load_file, save_file

from jaxsim.models import load_model

BASE = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "image_size": 32,
    "patch_size": 8,
    "num_labels": 5,
}
BEIT = {
    "BeitModel": {"use_relative_position_bias": True, "image_size": [16, 40], "layer_norm_eps": 1e-2},
    "BeitForImageClassification": {"use_relative_position_bias": True, "hidden_act": "gelu_new"},
    "BeitForMaskedImageModeling": {"use_shared_relative_position_bias": True, "use_mask_token": True, "vocab_size": 11},
}
BEIT_NORM = {
    "BeitModel": {"use_absolute_position_embeddings": True, "image_size": [16, 64], "layer_scale_init_value": 0.0},
    "BeitForImageClassification": {"use_relative_position_bias": True, "use_shared_relative_position_bias": True},
    "BeitForMaskedImageModeling": {"hidden_act": "relu", "vocab_size": 11},
}
DATA2VEC = {
    "Data2VecVisionModel": {"use_shared_relative_position_bias": True, "hidden_act": "relu", "use_mask_token": True},
    "Data2VecVisionForImageClassification": {"use_relative_position_bias": True, "layer_norm_eps": 1e-3},
}


@pytest.mark.parametrize(("model_class", "changes"), BEIT.items())
def test_mean_pooling(parity, model_class, changes):
    config = transformers.BeitConfig(**{**BASE, **changes})
    model = parity(getattr(transformers, model_class), config)
    assert [step.name for step in model.steps] == ["embeddings", "block00", "block01"]
    assert model.steps[0].layout.prefix == ("cls",)


@pytest.mark.parametrize(("model_class", "changes"), BEIT_NORM.items())
def test_final_norm(parity, model_class, changes):
    config = transformers.BeitConfig(**{**BASE, **changes}, use_mean_pooling=False)
    base = "" if model_class == "BeitModel" else "beit."
    parity(getattr(transformers, model_class), config, hooks={"norm": f"{base}layernorm"})


@pytest.mark.parametrize(("model_class", "changes"), DATA2VEC.items())
def test_data2vec(parity, model_class, changes):
    config = transformers.Data2VecVisionConfig(**{**BASE, **changes})
    model = parity(getattr(transformers, model_class), config)
    assert model.family == "data2vec-vision"


def test_data2vec_final_norm(parity):
    config = transformers.Data2VecVisionConfig(
        **{**BASE, "image_size": [24, 40]}, use_relative_position_bias=True, use_mean_pooling=False
    )
    parity(transformers.Data2VecVisionModel, config, hooks={"norm": "layernorm"})


@pytest.mark.parametrize(("image_size", "bias"), [((48, 48), "relative"), ((17, 56), "shared_relative")])
def test_another_image_size(parity, image_size, bias):
    config = transformers.BeitConfig(
        **BASE, **{f"use_{bias}_position_bias": True}, use_absolute_position_embeddings=True
    )
    parity(transformers.BeitModel, config, image_size=image_size)


def test_pooler_output_of_a_classifier(tmp_path):
    config = transformers.BeitConfig(**BASE)
    transformers.BeitForImageClassification(config).save_pretrained(tmp_path)
    assert set(load_model(tmp_path).outputs(np.zeros((1, 32, 32, 3), np.float32))) == {
        "last_hidden_state",
        "pooler_output",
        "logits",
    }


def test_segmentation_heads_and_index_buffers_stay_unused(tmp_path):
    config = transformers.BeitConfig(**{**BASE, "num_hidden_layers": 4}, out_indices=[1, 2, 3, 4])
    transformers.BeitForSemanticSegmentation(config).save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    index = "beit.encoder.layer.0.attention.attention.relative_position_bias.relative_position_index"
    save_file({**tensors, index: np.zeros((17, 17), np.int64)}, tmp_path / "model.safetensors")
    assert len(load_model(tmp_path).steps) == 5


def test_positions_without_a_square_number_of_patches_are_refused(tmp_path):
    config = transformers.BeitConfig(**{**BASE, "image_size": [16, 40]}, use_absolute_position_embeddings=True)
    transformers.BeitModel(config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"image_size=\[16, 40\]: the original has absolute positions only"):
        load_model(tmp_path)


def test_images_below_one_patch(tmp_path):
    transformers.BeitModel(transformers.BeitConfig(**BASE)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="smaller than one patch"):
        load_model(tmp_path)(np.zeros((1, 4, 32, 3), np.float32))
