"""Reading a checkpoint's configuration so that no attribute is overlooked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxsim.models.inert_keys import is_inert

from jaxsim.models.ignored_attributes import IGNORED_ATTRIBUTES
from jaxsim.models.problem_list import listed


class ConfigReader:
    """Hands out a configuration's attributes and knows at the end which ones nobody asked for.

    Every attribute must be read, ignored by name or required to have a value; `finish` raises otherwise.

    Args:
        values: the configuration with its defaults filled in.
        where: what to call it in messages.
        name: of a nested configuration in the one around it.

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

    def __init__(self, values: Mapping[str, Any], where: str, name: str = "") -> None:
        self.values = dict(values)
        self.name = name
        self.where = where
        self._seen: set[str] = set()
        self._ignored: set[str] = set()
        self._problems: list[str] = []
        self._parts: list[ConfigReader] = []

    def __call__(self, name: str, *default: Any) -> Any:
        """Returns attribute `name`, or the default if one is given.

        Raises:
            ValueError: the attribute is missing and has no default.
        """
        self._seen.add(name)
        if name in self.values:
            return self.values[name]
        if default:
            return default[0]
        raise ValueError(f"{self.where}: attribute {name!r} is missing; the family needs it")

    def pair(self, name: str) -> tuple[int, int]:
        """Returns a size as (height, width); a single number stands for both."""
        value = self(name)
        if isinstance(value, int):
            return value, value
        if isinstance(value, list | tuple) and len(value) == 2:
            return int(value[0]), int(value[1])
        raise ValueError(f"{self.where}: {name}={value!r}; expected a number or a pair (height, width)")

    def require(self, name: str, *allowed: Any) -> None:
        """Notes a problem unless the attribute is absent or has one of the allowed values."""
        self._seen.add(name)
        if name in self.values and self.values[name] not in allowed:
            wanted = " or ".join(repr(value) for value in allowed)
            self._problems.append(f"{name}={self.values[name]!r}: only {wanted} is supported")

    def refuse(self, name: str, reason: str) -> None:
        """Notes a problem with an attribute's value."""
        self._seen.add(name)
        self._problems.append(f"{name}={self.values.get(name)!r}: {reason}")

    def ignore(self, *names: str) -> None:
        """States that the attributes do not change what the steps compute."""
        self._seen.update(names)
        self._ignored.update(names)

    @property
    def ignored(self) -> frozenset[str]:
        """The attributes of this configuration that are on a stated list of ignored ones."""
        return frozenset(self._ignored | IGNORED_ATTRIBUTES.keys())

    def part(self, name: str) -> ConfigReader:
        """Returns a reader for a nested configuration (`vision_config`)."""
        value = self(name)
        if not isinstance(value, Mapping):
            raise ValueError(f"{self.where}: {name} should be a nested configuration, got {value!r}")
        reader = ConfigReader(value, f"{self.where}: {name}", name)
        self._parts.append(reader)
        return reader

    @property
    def parts(self) -> tuple[ConfigReader, ...]:
        """The readers of nested configurations, in the order in which they were asked for."""
        return tuple(self._parts)

    def unknown(self) -> list[str]:
        """The attributes that nobody asked for and no list names, those of nested configurations with a dot."""
        here = sorted(set(self.values) - self._seen - IGNORED_ATTRIBUTES.keys())
        return here + [f"{part.name}.{name}" for part in self._parts for name in part.unknown()]

    def problems(self) -> list[str]:
        """Everything that is refused or was not asked for."""
        unknown = sorted(set(self.values) - self._seen - IGNORED_ATTRIBUTES.keys())
        found = self._problems + [f"{name}={self.values[name]!r:.200}: {_why_unknown(name)}" for name in unknown]
        return found + [f"{part.where}: {problem}" for part in self._parts for problem in part.problems()]

    def finish(self) -> None:
        """Raises one ValueError with all problems, if there are any."""
        problems = self.problems()
        if not problems:
            return
        unknown = self.unknown()
        cure = "The checkpoint is of a kind that jaxsim does not compute."
        if unknown:
            they, change, such = ("it", "changes", "it") if len(unknown) == 1 else ("they", "change", "them")
            dropped = ", ".join(f"{name!r}: None" for name in unknown[:10])
            cure = (
                f"If you know that {they} {change} nothing (other programs leave such attributes behind), leave {such} "
                f"out:\nload_model(..., overrides={{{dropped}}})."
            )
        raise ValueError(
            f"{self.where}: {len(problems)} attribute(s) this family does not support:\n{listed(problems)}\n{cure}"
        )


def _why_unknown(name: str) -> str:
    if name == "auto_map":
        return "the checkpoint brings code of its own, which is never run here; the model may differ from its family's"
    return "unknown attribute; it may change what the model computes"


def overridden(values: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a configuration with some attributes replaced, and without those whose new value is None.

    Args:
        values: the configuration.
        overrides: attribute -> value; `"vision_config.name"` is an attribute of a nested configuration.

    Example:
        >>> overridden({"a": 1, "twist": 2, "part": {"b": 3}}, {"a": 5, "twist": None, "part.b": 4})
        {'a': 5, 'part': {'b': 4}}
    """
    changed = dict(values)
    for name, value in overrides.items():
        head, dot, rest = name.partition(".")
        if dot and name not in changed and isinstance(changed.get(head), Mapping):
            changed[head] = overridden(changed[head], {rest: value})
        elif value is None:
            changed.pop(name, None)
        else:
            changed[name] = value
    return changed


def with_defaults(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Fills in the defaults of transformers' configuration class of `values["model_type"]`.

    Attributes that the class does not know are kept, so that a reader can refuse them.

    Raises:
        ValueError: transformers does not know the type or rejects a value.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    # From a number of classes transformers writes down a name for each.
    plain = {
        name: _without_class_count(value) if isinstance(value, Mapping) else value
        for name, value in _without_class_count(values).items()
    }
    try:
        return CONFIG_MAPPING[values["model_type"]].from_dict(plain).to_dict()
    except KeyError:
        raise ValueError(f"{where}: transformers has no configuration for {values['model_type']!r}") from None
    except Exception as error:  # the strict dataclasses raise several types of their own
        said = f"{type(error).__name__}: {error!s:.500}"
        raise ValueError(f"{where} is not a valid {values['model_type']} configuration: {said}") from error


def _without_class_count(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in ("num_labels", "_num_labels")}
