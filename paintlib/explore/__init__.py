"""Interactives that live on the page without a kernel and without a network.

Each function returns an `Interactive`. As a cell's output it is one self-contained HTML fragment: data, style and
JavaScript inline. The browser computes the closed forms from the data; `theory.js` holds them, and the tests hold it
against paintlib. What needs a network travels as recorded frames. The same fragment works on the website, in Colab, in
JupyterLab and from a file.
"""

import base64
import html
import json
import re
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from paintlib import given
from paintlib.checks import number, positive, require
from paintlib.samplers import Trajectory
from paintlib.schedules import VP, check_schedule


@dataclass(frozen=True)
class Interactive:
    """A fragment: the script that draws it (`name`), the `title` above it, and its `data`, ready for JSON."""

    name: str
    title: str
    data: dict

    def __post_init__(self):
        require(isinstance(self.title, str), "title", self.title, "give a text")
        for quantity, value in self.data.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError):
                require(False, quantity, "NaN, infinity or what is no data", "give finite numbers and text")

    def __repr__(self):
        return f"explore.{self.name}: {self.title}"

    def _repr_html_(self):
        source = {file: files(__name__).joinpath(file).read_text("utf-8") for file in (
            "style.css", "theory.js", "ui.js", "motion.js", f"{self.name}.js")}  # fmt: skip
        style = source.pop("style.css")
        code = re.sub(r"^ *(//.*\n)?", "", "".join(source.values()), flags=re.MULTILINE)  # comments stay in the files
        data = json.dumps({"title": self.title, **self.data}, separators=(",", ":")).replace("</", "<\\/")
        fallback = f"{self.title}: an interactive. In a notebook, run this cell to see it; a web page needs JavaScript."
        script = f"const DATA = {data};\n{code}\ninteractive(findRoot('{self.name}'), DATA);"
        body = f'<p class="fallback">{html.escape(fallback)}</p><script>(() => {{\n{script}\n}})();</script>'
        return f'<div class="paint-interactive" data-kind="{self.name}"><style>{style}</style>{body}</div>'


def _levels(schedule, times):
    """The times, from noise to data, and their levels, for JSON."""
    schedule = VP() if schedule is None else check_schedule(schedule)
    ends = (schedule.t_max, schedule.t_min)
    times = np.linspace(*ends, 101) if times is None else given.array("times", times, "T")
    require(len(times) > 1 and np.all(np.diff(times) < 0), "times", times, "give 2 or more, decreasing")
    levels = [schedule(t) for t in times]
    return {"times": _short(times), "levels": [{"alpha": level.alpha, "sigma": level.sigma} for level in levels]}


def _short(values):
    """Numbers to 6 digits, as lists."""
    return np.vectorize(lambda v: float(f"{v:.6g}"), otypes=[float])(values).tolist()


def _pack(rows):
    """Rows (K, D) as int8 with one scale per row: the error is at most max |row| / 254."""
    rows = np.atleast_2d(rows)
    scale = np.maximum(np.abs(rows).max(-1), np.finfo(float).tiny) / 127
    return {"data": _base64(np.rint(rows / scale[:, None]).astype(np.int8)), "scale": scale.tolist()}


def _base64(array):
    return base64.b64encode(array.tobytes()).decode("ascii")


