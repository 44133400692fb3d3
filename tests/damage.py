"""Random damage to JSON and to bytes, for the slow tests that open damaged files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

#: Examples of the largest test; the others take a share of them. About 2,500 in all.
EXAMPLES = int(os.environ.get("JAXSIM_FUZZ_EXAMPLES", "950"))


def fuzzed(share: float = 1.0) -> Any:
    """The settings of a test with this share of the examples."""
    return settings(
        max_examples=max(1, int(EXAMPLES * share)),
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


WORDS = ["", "gelu", "vit", "resnet", "max", "../x", "/etc/passwd", "\0", "\x1b[31m", "é", "nan", "224", "a" * 3000]
numbers = st.one_of(
    st.sampled_from([0, -1, 1, 2, 3, 2**16, 2**20, 2**31, 2**40, 2**63, 2**64, 10**30, 10**400, True, False]),
    st.sampled_from([0.0, -0.5, 0.5, 1e-300, 1e300, float("nan"), float("inf"), -float("inf"), 224.0]),
    st.integers(-10, 300),
)
leaves = st.one_of(st.none(), numbers, st.sampled_from(WORDS), st.text(max_size=8))
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


def paths_of(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something lies in a JSON value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in parts:
        yield (*here, key)
        yield from paths_of(inner, (*here, key))


def _is_size(value: Any, place: tuple[Any, ...]) -> bool:
    for part in place:
        value = value[part]
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


@st.composite
def damaged(draw, whole: Any, most: int = 3) -> Any:
    """A JSON value with some of its parts dropped, replaced, scaled, wrapped, renamed or nested deep."""
    value = json.loads(json.dumps(whole))
    for _ in range(draw(st.integers(1, most))):
        places = list(paths_of(value))
        if not places:
            return draw(values)
        # Sizes decide what is built; most other attributes are read nowhere.
        sizes = [place for place in places if _is_size(value, place)]
        *before, key = draw(st.sampled_from(sizes if sizes and draw(st.integers(0, 2)) else places))
        parent = value
        for part in before:
            parent = parent[part]
        kind = draw(st.sampled_from(["drop", "replace", "replace", "replace", "scale", "wrap", "rename", "deep"]))
        if kind == "drop":
            del parent[key]
        elif kind == "scale" and isinstance(parent[key], int | float):
            parent[key] = parent[key] * draw(st.sampled_from([2, -1, 10, 1000, 0.5, 2**20, 10**9]))
        elif kind == "wrap":
            parent[key] = draw(st.sampled_from([[parent[key]], {"a": parent[key]}, [parent[key]] * 3, [[parent[key]]]]))
        elif kind == "rename" and isinstance(parent, dict):
            parent[draw(st.text(max_size=6))] = parent.pop(key)
        elif kind == "deep":
            for _ in range(draw(st.sampled_from([3, 60, 400]))):
                parent[key] = [parent[key]]
        else:
            parent[key] = draw(values)
    return value


@st.composite
def edits(draw, length: int) -> list[tuple[str, int, bytes]]:
    """What is done to the bytes of a file, one after the other."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        # Headers and directories lie at the ends.
        place = draw(st.one_of(st.integers(0, min(200, length)), st.integers(0, length)))
        place = length - place if draw(st.booleans()) else place
        kind = draw(st.sampled_from(["set", "set", "set", "cut", "insert", "remove"]))
        piece = draw(
            st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from([b"\xff" * 8, b"\0" * 8, b"\xdf" * 5]))
        )
        found.append((kind, place, piece))
    return found


def edited(whole: bytes, changes: list[tuple[str, int, bytes]]) -> bytes:
    """Bytes with some changed, cut off, put between or taken away."""
    content = bytearray(whole)
    for kind, place, piece in changes:
        if kind == "set":
            content[place : place + len(piece)] = piece
        elif kind == "cut":
            del content[place:]
        elif kind == "insert":
            content[place:place] = piece
        else:
            del content[place : place + len(piece)]
    return bytes(content)


def written(path: Path, value: Any) -> None:
    """Python writes a number of 400 digits and half a pair of surrogates, which others may not read."""
    path.write_text(json.dumps(value), encoding="utf-8", errors="surrogatepass")
