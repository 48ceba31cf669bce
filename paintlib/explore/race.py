"""The interactive of chapter 11: several painters start from the same noise."""

from paintlib import given
from paintlib.explore import Interactive, _pack, _short


def painters(kappas, estimates, shape, names=None, title="One noise, several painters: lower the noise"):
    """Endpoint estimates side by side, from noise to picture, and how far each painter is from the first.

    kappas (T,): falling noise levels sigma / alpha; estimates: {painter: x0_hat (T, S, D)} for S noises, two to five
    painters, of whom the first is the one that the others are held against; shape: (H, W) or (H, W, 3) of a picture;
    names: the noises' labels. Estimates travel as int8, one scale per picture (4/3 T S D bytes for each painter).
    """
    kappas = given.falling("kappas", kappas)
    estimates = given.named("estimates", estimates, 5, "give {painter: x0_hat}, two to five", least=2)
    T, S, D = given.array("estimates", next(iter(estimates.values())), len(kappas), "S", "D").shape
    arrays = [given.array("estimates", x, T, S, D) for x in estimates.values()]
    shape, names = given.sides(shape, D), given.names(names, S, "noise")
    packed = [{"name": name, "frames": [_pack(x[:, s]) for s in range(S)]}
              for name, x in zip(estimates, arrays, strict=True)]  # fmt: skip
    data = {"kappas": _short(kappas), "shape": shape, "names": names, "painters": packed}
    return Interactive("painters", title, data)