def closed_form(lam=(3.0, 0.2), mu=(0.5, 0.25), angle=30.0, starts=None, schedule=None, times=None,
                title="Turn the variance and the time"):  # fmt: skip
    """A Gaussian in the plane: the exact paths (Eq. 9), the endpoint estimate (Eq. 13), psi and xi against time.

    lam: the two variances to begin with, 0.032 to 3.9; mu (2,): the mean; angle: of the first axis, in degrees;
    starts (N, 2): noise to start from, by default eight points on a circle; schedule: VP() by default;
    times: decreasing, 101 by default.
    """
    lam, mu = given.array("lam", lam, 2), given.array("mu", mu, 2)
    require(np.all((lam >= 0.032) & (lam <= 3.9)), "lam", lam, "give two variances in [0.032, 3.9]")
    turn = np.deg2rad(np.arange(8) * 45 + 20)
    circle = 1.2 * np.stack([np.cos(turn), np.sin(turn)], -1)
    starts = circle if starts is None else given.array("starts", starts, "N", 2)
    a = np.deg2rad(number("angle", angle, "give degrees"))
    U = [[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]
    data = {"mu": _short(mu), "U": U, "lam": _short(lam), "starts": _short(starts)}
    return Interactive("closed_form", title, {**_levels(schedule, times), **data})


def outline_first(gaussian, shape, x_T, schedule=None, rank=100, features=(0, 2, 9, 29, 99), names=None, times=None,
                  title="Drag the time: outline first, details later"):  # fmt: skip
    """The Gaussian of a real data set paints a picture, feature by feature (Eqs. 9, 13).

    gaussian: a `Gaussian` (NumPy), of which the `rank` leading axes travel to the page, as int8 (the size: 4/3 D rank
    bytes); shape: (H, W) or (H, W, 3) of a picture; x_T (S, D): the noises to choose from, `names` their labels;
    features: up to five axes to follow, from 0.
    """
    kept, shape = given.leading(gaussian, shape, rank)
    x_T = given.array("x_T", x_T, "S", gaussian.D)
    names = given.names(names, len(x_T), "x_T")
    levels = _levels(schedule, times)
    y = x_T - levels["levels"][0]["alpha"] * kept.mu
    c = y @ kept.U
    off = y - c @ kept.U.T
    seeds = [{"name": n, "c": _short(k), "off": _pack(o)} for n, k, o in zip(names, c, off, strict=True)]
    data = {"shape": shape, "mu": _pack(kept.mu), "U": _pack(kept.U.T), "lam": _short(kept.lam),
            "seeds": seeds, "features": given.indices("features", features, rank, 1, 5)}  # fmt: skip
    return Interactive("outline_first", title, {**levels, **data})


def retrieval(points, pictures=None, kappas=None, state=None, names=None, title="Move the noise: who is retrieved?"):
    """A few points and their exact score: weights, endpoint estimate, and the flow from any place (Eqs. 15, 16, 100).

    points (N, d), 2 to 40 of them, of which the first two coordinates are drawn. For pictures, give their coordinates
    on all their principal axes: distances stay, so weights and flow are those of the pictures themselves.
    pictures: one small picture per point, (N, H, W) or (N, H, W, 3), uint8 or floats in [0, 1]; kappas: lowest and
    highest noise level sigma / alpha, by default from the points' spread; state (d,): where the state x / alpha begins.
    """
    points = given.array("points", points, "N", "d")
    (N, d), spread = points.shape, np.ptp(points, axis=0).max()
    require(d >= 2, "points", f"shape {points.shape}", "give (N, d), d at least 2")
    require(2 <= N <= 40 and spread > 0, "points", f"{N} points, spread {spread}", "give 2 to 40, not all the same")
    ends = given.span("kappas", (0.02 * spread, 2 * spread) if kappas is None else kappas)
    centre = points.mean(0) + spread * np.array([-0.3, 0.3] + [0] * (d - 2))
    state = centre if state is None else given.array("state", state, d)
    names = given.names([f"point {n + 1}" for n in range(N)] if names is None else names, N, "point")
    data = {"points": _short(points), "kappas": _short(ends), "state": _short(state), "names": names}
    if pictures is not None:
        data["pictures"] = _sprite(given.pictures("pictures", pictures, N, "H", "W", colour=True))
    return Interactive("retrieval", title, data)


def scrubber(run, shape, most=None, names=None, title="Drag the step: three views of one painting"):
    """A painting by DDIM, step by step: the state, what the step added, and the endpoint estimate (Eq. 6).

    run: every step of it, a NumPy `Trajectory` with x and x0_hat (T, S, D) for S seeds; shape: (H, W) or (H, W, 3) of a
    picture; most: where the sampler clips the estimate before it steps (1 for diffusers' `clip_sample`); names: the
    seeds' labels. The first states and the estimates travel as int8, one scale per picture (4/3 S (T + 1) D bytes);
    the page computes the other states and the differences from them.
    """
    require(isinstance(run, Trajectory), "run", f"a {type(run).__name__}", "give what samplers.collect returns")
    x = given.array("run", run.x, "T", "S", "D")
    (T, S, D), x0_hat = x.shape, given.array("run", run.x0_hat, *x.shape)
    shape, names = given.sides(shape, D), given.names(names, S, "seed")
    if most is not None:
        positive("most", most, "give the largest value that the sampler lets through, or None")
    alpha, sigma = (given.array("run", np.ravel(a), T)[:, None, None] for a in (run.level.alpha, run.level.sigma))
    noisy = T > 1 and bool((sigma[:-1] > 0).all())
    require(noisy, "run", f"sigma {sigma.ravel()}", "give two steps or more, of which the last alone may be clean")
    ratio = sigma[1:] / sigma[:-1]
    clipped = x0_hat if most is None else np.clip(x0_hat, -most, most)
    off = np.abs(alpha[1:] * clipped[:-1] + ratio * (x[:-1] - alpha[:-1] * x0_hat[:-1]) - x[1:]).max()
    remedy = "give every step of a DDIM run (of diffusers: a number that divides 1000), and `most` if its sampler clips"
    require(off < 1e-3, "run", f"steps that differ from DDIM's by {off:.2g}", remedy)
    levels = [{"alpha": a, "sigma": s} for a, s in zip(alpha.ravel().tolist(), sigma.ravel().tolist(), strict=True)]
    seeds = [{"name": n, "start": _pack(x[0, s]), "estimates": _pack(x0_hat[:, s])} for s, n in enumerate(names)]
    data = {"times": _short(run.t), "levels": levels, "shape": shape, "seeds": seeds, "most": most}
    return Interactive("scrubber", title, data)


def _sprite(pictures):
    """Pictures, uint8 (N, H, W) or (N, H, W, 3), as bytes, one after the other."""
    return {"shape": list(pictures.shape[1:]), "data": _base64(pictures)}


from paintlib.explore.agreement import agreement  # noqa: E402, F401
from paintlib.explore.branches import fates, forks  # noqa: E402, F401
from paintlib.explore.hue import colour  # noqa: E402, F401
from paintlib.explore.leap import teleport  # noqa: E402, F401
from paintlib.explore.levels import placing  # noqa: E402, F401
from paintlib.explore.listening import listening  # noqa: E402, F401
from paintlib.explore.looks import keyhole  # noqa: E402, F401
from paintlib.explore.nudge import nudge  # noqa: E402, F401  made of the pieces above, as the next
from paintlib.explore.playground import playground  # noqa: E402, F401  made of the pieces above, as the next
from paintlib.explore.pouring import way_back  # noqa: E402, F401
from paintlib.explore.quizzes import quiz  # noqa: E402, F401
from paintlib.explore.race import painters  # noqa: E402, F401  made of the pieces above, as the next
from paintlib.explore.shape import boomerang  # noqa: E402, F401  it is made of the pieces above
from paintlib.explore.strength import guided  # noqa: E402, F401
from paintlib.explore.turning import rotation  # noqa: E402, F401
from paintlib.explore.walking import walk  # noqa: E402, F401
