"""The interactive of chapter 12: one noise, and a jump that grows."""

from paintlib import given
from paintlib.explore import Interactive, _pack, _short


def teleport(kappas, evaluations, pictures, sketches, predicted, shape, names=None, title="Make the jump longer"):
    """The picture after a jump, beside the fully sampled one and beside what theory knew at the landing.

    kappas (J,): falling noise levels at the landings, the first without a jump; evaluations (J,): what the network is
    asked then; pictures (J, S, D): the final pictures for S noises, of which [0] are the fully sampled ones; sketches
    (J, S, D): the theory's endpoint estimates at the landing; predicted (J, S): the mean squared deviation of the
    picture that the difference at the landing lets one expect; shape: (H, W) or (H, W, 3). Pictures travel as int8
    (8/3 J S D bytes).
    """
    kappas = given.falling("kappas", kappas)
    pictures = given.array("pictures", pictures, len(kappas), "S", "D")
    (J, S, D), sketches = pictures.shape, given.array("sketches", sketches, *pictures.shape)
    predicted = given.array("predicted", predicted, J, S)
    asked = given.wholes("evaluations", evaluations, 0, J)
    shape, names = given.sides(shape, D), given.names(names, S, "noise")
    seeds = [{"name": name, "pictures": _pack(pictures[:, s]), "sketches": _pack(sketches[:, s]),
              "predicted": _short(predicted[:, s])} for s, name in enumerate(names)]  # fmt: skip
    data = {"kappas": _short(kappas), "evaluations": asked, "shape": shape, "seeds": seeds}
    return Interactive("teleport", title, data)
