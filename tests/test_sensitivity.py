"""Where a network looks: its mean derivative against finite differences, and against a Gaussian painter's matrix."""

import numpy as np
import pytest
import torch
from truth import a_gaussian, dense

from paintlib import networks
from paintlib.networks.adapters import Network
from paintlib.networks.sensitivity import sensitivity
from paintlib.schedules import Level, Tabulated


def test_it_is_the_slope_of_the_endpoint_estimate():
    network = networks.load("fashion-mnist")
    level = Level(0.5, 0.3)  # the derivative is by x / alpha, whatever alpha is
    x = np.random.default_rng(0).standard_normal((2, network.D))
    (row,) = sensitivity(network, x, level, [400])
    for q in (400, 401, 432):
        step = np.zeros(network.D)
        step[q] = 0.02
        up, down = (network.denoise(x + sign * step, level)[:, 400] for sign in (1, -1))
        slope = level.alpha * np.mean(up - down) / 0.04
        assert row[q] == pytest.approx(slope, rel=0.02, abs=1e-4)


class Linear(torch.nn.Module):
    """The network that a Gaussian's noise prediction is, for pictures (B, 1, 2, 3)."""

    def __init__(self, matrix):
        super().__init__()
        self.matrix = torch.nn.Parameter(torch.as_tensor(matrix))

    def forward(self, pixels, t):
        return type("Output", (), {"sample": (pixels.flatten(1) @ self.matrix.T).reshape(pixels.shape)})


def test_of_a_gaussian_it_is_the_row_of_its_matrix():
    g, level = a_gaussian(6, (9.0, 2.0, 0.3)), Tabulated.ddpm()(300)
    wanted = dense(g) @ np.linalg.inv(dense(g) + level.kappa**2 * np.eye(6))
    eps = (np.eye(6) - wanted) / level.sigma  # of x0_hat = (x - sigma eps) / alpha; mean zero
    network = Network(Linear(eps), Tabulated.ddpm(), (2, 3, 1))
    x = np.random.default_rng(0).standard_normal((4, 6))
    np.testing.assert_allclose(sensitivity(network, x, level, range(6)), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("quantity", "change"),
    [("network", {"network": 3}), ("values", {"values": [6]}), ("values", {"values": [-1]}),
     ("level", {"level": Level(1.0, 0.0)}), ("x", {"x": np.zeros((2, 5))})],
)  # fmt: skip
def test_bad_input_is_named(quantity, change):
    network = Network(Linear(np.eye(6)), Tabulated.ddpm(), (2, 3, 1))
    given = {"network": network, "x": np.zeros((2, 6)), "level": Level(1.0, 0.5), "values": [0]} | change
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        sensitivity(**given)


@pytest.mark.parametrize("form", [lambda y: y, lambda y: (y,), lambda y: torch.cat([y, 7 * y], 1)])
def test_a_network_of_ones_own_may_give_its_output_in_any_form(form):
    x = np.ones((2, 4))
    nets = [lambda pixels, t: type("Output", (), {"sample": pixels**2}), lambda pixels, t: form(pixels**2)]
    said, found = (sensitivity(Network(net, Tabulated.ddpm(), (2, 2, 1)), x, Level(0.6, 0.8), [1]) for net in nets)
    np.testing.assert_array_equal(found, said)


@pytest.mark.parametrize("values", [[], [1, [0.5]], [4], [0.5], None])
def test_indices_that_are_none_are_refused(values):
    network = Network(lambda pixels, t: pixels**2, Tabulated.ddpm(), (2, 2, 1))
    with pytest.raises(ValueError, match=r"(?s)values: got .+; "):
        sensitivity(network, np.ones((2, 4)), Level(0.6, 0.8), values)
