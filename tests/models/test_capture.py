import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import transformers
from flax import nnx

import jaxsim
from jaxsim.features import StepModel, extract
from jaxsim.models import Map, PlainPreprocessor, Tokens, Vector, capture, load_model

RNG = np.random.default_rng(0)
PICTURES = [RNG.integers(0, 256, (20, 30, 3), np.uint8) for _ in range(4)]


class ConvBlock(torch.nn.Module):
    """In torchvision's manner, the last activation in place."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn = torch.nn.BatchNorm2d(outputs)
        self.relu = torch.nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)))


class ConvNet(torch.nn.Module):
    def __init__(self, width: int = 5) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, width, 2, stride=2)
        self.layer1 = torch.nn.Sequential(ConvBlock(width, width), ConvBlock(width, width))
        self.pool = torch.nn.MaxPool2d(2)
        self.layer2 = torch.nn.Sequential(ConvBlock(width, 7), ConvBlock(7, 7))
        self.dropout = torch.nn.Dropout(0.5)
        self.head = torch.nn.Linear(7, 10)

    def forward(self, x):
        x = self.layer2(self.pool(self.layer1(self.stem(x))))
        return self.head(self.dropout(x.mean((2, 3))))


@pytest.fixture
def conv_net() -> torch.nn.Module:
    torch.manual_seed(0)
    model = ConvNet()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model


class Block(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        y = nn.Dense(x.shape[-1], name="mlp")(nn.LayerNorm(name="ln")(x))
        return x + nn.Dropout(0.5, deterministic=not train)(y)


class LinenViT(nn.Module):
    """Like Scenic's: patch embedding, encoder with numbered blocks, a flag for training."""

    depth: int = 2
    shared: bool = False

    @nn.compact
    def __call__(self, images, *, train, debug=False):
        x = nn.Conv(8, (4, 4), strides=(4, 4), name="embedding")(images)
        x = x.reshape(x.shape[0], -1, 8)
        cls = self.param("cls", nn.initializers.normal(), (1, 1, 8))
        x = jnp.concatenate([jnp.tile(cls, (x.shape[0], 1, 1)), x], axis=1)
        block = Block(name="block")
        for i in range(self.depth):
            x = (block if self.shared else Block(name=f"encoderblock_{i}"))(x, train)
        x = nn.LayerNorm(name="encoder_norm")(x)
        return nn.Dense(3, name="head")(x[:, 0])


def linen(module, **options):
    variables = module.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)), train=False)
    return capture(module, variables=variables, image_size=8, call={"train": False}, **options)


class NNXBlock(nnx.Module):
    def __init__(self, width: int, rngs: nnx.Rngs) -> None:
        self.linear = nnx.Linear(width, width, rngs=rngs)
        self.norm = nnx.BatchNorm(width, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x):
        return x + self.dropout(nnx.gelu(self.linear(self.norm(x))))


