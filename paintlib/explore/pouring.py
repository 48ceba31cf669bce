"""The interactive of chapter 01: noise poured over two points, and the two ways back."""

from paintlib import given
from paintlib.explore import Interactive, _short


def way_back(share=0.5, kappas=(12.0, 0.02), title="Pour the noise, and find the way back"):
    """Data at -1 and +1, in one dimension: the forward process (Eq. 1), the flow (Eq. 4) and the reverse SDE (Eq. 2).

    share: of the data that lie at +1, 0.05 to 0.95, moved by a slider; kappas: the most and the least noise,
    sigma / alpha. The page knows the endpoint estimate in closed form, and walks 400 walkers in 120 steps: the flow by
    a method of second order, the reverse SDE by ancestral steps.
    """
    share = given.between("share", share, 0.05, 0.95, "choose from 0.05 to 0.95")
    high, low = given.array("kappas", kappas, 2)
    given.span("kappas", (low, high), "give the most noise, then the least, both positive")
    return Interactive("way_back", title, {"share": share, "kappas": _short([high, low])})
