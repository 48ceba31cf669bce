"""The interactive of chapter 12 shows the pictures that it was given, to within its bytes, and measures them."""

import numpy as np
import pytest
from test_explore import payload
from test_explore import test_a_fragment_stands_alone as stands_alone
from test_explore_painters import javascript as of_painters

from paintlib import explore

J, S, SHAPE = 4, 2, (4, 3, 3)
KAPPAS, LEFT = np.geomspace(80, 1, J), [10, 8, 6, 4]


def javascript(expression, data):
    return of_painters(expression, data, "teleport.js")


def given():
    rng = np.random.default_rng(2)
    return rng.normal(size=(J, S, 36)), rng.normal(size=(J, S, 36)), rng.random((J, S))


def make(kappas=KAPPAS, left=LEFT, pictures=None, sketches=None, predicted=None, shape=SHAPE, **options):
    own = given()
    parts = [
        mine if theirs is None else theirs for mine, theirs in zip(own, (pictures, sketches, predicted), strict=True)
    ]
    return explore.teleport(kappas, left, *parts, shape, **options)


def test_what_travels_is_what_was_given_to_within_a_byte():
    data, (pictures, sketches, predicted) = payload(make()), given()
    for name, own in (("pictures", pictures), ("sketches", sketches)):
        page = np.array(javascript(f"data.seeds.map((s) => unpack(s.{name}))", data)).swapaxes(0, 1)
        assert np.all(np.abs(page - own).max(-1) <= np.abs(own).max(-1) / 254 + 1e-9)
    np.testing.assert_allclose([seed["predicted"] for seed in data["seeds"]], predicted.T, rtol=1e-5)


def test_the_page_measures_how_far_a_picture_is_from_the_one_without_a_jump():
    film = given()[0][:, 0]
    np.testing.assert_allclose(javascript("deviations(data)", film.tolist()), np.mean((film - film[0]) ** 2, -1))


def test_the_fragment_stands_alone():
    stands_alone([make(names=["A", "</script>"])])


@pytest.mark.parametrize(
    ("quantity", "change"),
    [
        ("kappas", {"kappas": KAPPAS[::-1]}),
        ("evaluations", {"left": [1]}),
        ("pictures, sketches", {"pictures": np.zeros((J, S, 35))}),
        ("pictures", {"pictures": np.full((J, S, 36), np.nan)}),
        ("predicted", {"predicted": np.zeros(J)}),
        ("shape", {"shape": (5, 5)}),
        ("names", {"names": ["one"]}),
    ],
)
def test_bad_input_is_named(quantity, change):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        make(**change)
