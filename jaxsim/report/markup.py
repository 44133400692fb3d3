"""HTML from Python in which text is escaped unless it is known to be markup."""

import html

VOID = frozenset({"meta", "input", "br", "hr", "col", "link"})


class Markup(str):
    """HTML that is inserted as it stands."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | int | bool | None) -> Markup:
    """One element. Children that are not `Markup` are escaped; so is every attribute value.

    A trailing underscore in an attribute's name is dropped and inner ones become hyphens; False and None
    leave
    the attribute out, True writes its bare name.

    Args:
        name: Name of the element.
        *children: Text or markup inside.
        **attributes: Attributes.

    Returns:
        The element.

    Example:
        >>> tag("p", "a < b", class_="note", data_k=1, hidden=True)
        '<p class="note" data-k="1" hidden>a &lt; b</p>'
    """
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        written.append(f" {attribute}" if value is True else f' {attribute}="{html.escape(str(value))}"')
    opening = f"<{name}{''.join(written)}>"
    return Markup(opening) if name in VOID else Markup(f"{opening}{joined(*children)}</{name}>")


def joined(*children: str) -> Markup:
    """Children one after the other, escaped where they are not markup."""
    return Markup("".join(child if isinstance(child, Markup) else html.escape(child) for child in children))


def table(
    head: list[str],
    rows: list[list[str]],
    *,
    caption: str,
    numeric_from: int = 1,
    class_: str | None = None,
) -> Markup:
    """A table whose columns from `numeric_from` on are aligned as numbers; the first heads the rows."""
    cells = [
        tag("th", title, scope="col", class_="number" if place >= numeric_from else None)
        for place, title in enumerate(head)
    ]
    lines = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(
                tag("td", cell, class_="number" if place >= numeric_from else None)
                for place, cell in enumerate(row[1:], start=1)
            ),
        )
        for row in rows
    ]
    inner = tag("table", tag("caption", caption), tag("thead", tag("tr", *cells)), tag("tbody", *lines))
    return tag("div", inner, class_=f"table {class_ or ''}".strip(), tabindex=0, role="region", aria_label=caption)
