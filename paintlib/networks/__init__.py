"""Trained networks as denoisers, and runs of diffusers' schedulers watched. All that needs torch for it is in here."""

from paintlib.networks.adapters import EDMNetwork, FlowNetwork, Network
from paintlib.networks.files import TABLE_1, from_diffusers, load, shipped
from paintlib.networks.jumps import jump, land
from paintlib.networks.schedulers import visits
from paintlib.networks.teleport import counted
from paintlib.networks.timetable import hand_over
from paintlib.networks.watch import record

__all__ = [
    "TABLE_1",
    "EDMNetwork",
    "FlowNetwork",
    "Network",
    "counted",
    "from_diffusers",
    "hand_over",
    "jump",
    "land",
    "load",
    "record",
    "shipped",
    "visits",
]
