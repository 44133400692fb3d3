"""The loop of `inversions`, in the part of Python that Numba compiles. Importing this imports Numba."""

from .machine_code import compiled


@compiled
def count_inversions(values, spare):
    """Pairs `values[i] > values[j]` with i < j, while runs are merged from length one up.

    Args:
        values: `[n]`, sorted afterwards or overwritten.
        spare: Working memory of the same shape.

    Returns:
        How many there are.
    """
    n, width, found = len(values), 1, 0
    while width < n:
        for start in range(0, n, 2 * width):
            middle = min(start + width, n)
            end = min(start + 2 * width, n)
            left, right = start, middle
            for place in range(start, end):
                if right < end and (left == middle or values[right] < values[left]):
                    # It passes all that is left of the earlier run.
                    found += middle - left
                    spare[place] = values[right]
                    right += 1
                else:
                    spare[place] = values[left]
                    left += 1
        values, spare = spare, values
        width *= 2
    return found
