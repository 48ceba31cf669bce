"""The interactive of chapter 03: one clock hand for each feature, and how far the whole is from a rotation."""

from paintlib import given
from paintlib.checks import positive
from paintlib.explore import Interactive


def rotation(
    steepness=1.0, features=300, variance=0.25, title="One hand for each feature: turn them together, or apart"
):
    """The rotation formula (Eq. 7) on Gaussian data with the spectrum lam_k ~ k^-steepness, for alpha_T = 0.

    steepness: 0 (all variances equal) to 3, moved by a slider; features: how many dimensions, all of them with
    variance; variance: their mean. The page computes the path of a start with c_k(T) = 1 for every feature, so that its
    sums over features are means over the noise: the error of Eq. 7 (Eq. 71) as a share of |x_t - alpha_t mu|^2.
    """
    data = {"steepness": given.between("steepness", steepness, 0, 3, "choose from 0 to 3"),
            "features": given.count("features", features, 2, 400),
            "variance": positive("variance", variance, "need a positive, finite mean variance")}  # fmt: skip
    return Interactive("rotation", title, data)
