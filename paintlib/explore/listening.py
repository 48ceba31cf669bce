"""The interactive on guidance, for chapter 14."""

from paintlib import given
from paintlib.checks import require
from paintlib.explore import Interactive, _short, _sprite


def listening(pictures, kappas, prompts, guidance, title="Paint from a prompt: how loud shall it be?"):
    """Endpoint estimates of one prompt at several strengths of guidance, side by side, to scrub through.

    pictures (P, S, G, T, H, W, 3): floats in [0, 1], for P prompts (their names), S noises, G strengths of `guidance`
    and T noise levels `kappas`, falling. They travel as bytes.
    """
    kappas, guidance = given.falling("kappas", kappas), given.array("guidance", guidance, "G")
    require(len(guidance) <= 4, "guidance", f"{len(guidance)} strengths", "up to four fit on a phone")
    prompts = given.labels("prompts", prompts)
    pictures = given.pictures("pictures", pictures, len(prompts), "S", len(guidance), len(kappas), "H", "W", 3)
    P, S, G, T, H, W, _ = pictures.shape
    data = {"sprite": _sprite(pictures.reshape(-1, H, W, 3)), "counts": [P, S, G, T], "kappas": _short(kappas),
            "prompts": prompts, "guidance": _short(guidance)}  # fmt: skip
    return Interactive("listening", title, data)
