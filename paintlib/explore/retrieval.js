// The exact score of a few points: weights, their mean, and where the flow leads from here.
function interactive(root, { title, points, names, kappas, state, pictures }) {
  const N = points.length;
  const span = [0, 1].map((i) => [Math.min(...points.map((y) => y[i])), Math.max(...points.map((y) => y[i]))]);
  const middle = span.map(([a, b]) => (a + b) / 2);
  const half = 0.7 * Math.max(...span.map(([a, b]) => b - a));
  const [x, y] = middle.map((m) => [m - half, m + half]);
  let rest = state.slice(2); // the coordinates that are not drawn: zero but on the flow
  const change = () => { film.stop(); render(); };
  const place = () => { rest = state.slice(2); change(); };
  const [low, high] = kappas.map(Math.log10);
  const noise = slider("Noise level κ = σ/α:", { min: low.toFixed(3), max: high.toFixed(3), step: 0.005, value: (0.6 * high + 0.4 * low).toFixed(3), words: (v) => short(10 ** v) }, change);
  const at = ["State, across:", "State, up:"].map((name, i) => slider(name, { min: (middle[i] - half).toFixed(4), max: (middle[i] + half).toFixed(4), step: half / 200, value: state[i], words: (v) => v.toFixed(2) }, place));
  let path = [];
  const film = player("Follow the flow", 4, (share) => {
    if (share < 0.02 || calm) path = flow().filter((s) => s.kappa >= 10 ** low);
    const stop = path[Math.round(share * (path.length - 1))];
    noise.value = Math.log10(stop.kappa);
    at.forEach((s, i) => { s.value = stop.x[i]; });
    rest = stop.x.slice(2);
    render();
  });
  const now = () => [...at.map((s) => s.value), ...rest];
  const flow = () => retrievalPath(points, now(), 10 ** noise.value, 10 ** low / 30, 160);

  const plane = plot({ x, y, width: 360, height: 380, margin: [28, 6, 6, 6], title: "Points, state and flow" });
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

  function move(event) {
    const box = plane.svg.getBoundingClientRect();
    const spot = [(event.clientX - box.left) / box.width * 360, (event.clientY - box.top) / box.height * 380];
    at[0].value = x[0] + (spot[0] - 6) / 348 * (x[1] - x[0]);
    at[1].value = y[1] - (spot[1] - 28) / 346 * (y[1] - y[0]);
    place();
  }
  let held = false;
  plane.svg.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" && !event.target.closest(".state")) return;
    held = true;
    plane.svg.setPointerCapture(event.pointerId);
    if (event.pointerType === "mouse") move(event);  // a finger is on the dot: drawn anew, the dot would lose its touch
  });
  plane.svg.addEventListener("pointermove", (event) => { if (held) move(event); });
  // a finger on the state drags it; one beside it scrolls the page
  plane.svg.addEventListener("touchstart", (event) => { if (event.target.closest(".state")) event.preventDefault(); }, { passive: false });
  for (const name of ["pointerup", "pointercancel"]) plane.svg.addEventListener(name, () => { held = false; });

  const publish = assemble(root, {
    title, controls: [noise.element, ...at.map((s) => s.element), make("div", {}, film.element)],
    panels: [plane.svg, make("div", {}, bars.svg, ...(blend ? [make("div", { class: "paint-row" }, blend.element)] : []))],
    note: "Drag the dot (the state x/α) or use the sliders. Diamond: the endpoint estimate, the mean of the points by weight. "
      + "Arrows point from each place to its estimate. Line: the exact flow from the state to the end, as the noise falls.",
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
    const way = flow();
    const final = way[way.length - 1];
    const lastWeights = retrievalWeights(points, final.x, final.kappa);
    const ranked = (w) => points.map((_, n) => n).sort((a, b) => w[b] - w[a]);
    const [[first], [goal, other]] = [ranked(weights), ranked(lastWeights)];
    plane.layer.replaceChildren(
      ...arrows(kappa),
      ...points.flatMap((p, n) => {
        const [cx, cy] = [plane.sx(p[0]), plane.sy(p[1])];
        const side = 18 + 16 * Math.sqrt(weights[n]);
        return thumbnails
          ? [stamp(n, cx, cy, side), make("rect", { x: cx - side / 2, y: cy - side / 2, width: side, height: side, class: `line ${n === first ? "k1 solid" : "k0"} frame` })]
          : [make("circle", { cx, cy, r: 4 + 8 * Math.sqrt(weights[n]), class: `dot ${n === first ? "k1" : "k0"}` })];
      }),
      plane.line(way.map((s) => s.x), "ink"),
      plane.line([here, estimate], "soft dashed"), plane.diamond(estimate, "k2", 8),
      make("g", { class: "state" }, make("circle", { cx: plane.sx(here[0]), cy: plane.sy(here[1]), r: 24, fill: "transparent" }), plane.dot(here, "ink", 7)),
    );
    const width = bars.sx(1) - bars.sx(0);
    bars.layer.replaceChildren(...points.flatMap((_, n) => [
      make("rect", { x: bars.sx(n) - 0.4 * width, y: bars.sy(weights[n]), width: 0.8 * width, height: bars.bottom - bars.sy(weights[n]), class: `dot ${n === first ? "k1" : "k0"}` }),
      ...(thumbnails ? [stamp(n, bars.sx(n), bars.bottom + 4 + width / 2, Math.min(0.9 * width, 30))]
        : N <= 12 || (n + 1) % 5 === 0 ? [make("text", { x: bars.sx(n), y: bars.bottom + 18, "text-anchor": "middle" }, n + 1)] : []),
    ]));
    if (blend) blend.draw(retrieve(points.map((_, n) => Array.from(values.subarray(n * size, (n + 1) * size))), weights), 0, 255);
    const count = effectiveNumber(weights);
    publish(`kappa=${kappa} x=${here.join()}`,
      `At noise level κ = ${short(kappa)} the weight is shared by ${count.toFixed(1)} of ${N} points (1 / Σ w²). `
      + `The heaviest is ${names[first]}, with ${percent(weights[first])} of the weight. `
      + (lastWeights[goal] > 0.95 ? `From here the flow ends at ${names[goal]}.` : `From here the flow ends between ${names[goal]} and ${names[other]}.`));
  }
  render();
}
