"""Long axes, cut into pieces that fit the memory; and some rows of many."""

from array_api_compat import array_namespace


def slices(length, step):
    """Slices of at most `step` that cover range(length)."""
    for start in range(0, length, step):
        yield slice(start, min(start + step, length))


def lengths(rows):
    """The lengths (B, 1) of rows."""
    return array_namespace(rows).sum(rows**2, axis=1, keepdims=True) ** 0.5


def indices(mask):
    """The indices of a mask's true entries, as a list."""
    found = array_namespace(mask).nonzero(mask)[0]
    return found.tolist() if hasattr(found, "tolist") else [int(i) for i in found]


def take_rows(array, rows):
    """The rows of a list; the array itself, if that is all of them."""
    if len(rows) == array.shape[0]:
        return array
    xp = array_namespace(array)
    return xp.take(array, xp.asarray(rows, device=array.device), axis=0)


def put_rows(array, rows, values):
    """Write values into the rows of a list."""
    for i, row in enumerate(rows):
        array[row, :] = values[i, :]


def share(mask):
    """The share of true entries."""
    xp = array_namespace(mask)
    return float(xp.mean(xp.astype(mask, xp.float64)))
