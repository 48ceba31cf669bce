// The exact score of a few points: weights, their mean, and where the flow leads from here.

// Noisy states of the album at noise level kappa: `count` points of it, with noise.
function noisy(points, kappa, count, seed) {
  const [u, z, d] = [uniforms(seed, count), normals(seed + 1, count * points[0].length), points[0].length];
  return Array.from(u, (v, n) => points[Math.floor(v * points.length)].map((y, i) => y + kappa * z[n * d + i]));
}

function interactive(root, { title, points: album, names, kappas, state, pictures }) {
  const N = album.length;
  const [PARTICLES, STEPS] = [120, 80];
  let points = structuredClone(album);
  const span = [0, 1].map((i) => [Math.min(...points.map((y) => y[i])), Math.max(...points.map((y) => y[i]))]);
  const middle = span.map(([a, b]) => (a + b) / 2);
  const half = 0.7 * Math.max(...span.map(([a, b]) => b - a));
  const [x, y] = middle.map((m) => [m - half, m + half]);
  const inside = (spot) => spot.slice(0, 2).every((v, i) => Math.abs(v - middle[i]) < half);
  const within = (spot) => spot.map((v, i) => Math.min(middle[i] + half, Math.max(middle[i] - half, v)));
  let rest = state.slice(2);  // the coordinates that are not drawn: zero but on the flow
  let [path, gone, seed, swarm] = [null, 0, 40, null];  // the way that the film follows, and how far; the particles' ways
  const [low, high] = kappas.map(Math.log10);
  const begin = (0.6 * high + 0.4 * low).toFixed(3);
  const moved = () => { path = null; render(); };
  const place = () => { rest = state.slice(2); moved(); };
  const noise = slider("Noise level κ = σ/α:", { min: low.toFixed(3), max: high.toFixed(3), step: 0.005, value: begin, words: (v) => short(10 ** v) }, moved);
  const at = ["State, across:", "State, up:"].map((name, i) => slider(name, { min: (middle[i] - half).toFixed(4), max: (middle[i] + half).toFixed(4), step: half / 200, value: state[i], words: (v) => v.toFixed(2) }, place));
  const show = choice("Show", ["one state", `${PARTICLES} particles`], () => { film.stop(); moved(); });
  show.element.classList.add("paint-wide");
  const now = () => [...at.map((s) => s.value), ...rest];
  const flow = () => retrievalPath(points, now(), 10 ** noise.value, 10 ** low / 30, 160);
  const put = (spot) => { at.forEach((s, i) => { s.value = spot[i]; }); rest = spot.slice(2); };
  const way = {
    get share() { return show.value ? 1 - noise.share : path ? gone : 0; },
    set share(part) {
      if (show.value) { noise.share = 1 - part; return; }
      path ??= flow().filter((s) => s.kappa >= 10 ** low);
      gone = part;
      const stop = path[Math.round(part * (path.length - 1))];
      noise.value = Math.log10(stop.kappa);
      put(stop.x);
    },
  };
  const film = transport("Follow the flow", 4, way, render, {
    "New noise": () => {
      [path, swarm] = [null, null];
      seed += 2;
      put(noisy(points, 10 ** noise.value, 400, seed).find(inside) ?? points[0]);
    },
    Reset: () => {
      [path, swarm, seed, points] = [null, null, 40, structuredClone(album)];
      [noise.value, show.value] = [begin, 0];
      put(state);
    },
  });

  const plane = plot({ x, y, width: 360, height: 380, margin: [28, 6, 6, 6], title: "Points, state and flow" });
  plane.svg.setAttribute("role", "group");
  const bars = plot({ x: [-0.5, N - 0.5], y: [0, 1], height: 200, title: "Weight of each point", yticks: [[0, "0"], [0.5, "½"], [1, "1"]], margin: [30, 6, 40, 30] });
  const blend = pictures && picture("x̂₀: the pictures, mixed by weight", "The endpoint estimate: all pictures on top of one another, each as strong as its weight", pictures.shape);
  const values = pictures && Uint8Array.from(atob(pictures.data), (c) => c.charCodeAt(0));
  const size = values && values.length / N;
  const thumbnails = pictures && points.map((_, n) => {
    const one = picture("", names[n], pictures.shape);
    one.draw(values.subarray(n * size, (n + 1) * size), 0, 255);
    return one.canvas.toDataURL();
  });
  const stamp = (n, cx, cy, side) => make("image", { href: thumbnails[n], x: cx - side / 2, y: cy - side / 2, width: side, height: side });

  const back = make("g", {});
  const own = pictures ? [] : points.map((_, n) => ({ name: `Point ${n + 1}`, mark: make("circle", { cx: plane.sx(0), cy: plane.sy(0), r: 14, fill: "transparent" }),
    get: () => points[n], set: (p) => { [points[n], path, swarm] = [[...within(p), ...points[n].slice(2)], null, null]; } }));
  const hands = movable(plane, [...own, { name: "State", get: () => now(), set: (p) => { put([...within(p), ...state.slice(2)]); path = null; },
    mark: make("g", { class: "state" }, make("circle", { cx: plane.sx(0), cy: plane.sy(0), r: 24, fill: "transparent" }), plane.dot([0, 0], "ink", 7)) }],
  { near: 0.13 * half, step: half / 40 }, render);
  plane.layer.append(back, ...hands.elements);
  plane.svg.addEventListener("click", (event) => { if (!hands.nearest(event)) { film.stop(); put([...within(plane.at(event)), ...state.slice(2)]); moved(); } });

  const publish = assemble(root, {
    title, controls: [noise.element, make("div", { class: "paint-pair" }, ...at.map((s) => s.element)), show.element, film.element],
    panels: [plane.svg, make("div", { class: "paint-beside" }, bars.svg, ...(blend ? [make("div", { class: "paint-row" }, blend.element)] : []))],
    note: `Drag the large dot (the state x/α)${pictures ? "" : " or the points of the album"}, tap a place, or use the sliders. Diamond: the endpoint estimate, the mean of the points by weight. `
      + "Arrows point from each place to its estimate. Line: the exact flow from the state to the end, as the noise falls. Particles: noisy states of the album, on their flow; ticks across the bars: the part of them that ends on each point.",
  });

  function arrows(kappa) {
    const cells = 13;
    const step = (2 * half) / cells;
    const shafts = [];
    for (let i = 0; i < cells; i++) for (let j = 0; j < cells; j++) {
      const from = [x[0] + (i + 0.5) * step, y[0] + (j + 0.5) * step, ...rest];
      const goal = retrieve(points, retrievalWeights(points, from, kappa));
      const way = [goal[0] - from[0], goal[1] - from[1]];
      const length = Math.hypot(...way);
      const unit = way.map((w) => (w / length) * Math.min(0.7 * step, length));
      const to = unit.map((u, m) => from[m] + u);
      const wing = (turn) => to.map((v, m) => v - 0.35 * (unit[m] + turn * (m ? unit[0] : -unit[1])));
      shafts.push(plane.line([from, to, wing(0.6), to, wing(-0.6)], "arrow"));
    }
    return shafts;
  }

  function render() {
    const kappa = 10 ** noise.value;
    const here = now();
    const weights = retrievalWeights(points, here, kappa);
    const estimate = retrieve(points, weights);
    const line = flow();
    const final = line[line.length - 1];
    const lastWeights = retrievalWeights(points, final.x, final.kappa);
    const ranked = (w) => points.map((_, n) => n).sort((a, b) => w[b] - w[a]);
    const [[first], [goal, other]] = [ranked(weights), ranked(lastWeights)];
    if (show.value) swarm ??= noisy(points, 10 ** high, PARTICLES, seed).map((from) => retrievalPath(points, from, 10 ** high, 10 ** low / 30, STEPS));
    const crowd = show.value ? swarm : [];
    const step = Math.min(STEPS, Math.round((STEPS * (high - noise.value)) / (high - low + Math.log10(30))));
    const found = points.map(() => 0);
    for (const ways of crowd) {
      const last = ways[STEPS];
      found[ranked(retrievalWeights(points, last.x, last.kappa))[0]] += 1;
    }
    back.replaceChildren(
      ...arrows(kappa),
      ...points.flatMap((p, n) => {
        const [cx, cy] = [plane.sx(p[0]), plane.sy(p[1])];
        const side = 18 + 16 * Math.sqrt(weights[n]);
        return thumbnails
          ? [stamp(n, cx, cy, side), make("rect", { x: cx - side / 2, y: cy - side / 2, width: side, height: side, class: `line ${n === first ? "k1 solid" : "k0"} frame` })]
          : [make("circle", { cx, cy, r: 4 + 8 * Math.sqrt(weights[n]), class: `dot ${n === first ? "k1" : "k0"}` }), make("text", { x: cx + 8, y: cy - 9 }, n + 1)];
      }),
      plane.line(line.map((s) => s.x), "ink"),
      ...crowd.map((ways) => ways[step].x).filter(inside).map((spot) => plane.dot(spot, "k3", 3)),
      plane.line([here, estimate], "soft dashed"), plane.diamond(estimate, "k2", 8),
    );
    hands.show();
    const width = bars.sx(1) - bars.sx(0);
    const tick = (n) => make("line", { x1: bars.sx(n) - 0.48 * width, x2: bars.sx(n) + 0.48 * width, y1: bars.sy(found[n] / PARTICLES), y2: bars.sy(found[n] / PARTICLES), class: "line ink thick" });
    bars.layer.replaceChildren(...points.flatMap((_, n) => [
      make("rect", { x: bars.sx(n) - 0.4 * width, y: bars.sy(weights[n]), width: 0.8 * width, height: bars.bottom - bars.sy(weights[n]), class: `dot ${n === first ? "k1" : "k0"}` }), ...(crowd.length ? [tick(n)] : []),
      ...(thumbnails ? [stamp(n, bars.sx(n), bars.bottom + 4 + width / 2, Math.min(0.9 * width, 30))]
        : N <= 12 || (n + 1) % 5 === 0 ? [make("text", { x: bars.sx(n), y: bars.bottom + 18, "text-anchor": "middle" }, n + 1)] : []),
    ]));
    if (blend) blend.draw(retrieve(points.map((_, n) => Array.from(values.subarray(n * size, (n + 1) * size))), weights), 0, 255);
    const count = effectiveNumber(weights);
    publish(`kappa=${kappa} x=${here.join()} show=${show.value} seed=${seed} points=${points.map((p) => p.slice(0, 2)).join()}`,
      `At noise level κ = ${short(kappa)} the weight is shared by ${count.toFixed(1)} of ${N} points (1 / Σ w²). `
      + `The heaviest is ${names[first]}, with ${percent(weights[first])} of the weight. `
      + (lastWeights[goal] > 0.95 ? `From here the flow ends at ${names[goal]}.` : `From here the flow ends between ${names[goal]} and ${names[other]}.`)
      + (crowd.length ? ` Of ${PARTICLES} particles ${found.join(", ")} end on the points, one after the other.` : ""));
  }
  render();
}
