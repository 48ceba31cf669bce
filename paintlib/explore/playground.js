// A Gaussian in the plane, sampled: hundreds of particles, any sampler, any number of moves, all from closed forms.

// Each move as {m, tau}: c' = m c + tau z with fresh noise z. eta > 0 is for the exact process and for DDIM.
function movesOf(sampler, kappas, lam, eta) {
  if (sampler === "multistep") {
    const path = multistepPath(kappas, lam);
    return path.slice(1).map((q, n) => ({ m: q / path[n], tau: 0 }));
  }
  return kappas.slice(1).map((b, n) => {
    const a = kappas[n];
    if (eta > 0 && sampler === "exact") {  // the reverse SDE
      const kept = MOVES.exact(a, b, lam) ** (eta * eta);
      return { m: kept * MOVES.exact(a, b, lam), tau: Math.sqrt((b * b + lam) * (1 - kept * kept)) };
    }
    if (eta > 0 && sampler === "ddim") {
      const tau = eta * b * Math.sqrt(1 - (b / a) ** 2);
      return { m: (lam + a * Math.sqrt(b * b - tau * tau)) / (a * a + lam), tau };
    }
    return { m: MOVES[sampler](a, b, lam), tau: 0 };
  });
}

// Mean factor and variance of the noise after each move.
function lawOf(moves) {
  const law = [{ gain: 1, variance: 0 }];
  for (const { m, tau } of moves) {
    const { gain, variance } = law[law.length - 1];
    law.push({ gain: m * gain, variance: m * m * variance + tau * tau });
  }
  return law;
}

// n moves from kappaMax to 0. The last move of the first two leads from kappaMin to 0.
function noiseLevels(kind, n, kappaMax, kappaMin, lam) {
  const top = Math.atan2(Math.sqrt(lam), kappaMax);
  const spaced = (f, back) => Array.from({ length: n }, (_, i) =>
    i === 0 ? kappaMax : back(f(kappaMax) + (i / (n - 1)) * (f(kappaMin) - f(kappaMax))));
  const inner = {
    log: () => spaced(Math.log, Math.exp),
    karras: () => spaced((k) => k ** (1 / 7), (u) => u ** 7),
    angle: () => Array.from({ length: n }, (_, i) => (i === 0 ? kappaMax : Math.sqrt(lam) / Math.tan(top + (i / n) * (Math.PI / 2 - top)))),
  };
  return [...inner[kind](), 0];
}

