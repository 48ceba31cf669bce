"""From a prompt to what the painter reads: a byte-pair tokenizer trained on the prompts, and a text encoder."""

import json
from pathlib import Path

import torch

ROOM, WIDTH = 16, 128
START, END = "<|startoftext|>", "<|endoftext|>"
PARTS = (
    r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"  # a word, a digit, or a run of signs, as CLIP reads
)


def write_vocabulary(prompts, folder, size=1400):
    """Train byte-pair encoding on the prompts, and write CLIP's two files, vocab.json and merges.txt, into `folder`.

    With room for `size` tokens every word of the book's prompts becomes one token; any other text is spelt in parts.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix="</w>", unk_token=END))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    words = pre_tokenizers.Split(Regex(PARTS), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    ends = [letter + "</w>" for letter in alphabet]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=1,
        end_of_word_suffix="</w>",
        special_tokens=[*alphabet, *ends],  # so their numbers, which decide between equal pairs, are always the same
        show_progress=False,
    )
    tokenizer.train_from_iterator(prompts, trainer)
    merges = [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
    tokens = dict.fromkeys([*alphabet, *ends, *("".join(pair) for pair in merges), START, END])
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    return folder


def read_tokenizer(folder):
    """The `CLIPTokenizer` of the two files in `folder`, for prompts of at most 16 tokens, start and end included."""
    from transformers import CLIPTokenizer

    folder = Path(folder)
    return CLIPTokenizer(vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"), model_max_length=ROOM)


def text_encoder(tokenizer):
    """A `CLIPTextModel` of one layer with random weights (seed 1) that stay as they are.

    The prompts are few words in a fixed order, so random embeddings tell them apart as well as learned ones would; the
    painter learns to read them.
    """
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        projection_dim=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=4,
        max_position_embeddings=ROOM,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return CLIPTextModel(config).eval().requires_grad_(False)


@torch.no_grad()
def read(tokenizer, encoder, prompts):
    """What the painter is given for each prompt: (prompts, 16, 128), as `StableDiffusionPipeline` makes it."""
    ids = tokenizer(prompts, padding="max_length", max_length=ROOM, return_tensors="pt").input_ids
    return encoder(ids)[0]
