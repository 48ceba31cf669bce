"""The border between flat vectors and a network's images: layout, dtype, device, batches, and what comes back."""

import math

import numpy as np
import torch

from paintlib.checks import finite, require, state

PIXELS_PER_BATCH = 2**18


def tensor(x):
    """x as a tensor; a NumPy array may run backwards, or have bytes and digits that torch has not."""
    if isinstance(x, torch.Tensor):
        return x
    dtype = x.dtype.newbyteorder("=") if x.dtype.itemsize <= 8 else np.float64
    return torch.as_tensor(np.ascontiguousarray(x, dtype))


def to_pixels(x, shape, net):
    """Flat vectors (..., D) as a contiguous batch (B, C, H, W) in the network's dtype and on its device."""
    state(x, math.prod(shape))
    weight = next(net.parameters(), torch.zeros(())) if hasattr(net, "parameters") else torch.zeros(())
    dtype = weight.dtype if weight.dtype.is_floating_point else torch.float32
    pixels = tensor(x).to(weight.device, dtype).reshape(-1, *shape)
    return pixels.permute(0, 3, 1, 2).contiguous()


def like(pixels, x):
    """A copy of a batch (B, C, H, W), flattened to the shape, kind and dtype of x."""
    flat = pixels.permute(0, 2, 3, 1).reshape(tuple(x.shape))
    if flat.dtype == torch.bfloat16 and not isinstance(x, torch.Tensor):
        flat = flat.float()  # NumPy has no bfloat16
    with np.errstate(over="ignore"):
        kept = flat.to(x, copy=True) if isinstance(x, torch.Tensor) else flat.cpu().numpy().astype(x.dtype)
    require(
        finite(kept) or not finite(flat),
        "x",
        f"dtype {x.dtype}, in which the estimate overflows",
        "give the state in float32",
    )
    return kept


def column(values, pixels):
    """Numbers, one for each image, shaped to multiply pixels."""
    return torch.as_tensor(np.array(values), dtype=pixels.dtype, device=pixels.device).reshape(-1, 1, 1, 1)


@torch.no_grad()
def predict(net, pixels, t, batch=None):
    """net(pixels, t) in batches that fit the memory: `batch` images, or what is usual for their size, or fewer.

    t is a number or (B,); the network gets it as (b,), in float32 or better. Its output may be a tensor, a tuple or a
    dict with the tensor first or called `sample`, or have it as `.sample`: (B, C, H, W), or (B, 2 C, H, W) if it also
    predicts variances. NaN and infinity in it are an error. The network may write into its inputs, which are copies,
    and into what it gave before, which was copied.
    """
    size = batch or max(PIXELS_PER_BATCH // math.prod(pixels.shape[2:]), 1)
    dtype = torch.promote_types(pixels.dtype, torch.float32)
    t = torch.as_tensor(t, dtype=dtype, device=pixels.device).expand(len(pixels))
    while True:
        try:
            cuts = [slice(i, i + size) for i in range(0, len(pixels), size)]
            return torch.cat([output_of(_ask(net, pixels[cut], t[cut]), pixels[cut], t[cut]).clone() for cut in cuts])
        except torch.OutOfMemoryError as full:
            size = min(size, len(pixels)) // 2
            if size == 0:
                one = f"one image of shape {tuple(pixels.shape[1:])}"
                raise MemoryError(f"{one} does not fit on {pixels.device}; use a smaller model or the CPU") from full


def _ask(net, pixels, t):
    """net(pixels, t); what goes wrong in it is told with what it was given."""
    try:
        return net(pixels.clone(), t.clone())
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        said = f"{type(error).__name__} ({error}), asked with pixels {tuple(pixels.shape)} and times {tuple(t.shape)}"
        remedy = f"it is called as net(pixels, t), {pixels.dtype} and {t.dtype}; wrap one of another form in a function"
        raise ValueError(f"the network: got {said}; {remedy}") from error


def output_of(output, pixels, t):
    """The tensor in a network's output for pixels at times t, in one of the forms of `predict`; checked."""
    if isinstance(output, dict) and "sample" in output:
        output = output["sample"]
    output = getattr(output, "sample", output)
    output = output[0] if isinstance(output, tuple | list) and output else output
    found = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
    B, C, *sides = pixels.shape
    shapes = [(B, C, *sides), (B, 2 * C, *sides)]
    require(
        found in shapes, "the network's output", found, f"for pixels {shapes[0]} it must be {shapes[0]} or {shapes[1]}"
    )
    fine = bool(torch.isfinite(output).all())
    times = f"{float(t.min()):g} to {float(t.max()):g}"
    remedy = "check its weights, that these are the times it was trained with, and its dtype (float16 ends at 65504)"
    require(fine, "the network's output", f"NaN or infinity at times {times}", remedy)
    return output
