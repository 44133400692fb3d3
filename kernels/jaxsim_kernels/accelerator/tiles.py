"""Widths of tiles that divide a strip."""


def largest_tile(n_columns: int, most: int, multiple: int) -> int:
    """The largest width of at most `most` that divides the columns and is a power of two times `multiple`.

    Args:
        n_columns: A multiple of `multiple`.
        most: A power of two times `multiple`.
        multiple: Of the width.

    Returns:
        The width.

    Example:
        >>> largest_tile(65_536, 1024, 128), largest_tile(5 * 512, 1024, 128)
        (1024, 512)
    """
    width = most
    while width > multiple and n_columns % width:
        width //= 2
    return width
