"""A DINOv2 taken apart as an exporter does it, and put together again."""

import numpy as np
import pytest

import jaxsim
from benchmarks.trained_models.dinov2 import POSITIONS, Node, configuration, named_tensors, read_graph, write_tensors
from benchmarks.trained_models.originals import dinov2_differences

WIDTH, PATCH, EDGE, INNER = 64, 2, 3, 256


def checkpoint(n_layers=2, seed=0):
    """Random tensors of a small DINOv2 under the names of Hugging Face's checkpoints."""
    shapes = {
        "embeddings.cls_token": (1, 1, WIDTH),
        POSITIONS: (1, 1 + EDGE**2, WIDTH),
        "embeddings.patch_embeddings.projection.weight": (WIDTH, 3, PATCH, PATCH),
        "embeddings.patch_embeddings.projection.bias": (WIDTH,),
        "layernorm.weight": (WIDTH,),
        "layernorm.bias": (WIDTH,),
    }
    for i in range(n_layers):
        layer = f"encoder.layer.{i}"
        for name in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"):
            shapes[f"{layer}.{name}"] = (WIDTH,)
        shapes |= {f"{layer}.layer_scale{j}.lambda1": (WIDTH,) for j in (1, 2)}
        dense = {f"attention.attention.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")}
        dense |= {"attention.output.dense": (WIDTH, WIDTH), "mlp.fc1": (INNER, WIDTH), "mlp.fc2": (WIDTH, INNER)}
        for name, shape in dense.items():
            shapes |= {f"{layer}.{name}.weight": shape, f"{layer}.{name}.bias": shape[:1]}
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}


def exported(tensors):
    """Constants and operations as an exporter leaves them: matrices of dense layers nameless and transposed."""
    constants, nodes = {}, []
    for name, value in tensors.items():
        if name == POSITIONS:
            constants |= {"onnx::Concat_1": value[:, :1], "onnx::Reshape_2": value[:, 1:]}
        elif name.startswith("encoder.") and name.endswith("weight") and "norm" not in name:
            matrix, place = f"onnx::MatMul_{len(nodes)}", f"/{name}"
            constants[matrix] = np.ascontiguousarray(value.T)
            nodes.append(Node("MatMul", ["x", matrix], [f"{place}/product"]))
            added = [f"backbone.{name.removesuffix('weight')}bias", f"{place}/product"]
            # Which of the two comes first is up to the exporter.
            nodes.append(Node("Add", added[:: 1 if len(nodes) % 4 == 1 else -1], [f"{place}/sum"]))
        else:
            constants[f"backbone.{name}"] = value
    # What else such a file holds: another network's layers, products of what is computed, sums with constants.
    constants |= {"decoder.fc.bias": np.ones(3, np.float32), "onnx::MatMul_900": np.ones((WIDTH, 3), np.float32)}
    nodes += [Node("MatMul", ["z", "onnx::MatMul_900"], ["w"]), Node("Add", ["decoder.fc.bias", "w"], ["out"])]
    nodes += [Node("MatMul", ["q", "k"], ["scores"]), Node("Add", ["scores", "mask"], ["masked"])]
    return constants, nodes


def test_every_tensor_gets_its_name_and_orientation_back():
    tensors = checkpoint()
    found = named_tensors(*exported(tensors))
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_sizes_are_read_off_the_tensors():
    config = configuration(checkpoint(n_layers=3))
    sizes = {
        "num_hidden_layers": 3,
        "hidden_size": WIDTH,
        "num_attention_heads": 1,
        "mlp_ratio": 4,
        "patch_size": PATCH,
    }
    assert {name: config[name] for name in sizes} == sizes
    assert config["image_size"] == EDGE * PATCH


