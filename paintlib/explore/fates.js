// One cloud of points, three kinds of fate: the family, the kind, the point. When is each of them settled?
function interactive(root, { title, offsets, kappas, kappa, apart, near }) {
  const STEPS = 40;
  const RUNS = 24;
  const STATES = 400;
  const LEVELS = 41;
  const [low, high] = kappas.map(Math.log10);
  const family = offsets.map((o) => o.family);
  const kind = offsets.map((o) => `${o.family}-${o.kind}`);
  const point = offsets.map((_, n) => n);
  const FATES = [["the family", family, "k0"], ["the kind", kind, "k1"], ["the picture", point, "k2"]];
  let seed = 5;
  let trials = [];  // measured: {kappa, parts}
  let cache = {};
  const moved = () => { trials = []; cache = {}; render(); };
  const noise = slider("Noise level κ:", { min: low.toFixed(3), max: high.toFixed(3), step: 0.01, value: Math.log10(kappa), words: (v) => short(10 ** v) }, render);
  const families = slider("Families apart:", { min: 0.5, max: 8, step: 0.5, value: apart, words: (v) => `±${v}` }, moved);
  const kinds = slider("Kinds apart:", { min: 0.2, max: 3, step: 0.1, value: near, words: (v) => `±${v.toFixed(1)}` }, moved);
  const film = transport("Lower the noise", 6, backwards(noise), render, {
    "Fork 200 pairs": () => { seed += 3; trials.push(measure()); },
    "New noise": () => { seed += 3; },
    Reset: () => { [noise.value, families.value, kinds.value, seed, trials, cache] = [Math.log10(kappa), apart, near, 5, [], {}]; },
  });

  const cloud = () => offsets.map((o) => [
    o.x + families.value * o.family + kinds.value * o.kind * 0.5,
    o.y + kinds.value * o.kind,
  ]);
  // A state of the noisy data: a point, and noise on it.
  function states(points, level, count, from) {
    const [u, z] = [uniforms(from, count), normals(from + 1, 2 * count)];
    return Array.from(u, (v, n) => points[Math.floor(v * points.length)].map((y, i) => y + level * z[2 * n + i]));
  }
  function curve(points) {
    const key = `${families.value} ${kinds.value}`;
    cache[key] ??= Array.from({ length: LEVELS }, (_, n) => {
      const level = 10 ** (high + (n / (LEVELS - 1)) * (low - high));
      const seen = states(points, level, STATES, 77).map((x) => beliefs(points, 0, x, level));
      return { level, means: FATES.map(([, group]) => seen.reduce((sum, p) => sum + sameFate(p, group), 0) / STATES) };
    });
    return cache[key];
  }
  function measure() {
    const [points, level] = [cloud(), 10 ** noise.value];
    const pairs = states(points, level, 200, seed).map((x, n) => forkEnds(points, 0, x, level, 2, seed + 10 * n).map((e) => e.fate));
    return { level, parts: FATES.map(([, group]) => pairs.filter(([a, b]) => group[a] === group[b]).length / 200) };
  }

  const plane = plot({ x: [-12, 12], y: [-7.2, 7.2], width: 400, height: 240, margin: [0, 0, 0, 0], title: "The cloud, a state, and its runs" });
  plane.svg.querySelector(".title").remove();
  plane.svg.setAttribute("aria-label", "The cloud of points, one noisy state, and runs from it to the points where they end");
  const chart = plot({ x: [0, 1], y: [0, 1], height: 250, margin: [52, 12, 30, 34], title: "Two runs end alike: probability",
    xticks: [10, 3, 1, 0.3, 0.1].filter((k) => k > 10 ** low && k < 10 ** high).map((k) => [(high - Math.log10(k)) / (high - low), `${k}`]), yticks: [[0, "0"], [0.5, "½"], [1, "1"]] });
  scrub(chart, noise, (x) => high - x * (high - low));
  const legend = FATES.flatMap(([name, , style], n) => {
    const [x, y] = [chart.sx(n * 0.34), 38];
    return [make("path", { d: `M${x} ${y}h26`, class: `line ${style}` }), make("text", { x: x + 31, y: y + 5 }, name)];
  });
  chart.svg.append(...legend);
  const publish = assemble(root, {
    title, controls: [noise.element, families.element, kinds.element, film.element], panels: [plane.svg, chart.svg],
    note: "Left: the points (the album), one noisy state (diamond), and 24 runs of the reverse SDE from it, in x / α. Right: noise κ falls to the right. "
      + "Lines: the mean of Σ p(k | x)² over noisy states. Dots with bars: pairs of runs forked on this page, and their 95 % intervals.",
  });

  function render() {
    const [points, level] = [cloud(), 10 ** noise.value];
    const [x] = states(points, level, 1, seed);
    const p = beliefs(points, 0, x, level);
    const ends = forkEnds(points, 0, x, level, RUNS, seed);
    const z = normals(seed + 1000, 2 * STEPS * RUNS);
    const lines = curve(points);
    const at = (k) => (high - Math.log10(k)) / (high - low);
    plane.layer.replaceChildren(
      ...ends.map(({ fate, end }, n) => plane.line(bridge(x, level, end, z.subarray(2 * STEPS * n, 2 * STEPS * (n + 1))), `${family[fate] < 0 ? "k4" : "k3"} thin solid faint`)),
      ...points.map((y, n) => plane.dot(y, family[n] < 0 ? "k4" : "k3", 3.5)),
      plane.diamond(x, "ink", 8),
    );
    chart.layer.replaceChildren(
      chart.now(at(level)),
      ...FATES.map(([, , style], f) => chart.line(lines.map((s) => [at(s.level), s.means[f]]), style)),
      ...trials.flatMap((t) => FATES.flatMap(([, , style], f) => {
        const error = 1.96 * Math.sqrt((t.parts[f] * (1 - t.parts[f])) / 200);
        const clip01 = (v) => Math.min(1, Math.max(0, v));
        return [chart.line([[at(t.level), clip01(t.parts[f] - error)], [at(t.level), clip01(t.parts[f] + error)]], `${style} solid`), chart.dot([at(t.level), t.parts[f]], style)];
      })),
    );
    const now = FATES.map(([, group]) => sameFate(p, group));
    const nearest = lines.reduce((a, b) => (Math.abs(Math.log(b.level / level)) < Math.abs(Math.log(a.level / level)) ? b : a));
    publish(`kappa=${level} apart=${families.value} near=${kinds.value} seed=${seed} trials=${trials.length}`,
      `κ = ${short(level)}. Two runs from this state end in the same family with probability ${now[0].toFixed(2)}, in the same kind ${now[1].toFixed(2)}, on the same picture ${now[2].toFixed(2)}. `
      + `On average over states: ${nearest.means.map((v) => v.toFixed(2)).join(", ")}.`
      + (trials.length ? ` Last 200 pairs: ${trials[trials.length - 1].parts.map((v) => v.toFixed(2)).join(", ")}.` : ""));
  }
  render();
}
