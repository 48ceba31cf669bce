"""The colour of the noise: on the page, features emerge as the posterior mean under coloured noise says."""

import numpy as np
import pytest
from test_explore import javascript, payload
from test_explore import test_a_fragment_stands_alone as stands_alone
from truth import a_gaussian, dense

from paintlib import explore
from paintlib.gaussian import Gaussian


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_the_share_is_that_of_the_posterior_mean_along_the_flow(gamma):
    """Dense: x0_hat = Sigma (Sigma + kappa^2 Gamma)^-1 x at the state whose z-scores are those of the picture."""
    g, kappa = a_gaussian(6, (9.0, 2.0, 0.3)), 0.7
    Sigma, Gamma = dense(g), (g.U * g.lam**gamma) @ g.U.T
    z = np.array([1.0, -0.5, 2.0])
    x = g.U @ (np.sqrt(g.lam + kappa**2 * g.lam**gamma) * z)
    x0_hat = Sigma @ np.linalg.pinv(Sigma + kappa**2 * Gamma) @ x
    wanted = (g.U.T @ x0_hat) / (np.sqrt(g.lam) * z)
    page = javascript(
        "data.lam.map((l) => colouredShare(l, l ** data.gamma, data.kappa))",
        {"lam": g.lam.tolist(), "gamma": gamma, "kappa": kappa},
    )
    np.testing.assert_allclose(page, wanted, rtol=1e-10)


@pytest.fixture(scope="module")
def interactive():
    U = np.linalg.qr(np.random.default_rng(1).normal(size=(42, 12)))[0]
    g = Gaussian(np.zeros(42), U, 30.0 * np.arange(1, 13.0) ** -2)
    return explore.colour(g, (6, 7), np.random.default_rng(2).normal(size=(2, 12)), rank=12, features=(0, 3, 11))


def test_fragment_stands_alone(interactive):
    stands_alone([interactive])
    assert payload(interactive)["features"] == [0, 3, 11] and len(interactive._repr_html_()) < 45_000


def test_on_the_page_the_order_turns_round(interactive, browser):
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    errors = []
    tab.on("pageerror", lambda e: errors.append(str(e)))
    tab.set_content(f"<main>{interactive._repr_html_()}</main>")
    words, hue = tab.locator(".paint-words"), tab.get_by_label("Colour γ:")
    for value, said in (("0", "outline first"), ("1", "at once"), ("2", "details first")):
        hue.fill(value)
        assert said in words.text_content()
    tab.get_by_role("button", name="Reset").click()
    assert "outline first" in words.text_content()
    assert errors == [] and tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.close()


@pytest.mark.parametrize(
    ("quantity", "change"),
    [("gamma", {"gamma": 3.0}), ("features", {"features": (9,)}), ("kappas", {"kappas": (2.0, 1.0)}),
     ("z", {"z": np.zeros((1, 2))}), ("names", {"names": ["one", "two"]}), ("shape", {"shape": (5, 5)})],
)  # fmt: skip
def test_bad_input_is_named(quantity, change):
    given = {"shape": (2, 3), "z": np.zeros((1, 3)), "rank": 3, "features": (0, 1, 2)} | change
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        explore.colour(a_gaussian(6, (9.0, 2.0, 0.3)), given.pop("shape"), given.pop("z"), **given)
