// The formulas that the page computes. No document in here: the tests run this file alone and hold it against paintlib.

const variance = (level, lam) => level.sigma ** 2 + lam * level.alpha ** 2;

// How far a feature has moved, Eq. (9), and how much of it the endpoint estimate shows, Eq. (13).
const psi = (level, start, lam) => Math.sqrt(variance(level, lam) / variance(start, lam));
const xi = (level, start, lam) => (level.alpha * lam) / Math.sqrt(variance(level, lam) * variance(start, lam));

// State and endpoint estimate of a Gaussian {mu (D), U (r rows of D), lam (r)}, for the start {c (r), off (D)}:
// x_t = alpha mu + sigma / sigma_T off + sum_k psi_k c_k u_k, x0_hat = mu + sum_k xi_k c_k u_k.
function gaussianState(gaussian, seed, level, start) {
  const { mu, U, lam } = gaussian;
  const x = Float64Array.from(mu, (m, i) => level.alpha * m + (level.sigma / start.sigma) * seed.off[i]);
  const x0_hat = Float64Array.from(mu);
  lam.forEach((l, k) => {
    const moved = psi(level, start, l) * seed.c[k];
    const shown = xi(level, start, l) * seed.c[k];
    for (let i = 0; i < x.length; i++) {
      x[i] += moved * U[k][i];
      x0_hat[i] += shown * U[k][i];
    }
  });
  return { x, x0_hat };
}

// The start {c, off} of a Gaussian's path, for pure noise x_T: c_k = u_k (x_T - alpha_T mu), and what lies off the axes.
function noiseOf({ mu, U }, x_T, start) {
  const y = x_T.map((v, i) => v - start.alpha * mu[i]);
  const c = U.map((u) => u.reduce((sum, v, i) => sum + v * y[i], 0));
  const off = y.slice();
  U.forEach((u, k) => u.forEach((v, i) => { off[i] -= c[k] * v; }));
  return { c, off };
}

// Retrieval weights of the points at noise level kappa = sigma / alpha, in coordinates x / alpha, Eq. (15).
function retrievalWeights(points, x, kappa) {
  const logs = points.map((y) => -y.reduce((sum, v, i) => sum + (x[i] - v) ** 2, 0) / (2 * kappa ** 2));
  const top = logs.reduce((a, b) => Math.max(a, b));
  const raw = logs.map((l) => Math.exp(l - top));
  const total = raw.reduce((a, b) => a + b);
  return raw.map((w) => w / total);
}

const effectiveNumber = (weights) => 1 / weights.reduce((sum, w) => sum + w * w, 0);

// The endpoint estimate: the weighted mean of the points, Eq. (100).
function retrieve(points, weights) {
  return points[0].map((_, i) => points.reduce((sum, y, n) => sum + weights[n] * y[i], 0));
}

// The probability flow from (x, kappa) down to kappaEnd, dx / d log(kappa) = x - x0_hat, by steps of equal ratio that
// are exact for a fixed x0_hat and take its mean over the step (second order).
function retrievalPath(points, x, kappa, kappaEnd, steps) {
  const ratio = (kappaEnd / kappa) ** (1 / steps);
  const estimate = (x, kappa) => retrieve(points, retrievalWeights(points, x, kappa));
  const toward = (x, goal) => x.map((v, i) => goal[i] + ratio * (v - goal[i]));
  const path = [{ x, kappa }];
  for (let n = 0; n < steps; n++) {
    const here = estimate(x, kappa);
    const there = estimate(toward(x, here), kappa * ratio);
    x = toward(x, here.map((h, i) => (h + there[i]) / 2));
    kappa *= ratio;
    path.push({ x, kappa });
  }
  return path;
}

// The states of a DDIM run from its first state and the endpoint estimates along the way:
// x' = alpha' x0_hat + sigma' (x - alpha x0_hat) / sigma, where the first x0_hat is drawn into [-most, most].
function ddimStates(start, estimates, levels, most) {
  const states = [start];
  for (let n = 1; n < levels.length; n++) {
    const [from, to, x0_hat] = [levels[n - 1], levels[n], estimates[n - 1]];
    const ratio = to.sigma / from.sigma;
    states.push(states[n - 1].map((v, i) => to.alpha * clip(x0_hat[i], most) + ratio * (v - from.alpha * x0_hat[i])));
  }
  return states;
}

const clip = (v, most) => Math.max(-most, Math.min(most, v));

// Pearson's correlation of two pictures over their values; 0 where one of them is flat.
function correlation(a, b) {
  const centre = (v) => { const mean = v.reduce((x, y) => x + y) / v.length; return v.map((x) => x - mean); };
  const dot = (p, q) => p.reduce((sum, v, i) => sum + v * q[i], 0);
  const [p, q] = [centre(a), centre(b)];
  return dot(p, q) / Math.sqrt(dot(p, p) * dot(q, q)) || 0;
}

// Rows of whole numbers with one scale each, as Python packed them: base64 of int8, row after row.
function unpack({ data, scale }) {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const values = new Int8Array(bytes.buffer);
  const width = values.length / scale.length;
  return scale.map((s, k) => Float64Array.from(values.subarray(k * width, (k + 1) * width), (v) => s * v));
}

// Numbers from a seed, the same on every machine: uniform in [0, 1), and normal.
function uniforms(seed, count) {
  let state = seed >>> 0;
  return Float64Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  });
}

