"""The theory core against the plain ways to write it in NumPy, torch and scikit-learn: one Markdown table.

    python tests/benchmarks/core.py                             all tasks (minutes; some 3 GB of memory)
    python tests/benchmarks/core.py --tasks "Gaussian score"    one of them
    python tests/benchmarks/core.py --small                     the same in small, to see that it runs

Every way runs in a process of its own, on one thread, and takes turns with the others, so that all see the same load.
Time is the processor's, the shortest of the repeats; memory is the peak of the process above what its data took.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
LARGE = {"N": 50_000, "D": 3072, "B": 64, "M": 5_000, "r": 100, "K": 10, "d": 784, "q": 50, "T": 61, "b": 8, "L": 201,
         "n": 20, "P": 20_000, "W": 12_288, "V": 12_500, "c": 12, "k": 3}  # fmt: skip
SMALL = {"N": 500, "D": 200, "B": 8, "M": 300, "r": 100, "K": 3, "d": 60, "q": 5, "T": 9, "b": 3, "L": 21, "n": 4,
         "P": 400, "W": 1700, "V": 1800, "c": 12, "k": 3}  # fmt: skip
CALLS = 1000  # of a small thing, to be timed together
ALPHA, SIGMA = 0.8, 0.6


def peak():
    """The largest memory this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


# The data of each task


def cloud(s):
    rng = np.random.default_rng(0)
    y = rng.standard_normal((s["N"], s["D"]), dtype=np.float32)
    y *= np.float32(0.5)
    return y, ALPHA * y[: s["B"]] + np.float32(SIGMA) * rng.standard_normal((s["B"], s["D"]), dtype=np.float32)


