"""No attribute of a configuration is dropped in silence: it is ignored by name, refused, or changes what is built."""

import dataclasses

import pytest

from jaxsim.models.family import families
from jaxsim.models.loading.config import ConfigReader, with_defaults

CASES = [(family, kind) for family in families() for kind in family.model_types]
# Attributes that only matter beside certain values of others.
BESIDE = {
    "finegrained_output": {"depth_multiplier": 0.5},
    # Of blocks with a stride, of which the fourth is then one.
    "depthwise_padding": {"depth_coefficient": 1.0, "num_block_repeats": [1] * 7},
}
each_kind = pytest.mark.parametrize(("family", "kind"), CASES, ids=[kind for _, kind in CASES])


def odd_values(value):
    """Other values of the same type, small changes and large ones."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, 2 * value + 32, max(1, value // 2)]
    if isinstance(value, float):
        return [1.5 * value + 0.25, -1.0]
    if isinstance(value, str):
        return ["odd"]
    if isinstance(value, list | tuple) and value:
        return [[odd, *value[1:]] for odd in odd_values(value[0])] + [list(value)[:-1], [*value, value[-1]]]
    if isinstance(value, dict):
        return [{**value, "odd": 1}]
    return [3, 0.5, True, "odd", [3, 3]]  # None or an empty list


def built(family, values):
    """The reader after building, and everything about the architecture that can be compared."""
    reader = ConfigReader(values, "config.json")
    made = family.build(reader, {})
    weights = [(rule.source, rule.targets) for rule in made.weights.rules], made.weights.prefixes, made.weights.extras
    return reader, (made.module, made.image_size, made.preprocessing, made.inputs, weights)


def outcome(family, values, name, before):
    """`"refused"` by name, `"changed"`, `"dropped"`, or an error that does not name the attribute."""
    try:
        reader, now = built(family, values)
    except ValueError as error:
        return "refused" if name in str(error) else f"unnamed: {error}"
    problems = "\n".join(reader.problems())
    if problems:
        assert name in problems
        return "refused"
    return "dropped" if now == before else "changed"


def silently_dropped(family, values, wrap=lambda values: values, part=lambda reader: reader):
    """Attributes of `values` without an effect; `wrap` and `part` place them in a larger configuration."""
    reader, usual = built(family, wrap(values))
    assert not reader.problems()
    dropped = []
    for name in sorted(set(values) - part(reader).ignored):
        beside = {**values, **BESIDE.get(name, {})}
        before = usual if beside == values else built(family, wrap(beside))[1]
        outcomes = []
        for odd in odd_values(values[name]):
            try:
                outcomes.append(outcome(family, wrap({**beside, name: odd}), name, before))
            except TypeError:  # transformers' own classes refuse other types than the default's before we see them
                assert values[name] is None or isinstance(values[name], list | tuple), name
                continue
        if not {"changed", "refused"} & set(outcomes) or any(each.startswith("unnamed") for each in outcomes):
            dropped.append((name, outcomes))
    return dropped


@each_kind
def test_every_attribute_has_an_effect_or_is_ignored_by_name(family, kind):
    values = with_defaults({"model_type": kind}, kind)
    assert silently_dropped(family, values) == []
    if "vision_config" in values:
        vision = values["vision_config"]
        assert (
            silently_dropped(
                family,
                vision,
                wrap=lambda changed: {**values, "vision_config": changed},
                part=lambda reader: reader.parts[0],
            )
            == []
        )


@each_kind
def test_an_attribute_that_nobody_knows_is_refused(family, kind):
    values = with_defaults({"model_type": kind, "rotary_twist": 2}, kind)
    reader, _ = built(family, values)
    with pytest.raises(ValueError, match="rotary_twist=2: unknown attribute"):
        reader.finish()


def test_a_dropped_attribute_would_be_found():
    vit = next(family for family in families() if family.name == "vit")
    values = with_defaults({"model_type": "vit"}, "vit")

    def forgetful(config, shapes):
        made = vit.build(ConfigReader({**config.values, "layer_norm_eps": 1e-12}, "config.json"), shapes)
        for name in config.values:
            config(name)
        return made

    found = silently_dropped(dataclasses.replace(vit, build=forgetful), {**values, "layer_norm_eps": 1e-12})
    assert "layer_norm_eps" in dict(found)
    assert "hidden_size" not in dict(found)
