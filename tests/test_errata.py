"""The errata page proves what it says: each proof on it is run as it stands, with NumPy and SymPy alone."""

import re
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

PAGE = (Path(__file__).parents[1] / "book/errata.md").read_text(encoding="utf-8")
PRELUDE, *SECTIONS = re.split(r"^### ", PAGE, flags=re.M)
CODE = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
WITHOUT_PROOF = {"E18"}  # limits and cross-references, to be read and not computed
ENTRIES = {section.split(":")[0]: CODE.findall(section) for section in SECTIONS}


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e not in WITHOUT_PROOF])
def test_erratum_is_proved_on_the_page(entry):
    proofs = ENTRIES[entry]
    assert proofs and all("paintlib" not in proof and "assert" in proof for proof in proofs)
    exec("\n".join([*CODE.findall(PRELUDE), *proofs]), {})


def test_errata_are_numbered_without_gaps():
    numbers = sorted(int(entry.removeprefix("E")) for entry in ENTRIES)
    assert numbers == list(range(1, len(numbers) + 1))


def test_table_6_rows_fit_their_recursion():
    """(1 - C)^2 B' + D^2 = B where time is discrete, dB/dt = -2 C B + D^2 where it is not (notation page)."""
    beta = np.linspace(1e-4, 0.02, 1000)
    bar = np.cumprod(1 - beta)
    ratio = bar[1:] / bar[:-1]
    signal, noise = np.sqrt(bar), 1 - bar
    rows = {
        "DDPM": (noise, 1 - np.sqrt(1 - beta[1:]), np.sqrt(beta[1:])),
        "DDIM": (1 - bar, 1 - np.sqrt(ratio), np.sqrt(1 - ratio)),
        "Stable Diffusion": (
            noise,
            1 - signal[1:] / signal[:-1],
            np.sqrt(noise[1:] - (signal[1:] / signal[:-1]) ** 2 * noise[:-1]),
        ),
    }
    for name, (B, C, D) in rows.items():
        np.testing.assert_allclose((1 - C) ** 2 * B[:-1] + D**2, B[1:], rtol=1e-10, err_msg=name)
        np.testing.assert_allclose(np.cumprod(1 - C), signal[1:] / signal[0], rtol=1e-10, err_msg=name)
    t, b = sp.symbols("t"), sp.Function("b")
    total = sp.Integral(b(t), (t, 0, t))
    for B, C, D2 in ((1 - sp.exp(-total), b(t) / 2, b(t)), (1 - sp.exp(-2 * total), b(t), 2 * b(t))):
        assert sp.simplify(sp.diff(B, t) + 2 * C * B - D2) == 0