def line(s):
    """Points close together on a line, as a curve of states or a video's frames are, and states beside it."""
    rng = np.random.default_rng(0)
    ends = rng.standard_normal((2, s["D"]), dtype=np.float32)
    y = ends[0] + np.linspace(0, 1, s["P"], dtype=np.float32)[:, None] * (ends[1] - ends[0])
    return y, y[:: s["P"] // s["B"]][: s["B"]] + np.float32(0.1) * rng.standard_normal((s["B"], s["D"]), np.float32)


def cloud_early(s):
    """The same points at kappa = 20, where thousands of them share the weight."""
    y, x = cloud(s)
    return y, 20 * x


def table(s, rows="M", columns="D", dtype=np.float64):
    rng = np.random.default_rng(0)
    data = rng.standard_normal((s[rows], s[columns]), dtype=dtype)
    data *= np.arange(1, s[columns] + 1, dtype=dtype) ** -0.5
    return data, None


def wide_table(s):
    """Pictures of 64 x 64 in colour, in float32."""
    return table(s, "V", "W", np.float32)


def small_gaussian(s):
    return gaussian({"D": s["c"], "r": s["k"], "B": 1})


def gaussian(s):
    rng = np.random.default_rng(0)
    D, r = s["D"], s["r"]
    U = np.linalg.qr(rng.standard_normal((D, r)))[0]
    return (rng.standard_normal(D), U, 100 * np.arange(1, r + 1.0) ** -1.5), rng.standard_normal((s["B"], D))


def mixture(s):
    rng = np.random.default_rng(0)
    d, q = s["d"], s["q"]
    modes = [
        (rng.standard_normal(d), np.linalg.qr(rng.standard_normal((d, q)))[0], 50 * np.arange(1, q + 1.0) ** -1.5)
        for _ in range(s["K"])
    ]
    return modes, rng.standard_normal((s["B"], d))


def fine_run(s):
    """States and endpoint estimates of a run, (T, b, D), and its levels."""
    rng = np.random.default_rng(0)
    kappa = np.geomspace(80, 0.01, s["T"])
    clean = rng.standard_normal((s["b"], s["D"]))
    x = clean + kappa[:, None, None] * rng.standard_normal((s["b"], s["D"]))
    return (kappa, x, clean + 0.1 * kappa[:, None, None] * rng.standard_normal(x.shape)), None


def level_costs(s):
    return (np.triu(np.random.default_rng(0).random((s["L"], s["L"])), 1), s["n"]), None


# The ways. Each takes the task's data, and gives a function of no arguments to be timed


def exact_paintlib(y, x, alpha, sigma):
    from paintlib.denoisers import score
    from paintlib.pointcloud import PointCloud
    from paintlib.schedules import Level

    model, level = PointCloud(y), Level(alpha, sigma)
    return lambda: score(model, x, level)


def exact_product(y, x, alpha, sigma):
    """|x - alpha y|^2 by one matrix product, all in the data's float32; wrong on near-duplicates."""
    half = (y**2).sum(1) / 2

    def run():
        logits = (alpha * (x @ y.T) - alpha**2 * half) / sigma**2
        w = np.exp(logits - logits.max(1, keepdims=True))
        return (alpha * (w / w.sum(1, keepdims=True)) @ y - x) / sigma**2

    return run


def exact_product_64(y, x, alpha, sigma):
    """The same in float64, on a copy of the data."""
    return exact_product(y.astype(float), x.astype(float), alpha, sigma)


def exact_torch(y, x, alpha, sigma):
    """torch.cdist and softmax."""
    import torch

    y, x = torch.from_numpy(y), torch.from_numpy(x)

    def run():
        far = torch.cdist(x / alpha, y) ** 2
        w = torch.softmax(-far * (alpha**2 / (2 * sigma**2)), dim=1)
        return ((alpha * w @ y - x) / sigma**2).numpy()

    return run


def exact_sklearn(y, x, alpha, sigma):
    """scikit-learn's euclidean_distances and NumPy's softmax."""
    from sklearn.metrics import euclidean_distances

    def run():
        logits = -euclidean_distances(x / alpha, y, squared=True) * (alpha**2 / (2 * sigma**2))
        w = np.exp(logits - logits.max(1, keepdims=True))
        return (alpha * (w / w.sum(1, keepdims=True)) @ y - x) / sigma**2

    return run


def fit_paintlib(data, _, rank):
    from paintlib.gaussian import Gaussian

    return lambda: Gaussian.fit(data, rank).lam


def fit_cov(data, _, rank):
    """np.cov and np.linalg.eigh."""
    return lambda: np.linalg.eigh(np.cov(data.T, bias=True))[0][::-1][:rank]


def fit_svd(data, _, rank):
    """np.linalg.svd of the centred data."""
    return lambda: np.linalg.svd(data - data.mean(0), full_matrices=False)[1][:rank] ** 2 / len(data)


def fit_product(data, _, rank):
    """Nothing but the product of the data with themselves, in their own float32."""
    return lambda: np.array([np.trace(data.T @ data)])


def fit_paintlib_torch(data, _, rank):
    """The same on a tensor."""
    import torch

    from paintlib.gaussian import Gaussian

    data = torch.from_numpy(data)
    return lambda: Gaussian.fit(data, rank).lam.numpy()


def fit_torch(data, _, rank):
    """torch.cov and torch.linalg.eigh."""
    import torch

    data = torch.from_numpy(data)
    return lambda: torch.linalg.eigh(torch.cov(data.T, correction=0))[0].flip(0)[:rank].numpy()


def fit_sklearn(data, _, rank):
    """PCA(rank), which here takes its randomised solver: approximate."""
    from sklearn.decomposition import PCA

    return lambda: PCA(rank, random_state=0).fit(data).explained_variance_ * (len(data) - 1) / len(data)


def fit_sklearn_exact(data, _, rank):
    """PCA(rank, svd_solver="covariance_eigh")."""
    from sklearn.decomposition import PCA

    full = PCA(rank, svd_solver="covariance_eigh")
    return lambda: full.fit(data).explained_variance_ * (len(data) - 1) / len(data)


def score_paintlib(parts, x):
    from paintlib.denoisers import score
    from paintlib.gaussian import Gaussian
    from paintlib.schedules import Level

    model, level = Gaussian(*parts), Level(ALPHA, SIGMA)
    return lambda: score(model, x, level)


def repeated(run):
    """A thousand calls, timed together."""

    def call():
        for _ in range(CALLS):
            answer = run()
        return answer

    return call


def small_paintlib(parts, x):
    """With its checks."""
    return repeated(score_paintlib(parts, x))


def small_plain(parts, x):
    """The same formula in NumPy, without a check."""
    mu, U, lam = parts

    def run():
        y, v = x - ALPHA * mu, SIGMA**2 + ALPHA**2 * lam
        c = y @ U
        return (c * (1 / SIGMA**2 - 1 / v)) @ U.T - y / SIGMA**2

    return repeated(run)


def noisy(parts):
    mu, U, lam = parts
    return ALPHA * mu, SIGMA**2 * np.eye(len(mu)) + ALPHA**2 * (U * lam) @ U.T


def score_inverse(parts, x):
    """np.linalg.inv of the D x D covariance at this level."""

    def run():
        mean, C = noisy(parts)
        return (mean - x) @ np.linalg.inv(C)

    return run


def score_solve(parts, x):
    """np.linalg.solve with the D x D covariance."""

    def run():
        mean, C = noisy(parts)
        return np.linalg.solve(C, (mean - x).T).T

    return run


def score_torch(parts, x):
    """Autodiff through torch.distributions.MultivariateNormal."""
    import torch

    def run():
        mean, C = map(torch.from_numpy, noisy(parts))
        point = torch.tensor(x, requires_grad=True)
        density = torch.distributions.MultivariateNormal(mean, C, validate_args=False).log_prob(point)
        return torch.autograd.grad(density.sum(), point)[0].numpy()

    return run


def flow_paintlib(parts, x):
    from paintlib.gaussian import Gaussian
    from paintlib.schedules import Level

    model, level = Gaussian(*parts), Level(ALPHA, SIGMA)
    return lambda: model.flow(x, level)


def flow_eigh(parts, x):
    """The filter of Eq. 10 from the D x D covariance's eigenvectors."""

    def run():
        mu, U, lam = parts
        values, V = np.linalg.eigh((U * lam) @ U.T)
        values = np.maximum(values, 0)
        gain = np.sqrt(values / (SIGMA**2 + ALPHA**2 * values))
        return mu + ((x - ALPHA * mu) @ V * gain) @ V.T

    return run


def mixture_paintlib(modes, x):
    from paintlib.denoisers import score
    from paintlib.gaussian import Gaussian
    from paintlib.mixture import Mixture
    from paintlib.schedules import Level

    prior = np.full(len(modes), 1 / len(modes), dtype=x.dtype)
    model, level = Mixture(prior, [Gaussian(*m) for m in modes]), Level(ALPHA, SIGMA)
    return lambda: score(model, x, level)


def mixture_solve(modes, x):
    """np.linalg.solve and slogdet with each d x d covariance."""

    def run():
        scores, logits = [], []
        for parts in modes:
            mean, C = noisy(parts)
            s = np.linalg.solve(C, (mean - x).T).T
            scores.append(s)
            logits.append(((x - mean) * s).sum(1) / 2 - np.linalg.slogdet(C)[1] / 2)
        w = np.exp(logits - np.max(logits, axis=0))
        return ((w / w.sum(0))[:, :, None] * scores).sum(0)

    return run


def mixture_torch(modes, x):
    """Autodiff through torch.distributions.MixtureSameFamily."""
    import torch
    from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

    def run():
        means, covariances = (torch.from_numpy(np.stack(a)) for a in zip(*map(noisy, modes), strict=True))
        parts = MultivariateNormal(means, covariances, validate_args=False)
        model = MixtureSameFamily(Categorical(torch.ones(len(modes))), parts, validate_args=False)
        point = torch.tensor(x, requires_grad=True)
        return torch.autograd.grad(model.log_prob(point).sum(), point)[0].numpy()

    return run


def mixture_sklearn(modes, x):
    """scikit-learn's GaussianMixture for the responsibilities, d x d precisions for the scores."""
    from sklearn.mixture import GaussianMixture

    def run():
        means, covariances = zip(*map(noisy, modes), strict=True)
        model = GaussianMixture(len(modes))
        model.weights_, model.means_ = np.full(len(modes), 1 / len(modes)), np.stack(means)
        precisions = np.linalg.inv(np.stack(covariances))
        model.precisions_cholesky_ = np.linalg.cholesky(precisions)
        w = model.predict_proba(x)
        return sum(w[:, i, None] * ((m - x) @ P) for i, (m, P) in enumerate(zip(means, precisions, strict=True)))

    return run


def mixture_low_rank(modes, x, dtype=np.float64):
    """Mode by mode with eigenvectors and eigenvalues, as the paper's authors keep a covariance; Eqs. 55, 85."""
    modes, x = [[a.astype(dtype) for a in parts] for parts in modes], x.astype(dtype)

    def run():
        scores, logits = [], []
        for mu, U, lam in modes:
            y, v = x - ALPHA * mu, SIGMA**2 + ALPHA**2 * lam
            c = y @ U
            s = -(y - (c * (ALPHA**2 * lam / v)) @ U.T) / SIGMA**2
            scores.append(s)
            logits.append(((y * s).sum(1) - np.log(v).sum()) / 2)
        w = np.exp(logits - np.max(logits, axis=0))
        return ((w / w.sum(0))[:, :, None] * scores).sum(0)

    return run


def mixture_low_rank_torch(modes, x, dtype="float32"):
    """The same in torch, in float32."""
    import torch

    kind = getattr(torch, dtype)
    modes, x = [[torch.from_numpy(a).to(kind) for a in parts] for parts in modes], torch.from_numpy(x).to(kind)

    def run():
        scores, logits = [], []
        for mu, U, lam in modes:
            y, v = x - ALPHA * mu, SIGMA**2 + ALPHA**2 * lam
            s = -(y - (y @ U * (ALPHA**2 * lam / v)) @ U.T) / SIGMA**2
            scores.append(s)
            logits.append(((y * s).sum(1) - v.log().sum()) / 2)
        w = torch.stack(logits).softmax(0)
        return (w[:, :, None] * torch.stack(scores)).sum(0).numpy()

    return run


def mixture_paintlib_32(modes, x):
    """paintlib in float32."""
    return mixture_paintlib([[a.astype(np.float32) for a in parts] for parts in modes], x.astype(np.float32))


def costs_paintlib(run, _):
    from paintlib.samplers import Trajectory
    from paintlib.schedules import Level
    from paintlib.timetables import step_costs

    kappa, x, x0_hat = run
    run = Trajectory(kappa, Level(np.ones_like(kappa), kappa), x, x0_hat)
    return lambda: np.triu(step_costs(run), 1)


def costs_loop(run, _):
    """A double loop over the levels, with the miss of each step written out."""
    kappa, x, x0_hat = run

    def call():
        costs = np.zeros((len(kappa), len(kappa)))
        for i in range(len(kappa) - 1):
            slope = (x[i] - x0_hat[i]) / kappa[i]
            for j in range(i + 1, len(kappa)):
                costs[i, j] = np.linalg.norm(x[i] + (kappa[j] - kappa[i]) * slope - x[j], axis=1).mean()
        return costs

    return call


def costs_plain_loop(run, _):
    """The same picture by picture, as the formula stands: slope, step and norm anew for each pair of levels."""
    kappa, x, x0_hat = run

    def call():
        costs = np.zeros((len(kappa), len(kappa)))
        for i in range(len(kappa) - 1):
            for j in range(i + 1, len(kappa)):
                for b in range(x.shape[1]):
                    slope = (x[i, b] - x0_hat[i, b]) / kappa[i]
                    costs[i, j] += np.linalg.norm(x[i, b] + (kappa[j] - kappa[i]) * slope - x[j, b])
        return costs / x.shape[1]

    return call


def grids_paintlib(problem, _):
    from paintlib.timetables import best

    costs, most = problem
    return lambda: np.concatenate(list(best(costs, most).values()))


def grids_loop(problem, _):
    """The dynamic programme in three loops, one number at a time."""
    costs, most = problem
    T = len(costs)

    def call():
        value, came = [list(costs[0])], [[0] * T]
        for k in range(1, most):
            row, back = [float("inf")] * T, [0] * T
            for j in range(k + 1, T):
                for i in range(k, j):
                    if value[k - 1][i] + costs[i, j] < row[j]:
                        row[j], back[j] = value[k - 1][i] + costs[i, j], i
            value.append(row)
            came.append(back)
        found = []
        for k in range(most):
            grid = [T - 1]
            for back in came[k::-1]:
                grid.append(back[grid[-1]])
            found.append(grid[::-1])
        return np.concatenate(found)

    return call


EXACT = {
    "paintlib": exact_paintlib,
    "NumPy, one matrix product, float32": exact_product,
    "NumPy, one matrix product, float64": exact_product_64,
    "torch, cdist, float32": exact_torch,
    "scikit-learn, euclidean_distances": exact_sklearn,
}
PRODUCTS = {way: call for way, call in EXACT.items() if call in (exact_paintlib, exact_product, exact_product_64)}
TASKS = {
    "exact score": ("N = {N}, D = {D}, B = {B}, kappa = 0.75", cloud, EXACT),
    "exact score, early": ("N = {N}, D = {D}, B = {B}, kappa = 20", cloud_early, EXACT),
    "exact score, on a line": ("N = {P}, D = {D}, B = {B}, kappa = 0.1", line, PRODUCTS),
    "Gaussian fit": ("N = {M}, D = {D}, rank {r}", table, {
        "paintlib": fit_paintlib,
        "paintlib, torch": fit_paintlib_torch,
        "NumPy, cov and eigh": fit_cov,
        "NumPy, svd": fit_svd,
        "torch, cov and eigh": fit_torch,
        "scikit-learn PCA (randomised, approximate)": fit_sklearn,
        "scikit-learn PCA (covariance_eigh)": fit_sklearn_exact,
    }),
    "Gaussian fit, wide": ("N = {V}, D = {W}, rank {r}", wide_table, {
        "paintlib": fit_paintlib,
        "NumPy, the one product alone, float32": fit_product,
    }),
    "Gaussian score, small": ("D = {c}, rank {k}, B = 1, 1000 calls", small_gaussian, {
        "paintlib": small_paintlib,
        "NumPy, the same formula without checks": small_plain,
    }),
    "Gaussian score": ("D = {D}, rank {r}, B = {B}", gaussian, {
        "paintlib": score_paintlib,
        "NumPy, inverse": score_inverse,
        "NumPy, solve": score_solve,
        "torch, MultivariateNormal and autodiff": score_torch,
    }),
    "Gaussian flow": ("D = {D}, rank {r}, B = {B}", gaussian, {
        "paintlib": flow_paintlib,
        "NumPy, eigenvectors of the covariance": flow_eigh,
    }),
    "mixture score": ("K = {K}, D = {d}, rank {q}, B = {B}", mixture, {
        "paintlib": mixture_paintlib,
        "NumPy, low rank, mode by mode": mixture_low_rank,
        "NumPy, solve and slogdet": mixture_solve,
        "torch, MixtureSameFamily and autodiff": mixture_torch,
        "scikit-learn GaussianMixture and inverse": mixture_sklearn,
    }),
    "costs of all steps": ("T = {T}, B = {b}, D = {D}", fine_run, {
        "paintlib": costs_paintlib,
        "NumPy, double loop, slopes once": costs_loop,
        "NumPy, plain loops": costs_plain_loop,
    }),
    "best grids": ("T = {L}, 1 to {n} moves", level_costs, {
        "paintlib": grids_paintlib,
        "Python, three loops": grids_loop,
    }),
    "mixture score, float32": ("K = {K}, D = {d}, rank {q}, B = {B}", mixture, {
        "paintlib, float32": mixture_paintlib_32,
        "torch, low rank, mode by mode, float32": mixture_low_rank_torch,
    }),
}  # fmt: skip


OPTIONS = {
    "exact score": {"alpha": ALPHA, "sigma": SIGMA},
    "exact score, early": {"alpha": 1.0, "sigma": 20.0},
    "exact score, on a line": {"alpha": 1.0, "sigma": 0.1},
    "Gaussian fit": {"rank": LARGE["r"]},
    "Gaussian fit, wide": {"rank": LARGE["r"]},
}


def measure(task, way, sizes, seconds):
    """Run one way in this process: seconds of the best run, MB above the data, and the answer's numbers."""
    _, make, ways = TASKS[task]
    data, x = make(sizes)
    call = ways[way]
    options = OPTIONS.get(task, {})
    call(*make(SMALL), **options)()  # imports, and the libraries' own buffers
    before = peak()
    run = call(data, x, **options)
    best, started = float("inf"), time.perf_counter()
    while True:
        clock = time.process_time()
        answer = run()
        best = min(best, time.process_time() - clock)
        if time.perf_counter() - started > seconds:
            break
    return best, peak() - before, np.asarray(answer, dtype=float)


def child(task, way, small, seconds, file):
    best, memory, answer = measure(task, way, SMALL if small else LARGE, seconds)
    np.save(file, answer)
    print(json.dumps([best, memory]))


def run(task, small, seconds, repeats):
    """All ways of one task, in turns; rows of (way, seconds, MB, distance of the answer to paintlib's)."""
    ways, found = list(TASKS[task][2]), {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeats):
            for way in ways:
                file = Path(folder) / "answer.npy"
                command = [sys.executable, __file__, "--child", task, way, str(file), "--seconds", str(seconds)]
                env = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
                out = subprocess.run(command + ["--small"] * small, capture_output=True, text=True, env=env)
                assert out.returncode == 0, out.stderr[-2000:]
                best, memory = json.loads(out.stdout.splitlines()[-1])
                old = found.get(way, (float("inf"), 0, None))
                found[way] = min(best, old[0]), max(memory, old[1]), np.load(file)
    ours = found[ways[0]][2]
    scale = np.abs(ours).max()

    def off(answer):
        return np.abs(answer - ours).max() / scale if answer.shape == ours.shape else np.nan

    return [(way, best, memory, off(answer)) for way, (best, memory, answer) in found.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--seconds", type=float, default=2.0, help="repeat a way for this long in each turn")
    parser.add_argument("--repeats", type=int, default=1, help="turns")
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        task, way, file = args.child
        return child(task, way, args.small, args.seconds, file)
    print("| task | way | time, ms | ratio | peak above the data, MB | differs from paintlib by |")
    print("|---|---|---:|---:|---:|---:|")
    for task in args.tasks:
        sizes = TASKS[task][0].format(**(SMALL if args.small else LARGE))
        rows = run(task, args.small, args.seconds, args.repeats)
        for i, (way, best, memory, off) in enumerate(rows):
            name = f"{task}: {sizes}" if i == 0 else ""
            ratio, difference = f"{best / rows[0][1]:.2f}", "" if i == 0 or np.isnan(off) else f"{off:.0e}"
            print(f"| {name} | {way} | {1000 * best:.2f} | {ratio} | {memory:.0f} | {difference} |", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
