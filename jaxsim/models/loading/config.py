"""Reading a checkpoint's configuration so that no attribute is overlooked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxsim.arguments import shown
from jaxsim.models.loading.inert_keys import is_inert, without_inert

# Nothing here changes what a model computes at inference.
IGNORED_EVERYWHERE = frozenset(
    {
        "_attn_implementation",
        "_commit_hash",
        "_name_or_path",
        "_out_features",
        "_out_indices",
        "add_cross_attention",
        "architectures",
        "attention_dropout",
        "attention_probs_dropout_prob",
        "attn_implementation",
        "bad_words_ids",
        "bos_token_id",
        "chunk_size_feed_forward",
        "classifier_dropout",
        "cross_attention_hidden_size",
        "decoder_start_token_id",
        "drop_path",
        "drop_path_rate",
        "dropout",
        "dtype",
        "eos_token_id",
        "finetuning_task",
        "hidden_dropout_prob",
        "id2label",
        "initializer_factor",
        "initializer_range",
        "is_decoder",
        "is_encoder_decoder",
        "label2id",
        "model_type",
        "num_labels",
        "out_features",
        "out_indices",
        "output_attentions",
        "output_hidden_states",
        "pad_token_id",
        "prefix",
        "problem_type",
        "pruned_heads",
        "return_dict",
        "sep_token_id",
        "stage_names",
        "task_specific_params",
        "tf_legacy_loss",
        "tie_encoder_decoder",
        "tie_word_embeddings",
        "tokenizer_class",
        "torch_dtype",
        "torchscript",
        "transformers_version",
        "use_bfloat16",
        "use_cache",
    }
)


class ConfigReader:
    """Hands out a configuration's attributes and knows at the end which ones nobody asked for.

    Every attribute must be read, ignored by name or required to have a value; `finish` raises otherwise.

    Args:
        values: The configuration with its defaults filled in.
        where: What to call it in messages.
        prefix: How the names of attributes begin in messages, `"vision_config."` of a nested configuration.

    Example:
        >>> config = ConfigReader({"hidden_size": 8, "twist": True}, "config.json")
        >>> config("hidden_size")
        8
        >>> config.finish()
        Traceback (most recent call last):
            ...
        ValueError: config.json: 1 attribute(s) this family does not support:
          twist=True: unknown attribute; it may change what the model computes
        If you know that an attribute changes nothing, leave it out: load_model(..., overrides={'twist': None}).
    """

    def __init__(self, values: Mapping[str, Any], where: str, prefix: str = "") -> None:
        self.values = dict(values)
        self.where = where
        self.prefix = prefix
        self._seen: set[str] = set()
        self._ignored: set[str] = set()
        self._problems: list[str] = []
        self._parts: list[ConfigReader] = []
        self._channels: int | None = None

    def __call__(self, name: str, *default: Any) -> Any:
        """Returns attribute `name`, or the default if one is given.

        Raises:
            ValueError: The attribute is missing and has no default.
        """
        self._seen.add(name)
        if name in self.values:
            return self.values[name]
        if default:
            return default[0]
        raise ValueError(f"{self.where}: attribute {self.prefix + name!r} is missing; the family needs it")

    def pair(self, name: str) -> tuple[int, int]:
        """Returns a size as (height, width); a single number stands for both."""
        value = self(name)
        if isinstance(value, int):
            return value, value
        if isinstance(value, list | tuple) and len(value) == 2:
            return int(value[0]), int(value[1])
        raise ValueError(
            f"{self.where}: {self.prefix}{name}={shown(value)}; expected a number or a pair (height, width)"
        )

    def require(self, name: str, *allowed: Any) -> None:
        """Notes a problem unless the attribute is absent or has one of the allowed values."""
        self._seen.add(name)
        if name in self.values and self.values[name] not in allowed:
            wanted = " or ".join(repr(value) for value in allowed)
            self._problems.append(f"{name}={shown(self.values[name])}: only {wanted} is supported")

    def refuse(self, name: str, reason: str) -> None:
        """Notes a problem with an attribute's value."""
        self._seen.add(name)
        self._problems.append(f"{name}={shown(self.values.get(name))}: {reason}")

    def ignore(self, *names: str) -> None:
        """States that the attributes do not change what the steps compute."""
        self._seen.update(names)
        self._ignored.update(names)

    def read_channels(self) -> None:
        """Reads the number of channels of the images; notes a problem unless it is 3 or 1."""
        self.require("num_channels", 3, 1)
        self._channels = self.values.get("num_channels", 3)

    @property
    def channels(self) -> int:
        """The channels of the images, as this configuration or a nested one has them; 3 where none was read."""
        read = [reader._channels for reader in (self, *self._parts) if reader._channels is not None]
        return read[0] if read else 3

    @property
    def ignored(self) -> frozenset[str]:
        """The attributes of this configuration that are on a stated list of ignored ones."""
        return frozenset(self._ignored | IGNORED_EVERYWHERE)

    def part(self, name: str) -> ConfigReader:
        """Returns a reader for a nested configuration (`vision_config`)."""
        value = self(name)
        if not isinstance(value, Mapping):
            raise ValueError(f"{self.where}: {name} should be a nested configuration, got {shown(value)}")
        reader = ConfigReader(value, self.where, f"{self.prefix}{name}.")
        self._parts.append(reader)
        return reader

    @property
    def parts(self) -> tuple[ConfigReader, ...]:
        """The readers of nested configurations, in the order in which they were asked for."""
        return tuple(self._parts)

    def problems(self) -> list[str]:
        """Returns everything that is refused or was not asked for."""
        unknown = {
            name for name in set(self.values) - self._seen - IGNORED_EVERYWHERE if not is_inert(name, self.values[name])
        }
        found = self._problems + [
            f"{name}={shown(self.values[name])}: unknown attribute; it may change what the model computes"
            for name in sorted(unknown)
        ]
        own = [f"{self.prefix}{problem}" for problem in found]
        return own + [problem for part in self._parts for problem in part.problems()]

    def finish(self) -> None:
        """Raises one ValueError with all problems, if there are any."""
        problems = self.problems()
        if problems:
            raise ValueError(
                f"{self.where}: {len(problems)} attribute(s) this family does not support:\n  "
                + "\n  ".join(problems[:10])
                + (f"\n  and {len(problems) - 10} more" if len(problems) > 10 else "")
                + "\nIf you know that an attribute changes nothing, leave it out: "
                f"load_model(..., overrides={{{problems[0].partition('=')[0]!r}: None}})."
            )


