"""Text-conditional networks, with their prompt as a part of them."""

import warnings
from contextlib import contextmanager

import torch

from paintlib.checks import require


class Prompted(torch.nn.Module):
    """A text-conditional network with its prompt: eps = eps_u + guidance (eps_c - eps_u); at 1, eps_c alone."""

    def __init__(self, unet, embeddings, guidance):
        super().__init__()
        self.unet, self.guidance, self.config = unet, guidance, unet.config
        self.register_buffer("embeddings", embeddings)  # of the empty prompt and of the prompt: (2, tokens, width)

    def forward(self, x, t):
        if self.guidance == 1:
            text = self.embeddings[1:].expand(len(x), -1, -1)
            return self.unet(x, t.expand(len(x)), encoder_hidden_states=text).sample
        t = t.expand(len(x)).repeat(2)
        texts = self.embeddings.repeat_interleave(len(x), 0)
        plain, prompted = self.unet(torch.cat([x, x]), t, encoder_hidden_states=texts).sample.chunk(2)
        return plain + self.guidance * (prompted - plain)


@torch.inference_mode()
def embed(folder, prompts):
    """What a pipeline gives the network for each prompt: the text encoder's last layer, (prompts, tokens, width).

    As in diffusers' pipeline the encoder sees the padding too, unless its config asks for an attention mask.
    """
    from transformers import CLIPTextModel, CLIPTokenizer

    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    with quiet():
        encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)
    room = tokenizer.model_max_length
    longest = max(len(ids) for ids in tokenizer(prompts).input_ids)
    require(longest <= room, "prompt", f"{longest} tokens", f"this model reads {room}; shorten it")
    read = tokenizer(prompts, padding="max_length", max_length=room, return_tensors="pt")
    mask = read.attention_mask if getattr(encoder.config, "use_attention_mask", False) else None
    return encoder(read.input_ids, attention_mask=mask)[0]


@contextmanager
def quiet():
    """Without bars and notices of loading, which are seconds long where nothing is wrong."""
    from diffusers.utils import logging as diffusers
    from transformers.utils import logging as transformers

    levels = [(library, library.get_verbosity()) for library in (diffusers, transformers)]
    try:
        for library, _ in levels:
            library.set_verbosity_error()
            library.disable_progress_bar()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for library, level in levels:
            library.set_verbosity(level)
            library.enable_progress_bar()
