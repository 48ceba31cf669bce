"""How far a network looks: the derivative of its endpoint estimate at one pixel, averaged over states."""

import numpy as np
import torch

from paintlib.checks import as_numpy, float_array, real_array, require, whole
from paintlib.levels import check_level
from paintlib.networks.adapters import Network, endpoint
from paintlib.networks.pixels import column, output_of, to_pixels


def sensitivity(network, x, level, values):
    """The mean over states of d x0_hat(v) / d (x / alpha), (V, D), by automatic differentiation.

    network: a `Network`; x (N, D): states of one `level`; values: the V indices of the flattened picture at which the
    estimate is looked at. For a Gaussian painter it is row v of Sigma (Sigma + kappa^2 I)^-1, whatever the states.
    """
    require(
        isinstance(network, Network), "network", type(network).__name__, "give a Network, which predicts noise, x or v"
    )
    remedy = f"give indices from 0 to {network.D - 1}"
    float_array("values", values)
    for v in values:
        whole("values", v, 0, remedy)
        require(v < network.D, "values", v, remedy)
    one = np.ndim(check_level(level).kappa) == 0 and 0 < level.kappa < np.inf
    require(one, "level", level, "give one level, 0 < kappa < infinity")
    states = as_numpy(real_array("x", x, 2)).astype(float)
    vp = level.vp()
    time = torch.full((len(x),), float(network.schedule.time(vp.kappa)))
    pixels = to_pixels(states * (vp.alpha / level.alpha), network.shape, network.net).requires_grad_()
    alpha, sigma = (column([a], pixels) for a in (vp.alpha, vp.sigma))
    with torch.enable_grad():
        output = output_of(network.net(pixels, time.to(pixels)), pixels, time)[:, : network.shape[2]]
        estimate = endpoint(pixels, output, alpha, sigma, network.prediction).permute(0, 2, 3, 1).reshape(len(x), -1)
        total = estimate.sum(dim=0)
        rows = [torch.autograd.grad(total[v], pixels, retain_graph=True)[0].mean(dim=0) for v in values]
    return vp.alpha * torch.stack(rows).permute(0, 2, 3, 1).reshape(len(values), -1).double().cpu().numpy()
