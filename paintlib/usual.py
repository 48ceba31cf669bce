"""The lists of noise levels in use for networks with a table `alphas_cumprod`: what a new list has to beat.

Each takes the table's schedule and n, and gives n + 1 falling kappas that end at 0, so n moves and n evaluations of a
sampler of first order or of a multistep one. The first level is the highest that the list visits.
"""

import numpy as np

from paintlib import grids
from paintlib.checks import require, whole
from paintlib.schedules import EDM, Tabulated

# Sabour and others (2024), for Stable Diffusion at ten evaluations: timesteps, as diffusers' AysSchedules has them.
AYS = (999, 850, 736, 645, 545, 455, 343, 233, 124, 24)
# Chen and others (2024), for EDM's network of CIFAR-10 at six evaluations: sigma of each state.
GITS_CIFAR10 = (80.0, 10.9836, 3.8811, 1.584, 0.5666, 0.1698, 0.002)


def leading(table, n):
    """Every (N // n)-th timestep from 0 on: diffusers' default for DDIM and DDPM. It starts short of the noise."""
    N = _times(table, n)
    return _told(table, np.arange(n)[::-1] * (N // n))


def trailing(table, n):
    """Even timesteps that begin at the last one (Lin and others, 2024)."""
    N = _times(table, n)
    return _told(table, np.round(np.arange(N, 0, -N / n)) - 1)


def log_snr(table, n, start=80.0, end=0.05):
    """Even in log kappa down to `end`, then 0."""
    return np.append(_between(grids.log_snr, n, start, end), 0.0)


def karras(table, n, start=80.0):
    """Even in kappa^(1/7) down to the table's lowest level, then 0: `use_karras_sigmas` (Karras and others, 2022)."""
    return np.append(_between(grids.karras, n, start, _table(table)(0).kappa), 0.0)


def cosine(table, n, start=80.0):
    """Even in the angle arctan(1 / kappa): the cosine schedule in even steps (Nichol and Dhariwal, 2021)."""
    return grids.equal_angle(EDM(0.0, start), n, 1.0)


def ays(table, n):
    """Align Your Steps: ten published timesteps; for other n between them, log-linear in kappa, as its authors say."""
    return np.append(_stretched([_table(table)(t).kappa for t in AYS], n), 0.0)


def gits(table, n):
    """The published grid of six moves, its last level taken as 0; for other n log-linear between the six."""
    return np.append(_stretched(GITS_CIFAR10[:-1], n), 0.0)


LISTS = {
    "leading": leading,
    "trailing": trailing,
    "log-SNR": log_snr,
    "Karras": karras,
    "cosine": cosine,
    "AYS": ays,
    "GITS": gits,
}


def _times(table, n):
    """How many timesteps a table has, of which n are to be visited."""
    N = len(_table(table).alphas_cumprod)
    whole("n", n, 1, "give the number of moves")
    require(n <= N, "n", n, f"this table has {N} timesteps, and none is visited twice")
    return N


def _table(table):
    require(isinstance(table, Tabulated), "table", repr(table), "give the table's schedule, Tabulated.ddpm() say")
    return table


def _count(n):
    whole("n", n, 1, "give the number of moves")
    return n


def _told(table, times):
    return np.array([*(table(t).kappa for t in times), 0.0])


def _between(grid, n, start, end):
    return grid(EDM(end, start), n - 1) if _count(n) > 1 else np.array([start])


def _stretched(kappas, n):
    """n levels of which log kappa runs through the given ones evenly."""
    place = np.linspace(0, len(kappas) - 1, _count(n))
    return np.exp(np.interp(place, np.arange(len(kappas)), np.log(kappas)))