class NNXNet(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.stem = nnx.Conv(3, 6, (2, 2), strides=2, rngs=rngs)
        self.blocks = nnx.List([NNXBlock(6, rngs), NNXBlock(6, rngs)])
        self.final_norm = nnx.LayerNorm(6, rngs=rngs)
        self.head = nnx.Linear(6, 4, rngs=rngs)

    def __call__(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.final_norm(x).mean((1, 2)))


def test_torch_states_are_those_of_hooks_set_by_hand(conv_net) -> None:
    model = capture(conv_net, image_size=(8, 12), include="**")
    images = model.preprocess(PICTURES)
    expected = {}
    for name, module in conv_net.named_modules():

        def keep(_module, _args, output, name=name) -> None:
            expected[name or "output"] = output.numpy().copy()

        module.register_forward_hook(keep)
    conv_net.eval()
    with torch.no_grad():
        conv_net(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    states, applied = model(images), model.apply(model.params, images)
    assert list(states) == list(applied) == list(expected) == [step.name for step in model.steps]
    for step in model.steps:
        value = expected[step.name]
        value = value.transpose(0, 2, 3, 1) if value.ndim == 4 else value
        np.testing.assert_array_equal(states[step.name], value)
        np.testing.assert_array_equal(applied[step.name], value)
        assert step.layout == (Map(value.shape[1:3]) if value.ndim == 4 else Vector())
        assert step.n_features == value.shape[-1]
    with pytest.raises(ValueError, match=r"cannot run under jax\.jit"):
        jax.jit(model.apply)(model.params, images)


def test_torch_default_is_stem_blocks_and_norm(conv_net) -> None:
    model = jaxsim.capture(conv_net, image_size=8, name="mine")
    assert isinstance(model, StepModel)
    assert [(s.name, s.kind) for s in model.steps] == [
        ("stem", "stem"),
        ("layer1.0", "block"),
        ("layer1.1", "block"),
        ("layer2.0", "block"),
        ("layer2.1", "block"),
    ]
    assert [s.depth for s in model.steps] == [0, 0.25, 0.5, 0.75, 1]
    assert (model.name, model.family, model.granularity) == ("mine", "ConvNet", "captured")
    assert model.source.startswith("live torch module")


def test_torch_module_is_left_as_it_was(conv_net) -> None:
    conv_net.train()
    conv_net.layer1[0].bn.eval()
    modes = [module.training for module in conv_net.modules()]
    before = {name: value.clone() for name, value in conv_net.state_dict().items()}
    model = capture(conv_net, image_size=8)
    states = model(model.preprocess(PICTURES))
    assert [module.training for module in conv_net.modules()] == modes
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in conv_net.modules())
    assert all(torch.equal(value, before[name]) for name, value in conv_net.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in conv_net.parameters())
    assert torch.is_grad_enabled()
    assert torch.backends.mha.get_fastpath_enabled()
    assert all(isinstance(state, jax.Array) for state in states.values())
    conv_net(torch.zeros(2, 3, 8, 8)).sum().backward()


def test_torch_hooks_are_removed_when_the_model_raises(conv_net) -> None:
    model = capture(conv_net, image_size=8)
    conv_net.train()
    conv_net.head.forward = lambda x: 1 / 0
    with pytest.raises(ZeroDivisionError):
        model(model.preprocess(PICTURES))
    assert conv_net.training
    assert conv_net.head.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in conv_net.modules())
    with pytest.raises(ValueError, match=r"ConvNet fails on images of shape \(3, 3, 8, 8\): ZeroDivisionError"):
        capture(conv_net, image_size=8)


