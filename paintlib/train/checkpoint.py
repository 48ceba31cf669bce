"""All that a resumed run needs, in one safetensors file."""

import json
import os

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file


def save_checkpoint(file, net, ema, optimiser, record):
    """Write everything that a resumed run needs as one safetensors file, whole or not at all."""
    tensors = {f"net.{k}": v for k, v in net.state_dict().items()}
    tensors |= {f"ema.{k}": v for k, v in ema.state_dict().items()}
    for part, its in optimiser.parts.items():
        for i, state in its.state_dict()["state"].items():
            tensors |= {f"{part}.{i}.{k}": v for k, v in state.items()}
    partial = file.with_suffix(".partial")
    save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, partial, {"record": json.dumps(record)})
    os.replace(partial, file)


def load_checkpoint(file, net, ema, optimiser=None):
    """Restore what `save_checkpoint` wrote; returns the record of the run.

    The moments of another optimiser are not those of this one, so after a change of `muon` they begin anew.
    """
    parts = {"net": {}, "ema": {}, "adam": {}, "muon": {}}
    try:
        with safe_open(file, "pt") as f:
            record = json.loads(f.metadata()["record"])
            for key in f.keys():
                part, name = key.split(".", 1)
                parts[part][name] = f.get_tensor(key)
        net.load_state_dict(parts["net"])
        ema.load_state_dict(parts["ema"])
    except (OSError, SafetensorError, KeyError, TypeError, RuntimeError) as error:  # the last: another network's
        remedy = "give the folder of a whole run of this training and recipe"
        raise ValueError(f"checkpoint: got {str(file)!r} ({error}); {remedy}") from error
    same = optimiser is not None and bool(parts["muon"]) == ("muon" in optimiser.parts)
    for part, its in optimiser.parts.items() if same else ():
        state = {}
        for name, value in parts[part].items():
            i, key = name.split(".")
            state.setdefault(int(i), {})[key] = value
        its.load_state_dict(its.state_dict() | {"state": state})
    return record