def overridden(values: Mapping[str, Any], overrides: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Returns a configuration with other attributes in place of its own.

    Args:
        values: The configuration.
        overrides: Attributes; None leaves one out, and a dot leads into a nested configuration.
        where: What to call the configuration.

    Raises:
        ValueError: A name leads into a nested configuration that is not there.

    Example:
        >>> overridden({"a": 1, "vision_config": {"b": 2, "c": 3}}, {"a": None, "vision_config.b": None}, "config.json")
        {'vision_config': {'c': 3}}
    """
    changed = dict(values)
    for name, value in overrides.items():
        place, parts = changed, name.split(".")
        for depth, part in enumerate(parts[:-1], start=1):
            inner = place.get(part)
            if not isinstance(inner, Mapping):
                raise ValueError(
                    f"{where}: overrides {name!r}: expected a nested configuration {'.'.join(parts[:depth])!r}, got "
                    f"{'none' if inner is None else shown(inner)}; its attributes are {', '.join(sorted(values)):.300}"
                )
            place[part] = place = dict(inner)
        if value is None:
            place.pop(parts[-1], None)
        else:
            place[parts[-1]] = value
    return changed


def with_defaults(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Fills in the defaults of transformers' configuration class of `values["model_type"]`.

    Attributes that the class does not know are kept, so that a reader can refuse them.

    Raises:
        ValueError: Transformers does not know the type or rejects a value.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    try:
        configuration = CONFIG_MAPPING[values["model_type"]].from_dict(without_inert(values))
    except KeyError:
        raise ValueError(f"{where}: transformers has no configuration for {values['model_type']!r}") from None
    except Exception as error:  # the strict dataclasses raise several types of their own
        raise ValueError(f"{where} is not a valid {values['model_type']} configuration: {error!s:.1000}") from error
    return configuration.to_dict()
