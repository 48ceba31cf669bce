"""Chapter 10, the shape of a trajectory: checks by flows, by principal components of drawn arcs, and by brute force."""

import numpy as np

from paintlib.check import close, exercise, function
from paintlib.gaussian import Gaussian
from paintlib.levels import CLEAN, Level

VARIANCES = (0.05, 0.6, 1.0, 9.0, 221.4)


@exercise(
    "10.1",
    "Euler keeps x / alpha, so its level is (1, kappa). Which alpha has the same kappa and alpha^2 + sigma^2 = 1?",
    "Every step has one alpha, which multiplies all pixels of all seeds of that step: mind the axes when NumPy "
    "broadcasts (T,) against (T, B, D).",
)
def _common(common):
    """The same flow written down twice, in each of the two coordinate systems."""
    rng = np.random.default_rng(101)
    painter = Gaussian(rng.normal(size=5), np.eye(5), rng.uniform(0.1, 3, 5))
    kappas = np.array([80.0, 7.0, 1.0, 0.2, 0.0])
    for B in (5, 3):
        x_T = rng.normal(size=(B, 5))
        ends = [Level.from_kappa(kappa) for kappa in kappas]
        start = ends[0].vp()
        wanted = np.stack([painter.flow(x_T, start, end.vp()) for end in ends[:-1]] + [painter.flow(x_T, start, CLEAN)])
        raw = np.stack([painter.flow(x_T / start.alpha, ends[0], end) for end in ends])
        close(f"The trajectory of {B} seeds", function(common)(raw, kappas), wanted)


@exercise(
    "10.2",
    "Put mu = 0 and alpha_T = 0. Then x_t = sqrt(v_t) z, x_0 = sqrt(lam) z and x_T = z along the feature, with one z.",
    "The section 'How bad can it get?' has an angle theta in which the relative error is simple. At which theta is it "
    "largest, and what does that say about sigma and alpha?",
)
def _worst(worst):
    """Brute force: the flow of one feature at many levels, against the rotation of its two ends."""
    alpha = np.linspace(0, 1, 20_001)
    sigma = np.sqrt(1 - alpha**2)
    start, x_T = Level(0.0, 1.0), np.array([1.7])
    for lam in VARIANCES:
        painter = Gaussian(np.zeros(1), np.eye(1), np.array([lam]))
        x_0 = painter.flow(x_T, start, CLEAN)
        x = painter.flow(np.tile(x_T, (len(alpha), 1)), start, Level(alpha, sigma))[:, 0]
        error = np.abs(x - alpha * x_0 - sigma * x_T) / np.abs(x)
        close(f"The worst alpha for lam = {lam:g}", function(worst)(lam), alpha[np.argmax(error)], rtol=0, atol=2e-3)


@exercise(
    "10.3",
    "Let the angle u run from -angle/2 to angle/2, so that the arc (cos u, sin u) is symmetric. Then its two principal "
    "axes are the two coordinate axes.",
    "So you need two variances over an interval of u: that of sin u, whose mean is zero, and that of cos u, whose mean "
    "is not. Integrals of sin^2 and cos^2 will do; the larger variance belongs to the first PC.",
)
def _turn_share(turn_share):
    """Principal components of an arc of 20,001 points that lies askew in seven dimensions."""
    frame = np.linalg.qr(np.random.default_rng(103).normal(size=(7, 2)))[0]
    for angle in (0.3, np.pi / 3, np.pi / 2, 3.0):
        u = np.linspace(0, angle, 20_001)
        arc = np.stack([np.cos(u), np.sin(u)], axis=1) @ frame.T + 0.4
        power = np.linalg.svd(arc - arc.mean(0), compute_uv=False) ** 2
        close(f"The part for an angle of {angle:.3g}", function(turn_share)(angle), power[0] / power.sum(), rtol=1e-3)


@exercise(
    "10.4",
    "Along the feature x / alpha is proportional to sqrt(kappa^2 + lam). The straight line runs from kappa_T to 0 "
    "evenly in kappa. Subtract, and set the derivative with respect to kappa to zero.",
    "So at the farthest point the tangent is parallel to the chord. The slope of the chord is known from its two ends.",
)
def _bend(bend):
    """Walk the flow of a feature and of a direction off the manifold, and find where the boomerang bulges most."""
    for lam in VARIANCES:
        for kappa_T in (80.0, 157.4):
            painter = Gaussian(np.zeros(2), np.eye(2)[:, :1], np.array([lam]))
            kappas = np.append(np.geomspace(kappa_T, kappa_T * 1e-4, 8_000), 0)
            x_T = np.tile([kappa_T, kappa_T], (len(kappas), 1))
            x = painter.flow(x_T, Level.from_kappa(kappa_T), Level(np.ones(len(kappas)), kappas))
            to_x, way = (x - x[-1]).T, x[0] - x[-1]
            wanted = kappas[np.argmax(np.abs(to_x[0] * way[1] - to_x[1] * way[0]))]  # the area spanned with the way
            close(f"The bend for lam = {lam:g}, kappa_T = {kappa_T:g}", function(bend)(lam, kappa_T), wanted, rtol=4e-3)


@exercise(
    "10.5",
    "Take the mean over the path off each seed's states. What is left is a matrix (T, D) for each seed.",
    "Its singular values squared are the variances along the PCs, the largest first. Which part do the first two hold?",
)
def _kept(kept):
    """Paths with known PCs: three motions of known variance along orthogonal directions, and a mean far away."""
    rng = np.random.default_rng(105)
    frame = np.linalg.qr(rng.normal(size=(9, 3)))[0]
    motions = np.linalg.qr(np.column_stack([np.ones(30), rng.normal(size=(30, 3))]))[0][:, 1:]  # of mean zero
    sizes = np.array([[5.0, 2.0, 1.0], [1.0, 4.0, 4.0], [3.0, 0.0, 0.0]])
    x = np.stack([(motions * size) @ frame.T + 50 * rng.normal(size=9) for size in sizes], axis=1)
    wanted = [sum(sorted(size**2)[-2:]) / sum(size**2) for size in sizes]
    close("The parts", function(kept)(x), wanted)
