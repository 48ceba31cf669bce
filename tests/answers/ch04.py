"""Chapter 04."""

import math

RIGHT = [
    ("04.1", lambda lam_1, lam_2: math.sqrt(lam_2 / (lam_1 + lam_2))),
    ("04.2", lambda lam: -math.log(2 * lam)),
    ("04.3", lambda lam: 1 / math.sqrt(lam - 1) if lam > 2 else 1.0),
    ("04.4", lambda lam, kappa: ((1 - (1 + kappa**2 / lam) ** -0.5) ** 2 * lam).sum() / lam.sum()),
    ("04.5", lambda a: 2 ** (2 / a)),
]
WRONG = [
    ("04.1", lambda lam_1, lam_2: lam_2 / (lam_1 + lam_2), "off by"),  # the root forgotten
    ("04.1", lambda lam_1, lam_2: math.sqrt(lam_1 / (lam_1 + lam_2)), "off by"),  # the wrong feature
    ("04.1", lambda lam_1, lam_2: math.sqrt(lam_2 / lam_1), "off by"),
    ("04.2", lambda lam: -math.log(lam), "off by"),  # the critical point, SNR lam = 1
    ("04.2", lambda lam: math.log(2 * lam), "off by"),
    ("04.2", lambda lam: -math.log(2 * lam) / 2, "off by"),  # log(alpha / sigma)
    ("04.3", lambda lam: 1 / math.sqrt(1 + lam), "off by"),  # the critical point
    ("04.3", lambda lam: 1 / (lam - 1) if lam > 2 else 1.0, "off by"),  # alpha squared
    ("04.3", lambda lam: 1.0, "off by"),
    ("04.4", lambda lam, kappa: ((1 - (1 + kappa**2 / lam) ** -0.5) * lam).sum() / lam.sum(), "off by"),  # not squared
    ("04.4", lambda lam, kappa: ((1 - (1 + kappa**2 / lam) ** -0.5) ** 2).mean(), "off by"),  # not weighed by variance
    ("04.5", lambda a: 2 ** (1 / a), "off by"),  # power and amplitude confused
    ("04.5", lambda a: 2.0, "off by"),
    (
        "04.4",
        lambda lam, kappa: (lam * kappa**2 / (kappa**2 + lam)).sum() / lam.sum(),
        "the picture behind the noise",
    ),
]
