"""Trained networks as denoisers, and runs of diffusers' schedulers watched. All that needs torch for it is in here."""

from paintlib.networks.adapters import EDMNetwork, Network, from_diffusers
from paintlib.networks.files import TABLE_1, load, shipped
from paintlib.networks.watch import record

__all__ = ["TABLE_1", "EDMNetwork", "Network", "from_diffusers", "load", "record", "shipped"]
