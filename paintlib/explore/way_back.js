// Data at -1 and +1, the share p of them at +1. States are x / alpha, noise is kappa = sigma / alpha.

// The endpoint estimate, Eq. (15) for two points.
const twoPoints = (x, kappa, p) => Math.tanh(x / kappa ** 2 + Math.log(p / (1 - p)) / 2);

// One step of the flow, Eq. (4), exact while the estimate stands, with its mean over the step (second order).
function flowStep(x, kappa, next, p) {
  const ratio = next / kappa;
  const goal = twoPoints(x, kappa, p);
  const later = twoPoints(goal + ratio * (x - goal), next, p);
  const mean = (goal + later) / 2;
  return mean + ratio * (x - mean);
}

// One ancestral step of the reverse SDE, Eq. (2), with fresh normal noise z.
function ancestralStep(x, kappa, next, p, z) {
  const ratio = (next / kappa) ** 2;
  const goal = twoPoints(x, kappa, p);
  return goal + ratio * (x - goal) + next * Math.sqrt(1 - ratio) * z;
}

// One step of the forward process, Eq. (1): x / alpha is a walk without drift.
const pourStep = (x, next, kappa, z) => x + Math.sqrt(kappa ** 2 - next ** 2) * z;

// The walks of `z.length / (steps + 2)` walkers over the noise levels `kappas`, from noise to data.
// z holds a walker's start, one normal number for each step, and one for the noise that the data have. Mode 0 pours, 1 is the flow, 2 the reverse SDE.
function walks(mode, kappas, p, z) {
  const steps = kappas.length - 1;
  return Array.from({ length: z.length / (steps + 2) }, (_, n) => {
    const own = z.subarray(n * (steps + 2), (n + 1) * (steps + 2));
    const path = new Float64Array(steps + 1);
    if (mode === 0) {
      path[steps] = (phi(own[0]) < 1 - p ? -1 : 1) + kappas[steps] * own[steps + 1];
      for (let k = steps; k > 0; k--) path[k - 1] = pourStep(path[k], kappas[k], kappas[k - 1], own[k]);
    } else {
      path[0] = kappas[0] * own[0] + (2 * p - 1); // the noisy data, but for their spread
      for (let k = 0; k < steps; k++) {
        path[k + 1] = mode === 1 ? flowStep(path[k], kappas[k], kappas[k + 1], p)
          : ancestralStep(path[k], kappas[k], kappas[k + 1], p, own[k + 1]);
      }
    }
    return path;
  });
}

// The normal distribution function, to 1e-7 (Abramowitz and Stegun 7.1.26).
function phi(v) {
  const t = 1 / (1 + 0.3275911 * Math.abs(v) / Math.SQRT2);
  const tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * Math.exp(-v * v / 2);
  return v < 0 ? tail / 2 : 1 - tail / 2;
}

// The chance that the noisy data lie below x.
const below = (x, kappa, p) => (1 - p) * phi((x + 1) / kappa) + p * phi((x - 1) / kappa);

