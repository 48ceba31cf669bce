"""Class-conditional networks, with their label as a part of them."""

import torch

from paintlib.checks import number, require


class Labelled(torch.nn.Module):
    """A class-conditional network with its label, and with guidance: v = v_u + guidance (v_c - v_u).

    v stands for what it predicts; v_u is its output for `unlabelled`, the label that means none. Without guidance
    (strength 1) that is not asked for. Variances, where it learned them, are those of the label.
    """

    def __init__(self, net, label, guidance=1.0, unlabelled=None):
        super().__init__()
        self.net, self.config = net, net.config
        self.guidance = guidance = number("guidance", guidance, "give one number, 1 for none")
        require(abs(guidance) <= torch.finfo(torch.float32).max, "guidance", guidance, "give one that float32 can hold")
        known, none = _labels(net.config)
        unlabelled = none if unlabelled is None else unlabelled
        _check("label", label, known)
        if guidance != 1:
            remedy = (
                f"guidance {guidance} needs the label that stands for none, of 0 to {known - 1}; or take guidance=1"
            )
            require(unlabelled is not None, "unlabelled", None, remedy)
            _check("unlabelled", unlabelled, known)
        self.labels = [int(label)] if guidance == 1 else [int(label), int(unlabelled)]

    def forward(self, x, t):
        labels = torch.tensor(self.labels, device=x.device).repeat_interleave(len(x))
        n = len(self.labels)
        output = self.net(x.repeat(n, 1, 1, 1), t.expand(len(x)).repeat(n), class_labels=labels).sample
        if n == 1:
            return output
        labelled, plain = output.chunk(2)
        mean = plain + self.guidance * (labelled - plain)
        C = x.shape[1]
        return torch.cat([mean[:, :C], labelled[:, C:]], 1)


def takes_labels(config):
    """Whether a network of this config was trained with class labels."""
    return any(config.get(key) is not None for key in ("num_class_embeds", "class_embed_type", "num_embeds_ada_norm"))


def _labels(config):
    """How many labels a network knows, and which of them stands for none, if its kind has one."""
    if classes := config.get("num_embeds_ada_norm"):  # a diffusion transformer: one more than its classes
        return classes + 1, classes
    said = config.get("class_embed_type")
    known = "this kind of label is no number of a class; wrap the network yourself with Network or FlowNetwork"
    require(said in (None, "timestep"), "class_embed_type", said, known)
    return config.get("num_class_embeds") or 1000, None


def _check(name, label, known):
    if getattr(label, "ndim", None) == 0:  # an array or a tensor of one number
        label = label.item()
    whole = isinstance(label, int) and not isinstance(label, bool) and 0 <= label < known
    require(
        whole, name, repr(label), f"this network was trained with labels: choose a whole number from 0 to {known - 1}"
    )
