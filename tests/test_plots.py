"""The figures: what is drawn is what was given."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from paintlib import plots


@pytest.fixture
def ax():
    with mpl.rc_context():
        plots.use_style()
        figure = Figure()
        yield figure.subplots()


@pytest.mark.parametrize("colour", [(), (3,)], ids=["grey", "colour"])
def test_every_picture_of_a_grid_stands_in_its_place(ax, colour):
    images = np.random.default_rng(0).uniform(-1, 1, (2, 3, 5, 4, *colour))
    plots.image_grid(ax, images, columns=["a", "b", "c"], rows=["x", "y"], limits=(-1, 1))
    sheet = np.ma.filled(ax.images[0].get_array(), np.nan)
    for r in range(2):
        for c in range(3):
            tile = sheet[r * 6 : r * 6 + 5, c * 5 : c * 5 + 4]  # a gap of one pixel after each
            np.testing.assert_allclose(tile[..., :3] if colour else tile, (images[r, c] + 1) / 2)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "c"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["x", "y"]


def test_generation_runs_to_the_right_on_a_noise_axis(ax):
    ax.plot([0.1, 10.0], [0, 1])
    plots.noise_axis(ax)
    left, right = ax.get_xlim()
    assert left > right > 0


def test_the_curves_are_the_values_and_dark_is_large_variance(ax):
    values = np.random.default_rng(1).normal(size=(7, 3))
    plots.feature_curves(ax, np.arange(7), values, [1.0, 100.0, 0.1])
    np.testing.assert_array_equal([line.get_ydata() for line in ax.lines], values.T)
    brightness = [sum(line.get_color()[:3]) for line in ax.lines]
    assert brightness[1] < brightness[0] < brightness[2]
    assert len({str(line.get_linestyle()) for line in ax.lines}) == 3, "tell them apart without colour"


def test_an_ellipse_lies_at_its_distance_from_the_mean(ax):
    U, mean = np.linalg.qr(np.random.default_rng(2).normal(size=(2, 2)))[0], np.array([1.0, -2.0])
    plots.ellipse(ax, mean, U, (2.0, 0.5), radius=3)
    z = (ax.lines[0].get_xydata() - mean) @ U / (2.0, 0.5)
    np.testing.assert_allclose(np.hypot(*z.T), 3)


def test_ink_stands_out_from_the_card():
    def luminance(colour):
        rgb = np.array(mpl.colors.to_rgb(colour))
        return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    assert (luminance(plots.CARD) + 0.05) / (luminance(plots.INK) + 0.05) > 7  # WCAG, level AAA


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda ax: plots.image_grid(ax, np.zeros((3, 784))), r"^images: got shape \(3, 784\)"),
        (lambda ax: plots.image_grid(ax, np.zeros((3, 4, 4)), columns=["a"]), "^columns: got 1 labels; there are 3"),
        (
            lambda ax: plots.feature_curves(ax, np.arange(4), np.zeros((3, 4)), np.ones(3)),
            r"^values: got shape \(3, 4\); give \(4, 3\)",
        ),
        (lambda ax: plots.paths(ax, np.zeros((5, 3))), r"^x: got shape \(5, 3\); give \(..., 2\)"),
    ],
)
def test_bad_input_is_named(ax, draw, message):
    with pytest.raises(ValueError, match=message):
        draw(ax)


def contrast(colour, ground=plots.CARD):
    """WCAG's ratio of two colours."""

    def luminance(colour):
        rgb = np.array(mpl.colors.to_rgb(colour))
        return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    light, dark = sorted((luminance(colour), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_line_stands_out_from_the_card(ax):
    assert contrast("#fff", "#000") == pytest.approx(21)
    plots.feature_curves(ax, [0, 1], np.zeros((2, 6)), np.arange(1.0, 7.0))
    for colour in (*plots.COLOURS, plots.INK, *(line.get_color() for line in ax.lines)):
        assert contrast(colour) >= 3, colour