function interactive(root, { title, share, kappas: [high, low] }) {
  const STEPS = 120;
  const WALKERS = 400;
  const kappas = Array.from({ length: STEPS + 1 }, (_, k) => high * (low / high) ** (k / STEPS));
  let seed = 3;
  let paths = [];
  const again = () => { run(); render(); };
  const mode = choice("Way", ["Pour (Eq. 1)", "Back: flow (Eq. 4)", "Back: SDE (Eq. 2)"], again, 1);
  const noise = slider("Noise level κ = σ/α:", { min: 0, max: STEPS, step: 1, value: Math.round(0.75 * STEPS), words: (k) => short(kappas[k]) }, render);
  const right = slider("Part of the data at +1:", { min: 0.05, max: 0.95, step: 0.05, value: share, words: percent }, again);
  const start = slider("Start of the marked walker:", { min: -2.5, max: 2.5, step: 0.01, value: 0.4, words: (v) => v.toFixed(2) }, again);
  // pouring runs from the data to the noise
  const running = { get share() { return mode.value ? noise.share : 1 - noise.share; }, set share(part) { noise.share = mode.value ? part : 1 - part; } };
  const film = transport("Run", 6, running, render, {
    "New noise": () => { seed += 1; run(); },
    Reset: () => { [seed, mode.value, noise.value, right.value, start.value] = [3, 1, Math.round(0.75 * STEPS), share, 0.4]; run(); },
  });
  mode.element.classList.add("paint-wide");

  const scaled = (x, kappa) => x / Math.sqrt(1 + kappa ** 2);
  const ticks = [[0, `κ = ${short(high)}`, "start"], [STEPS * Math.log(high) / Math.log(high / low), "1"], [STEPS, short(low), "end"]];
  const plane = plot({ x: [0, STEPS], y: [-3, 3], height: 250, title: "Walkers, from noise to data", xticks: ticks, yticks: [[-1, "−1"], [0, "0"], [1, "+1"]], margin: [28, 10, 30, 30] });
  const bars = plot({ x: [-2.7, 2.7], y: [0, 0.55], height: 170, title: "Where they are now", xticks: [[-1, "−1"], [0, "0"], [1, "+1"]], yticks: [[0, "0"], [0.25, "25 %"], [0.5, "50 %"]] });
  const BINS = 27; // so that -1 and +1 are in the middle of one
  const edges = Array.from({ length: BINS + 1 }, (_, b) => -2.7 + 0.2 * b);

  scrub(plane, noise);
  const publish = assemble(root, {
    title, controls: [mode.element, film.element, noise.element, right.element, start.element], panels: [plane.svg, bars.svg],
    note: "Drawn are 40 of 400 walkers, as x / √(1 + κ²), so that noise and data fit on one page. Thick: the marked walker; diamond: its endpoint estimate. "
      + "Bars: how many of all walkers are in each place; steps: what Eq. 3 says. Start of the marked walker: in standard deviations of the noise.",
  });

  function run() {
    const z = normals(seed, WALKERS * (STEPS + 2));
    z[0] = start.value;
    paths = walks(mode.value, kappas, right.value, z);
  }

  function render() {
    const now = noise.value;
    const [kappa, p, pouring] = [kappas[now], right.value, mode.value === 0];
    const trace = (path) => Array.from(path, (x, k) => [k, scaled(x, kappas[k])]).filter(([k]) => (pouring ? k >= now : k <= now));
    const mine = paths[0];
    const guess = twoPoints(mine[now], kappa, p);
    plane.layer.replaceChildren(
      ...paths.slice(1, 41).map((path) => plane.line(trace(path), "k0 thin faint")),
      ...paths.slice(1, 41).map((path) => plane.dot([now, scaled(path[now], kappa)], "k0", 2.5)),
      plane.now(now),
      plane.line(trace(mine), "k1 solid"), plane.dot([now, scaled(mine[now], kappa)], "k1", 6), plane.diamond([now, guess], "k2", 7),
    );
    const place = (x) => Math.floor((scaled(x, kappa) + 2.7) / 0.2);
    const counts = new Array(BINS).fill(0);
    paths.forEach((path) => { if (place(path[now]) in counts) counts[place(path[now])] += 1 / WALKERS; });
    const unscaled = (y) => y * Math.sqrt(1 + kappa ** 2);
    const exact = counts.map((_, b) => below(unscaled(edges[b + 1]), kappa, p) - below(unscaled(edges[b]), kappa, p));
    const top = (v) => Math.min(v, 0.55);
    bars.layer.replaceChildren(
      ...counts.map((c, b) => make("rect", { x: bars.sx(edges[b]) + 1, width: bars.sx(edges[1]) - bars.sx(edges[0]) - 2, y: bars.sy(top(c)), height: bars.bottom - bars.sy(top(c)), class: "dot k0" })),
      bars.line(exact.flatMap((v, b) => [[edges[b], top(v)], [edges[b + 1], top(v)]]), "ink"),
    );
    const rightNow = paths.filter((path) => path[now] > 0).length / WALKERS;
    const [from, to] = pouring ? [mine[STEPS], mine[now]] : [mine[0], mine[now]];
    publish(`at=${now} mode=${mode.value} share=${p} start=${start.value} seed=${seed}`,
      `At noise level κ = ${short(kappa)} the marked walker is at x/α = ${to.toFixed(2)}, ${pouring ? `poured from ${Math.round(from)}` : `from ${from.toFixed(1)}`}. `
      + `The best guess of its clean place is ${guess.toFixed(2)}. Of all walkers ${percent(rightNow)} are on the right now; of the data, ${percent(p)}.`);
  }
  run();
  render();
}
