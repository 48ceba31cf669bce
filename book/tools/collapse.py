"""When an album's pictures can be told apart: the table of chapter 07, on the full Fashion-MNIST.

python book/tools/collapse.py     (some minutes; needs scikit-learn, and finds the data as data.load does)

For albums of N pictures it prints the noise kappa at which two branched runs end on the same picture with probability
one half: as measured, and as predicted from the surprise of fresh pictures under a model of the data. Albums are taken
from the real pictures, or drawn from the model itself, for which the model is no longer an approximation.
"""

import numpy as np
from sklearn.cluster import KMeans

from paintlib import clocks, data
from paintlib.gaussian import Gaussian
from paintlib.mixture import Mixture
from paintlib.pointcloud import PointCloud
from paintlib.schedules import Level

KAPPAS = np.geomspace(1.4, 6.5, 12)
ALBUMS = {300: 32, 3000: 8, 30_000: 1}
STATES = 512  # for each N, spread over its albums


def draw(model, n, rng):
    """n pictures drawn from a Gaussian or a mixture."""
    modes = getattr(model, "modes", [model])
    prior = getattr(model, "prior", np.ones(1))
    counts = rng.multinomial(n, np.asarray(prior) / np.sum(prior))
    parts = [m.mu + (rng.standard_normal((c, m.rank)) * m.lam**0.5) @ m.U.T for m, c in zip(modes, counts, strict=True)]
    return rng.permutation(np.concatenate(parts))


def half(probability):
    """The kappa at which a probability (len(KAPPAS),) that falls with kappa crosses one half."""
    return float(np.exp(np.interp(-0.5, -np.asarray(probability), np.log(KAPPAS))))


def measured(album_of, N, rng):
    """Half-way kappa and its standard error, from bootstrapped albums where there are several, else from states."""
    each = STATES // ALBUMS[N]
    rows = []
    for _ in range(ALBUMS[N]):
        album = album_of(N)
        cloud, start = PointCloud(album), album[rng.choice(N, each)]
        noise = rng.standard_normal(start.shape)
        p = [clocks.same_fate(cloud.weights(start + k * noise, Level.from_kappa(k))) for k in KAPPAS]
        rows.append(np.array(p).T)
    groups = [r.mean(0) for r in rows] if len(rows) > 1 else list(rows[0])
    boot = [half(np.mean([groups[i] for i in rng.choice(len(groups), len(groups))], 0)) for _ in range(200)]
    return half(np.mean(groups, 0)), float(np.std(boot))


def predicted(model, pictures, N, rng):
    """The half-way kappa of `picked_out`, over fresh pictures."""
    noise = rng.standard_normal(pictures.shape)
    return half([clocks.picked_out(clocks.surprise(model, pictures, noise, k), N).mean() for k in KAPPAS])


if __name__ == "__main__":
    images = data.load("fashion-mnist")
    rng = np.random.default_rng(0)
    order = rng.permutation(len(images))
    x, labels = data.to_vectors(images.images)[order], images.labels[order]
    fit, fresh, rest = slice(0, 25_000), slice(25_000, 25_500), x[25_500:]
    one = Gaussian.fit(x[fit])
    flat = (x[fit] - one.mu) @ one.U[:, :50]
    groups = KMeans(100, n_init=1, random_state=0).fit_predict(flat)
    small = np.bincount(groups).min()
    models = {"1 Gaussian": one, "10 classes": Mixture.fit(x[fit], labels[fit], 300),
              "100 k-means": Mixture.fit(x[fit], groups, min(small - 1, 150))}  # fmt: skip
    print(f"100 groups of {small} pictures or more", flush=True)
    for N in ALBUMS:
        value, error = measured(lambda n: rest[rng.choice(len(rest), n, replace=False)], N, rng)
        print(f"N = {N}: clothes {value:.3f} +- {error:.3f}", flush=True)
        for name, model in models.items():
            value, error = measured(lambda n, model=model: draw(model, n, rng), N, rng)
            own = predicted(model, draw(model, 500, rng), N, rng)
            print(f"   {name}: predicted for clothes {predicted(model, x[fresh], N, rng):.3f}, for its own draws "
                  f"{own:.3f}, measured on them {value:.3f} +- {error:.3f}", flush=True)  # fmt: skip
