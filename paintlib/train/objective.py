"""What is minimised (Eq. 5): the error of the predicted noise, its weights, times and targets."""

import torch


def weights(alpha_bar, most):
    """gamma_t of Eq. (5) at every time of the schedule: min(1 / alpha_t^2, most).

    With gamma_t = 1 an error of the noise counts the same everywhere, but in the endpoint estimate it is kappa times as
    large; so the outline, which is decided where kappa > 1, is learned last. 1 / alpha^2 = 1 + kappa^2 makes up for it:
    it is the loss of a network that predicts v. At the highest kappa it would let nothing else be learned.
    """
    return (1 / alpha_bar).clamp(max=most)


def shares(alpha_bar, angle):
    """The probability of every time in training: even, or even in the angle arctan(kappa).

    A linear schedule spends 30 of 100 steps where kappa > 12, where little is to be learned, and 26 where kappa < 1,
    where all detail is. Evenly in the angle these are 5 and 50.
    """
    share = torch.gradient(alpha_bar.double().sqrt().acos())[0] if angle else torch.ones(len(alpha_bar)).double()
    return share / share.sum()


def draw_times(alpha_bar, angle, batch, rng):
    """Times of a batch, stratified: one in each of `batch` equally probable parts of the schedule, see `shares`."""
    quantile = (torch.arange(batch) + torch.rand(batch, generator=rng).double()) / batch
    t = torch.searchsorted(shares(alpha_bar, angle).cumsum(0), quantile, right=True)
    return t.clamp(max=len(alpha_bar) - 1)  # the sum of the shares may be rounded down


def scaled(images):
    """Pixels from 0 to 255 as float32 from -1 to 1."""
    return images.float() / 127.5 - 1


def half_norms(images):
    """|y_i|^2 / 2 of every image, scaled to [-1, 1]; shape (N,)."""
    return torch.cat([scaled(block).square().sum(dim=(1, 2, 3)) / 2 for block in images.split(4096)])


def exact_noise(x, kappa, images, norms):
    """The mean noise of the states x_t / alpha_t = y + kappa eps, if y is one of the images (Eqs. 15, 16).

    A target with the same mean as eps itself, so with the same best network, and no variance but that of x: where many
    images share the weight, learning is much less noisy (Xu, Tong, Jaakkola, 2023: the stable target field).

    x (B, C, H, W), kappa (B,), images as bfloat16 from 0 to 255, which is exact, and their `half_norms`.
    """
    rows, points, kappa = x.flatten(1), images.flatten(1), kappa[:, None]
    products = (rows.bfloat16() @ points.T).float() / 127.5 - rows.sum(dim=1, keepdim=True)
    w = ((products - norms) / kappa**2).softmax(dim=1).bfloat16()
    mean = (w @ points).float() / (127.5 * w.float().sum(dim=1, keepdim=True)) - 1
    return ((rows - mean) / kappa).view_as(x)


def loss_at(net, images, norms, alpha_bar, recipe, seed, step):
    """Weighted squared error of the predicted noise, mean over one random batch (Eq. 5)."""
    rng, batch, device = torch.Generator().manual_seed(seed * 1_000_003 + step), recipe.batch, images.device
    x0 = scaled(images[torch.randint(len(images), (batch,), generator=rng).to(device)])
    t = draw_times(alpha_bar, recipe.angle, batch, rng)
    noise = torch.randn(x0.shape, generator=rng).to(device)
    signal, gamma = alpha_bar[t].to(device), weights(alpha_bar, recipe.most)[t].to(device)
    alpha, sigma = signal.sqrt()[:, None, None, None], (1 - signal).sqrt()[:, None, None, None]
    x, target = alpha * x0 + sigma * noise, noise
    if recipe.exact_above is not None:
        kappa = (1 / signal - 1).sqrt()
        high = kappa > recipe.exact_above
        target = noise.clone()
        target[high] = exact_noise((x / alpha)[high], kappa[high], images, norms)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        predicted = net(x, t.to(device)).sample
    return ((predicted.float() - target).square().mean(dim=(1, 2, 3)) * gamma).mean()
