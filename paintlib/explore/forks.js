// A few round modes in the plane: from one noisy state many runs of the reverse SDE, coloured by where they end.
function interactive(root, { title, means, width, kappa, state, runs, kappas }) {
  const SIDE = 360;
  const HALF = 5;
  const STEPS = 40;
  const first = { kappa: Math.log10(kappa), round: Math.sqrt(width) };
  let [modes, place, seed] = [structuredClone(means), [...state], 8];
  const [low, high] = kappas.map(Math.log10);
  const noise = slider("Noise level κ:", { min: low.toFixed(3), max: high.toFixed(3), step: 0.01, value: Math.log10(kappa), words: (v) => short(10 ** v) }, render);
  const round = slider("Width s of a mode:", { min: 0.1, max: 1.5, step: 0.05, value: Math.sqrt(width), words: (v) => v.toFixed(2) }, render);
  const number = choice("Modes", ["2", "3", "4"], () => { modes = around(number.value + 2); render(); }, means.length - 2);
  const around = (n) => (n === means.length ? structuredClone(means)
    : Array.from({ length: n }, (_, k) => [Math.cos, Math.sin].map((f) => 2.5 * f(((n === 2 ? 0 : 90) + (360 * k) / n) * (Math.PI / 180)))));
  const film = transport("Lower the noise", 6, backwards(noise), render, {
    "New noise": () => { seed += 2; },
    Reset: () => {
      [modes, place, seed] = [structuredClone(means), [...state], 8];
      [noise.value, round.value, number.value] = [first.kappa, first.round, means.length - 2];
    },
  });

  const ticks = [-4, -2, 0, 2, 4].map((v) => [v, ""]);
  const plane = plot({ x: [-HALF, HALF], y: [-HALF, HALF], width: SIDE, height: SIDE, margin: [0, 0, 0, 0], title: "Modes, state and runs", xticks: ticks, yticks: ticks });
  plane.svg.querySelector(".title").remove();
  plane.svg.setAttribute("role", "group");
  const bars = plot({ x: [-0.6, 3.6], y: [0, 1], height: 210, title: "Where the runs end", yticks: [[0, "0"], [0.5, "½"], [1, "1"]], margin: [30, 6, 40, 30] });

  const within = (p) => p.map((v) => Math.min(HALF - 0.3, Math.max(0.3 - HALF, v)));
  const mark = (k) => make("g", {}, plane.dot([0, 0], `k${k}`, 10), make("text", { x: plane.sx(0) + 11, y: plane.sy(0) - 9, class: "title" }, k + 1));
  const points = [0, 1, 2, 3].map((k) => ({ name: `Mode ${k + 1}`, mark: mark(k), get: () => modes[k] ?? [0, 0], set: (p) => { modes[k] = within(p); }, here: () => k < modes.length }));
  points.push({ name: "State", mark: plane.diamond([0, 0], "ink", 9), get: () => place, set: (p) => { place = within(p); } });
  const hands = movable(plane, points, { near: 0.7 }, render);

  const back = make("g", {});
  plane.layer.append(back, ...hands.elements);
  const publish = assemble(root, {
    title, controls: [noise.element, round.element, number.element, film.element], panels: [plane.svg, bars.svg],
    note: "Drag the modes (round dots) and the state (diamond), or focus them and use the arrow keys. Thin: runs of the reverse SDE from the state, in the colour of the mode where they end. "
      + "Thick: the flow (ODE) from there. Circles: two widths of a mode, and, dotted, one width with the noise on it. Bars: the belief p(k | x); ticks across them: the part of the runs. Coordinates are x / α.",
  });

  function render() {
    const [level, variance] = [10 ** noise.value, round.value ** 2];
    const p = beliefs(modes, variance, place, level);
    const ends = forkEnds(modes, variance, place, level, runs, seed);
    const parts = modes.map((_, k) => ends.filter((e) => e.fate === k).length / runs);
    const z = normals(seed + 1000, 2 * STEPS * runs);
    const flow = modesPath(modes, variance, place, level, Math.min(level, 0.02), 120);
    const goal = beliefs(modes, variance, flow[flow.length - 1], 0.02);
    const favourite = goal.indexOf(Math.max(...goal));
    const ring = (m, r) => Array.from({ length: 49 }, (_, a) => [Math.cos, Math.sin].map((f, i) => m[i] + r * f((a * Math.PI) / 24)));
    back.replaceChildren(
      ...ends.map(({ fate, end }, n) => plane.line(bridge(place, level, end, z.subarray(2 * STEPS * n, 2 * STEPS * (n + 1))), `k${fate} thin solid faint`)),
      ...modes.flatMap((m, k) => [plane.line(ring(m, 2 * round.value), `k${k} solid`, true), plane.line(ring(m, Math.sqrt(variance + level ** 2)), "soft dashed", true)]),
      plane.line(flow, "ink thick"),
    );
    hands.show();
    const half = 0.35 * (bars.sx(1) - bars.sx(0));
    bars.layer.replaceChildren(...modes.flatMap((_, k) => [
      make("rect", { x: bars.sx(k) - half, y: bars.sy(p[k]), width: 2 * half, height: bars.bottom - bars.sy(p[k]), class: `dot k${k}` }),
      make("line", { x1: bars.sx(k) - 1.3 * half, x2: bars.sx(k) + 1.3 * half, y1: bars.sy(parts[k]), y2: bars.sy(parts[k]), class: "line ink thick" }),
      make("text", { x: bars.sx(k), y: bars.bottom + 18, "text-anchor": "middle" }, `mode ${k + 1}`),
    ]));
    const apart = modes.length === 2 ? Math.hypot(...modes[0].map((v, i) => v - modes[1][i])) / 2 : 0;
    const split = modes.length < 3 ? (apart > round.value
      ? ` These two modes split at κ = √(m² − s²) = ${short(Math.sqrt(apart ** 2 - variance))}.` : " These two modes are so close that they never split.") : "";
    publish(`kappa=${level} s=${round.value} seed=${seed} x=${place.join()} modes=${modes.join(";")}`,
      `Beliefs ${p.map(percent).join(", ")}; of ${runs} runs ${parts.map((s) => Math.round(s * runs)).join(", ")} end there. `
      + `Two runs from here end alike with probability ${sameFate(p, modes.map((_, k) => k)).toFixed(2)}. The flow ends in mode ${favourite + 1}.` + split);
  }
  render();
}