def test_torch_repeated_calls_tuples_and_layouts_by_hand() -> None:
    class Shared(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Linear(3, 6)
            self.attention = torch.nn.MultiheadAttention(6, 2)

        def forward(self, x):
            x = self.embed(x.flatten(1, 2)).transpose(0, 1)
            for _ in range(3):
                x = x + self.attention(x, x, x)[0]
            return {"first": x, "second": None}

    model = capture(
        Shared(),
        image_size=4,
        channels_first=False,
        include=["attention", "output"],
        layouts={"attention": "TBC", "output": "TBC"},
        grid=(4, 4),
    )
    assert [s.name for s in model.steps] == ["attention", "attention#1", "attention#2", "output"]
    assert {s.layout for s in model.steps} == {Tokens((), (4, 4))}
    images = model.preprocess(PICTURES)
    states = model(images)
    total = np.asarray(states["output"])
    embedded = np.asarray(capture(model.module, image_size=4, channels_first=False, include="embed")(images)["embed"])
    steps = sum(np.asarray(states[f"attention{n}"]) for n in ("", "#1", "#2"))
    np.testing.assert_allclose(total, embedded + steps, atol=1e-6)
    only = capture(model.module, image_size=4, channels_first=False, include="attention#1", layouts={"**": "TBC"})
    np.testing.assert_array_equal(only(images)["attention#1"], states["attention#1"])


@pytest.mark.slow
def test_weights_hash_follows_every_weight_buffer_and_setting(conv_net) -> None:
    model = capture(conv_net, image_size=8)
    seen = {model.weights_hash}
    assert capture(conv_net, image_size=8).weights_hash in seen
    with torch.no_grad():
        for tensor in (*conv_net.parameters(), *conv_net.buffers()):
            tensor.reshape(-1)[-1] += 1
            seen.add(model.weights_hash)
    assert len(seen) == 1 + len([*conv_net.parameters(), *conv_net.buffers()])
    conv_net.dropout.p = 0.25
    assert model.weights_hash not in seen

    net = NNXNet(nnx.Rngs(0))
    first = capture(net, image_size=8).weights_hash
    assert capture(net, image_size=8).weights_hash == first
    net.head.bias[...] = net.head.bias[...] + 1
    assert capture(net, image_size=8).weights_hash != first

    flax_model = linen(LinenViT())
    changed = jax.tree.map(lambda x: x, flax_model.params)
    changed["params"]["head"]["bias"] = changed["params"]["head"]["bias"].at[0].add(1)
    other = capture(flax_model.module, variables=changed, image_size=8, call={"train": False})
    assert other.weights_hash != flax_model.weights_hash


def test_linen_states_are_in_order_of_execution() -> None:
    model = linen(LinenViT(depth=11))
    blocks = [f"encoderblock_{i}" for i in range(11)]
    assert [s.name for s in model.steps] == ["embedding", *blocks, "encoder_norm"]
    assert model.steps[1].layout == Tokens(("token0",), (2, 2))
    images = model.preprocess(PICTURES)
    states = model(images)
    assert list(states) == [s.name for s in model.steps]
    by_hand = jax.jit(lambda params: model.module.apply(params, images, train=False, capture_intermediates=True))
    _, taken = by_hand(model.params)
    for name, state in states.items():
        np.testing.assert_allclose(state, taken["intermediates"][name]["__call__"][0], atol=1e-6)
    shared = linen(LinenViT(depth=3, shared=True))
    assert [s.name for s in shared.steps] == ["embedding", "block", "block#1", "block#2", "encoder_norm"]
    assert linen(LinenViT(), include="**").steps[-1].name == "output"


def test_linen_bound_modules_and_missing_variables() -> None:
    model = linen(LinenViT())
    bound = capture(model.module.bind(model.params), image_size=8, call={"train": False})
    assert bound.weights_hash == model.weights_hash
    with pytest.raises(ValueError, match="pass variables="):
        capture(LinenViT(), image_size=8)
    with pytest.raises(ValueError, match="'params' collection"):
        capture(LinenViT(), variables=model.params["params"], image_size=8)
    with pytest.raises(ValueError, match=r"TypeError.*train.*arguments of its call"):
        capture(LinenViT(), variables=model.params, image_size=8)


class Scanned(nn.Module):
    remat: bool = False

    @nn.compact
    def __call__(self, x, train=False):
        x = nn.Conv(8, (4, 4), strides=(4, 4), name="stem")(x)

        class Body(nn.Module):
            @nn.compact
            def __call__(self, x, _):
                return x + nn.Dense(8)(x), None

        body = nn.remat(Body) if self.remat else Body
        x, _ = nn.scan(body, variable_axes={"params": 0}, split_rngs={"params": True}, length=3)(name="blocks")(x, None)
        return nn.LayerNorm(name="norm")(x)


def test_linen_scan_is_unrolled_and_remat_refused_by_name() -> None:
    model = linen(Scanned())
    assert [s.name for s in model.steps] == ["stem", "blocks", "blocks#1", "blocks#2", "norm"]
    images = model.preprocess(PICTURES)
    states, weights = model(images), model.params["params"]["blocks"]["Dense_0"]
    state = states["stem"]
    for i, name in enumerate(["blocks", "blocks#1", "blocks#2"]):
        state = state + state @ weights["kernel"][i] + weights["bias"][i]
        np.testing.assert_allclose(states[name], state, atol=1e-5)
    np.testing.assert_allclose(
        linen(Scanned(), include="output")(images)["output"], model.module.apply(model.params, images), atol=1e-5
    )
    with pytest.raises(ValueError, match="'blocks' is called inside a JAX transformation"):
        linen(Scanned(remat=True))
    assert [s.name for s in linen(Scanned(remat=True), exclude="blocks").steps] == ["stem", "norm"]


def test_nnx_states_are_those_of_a_run_by_hand() -> None:
    net = NNXNet(nnx.Rngs(0))
    classes = [type(module) for _, module in nnx.iter_modules(net)]
    model = capture(net, image_size=(8, 12))
    assert [(s.name, s.kind) for s in model.steps] == [
        ("stem", "stem"),
        ("blocks.0", "block"),
        ("blocks.1", "block"),
        ("final_norm", "norm"),
    ]
    assert model.steps[0].layout == Map((4, 6))
    images = model.preprocess(PICTURES)
    states = model(images)
    evaluated = nnx.view(net, deterministic=True, use_running_average=True)
    x = nnx.jit(evaluated.stem)(images)
    np.testing.assert_allclose(states["stem"], x, atol=1e-6)
    for i, block in enumerate(evaluated.blocks):
        x = nnx.jit(block)(x)
        np.testing.assert_allclose(states[f"blocks.{i}"], x, atol=1e-5)
    np.testing.assert_allclose(states["final_norm"], evaluated.final_norm(x), atol=1e-5)
    assert [type(module) for _, module in nnx.iter_modules(net)] == classes
    assert net.blocks[0].dropout.deterministic is False
    gradient_of = jax.grad(lambda params: model.apply(params, images)["blocks.1"].sum(), allow_int=True)
    gradient = jax.jit(gradient_of)(model.params)
    assert np.abs(gradient["stem"]["kernel"][...]).sum() > 0


def test_nnx_transformations_inside_the_model() -> None:
    class Loop(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.stem = nnx.Conv(3, 4, (4, 4), strides=4, rngs=rngs)

            @nnx.split_rngs(splits=3)
            @nnx.vmap
            def make(rngs):
                return NNXBlock(4, rngs)

            self.blocks = make(rngs)
            self.last = nnx.Linear(4, 4, rngs=rngs)

        def __call__(self, x):
            loop = nnx.scan(lambda block, x: block(x), in_axes=(0, nnx.Carry), out_axes=nnx.Carry)
            x = loop(self.blocks, self.stem(x))
            return nnx.remat(lambda last, x: last(x))(self.last, x)

    net = Loop(nnx.Rngs(0))
    model = capture(net, image_size=8)
    assert [s.name for s in model.steps] == ["stem", "blocks", "blocks#1", "blocks#2"]
    images = model.preprocess(PICTURES)
    output = capture(net, image_size=8, include="output")(images)["output"]
    kernel, bias = net.last.kernel[...], net.last.bias[...]
    np.testing.assert_allclose(model(images)["blocks#2"] @ kernel + bias, output, atol=1e-5)
    with pytest.raises(ValueError, match="'last' is called inside a JAX transformation"):
        capture(net, image_size=8, include="last")


def test_filters(conv_net) -> None:
    def names(**options) -> list[str]:
        return [step.name for step in capture(conv_net, image_size=8, **options).steps]

    assert names(include="layer1.*") == ["layer1.0", "layer1.1"]
    assert names(include=["head", "layer1.0"]) == ["layer1.0", "head"]
    assert names(include=torch.nn.Conv2d, exclude="stem") == [f"layer{i}.{j}.conv" for i in (1, 2) for j in (0, 1)]
    assert names(include=re.compile(r"layer\d\.1")) == ["layer1.1", "layer2.1"]
    assert names(exclude=["layer1.**", "stem"]) == ["layer2.0", "layer2.1"]
    with pytest.raises(ValueError, match=r"include: no module call matches 'layer3.1'. Calls there are: layer[12].1, "):
        names(include=["stem", "layer3.1"])
    with pytest.raises(ValueError, match="exclude: no module call matches 'LSTM'"):
        names(exclude=torch.nn.LSTM)
    with pytest.raises(ValueError, match="no step is left"):
        names(exclude="**")
    with pytest.raises(ValueError, match="include=3: expected names"):
        names(include=3)


class TokenNet(torch.nn.Module):
    """Tokens `[B, n_prefix + rows * columns, 4]`, with or without a patch embedding that is a module."""

    def __init__(self, n_prefix: int, edge: int, embed: bool) -> None:
        super().__init__()
        self.n_prefix, self.edge = n_prefix, edge
        self.embed = torch.nn.Conv2d(3, 4, edge, stride=edge) if embed else None
        self.block = torch.nn.Linear(4, 4)

    def forward(self, x):
        x = self.embed(x) if self.embed else torch.nn.functional.avg_pool2d(x, self.edge)[:, [0, 1, 2, 0]]
        x = x.flatten(2).transpose(1, 2)
        return self.block(torch.cat([x[:, :1].expand(-1, self.n_prefix, -1), x], 1))


def test_token_layouts_are_read_or_refused_never_guessed() -> None:
    def layout(n_prefix: int, edge: int, size: int | tuple[int, int], embed: bool = False, **options):
        model = capture(TokenNet(n_prefix, edge, embed), image_size=size, include="block", **options)
        return model.steps[0].layout

    assert layout(1, 16, 224) == Tokens(("token0",), (14, 14))
    assert layout(5, 14, 224) == Tokens(tuple(f"token{i}" for i in range(5)), (16, 16))
    assert layout(0, 8, (32, 64)) == Tokens((), (4, 8))
    assert layout(1, 4, 12, prefix=("cls",)) == Tokens(("cls",), (3, 3))
    assert layout(0, 4, 12, prefix=()) == Tokens((), (3, 3))
    assert layout(0, 4, 12, embed=True) == Tokens((), (3, 3))
    assert layout(0, 4, 12, grid=(3, 3)) == Tokens((), (3, 3))
    assert layout(1, 4, 12, layouts={"block": Tokens(("cls",), (3, 3))}) == Tokens(("cls",), (3, 3))
    with pytest.raises(ValueError, match=r"9 tokens for images of 12 x 12, which can be 5 \+ 2 x 2 or 0 \+ 3 x 3"):
        layout(0, 4, 12)
    with pytest.raises(ValueError, match="no grid of patches that fits the image"):
        layout(20, 4, 8)
    with pytest.raises(ValueError, match="does not describe its sizes"):
        layout(1, 4, 12, layouts={"block": Tokens((), (3, 3))})


def test_mean_pooling_takes_patches_only() -> None:
    model = capture(TokenNet(1, 4, True), image_size=8, include="block")
    state = np.asarray(model(model.preprocess(PICTURES))["block"])
    pictures = np.stack(PICTURES)
    np.testing.assert_allclose(extract(model, pictures)["block"], state[:, 1:].mean(1), atol=1e-6)
    with pytest.raises(ValueError, match=r"roles of token0 are unknown.*prefix="):
        extract(model, pictures, pool="cls")
    named = capture(TokenNet(1, 4, True), image_size=8, include="block", prefix=("cls",))
    expected = np.asarray(named(model.preprocess(PICTURES))["block"])[:, 0]
    np.testing.assert_allclose(extract(named, pictures, pool="cls")["block"], expected, atol=1e-6)


def test_channels_last_maps_of_torch_are_refused_until_named() -> None:
    class Last(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 20, 2, stride=2)
            self.norm = torch.nn.LayerNorm(20)

        def forward(self, x):
            return self.norm(self.conv(x).permute(0, 2, 3, 1))

    with pytest.raises(ValueError, match=r"'norm' has the shape \[3, 4, 4, 20\], which looks like BHWC"):
        capture(Last(), image_size=8, include="norm")
    model = capture(Last(), image_size=8, include=["conv", "norm"], layouts={"norm": "BHWC"})
    states = model(model.preprocess(PICTURES))
    assert [state.shape for state in states.values()] == [(4, 4, 4, 20)] * 2
    np.testing.assert_allclose(np.asarray(states["norm"]).mean(-1), 0, atol=1e-5)


def test_transformers_vit_captured_equals_its_native_port(tmp_path) -> None:
    config = transformers.ViTConfig(
        hidden_size=24, num_hidden_layers=3, num_attention_heads=3, intermediate_size=40, image_size=16, patch_size=4
    )
    torch.manual_seed(0)
    original = transformers.ViTModel(config)
    original.save_pretrained(tmp_path)
    native = load_model(tmp_path)
    captured = capture(original, preprocess=native.preprocessor, prefix=("cls",))
    assert [s.kind for s in captured.steps] == ["stem", "block", "block", "block", "norm"]
    assert [s.layout for s in captured.steps] == [s.layout for s in native.steps]
    images = native.preprocess(PICTURES)
    ours, theirs = captured(images), native(images)
    for a, b in zip(ours.values(), theirs.values(), strict=True):
        assert np.abs(a - b).max() <= 2e-5 * max(1, np.abs(b).max())


def test_other_image_sizes(conv_net) -> None:
    model = capture(conv_net, image_size=8)
    assert [s.layout for s in model.steps_at((12, 8))] == [Map((6, 4))] * 3 + [Map((3, 2))] * 2
    images = np.zeros((2, 12, 8, 3), np.float32)
    states = model(images)
    assert [state.shape[1:3] for state in states.values()] == [s.layout.grid for s in model.steps_at((12, 8))]


def test_preprocessing() -> None:
    net = TokenNet(0, 4, True)
    plain = capture(net, image_size=(8, 12), mean=(0, 0, 0), std=(1, 1, 1))
    images = plain.preprocess(PICTURES)
    assert images.shape == (4, 8, 12, 3)
    assert 0 <= images.min() < images.max() <= 1
    assert plain.preprocessing["mean"] == [0, 0, 0]
    cropped = capture(net, preprocess=PlainPreprocessor((8, 8), fit="crop", crop_fraction=0.875))
    assert cropped.preprocessing["crop_fraction"] == 0.875

    def gray(images):
        return np.stack([image[:8, :8, :1].astype(np.float32) for image in images])

    flat = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 4, stride=4))
    function = capture(flat, preprocess=gray)
    assert function(function.preprocess(PICTURES))["0"].shape == (4, 2, 2, 4)
    assert function.image_size == (8, 8)
    doubled = capture(flat, preprocess=lambda images: 2 * gray(images))
    assert doubled.preprocessing["fingerprint"] != function.preprocessing["fingerprint"]
    with pytest.raises(ValueError, match="wrap a single image"):
        plain.preprocess([])
    with pytest.raises(ValueError, match=r"expected float images \[B, H, W, 3\]"):
        plain(np.zeros((2, 8, 12, 1), np.float32))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "pass image_size="),
        ({"image_size": 0}, "image_size=0"),
        ({"image_size": 8, "mean": (1, 2)}, "mean=.*expected three numbers"),
        ({"image_size": 8, "std": (0, 1, 1)}, "std=.*expected three positive numbers"),
        ({"image_size": 8, "preprocess": PlainPreprocessor((8, 8))}, "image_size is not used with preprocess="),
        ({"preprocess": "resize"}, "preprocess: expected a PlainPreprocessor"),
        ({"preprocess": lambda images: np.stack([i.astype(float) for i in images])}, "images of all sizes to one"),
        ({"preprocess": lambda images: np.zeros((1, 8, 8), float)}, r"return float \[B, H, W, C\]"),
        ({"image_size": 8, "layouts": {"stem": "NCHW"}}, "expected axes"),
        ({"image_size": 8, "layouts": "BCHW"}, "layouts: expected a mapping"),
        ({"image_size": 8, "call": True}, "call: expected a mapping"),
        ({"image_size": 8, "call": {"train": False}}, "unexpected keyword argument 'train'"),
        ({"image_size": 8, "method": "forward_features"}, "has no such method"),
        ({"image_size": 8, "grid": 3}, "grid=3"),
        ({"image_size": 8, "prefix": "cls"}, "prefix='cls'"),
        ({"image_size": 8, "variables": {}}, "variables are for Linen modules"),
        ({"image_size": 8, "channels_first": False}, "Check image_size, channels_first"),
    ],
)
def test_bad_settings(conv_net, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        capture(conv_net, **options)


def test_other_things_than_models() -> None:
    with pytest.raises(ValueError, match="came int"):
        capture(3, image_size=8)
    with pytest.raises(ValueError, match="class ConvNet: make an object"):
        capture(ConvNet, image_size=8)


def test_method(conv_net) -> None:
    conv_net.forward_features = lambda x: conv_net.layer1(conv_net.stem(x))
    model = capture(conv_net, image_size=8, method="forward_features", include=["stem", "output"])
    states = model(model.preprocess(PICTURES))
    assert {name: state.shape for name, state in states.items()} == {"stem": (4, 4, 4, 5), "output": (4, 4, 4, 5)}
