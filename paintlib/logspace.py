"""Sums of exponentials that neither overflow nor underflow."""

from array_api_compat import array_namespace

from paintlib.checks import real_array, require


def logsumexp(logits):
    """log sum_i exp(logits_i) over the last axis."""
    xp = array_namespace(logits)
    top = xp.max(logits, axis=-1, keepdims=True)
    return xp.log(xp.sum(xp.exp(logits - top), axis=-1)) + top[..., 0]


def softmax(logits):
    """exp(logits_i) / sum_j exp(logits_j) over the last axis."""
    xp = array_namespace(logits)
    e = xp.exp(logits - xp.max(logits, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True)


def check_prior(prior, count):
    """Check prior weights: `count` positive numbers that sum to one."""
    real_array("prior", prior, 1)
    xp = array_namespace(prior)
    shape, total = tuple(prior.shape), float(xp.sum(prior))
    require(shape == (count,), "prior", f"shape {shape}", f"need one weight for each of the {count}")
    require(bool(xp.all(prior > 0)), "prior", prior, "prior weights are positive; leave out what has none")
    require(abs(total - 1) < 1e-6, "prior", f"a sum of {total}", "divide them by their sum")
    return prior
