"""Labels and groups that came with the images, by the name of their column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxsim.data import ImageSource
from jaxsim.names import COLUMN, names_column


def of_column(given: Any, images: ImageSource | None, what: str) -> Any:
    """What a column holds, for the name of one.

    Args:
        given: Labels or groups in any form.
        images: All images, before a subset of them is drawn; None where there are features alone.
        what: The option, for the error.

    Returns:
        One value for each image, for a text such as "column:folder"; else what was given.

    Raises:
        ValueError: There is no such column, or there are no images.

    Example:
        >>> import jaxsim
        >>> of_column("column:digit", jaxsim.open_images("digits"), "groups")[:3]
        (0, 1, 2)
        >>> of_column(["a", "b"], None, "groups")
        ['a', 'b']
    """
    if not names_column(given):
        return given
    if images is None:
        raise ValueError(
            f"expected images for {what}={given!r}, since columns come with images; give images=, or the values "
            "themselves"
        )
    return images.column(given.removeprefix(COLUMN))


def of_columns(given: Any, images: ImageSource | None, what: str) -> Any:
    """The same for labels, of which each has a name.

    Example:
        >>> import jaxsim
        >>> list(of_columns({"class": "column:digit"}, jaxsim.open_images("digits"), "labels"))
        ['class']
    """
    if not isinstance(given, Mapping):
        return given
    return {name: of_column(value, images, f"{what}[{name!r}]") for name, value in given.items()}