function normals(seed, count) {
  const u = uniforms(seed, 2 * count);
  return Float64Array.from({ length: count }, (_, n) => Math.sqrt(-2 * Math.log(1 - u[2 * n])) * Math.cos(2 * Math.PI * u[2 * n + 1]));
}

// Round modes of variance `width` at `means`, equally likely; a width of zero makes them points.
// The belief in each, seen from x at noise kappa, is the retrieval weight at noise sqrt(kappa^2 + width), Eq. (95).
const beliefs = (means, width, x, kappa) => retrievalWeights(means, x, Math.sqrt(kappa ** 2 + width));

// The endpoint estimate, Eq. (96) with its sigma_t^2 put back, at alpha = 1.
function modesEstimate(means, width, x, kappa) {
  const kept = width / (kappa ** 2 + width);
  return retrieve(means, beliefs(means, width, x, kappa)).map((m, i) => kept * x[i] + (1 - kept) * m);
}

// The probability flow from (x, kappa) to kappaEnd, Heun's method in log kappa.
function modesPath(means, width, x, kappa, kappaEnd, steps) {
  const h = Math.log(kappaEnd / kappa) / steps;
  const slope = (x, kappa) => modesEstimate(means, width, x, kappa).map((g, i) => x[i] - g);
  const path = [x];
  for (let n = 0; n < steps; n++) {
    const here = slope(x, kappa);
    const there = slope(x.map((v, i) => v + h * here[i]), kappa * Math.exp(h));
    x = x.map((v, i) => v + (h / 2) * (here[i] + there[i]));
    kappa *= Math.exp(h);
    path.push(x);
  }
  return path;
}

// Where `count` runs of the reverse SDE from x at noise kappa end: a fate by its belief, a clean picture given the fate.
function forkEnds(means, width, x, kappa, count, seed) {
  const p = beliefs(means, width, x, kappa);
  const [u, z] = [uniforms(seed, count), normals(seed + 1, count * x.length)];
  const kept = width / (kappa ** 2 + width);
  const spread = kappa * Math.sqrt(kept);
  return Array.from(u, (share, n) => {
    let [fate, sum] = [0, p[0]];
    while (sum < share && fate < p.length - 1) sum += p[++fate];
    return { fate, end: means[fate].map((m, i) => kept * x[i] + (1 - kept) * m + spread * z[n * x.length + i]) };
  });
}

// A run of the reverse SDE between its two ends: a Brownian bridge whose clock is kappa^2. z: normals, dimension by step.
function bridge(x, kappa, end, z) {
  const steps = z.length / x.length;
  const path = [x];
  for (let n = 1; n <= steps; n++) {
    const [before, now] = [n - 1, n].map((m) => kappa ** 2 * (1 - m / steps) ** 2);
    const share = now / before;
    const size = Math.sqrt(now * (1 - share));
    path.push(path[n - 1].map((v, i) => end[i] + share * (v - end[i]) + size * z[(n - 1) * x.length + i]));
  }
  return path;
}

// The chance that two runs from one state end alike, for fates that are groups of modes: sum over groups of p^2.
function sameFate(p, group) {
  const sums = new Map();
  p.forEach((v, n) => sums.set(group[n], (sums.get(group[n]) ?? 0) + v));
  return [...sums.values()].reduce((sum, v) => sum + v * v, 0);
}

// The share of a feature of variance lam in the estimate, where the noise along it has the variance kappa^2 g.
const colouredShare = (lam, g, kappa) => 1 / Math.sqrt(1 + (kappa ** 2 * g) / lam);

// What one move from noise level a to b does to a coefficient of variance lam, in units of alpha; one estimate or more.
const pull = (kappa, lam) => kappa / (kappa ** 2 + lam);
const ddimMove = (a, b, lam) => (a * b + lam) / (a * a + lam);
const MOVES = {
  exact: (a, b, lam) => Math.sqrt((b * b + lam) / (a * a + lam)),
  ddim: ddimMove,
  heun(a, b, lam) {
    if (b === 0) return ddimMove(a, b, lam);
    const f = pull(a, lam);
    return 1 + ((b - a) / 2) * (f + pull(b, lam) * (1 + (b - a) * f));
  },
  rk4(a, b, lam) {
    if (b === 0) return ddimMove(a, b, lam);
    const [h, middle, k1] = [b - a, pull((a + b) / 2, lam), pull(a, lam)];
    const k2 = middle * (1 + (h / 2) * k1);
    const k3 = middle * (1 + (h / 2) * k2);
    return 1 + (h / 6) * (k1 + 2 * k2 + 2 * k3 + pull(b, lam) * (1 + h * k3));
  },
};

// The coefficient after each move, of 1 at the start, for DPM-Solver++(2M), which remembers its last estimate.
function multistepPath(kappas, lam) {
  const path = [1];
  let before = null;
  for (let n = 1; n < kappas.length; n++) {
    const [a, b, q] = [kappas[n - 1], kappas[n], path[n - 1]];
    const [estimate, kept] = [(lam * q) / (a * a + lam), b / a];
    const goal = before && kept > 0 ? estimate + (Math.log(kept) / Math.log(before.kept) / 2) * (estimate - before.estimate) : estimate;
    path.push(kept * q + (1 - kept) * goal);
    before = { estimate, kept };
  }
  return path;
}

// The mean squared difference of two pictures.
const meanSquare = (a, b) => a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0) / a.length;
