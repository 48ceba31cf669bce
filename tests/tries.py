"""How many random inputs a test tries: some in the suite, some 50,000 in all under `--hypothesis-profile=many`."""

from collections import Counter
from functools import wraps

from hypothesis import HealthCheck, settings

TRIED = Counter()  # how often each test was called, for the summary


def tries(count):
    """Settings for `count` examples in the suite, and for as many times more as the profile says."""
    many = settings(
        max_examples=max(count * settings.default.max_examples // 100, 1),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    def told(test):
        if hasattr(test, "hypothesis"):  # given already
            test.hypothesis.inner_test = counted(test.hypothesis.inner_test)
            return many(test)
        return many(counted(test))

    return told


def counted(test):
    @wraps(test)
    def once(*args, **kwargs):
        TRIED[test.__name__] += 1
        return test(*args, **kwargs)

    return once
