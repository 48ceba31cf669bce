"""The book's figures. Each function takes an `ax`, draws what it is given, and computes nothing.

What cannot be drawn is a `ValueError` that names it: numbers that are none, shapes that do not fit, what is no axes.

The figures are opaque light cards: one picture then reads on the light page, on the dark page and in Colab alike.
Colours are those of Okabe and Ito, which readers with any kind of colour vision tell apart, the lighter ones darkened
until they stand out from the card (contrast 3:1); lines differ in dash pattern too.
"""

import sys

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes

from paintlib import given
from paintlib.checks import as_numpy, number, require

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#C675A2",
    "#BD8200",
    "#4795C1",
    "#000000",
)
CARD, INK, FAINT = "#FAFAF7", "#222222", "#D8D8D2"
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))

STYLE = {
    "figure.figsize": (6.0, 3.6),
    "figure.dpi": 96,
    "figure.constrained_layout.use": True,
    "figure.facecolor": CARD,
    "axes.facecolor": CARD,
    "savefig.facecolor": CARD,
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.labelsize": 12,
    "legend.fontsize": 11,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": FAINT,
    "axes.prop_cycle": cycler(color=COLOURS) + cycler(linestyle=DASHES),
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
}


def use_style():
    """Give every figure made after this call the look of the book; in a notebook, twice as fine as the page counts."""
    mpl.rcParams.update(STYLE)
    if shell := getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)():
        from matplotlib_inline.config import InlineBackend

        InlineBackend.instance(parent=shell).figure_formats = {"retina"}


def _on(ax):
    """Check that this is an axes to draw on."""
    require(isinstance(ax, Axes), "ax", f"a {type(ax).__name__}", "give one axes, as in fig, ax = plt.subplots()")


def image_grid(ax, images, columns=(), rows=(), limits=(0.0, 1.0), cmap="gray"):
    """Tile pictures in an axes: C in a row, (C, H, W) or (C, H, W, 3), or R such rows, (R, C, H, W) or (R, C, H, W, 3).

    `columns` and `rows` are the labels above and on the left. Values outside `limits` are drawn as the nearest limit;
    where there is NaN the card shows.
    """
    _on(ax)
    images = as_numpy(images)
    require(images.dtype.kind in "fiub", "images", f"dtype {images.dtype}", "give numbers, those of pixels")
    images = images.astype(float)
    colour = images.ndim in (4, 5) and images.shape[-1] == 3
    if images.ndim - colour == 3:
        images = images[None]
    remedy = "give (C, H, W[, 3]) or (R, C, H, W[, 3]): vectors become pictures by paintlib.data.to_images"
    require(images.ndim - colour == 4 and images.size > 0, "images", f"shape {images.shape}", remedy)
    R, C, H, W = images.shape[:4]
    for name, labels, count in (("columns", columns, C), ("rows", rows, R)):
        told = f"{len(labels)} labels" if hasattr(labels, "__len__") else repr(labels)
        fits = hasattr(labels, "__len__") and len(labels) in (0, count)
        require(fits, name, told, f"there are {count} {name} of pictures: give one each, or none")
    low, high = given.array("limits", limits, 2)
    require(low < high, "limits", (low, high), "give the value of black, then that of white")
    unit = np.clip((images - low) / (high - low), 0, 1)
    gap = max(1, W // 16)
    margins = ((0, 0), (0, 0), (0, gap), (0, gap)) + ((0, 0),) * colour
    tiles = np.pad(unit, margins, constant_values=np.nan)
    H, W = H + gap, W + gap
    sheet = tiles.swapaxes(1, 2).reshape(R * H, C * W, *images.shape[4:])[:-gap, :-gap]
    if colour:
        blank = np.isnan(sheet[..., :1])
        sheet = np.concatenate([np.nan_to_num(sheet), 1.0 - blank], axis=-1)
    ax.imshow(sheet, cmap=cmap, vmin=0, vmax=1)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.set_xticks(np.arange(len(columns)) * W + (W - gap) / 2, columns)
    ax.set_yticks(np.arange(len(rows)) * H + (H - gap) / 2, rows)
    return ax


def noise_axis(ax, label="noise level κ = σ/α   (painting runs to the right →)"):
    """A logarithmic noise axis on which generation runs from left to right."""
    _on(ax)
    ax.set_xscale("log")
    ax.xaxis.set_inverted(True)
    ax.set_xlabel(label)
    return ax


def feature_curves(ax, x, values, lams, label="λ"):
    """One curve per feature, `values` (T, K) over `x` (T,); dark for large variance `lams` (K,), light for small."""
    _on(ax)
    x, lams = given.array("x", x, "T"), given.array("lams", lams, "K")
    values = given.array("values", values, len(x), len(lams))
    shade = np.argsort(np.argsort(-lams)) / max(1, len(lams) - 1)
    for k, lam in enumerate(lams):
        ax.plot(
            x,
            values[:, k],
            color=mpl.colormaps["viridis"](0.55 * shade[k]),
            linestyle=DASHES[k % len(DASHES)],
            label=f"{label} = {lam:.3g}",
        )
    ax.legend()
    return ax


def paths(ax, x, color=None, label=None):
    """Trajectories in a plane, `x` (T, 2) or (T, N, 2): a hollow ring where each starts, a dot where it ends."""
    _on(ax)
    x = given.array("x", x, ..., 2)
    require(x.ndim in (2, 3), "x", f"shape {x.shape}", "give (T, 2) or (T, N, 2), points of a plane")
    x = x.reshape(len(x), -1, 2)
    color = color or ax._get_lines.get_next_color()
    for n in range(x.shape[1]):
        ax.plot(*x[:, n].T, color=color, linestyle="-", linewidth=1.5, label=label if n == 0 else None)
    ax.scatter(*x[0].T, s=28, facecolors=CARD, edgecolors=color, zorder=3)
    ax.scatter(*x[-1].T, s=28, color=color, zorder=3)
    ax.set_aspect("equal", adjustable="datalim")
    return ax


def band(ax, x, values, color, linestyle="-", label=None):
    """Median and quartiles of `values` (T, S) over x (T,): a line within a pale band."""
    _on(ax)
    x = given.array("x", x, "T")
    values = given.array("values", values, len(x), "S")
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), axis=1)
    ax.fill_between(x, low, high, color=color, alpha=0.2, linewidth=0)
    ax.plot(x, middle, color=color, linestyle=linestyle, label=label)
    return ax


