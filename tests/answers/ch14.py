"""Chapter 14."""

import numpy as np


def loudness(w):
    return np.hypot(w, w - 1)


def nearest(estimates, endings):
    """By numpy's own correlations."""
    both = np.corrcoef(np.concatenate([estimates, endings]))[: len(estimates), len(estimates) :]
    return both.argmax(1)


def seed_share(x):
    """By variances: that within is the total less that of the prompts' means."""
    return 1 - x.mean(1).var(0).sum() / x.reshape(-1, x.shape[-1]).var(0).sum()


RIGHT = [
    ("14.1", loudness),
    ("14.2", nearest),
    ("14.3", seed_share),
]
WRONG = [
    ("14.1", lambda w: w, "prompt's error alone"),
    ("14.1", lambda w: w + abs(w - 1), "off by"),
    ("14.2", lambda e, ends: [((ends - one) ** 2).sum(-1).argmin() for one in e], "off by"),  # a distance
    ("14.2", lambda e, ends: (e @ ends.T).argmin(1), "off by"),
    ("14.2", lambda e, ends: e @ ends.T, "should have shape"),
    ("14.3", lambda x: 1 / (1 / seed_share(x) - 1), "share of the whole"),
    ("14.3", lambda x: 1 - seed_share(x), "off by"),
    ("14.3", lambda x: None, "nothing yet"),
]
