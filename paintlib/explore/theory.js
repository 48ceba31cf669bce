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