def spectrum(ax, lams, label=None, **style):
    """Variances against their rank, from 1, both axes logarithmic: a power law is a straight line."""
    _on(ax)
    lams = given.array("lams", lams, "K")
    ax.loglog(np.arange(1, len(lams) + 1), lams, label=label, **style)
    ax.set(xlabel="rank k", ylabel="variance λ of feature k")
    return ax


def heat(ax, x, y, values, label, cmap="GnBu"):
    """A field over the plane: `values` (len(y), len(x)) at the grid `x`, `y`, with its colour bar."""
    _on(ax)
    x, y = given.array("x", x, "X"), given.array("y", y, "Y")
    values = given.array("values", values, len(y), len(x))
    mesh = ax.pcolormesh(x, y, values, cmap=cmap, shading="auto", rasterized=True)
    ax.grid(False)
    ax.figure.colorbar(mesh, ax=ax, label=label)
    return ax


def arrows(ax, x, v, color=INK):
    """A flow: one arrow along `v` (..., 2) at each point `x` (..., 2)."""
    _on(ax)
    x = given.array("x", x, ..., 2)
    x, v = x.reshape(-1, 2), given.array("v", v, *x.shape).reshape(-1, 2)
    ax.quiver(*x.T, *v.T, color=color, width=0.004, angles="xy", alpha=0.8)
    ax.set_aspect("equal", adjustable="datalim")
    return ax


def ellipse(ax, mean, U, std, radius=2.0, **style):
    """The ellipse of a Gaussian in the plane: `radius` standard deviations `std` (2,) along the columns of U (2, 2)."""
    _on(ax)
    mean, std, U = given.array("mean", mean, 2), given.array("std", std, 2), given.array("U", U, 2, 2)
    turn, radius = np.linspace(0, 2 * np.pi, 121), number("radius", radius, "give a number of standard deviations")
    around = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    ax.plot(*(mean + radius * (around * std) @ U.T).T, **style)
    return ax
