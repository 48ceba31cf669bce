"""Long axes, cut into pieces that fit the memory."""


def slices(length, step):
    """Slices of at most `step` that cover range(length)."""
    for start in range(0, length, step):
        yield slice(start, min(start + step, length))
