"""Chapter 06, a Gaussian in two dimensions: the answers are held against the samplers, run on Gaussian features."""

import numpy as np

from paintlib import transfer
from paintlib.check import Wrong, close, exercise, function, number, parts
from paintlib.gaussian import Gaussian
from paintlib.grids import equal_angle
from paintlib.samplers import collect, ddim, heun, stochastic
from paintlib.schedules import EDM, Cosine


def _features(lams):
    return Gaussian(np.zeros(len(lams)), np.eye(len(lams)), np.asarray(lams, dtype=float))


def _end(sampler, lams, schedule, grid, *options):
    """What a whole run makes of a state of ones."""
    return collect(sampler(_features(lams), np.ones(len(lams)), schedule, grid, *options)).x[-1]


@exercise(
    "06.1",
    "From pure noise to the picture a feature makes a quarter turn. How far does it turn at each of N equal moves?",
    "Each move keeps the cosine of its turn. What do N equal moves keep together? Try N = 1, 2, 3, ... in a loop.",
    "For large N the loss is near pi^2 / (8 N). That is a guess of N within one or two; try the neighbours.",
)
def _moves_needed(answer):
    """Run DDIM from pure noise at equal angles, with the number given and with one move less."""
    f, schedule = function(answer), Cosine(offset=0.0)
    for part in (0.3, 0.5, 0.75, 0.9, 0.99):
        N = number("The number of moves", f(part))
        if N != round(N) or N < 1:
            raise Wrong(f"For a part of {part:g} you gave {N:g}; a number of moves is whole, and at least 1")
        kept = {n: _end(ddim, [1.0], schedule, np.linspace(1, 0, n + 1))[0] for n in (int(N), int(N) - 1) if n > 0}
        if kept[N] < part:
            raise Wrong(f"{N:g} moves are too few for {part:g}: run, they keep {kept[N]:.4f}")
        if N > 1 and kept[N - 1] >= part:
            raise Wrong(f"{N:g} moves are more than needed for {part:g}: one fewer, run, keep {kept[N - 1]:.4f}")


class _OneAfterAnother:
    """A random generator that is silent but for one call: the response of the whole run to one move's noise."""

    def __init__(self, call):
        self.call, self.count = call, -1

    def standard_normal(self, shape):
        self.count += 1
        return np.full(shape, float(self.count == self.call))


@exercise(
    "06.2",
    "On one feature, with alpha = 1, x0_hat = lam x / (kappa^2 + lam). Put it into one move: what stands before x?",
    "Old spread and fresh noise are independent. So their variances add up, once the old one has been multiplied.",
    "Carry the variance from move to move, beginning with that of the true law, kappa_0^2 + lam. The root comes last.",
    own=(transfer.stochastic,),
)
def _final_std(answer):
    """The sampler's response to the start and to each move's fresh noise alone; independent parts add up in squares."""
    f = function(answer)
    for lam, kappas, eta in ((1.0, [80.0, 3.0, 0.5, 0.0], 1.0), (0.04, [30.0, 2.0, 0.3, 0.1], 0.5),
                             (9.0, [80.0, 9.0, 1.0, 0.0], 0.0)):  # fmt: skip
        clock, moves = EDM(0.0, 100.0), len(kappas) - 1
        start = _end(stochastic, [lam], clock, kappas, eta, _OneAfterAnother(None))[0]
        fresh = [_end(stochastic, [lam], clock, kappas, eta, _OneAfterAnother(n))[0] - start for n in range(moves)]
        wanted = (start**2 * (kappas[0] ** 2 + lam) + np.sum(np.square(fresh))) ** 0.5
        what = f"the spread for lam = {lam:g}, kappas = {kappas}, eta = {eta:g}"
        given = number(what, f(lam, kappas, eta))
        if eta > 0 and np.isclose(given, abs(start) * (kappas[0] ** 2 + lam) ** 0.5, rtol=1e-4):
            raise Wrong(f"{what} lacks what the fresh noise adds")
        close(what, given, wanted)


@exercise(
    "06.3",
    "Write a function of the middle level that runs the three levels [kappa_T, middle, 0] and compares with the truth, "
    "sqrt(lam / (kappa_T^2 + lam)). Its zero is wanted.",
    "transfer.heun gives Heun's factor at once. It is far too large with a very low middle, too small with a high one.",
    "A solver such as scipy.optimize.brentq needs two places of opposite sign. Hint 2 tells where to look.",
)
def _middle(answer):
    """Run Heun over the three levels."""
    f = function(answer)
    for lam, kappa_T in ((1.0, 80.0), (0.04, 16.0), (0.3, 40.0), (4.0, 80.0)):
        kappa = number("The middle level", f(lam, kappa_T))
        if not 0 < kappa < kappa_T:
            raise Wrong(f"The middle level should lie between 0 and {kappa_T:g}; got {kappa:g}")
        end = _end(heun, [lam], EDM(0.0, 100.0), [kappa_T, kappa, 0.0])[0]
        ratio = end * (kappa_T**2 + lam) ** 0.5 / lam**0.5
        if abs(ratio - 1) > 1e-4:
            raise Wrong(
                f"For lam = {lam:g} from kappa = {kappa_T:g}, Heun by way of {kappa:.5g} is off by {ratio - 1:+.2%}"
            )


@exercise(
    "06.4",
    "Choose DDIM and 'angle of u1'. Keep the first axis, and change the length of the second: longer, then shorter.",
    "The levels gather around kappa = sqrt(lam_1). A feature that is much thinner turns where there are few of them.",
    "Make the two axes as unequal as the playground allows. Then find the fewest moves that the first one needs.",
)
def _unfair(answer):
    """DDIM, run with these moves at equal angles of the first axis."""
    first, second, moves = (number("Each of the three", v) for v in parts(answer, 3))
    if not (0.0999 <= first <= 1.5 and 0.0999 <= second <= 1.5 and 1 <= moves <= 50 and moves == round(moves)):
        raise Wrong(f"The playground has spreads of 0.1 to 1.5 and 1 to 50 moves; got {first:g}, {second:g}, {moves:g}")
    clock, lams = EDM(0.0, 80.0), np.array([first**2, second**2])
    made = _end(ddim, lams, clock, equal_angle(clock, int(moves), lams[0])) * ((6400 + lams) / lams) ** 0.5
    if made[0] < 0.899 or made[1] > 0.501:
        raise Wrong(
            f"There u1 keeps {made[0]:.1%} of its spread and u2 {made[1]:.1%}; wanted: at least 90 %, at most 50 %"
        )
