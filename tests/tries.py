"""How many random inputs a test tries: some in the suite, more under `--hypothesis-profile=many`."""

from hypothesis import HealthCheck, settings


def tries(count):
    """Settings for `count` examples in the suite, and for as many times more as the profile says."""
    many = count * settings.default.max_examples // 100
    return settings(max_examples=many, deadline=None, suppress_health_check=list(HealthCheck))