function interactive(root, { title, lam, mu, angle, kappa, moves, noise, count }) {
  const MOST = 50;
  const FLOOR = 0.02;  // where the grids in log kappa and of Karras end, before the last move to 0
  const SAMPLERS = ["exact", "ddim", "heun", "rk4", "multistep"];
  const calls = { exact: () => 0, ddim: (n) => n, heun: (n) => 2 * n - 1, rk4: (n) => 4 * n - 3, multistep: (n) => n };
  const first = { std: lam.map(Math.sqrt), mu, angle: (angle * Math.PI) / 180, noise };
  let shape = structuredClone(first);
  let seed = 6;
  let where = 1;  // how much of the painting is done, from 0 to 1
  let z;
  const draw = () => { z = normals(seed, 2 * count * (MOST + 1)); };
  draw();

  const steps = slider("Moves:", { min: 1, max: MOST, step: 1, value: moves, words: (n) => `${n}` }, render);
  const watch = slider("Watch the painting:", { min: 0, max: 100, step: 1, value: 100, words: (v) => `${v} % done` }, () => { where = watch.value / 100; render(); });
  const top = slider("Noise κ at the start:", { min: 0, max: 100, step: 1, value: 100 * Math.log(kappa) / Math.log(80), words: (v) => short(80 ** (v / 100)) }, render);
  const sampler = choice("Sampler", ["exact", "DDIM", "Heun", "RK4", "2M"], render, 1);
  const fresh = choice("Fresh noise η", ["0", "½", "1"], render);
  const grid = choice("Levels even in", ["log κ", "Karras", "angle of u₁", "angle of u₂"], render);
  const law = choice("Start from", ["the true law", "white noise"], render);
  const show = choice("Show", ["states", "endpoint estimates"], render);
  const painting = { get share() { return where; }, set share(part) { where = part; watch.value = Math.round(100 * part); } };
  const again = () => {
    shape = structuredClone(first);
    [steps.value, watch.value, top.value, where, seed] = [moves, 100, 100 * Math.log(kappa) / Math.log(80), 1, 6];
    [sampler.value, fresh.value, grid.value, law.value, show.value] = [1, 0, 0, 0, 0];
    draw();
  };
  const film = transport("Paint", 4, painting, render, { "New noise": () => { seed += 1; draw(); }, Reset: again });

  const SIDE = 360;
  const HALF = 3.6;
  const plane = plot({ x: [-HALF, HALF], y: [-HALF, HALF], width: SIDE, height: SIDE, margin: [0, 0, 0, 0],
    title: "Particles in the plane of the data", xticks: [-2, 0, 2].map((v) => [v, ""]), yticks: [-2, 0, 2].map((v) => [v, ""]) });
  plane.svg.setAttribute("role", "group");
  const canvas = make("canvas", { width: 2 * SIDE, height: 2 * SIDE, role: "img", class: "paint-cloud",
    "aria-label": `The states of ${count} particles, as dots, at the chosen moment of the painting` });
  const pen = canvas.getContext("2d");
  const stack = make("div", { class: "paint-stack" }, canvas, plane.svg);

  // What can be dragged, or moved by the arrow keys.
  const turned = () => [[Math.cos(shape.angle), Math.sin(shape.angle)], [-Math.sin(shape.angle), Math.cos(shape.angle)]];
  const within = (v, low, high) => Math.min(high, Math.max(low, v));
  const tip = (k) => shape.mu.map((m, i) => m + 2 * shape.std[k] * turned()[k][i]);  // the ellipses are drawn at two standard deviations
  const points = [
    { name: "Middle of the ellipse", style: "ink", get: () => shape.mu, set: (p) => { shape.mu = p.map((v) => within(v, -1.5, 1.5)); } },
    { name: "End of the first axis: turns and stretches", style: "k0", get: () => tip(0), set: (p) => {
      const way = p.map((v, i) => v - shape.mu[i]);
      if (Math.hypot(...way) > 1e-6) shape.angle = Math.atan2(way[1], way[0]);
      shape.std[0] = within(Math.hypot(...way) / 2, 0.1, 1.5);
    } },
    { name: "End of the second axis: stretches", style: "k2", get: () => tip(1), set: (p) => {
      const along = p.reduce((sum, v, i) => sum + (v - shape.mu[i]) * turned()[1][i], 0);
      shape.std[1] = within(Math.abs(along) / 2, 0.1, 1.5);
    } },
    { name: "Your noise", style: "k1", get: () => shape.noise, set: (p) => { shape.noise = p.map((v) => within(v, -3.4, 3.4)); } },
  ];
  for (const p of points) p.mark = p.style === "k1" ? plane.diamond([0, 0], "k1", 8) : plane.dot([0, 0], p.style, 7);
  const hands = movable(plane, points, { near: 0.45 }, render);
  plane.svg.addEventListener("click", (event) => { if (!hands.nearest(event)) { points[3].set(plane.at(event)); render(); } });

  const circle = plot({ x: [-0.12, 1.32], y: [-0.1, 1.34], width: SIDE, height: SIDE, margin: [6, 6, 6, 6], title: "Each axis makes a quarter turn" });
  circle.svg.classList.add("small");
  const back = make("g", {});
  const front = make("g", {});
  plane.layer.append(back, front, ...hands.elements);
  const more = make("details", { class: "paint-more paint-wide" }, make("summary", {}, "More to choose"),
    make("div", { class: "paint-controls" }, fresh.element, grid.element, law.element, show.element, top.element));
  more.open = window.innerWidth > 600;
  const publish = assemble(root, {
    title, controls: [sampler.element, steps.element, watch.element, film.element],
    panels: [stack, circle.svg, more],
    note: "Drag the middle of the ellipse and the ends of its axes (or focus them and use the arrow keys): thin ellipse, the data; thick, what the sampler makes in the end. "
      + "Drag the diamond, or tap anywhere, to drop your own noise: solid, the sampler's path; dashed, the exact flow. States are drawn divided by √(α² + σ²). "
      + "The quarter turn: a feature starts right (all noise) and ends at the top (all picture). A radius of 1 is the right spread.",
  });

  function render() {
    const [name, n, U] = [SAMPLERS[sampler.value], steps.value, turned()];
    const eta = ["exact", "ddim"].includes(name) ? [0, 0.5, 1][fresh.value] : 0;
    const variances = shape.std.map((s) => s * s);
    const kind = ["log", "karras", "angle", "angle"][grid.value];
    const kappas = noiseLevels(kind, n, 80 ** (top.value / 100), FLOOR, variances[Math.max(0, grid.value - 2)]);
    const axes = variances.map((l) => movesOf(name, kappas, l, eta));
    const offset = U.map((u) => u[0] * shape.mu[0] + u[1] * shape.mu[1]);
    const white = law.value === 1;
    const begin = (zk, k) => (white ? Math.sqrt(1 + kappas[0] ** 2) * zk - offset[k] : Math.sqrt(kappas[0] ** 2 + variances[k]) * zk);
    const position = where * n;
    const [step, part] = position >= n ? [n - 1, 1] : [Math.floor(position), position - Math.floor(position)];
    const level = kappas[step] + part * (kappas[step + 1] - kappas[step]);

    // From coefficients at noise level k, in units of alpha, to the plane that is drawn.
    const placed = (c, k) => [0, 1].map((i) => (shape.mu[i] + c[0] * U[0][i] + c[1] * U[1][i]) / Math.sqrt(1 + k * k));
    const estimated = (c, k) => c.map((v, m) => (k === 0 ? v : (variances[m] * v) / (k * k + variances[m])));
    const walked = (start, noises) => axes.map((list, k) => {
      const path = [start[k]];
      list.forEach(({ m, tau }, i) => path.push(m * path[i] + (tau ? tau * noises(i, k) : 0)));
      return path;
    });
    const between = (path, i, share) => path.map((c) => c[i] + share * (c[i + 1] - c[i]));
    const seen = (c, k) => (show.value ? [0, 1].map((i) => shape.mu[i] + estimated(c, k).reduce((sum, v, m) => sum + v * U[m][i], 0)) : placed(c, k));

    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = getComputedStyle(canvas).color;
    for (let p = 0; p < count; p++) {
      const at = 2 * p * (MOST + 1);
      const path = walked([begin(z[at], 0), begin(z[at + 1], 1)], (i, k) => z[at + 2 * (i + 1) + k]);
      const [x, y] = seen(between(path, step, part), level);
      pen.beginPath();
      pen.arc(2 * plane.sx(x), 2 * plane.sy(y), 4, 0, 2 * Math.PI);
      pen.fill();
    }

    // The particle of the reader: its noise is where the diamond stands.
    const scale = Math.sqrt(1 + kappas[0] ** 2);
    const own = U.map((u, k) => u[0] * scale * shape.noise[0] + u[1] * scale * shape.noise[1] - offset[k]);
    const noises = normals(seed + 1000, 2 * MOST);
    const path = walked(own, (i, k) => noises[2 * i + k]);
    const trace = kappas.slice(1).flatMap((b, i) => [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1].map((share) =>
      placed(between(path, i, share), kappas[i] + share * (b - kappas[i]))));
    const flow = noiseLevels("angle", 60, kappas[0], 0, variances[0]).map((k) => placed(own.map((c, m) => c * MOVES.exact(kappas[0], k, variances[m])), k));
    const here = between(path, step, part);
    const round = (mean, std) => Array.from({ length: 73 }, (_, a) => [Math.cos, Math.sin].map((f) => 2 * f((a * Math.PI) / 36))).map((w) =>
      [0, 1].map((i) => mean[i] + w.reduce((sum, v, k) => sum + v * std[k] * U[k][i], 0)));
    const laws = axes.map(lawOf);
    const starts = variances.map((l) => (white ? 1 + kappas[0] ** 2 : kappas[0] ** 2 + l));
    const made = laws.map((list, k) => Math.sqrt(list[n].gain ** 2 * starts[k] + list[n].variance));
    const shift = laws.map((list, k) => (white ? -list[n].gain * offset[k] : 0));
    const centre = [0, 1].map((i) => shape.mu[i] + shift[0] * U[0][i] + shift[1] * U[1][i]);
    back.replaceChildren(plane.line(round(shape.mu, shape.std), "soft", true), plane.line(round(centre, made), "ink solid thick", true));
    front.replaceChildren(plane.line(flow, "k1"), plane.line(trace, "k1 solid"), plane.dot(placed(here, level), "k1", 6),
      ...(show.value ? [plane.diamond(seen(here, level), "ink", 6)] : []));
    hands.show();

    // The quarter turn: at angle theta, with the radius by which the spread is right or wrong.
    const arc = Array.from({ length: 46 }, (_, a) => [Math.cos, Math.sin].map((f) => f((a * Math.PI) / 90)));
    const standing = (k, i) => {
      const theta = Math.atan2(shape.std[k], kappas[i]);
      const radius = Math.sqrt((laws[k][i].gain ** 2 * starts[k] + laws[k][i].variance) / (kappas[i] ** 2 + variances[k]));
      return [radius * Math.cos(theta), radius * Math.sin(theta)];
    };
    circle.layer.replaceChildren(
      circle.line(arc, "soft"), circle.line([[0, 1.3], [0, 0], [1.3, 0]], "soft thin"),
      ...[0, 1].flatMap((k) => {
        const points = kappas.map((_, i) => standing(k, i));
        const style = k ? "k2" : "k0";
        return [circle.line(points, style), ...(n <= 25 ? points.map((p) => circle.dot(p, style, 4)) : []), circle.dot(points[Math.round(position)], style, 7)];
      }),
      make("text", { x: circle.sx(1.3), y: circle.sy(-0.07), "text-anchor": "end" }, "noise"),
      make("text", { x: circle.sx(0.03), y: circle.sy(1.13) }, "picture"),
      ...[["k0", "along u₁", 1.2], ["k2", "along u₂", 1.1]].flatMap(([style, name, y]) => [
        circle.line([[0.72, y], [0.92, y]], style), make("text", { x: circle.sx(0.96), y: circle.sy(y) + 4 }, name)]),
    );
    const distance = Math.sqrt(made.reduce((sum, s, k) => sum + (s - shape.std[k]) ** 2 + shift[k] ** 2, 0));
    const wide = made.map((s, k) => percent(s / shape.std[k]));
    const titles = { exact: eta ? "The exact reverse SDE" : "The exact flow", ddim: eta ? `DDIM with fresh noise η = ${eta}` : "DDIM", heun: "Heun", rk4: "RK4", multistep: "2M" };
    const off = Math.hypot(...shift);
    publish(JSON.stringify({ sampler: name, n, eta, kappas, std: shape.std, made, shift, distance, where }),
      `${titles[name]}, ${n} ${n === 1 ? "move" : "moves"}, ${calls[name](n)} estimates: in the end the cloud is ${wide[0]} as wide as the data along u₁ `
      + `(λ₁ = ${short(variances[0])}) and ${wide[1]} along u₂ (λ₂ = ${short(variances[1])})`
      + (off > 0.005 ? `; its middle is off by ${short(off)}. ` : ". ") + `Distance W₂ from the data: ${short(distance)}.`
      + (fresh.value && !eta && name !== "exact" && name !== "ddim" ? " Fresh noise is for DDIM and for the exact process." : ""));
  }
  new MutationObserver(render).observe(document.documentElement, { attributeFilter: ["data-theme", "theme"] });
  render();
}
