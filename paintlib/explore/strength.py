"""The interactive of chapter 16: how strong guidance is, and when it is on, on two Gaussians."""

from paintlib import given
from paintlib.checks import require, within
from paintlib.explore import Interactive, _short

PAIRS = {  # name: means with and without the prompt, variances with and without it, along two common axes
    "narrower": ((0.5, 0.3), (0.0, 0.0), (0.5, 0.25), (1.0, 0.5)),
    "one axis wider": ((0.4, 0.2), (0.0, 0.0), (1.3, 0.3), (1.0, 0.8)),
    "equally wide": ((0.5, 0.3), (0.0, 0.0), (0.5, 0.5), (0.5, 0.5)),
}


def guided(pairs=None, strength=2.0, most=8.0, kappas=(0.05, 20.0), title="How loud, and when: what guidance paints"):
    """What guided sampling paints of two Gaussians with common axes, and the density that it is named by.

    pairs: {name: (mu_c, mu_u, lam_c, lam_u)}, each of them (2,), with the prompt (c) and without it (u); strength: w to
    begin with, of 0 to `most`; kappas: lowest and highest noise level of the interval in which guidance is on.
    """
    wanted = ("mu_c", "mu_u", "lam_c", "lam_u")
    remedy = f"give one to four, {{name: ({', '.join(wanted)})}}"
    pairs = given.named("pairs", PAIRS if pairs is None else pairs, 4, remedy)
    most = given.between("most", most, 0.1, 1000, "give the largest strength of the slider, 0.1 to 1000")
    strength = given.between("strength", strength, 0, most, f"give 0 to {most:g}")
    packed = [_pair(name, *given.parts(f"pair {name}", parts, *wanted)) for name, parts in pairs.items()]
    data = {"pairs": packed, "strength": strength, "most": most, "kappas": _short(given.span("kappas", kappas))}
    return Interactive("guided", title, data)


def _pair(name, *parts):
    mu_c, mu_u, lam_c, lam_u = (given.array(f"pair {name}", part, 2) for part in parts)
    least = min(*lam_c, *lam_u)
    require(least > 0, f"pair {name}", f"a variance of {least}", "give positive variances")
    within(f"pair {name}", least, 0, "give positive variances")
    features = [
        dict(zip(("mc", "mu", "c", "u"), _short(values), strict=True))
        for values in zip(mu_c, mu_u, lam_c, lam_u, strict=True)
    ]
    return {"name": name, "features": features}