def test_the_directory_opens_here_and_in_transformers(tmp_path):
    torch = pytest.importorskip("torch")
    from transformers import Dinov2Model

    write_tensors(named_tensors(*exported(checkpoint())), tmp_path)
    theirs, said = Dinov2Model.from_pretrained(tmp_path, output_loading_info=True)
    assert not said["missing_keys"]
    assert not said["unexpected_keys"]
    pixels = np.random.default_rng(1).normal(size=(2, EDGE * PATCH, EDGE * PATCH, 3)).astype(np.float32)
    ours = jaxsim.load_model(tmp_path).outputs(pixels)["last_hidden_state"]
    with torch.no_grad():
        expected = theirs(torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())).last_hidden_state.numpy()
    np.testing.assert_allclose(ours, expected, atol=2e-5)


def test_a_matrix_that_is_missing_or_there_twice_is_an_error():
    constants, nodes = exported(checkpoint())
    with pytest.raises(ValueError, match=r"found none for \['encoder.layer.0.attention.attention.query.bias'\]"):
        named_tensors(constants, nodes[2:])
    again = Node("Add", nodes[1].inputs, ["again"])
    with pytest.raises(ValueError, match=r"expected one matrix for backbone.encoder.layer.0.*query.bias"):
        named_tensors(constants, [*nodes, again])


def test_positions_that_cannot_be_told_are_an_error():
    constants, nodes = exported(checkpoint())
    other = {"onnx::Add_5": np.zeros((1, 4, WIDTH), np.float32)}
    with pytest.raises(ValueError, match="as positions, got"):
        named_tensors(constants | other, nodes)


def test_other_graphs_are_refused():
    with pytest.raises(ValueError, match=r"expected a constant backbone.embeddings.cls_token"):
        named_tensors({"decoder.fc.bias": np.zeros(3)}, [])
    tensors = checkpoint()
    tensors["encoder.layer.0.attention.gate"] = np.zeros(3)
    with pytest.raises(ValueError, match=r"differing are \['encoder.layer.0.attention.gate'\]"):
        configuration(tensors)


def test_graphs_are_read_from_onnx_files(tmp_path):
    onnx = pytest.importorskip("onnx")
    constants, nodes = exported(checkpoint(n_layers=1))
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(kind, inputs, outputs) for kind, inputs, outputs in nodes],
        "graph",
        [],
        [],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    onnx.save(onnx.helper.make_model(graph), tmp_path / "graph.onnx")
    found, operations = read_graph(tmp_path / "graph.onnx")
    assert operations == nodes
    assert found.keys() == constants.keys()
    np.testing.assert_array_equal(found["onnx::MatMul_0"], constants["onnx::MatMul_0"])


def test_states_are_compared_with_those_of_the_graph(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    write_tensors(checkpoint(n_layers=1), tmp_path / "checkpoint")
    pixels = np.random.default_rng(1).normal(size=(2, EDGE * PATCH, EDGE * PATCH, 3)).astype(np.float32)
    ours = jaxsim.load_model(tmp_path / "checkpoint")(pixels)
    # A graph that puts out states of its own, the last one off by a quarter of the largest value.
    last = np.asarray(ours["norm"])
    states = {
        "/backbone/encoder/layer.0/Add_1_output_0": np.asarray(ours["block00"]),
        "/backbone/layernorm/Add_1_output_0": last + np.float32(0.25 * np.abs(last).max()),
    }
    nodes = [
        onnx.helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(state))
        for name, state in states.items()
    ]
    image = onnx.helper.make_tensor_value_info("input_image", onnx.TensorProto.FLOAT, [None, 3, None, None])
    out = onnx.helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, [None, 3, None, None])
    nodes.append(onnx.helper.make_node("Identity", ["input_image"], ["out"]))
    opset = onnx.helper.make_opsetid("", 17)
    graph = onnx.helper.make_graph(nodes, "graph", [image], [out])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8), tmp_path / "graph.onnx")
    found = dinov2_differences(tmp_path / "graph.onnx", tmp_path / "checkpoint", pixels)
    assert found.keys() == {"block00", "norm"}
    assert found["block00"] < 1e-6
    assert 0.15 < found["norm"] < 0.35
