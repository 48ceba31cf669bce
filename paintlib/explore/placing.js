// The reader places the steps of a sampler by hand, and sees exactly what it misses of data with a real spectrum.

const SAMPLERS = ["ddim", "heun", "multistep"];

// What is left of a coefficient of variance lam after all moves, as a share of what should be: 1 is right.
function kept(sampler, kappas, lam) {
  const first = kappas[0];
  const made = sampler === "multistep" ? multistepPath(kappas, lam)[kappas.length - 1]
    : kappas.slice(1).reduce((c, b, n) => c * MOVES[sampler](kappas[n], b, lam), 1);
  return (Math.abs(made) * Math.sqrt(first * first + lam)) / Math.sqrt(lam);
}

// The squared Wasserstein distance as a share of the variance: sum of lam (kept - 1)^2 over sum of lam.
function missed(sampler, kappas, lams) {
  const total = lams.reduce((sum, l) => sum + l, 0);
  return lams.reduce((sum, l) => sum + l * (kept(sampler, kappas, l) - 1) ** 2, 0) / total;
}

// How much a move turns the features: the mean over the variance of 1 - cos(theta' - theta), DDIM's loss in it.
function bends(kappas, lams) {
  const total = lams.reduce((sum, l) => sum + l, 0);
  const theta = (k, l) => Math.atan2(Math.sqrt(l), k);
  return kappas.slice(1).map((b, n) => lams.reduce((sum, l) => sum + l * (1 - Math.cos(theta(b, l) - theta(kappas[n], l))), 0) / total);
}

function interactive(root, { title, lam, lists, best, start, moves, counts }) {
  const LOWEST = 0.003;
  const names = Object.keys(lists);
  const within = (v, low, high) => Math.min(high, Math.max(low, v));
  const sampler = choice("Sampler", ["DDIM", "Heun", "2M"], () => render());
  const steps = slider("Moves:", { min: 0, max: counts.length - 1, step: 1, value: counts.indexOf(moves), words: (v) => `${counts[v]}` }, () => { load(names[0]); });
  const count = () => counts[steps.value];
  let kappas;
  const load = (name) => { kappas = [start, ...lists[name][count()].slice(1)]; arrange(); render(); };
  const starts = make("div", { class: "paint-choice", role: "group", "aria-label": "Begin from" }, make("span", {}, "Begin from"),
    ...names.map((name) => button(name, () => load(name))),
    button("the best", () => { kappas = [...best[SAMPLERS[sampler.value]][count()]]; arrange(); render(); }),
    button("Reset", () => { [sampler.value, steps.value] = [0, counts.indexOf(moves)]; load(names[0]); }));

  const x = [-Math.log(start), -Math.log(LOWEST)];  // painting runs to the right
  const ticks = [80, 10, 1, 0.1, 0.01].filter((k) => k <= start).map((k) => [-Math.log(k), short(k), k === start ? "start" : "middle"]);
  const [W, H] = [420, 236];
  const line = plot({ x, y: [0, 1], width: W, height: H, margin: [34, 12, 58, 12], title: "Your levels: drag the dots", xticks: ticks.map(([v]) => [v, ""]) });
  line.svg.setAttribute("role", "group");
  line.svg.setAttribute("class", "sideways");
  for (const [v, name, anchor] of ticks) line.svg.append(make("text", { x: line.sx(v), y: line.bottom + 26, "text-anchor": anchor }, name));
  line.svg.append(make("text", { x: W / 2, y: H - 8, "text-anchor": "middle" }, "noise level κ  (painting →)"));
  const back = make("g", {});
  const front = make("g", {});
  line.layer.append(back, front);
  const rank = plot({ x: [0, 1], y: [0, 1], width: W, height: 30 + 22 * (names.length + 2), margin: [26, 8, 4, 8], title: "Missed share of the variance" });
  rank.svg.setAttribute("class", "sideways");
  rank.svg.setAttribute("aria-label", "Bars: the missed share of the variance for your levels, the best ones and the usual lists");

  // The dots stand on the axis; the first and the last level stay where they are.
  const AXIS = line.bottom;
  let handles = [];
  const place = (n, u) => {  // a level keeps between its neighbours
    const [above, below] = [kappas[n - 1] * 0.97, Math.max(LOWEST, kappas[n + 1] / 0.97)];
    kappas[n] = within(Math.exp(-u), below, above);
    render();
  };
  function arrange() {
    handles = kappas.slice(1, -1).map((_, i) => {
      const n = i + 1;
      const element = make("g", { class: "handle", tabindex: 0, role: "slider", "aria-label": `Level ${n}`, "aria-valuenow": 0 }, make("circle", { cx: 0, cy: AXIS, r: 9, class: "dot k1" }));
      element.addEventListener("keydown", (event) => {
        const way = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.2, PageUp: 0.2 }[event.key];
        if (!way) return;
        event.preventDefault();
        place(n, -Math.log(kappas[n]) + way * (event.shiftKey ? 5 : 1));
      });
      return element;
    });
    front.replaceChildren(...handles);
  }
  const spot = ({ clientX }) => {
    const box = line.svg.getBoundingClientRect();
    const px = ((clientX - box.left) / box.width) * W;
    return x[0] + ((px - line.sx(x[0])) / (line.sx(x[1]) - line.sx(x[0]))) * (x[1] - x[0]);
  };
  let held = null;
  line.svg.addEventListener("pointerdown", (event) => {
    const u = spot(event);
    const near = kappas.slice(1, -1).map((k, i) => [Math.abs(-Math.log(k) - u), i + 1]).sort((a, b) => a[0] - b[0])[0];
    held = near && near[0] < 0.7 ? near[1] : null;
    if (held) { line.svg.setPointerCapture(event.pointerId); handles[held - 1].focus({ preventScroll: true }); }
  });
  line.svg.addEventListener("pointermove", (event) => { if (held) place(held, spot(event)); });
  for (const name of ["pointerup", "pointercancel"]) line.svg.addEventListener(name, () => { held = null; });

  // Where the variance turns, against log kappa: the mean of theta'^2 over the variance.
  const total = lam.reduce((sum, l) => sum + l, 0);
  const curve = Array.from({ length: 90 }, (_, i) => {
    const u = x[0] + (i / 89) * (x[1] - x[0]);
    const k = Math.exp(-u);
    return [u, lam.reduce((sum, l) => sum + (l * l * k * k) / (k * k + l) ** 2, 0) / total];
  });
  const tall = Math.max(...curve.map((p) => p[1]));

  const publish = assemble(root, {
    title, controls: [sampler.element, steps.element, starts],
    panels: [make("div", { class: "paint-wide" }, line.svg), make("div", { class: "paint-wide" }, rank.svg)],
    note: "Drag a dot, or focus it and use the arrow keys (Shift for more). The curve: how fast the features of the photographs turn at each noise level, weighted by their variance. "
      + "The grey columns: how much of the variance each move bends past, which is what DDIM loses in it. The last move goes to κ = 0. "
      + "'The best' was found by moving the levels one by one until nothing more was gained; for Heun and 2M you may find better.",
  });

  function render() {
    const [name, n] = [SAMPLERS[sampler.value], count()];
    const bend = bends(kappas, lam);
    const worst = bend.indexOf(Math.max(...bend));
    const most = Math.max(0.12, ...bend);
    const right = line.sx(x[1]);
    back.replaceChildren(
      ...bend.map((v, i) => {
        const [a, b] = [line.sx(-Math.log(kappas[i])), i === n - 1 ? right : line.sx(-Math.log(kappas[i + 1]))];
        const high = (v / most) * (AXIS - line.top);
        return make("rect", { x: a + 1, y: AXIS - high, width: Math.max(0, b - a - 2), height: high, class: "bar" });
      }),
      line.line(curve.map(([u, v]) => [u, (0.95 * v) / tall]), "k0"),
      line.line([[x[0], 0], [x[1], 0]], "soft thin"));
    handles.forEach((element, i) => {
      const k = kappas[i + 1];
      element.setAttribute("transform", `translate(${line.sx(-Math.log(k))} 0)`);
      element.setAttribute("aria-valuenow", k);
      element.setAttribute("aria-valuetext", `κ = ${short(k)}`);
    });
    const own = missed(name, kappas, lam);
    const rows = [["yours", own, "own"], ["the best", missed(name, best[name][n], lam), "least"],
      ...names.map((key) => [key, missed(name, lists[key][n], lam), ""])].sort((a, b) => a[1] - b[1]);
    const [low, high] = [Math.min(...rows.map((r) => r[1])) / 2, Math.max(...rows.map((r) => r[1]))];
    const wide = (v) => 8 + (250 * Math.log(v / low)) / Math.log(high / low);
    rank.layer.replaceChildren(...rows.flatMap(([label, v, style], i) => {
      const y = 28 + 22 * i;
      return [make("rect", { x: 72, y, width: wide(v), height: 16, class: `bar ${style}` }),
        make("text", { x: 66, y: y + 13, "text-anchor": "end" }, label),
        make("text", { x: 78 + wide(v), y: y + 13 }, `${short(100 * v)} %`)];
    }));
    const least = missed(name, best[name][n], lam);
    const title2 = { ddim: "DDIM", heun: "Heun", multistep: "2M" }[name];
    const against = own <= least * 1.005 ? (own < least * 0.995 ? "That is better than the best we found." : "That is as good as the best.")
      : `The best list misses ${short(100 * least)} %: yours ${short(own / least)} times as much.`;
    publish(JSON.stringify({ sampler: name, n, kappas, missed: own, rows: rows.map((r) => [r[0], r[1]]), bends: bend }),
      `${title2} on your ${n} moves misses ${short(100 * own)} % of the variance of the photographs. ${against} `
      + `Most is turned in move ${worst + 1}, from κ = ${short(kappas[worst])} to ${short(kappas[worst + 1])}. Your levels: ${kappas.map((k) => Number(k.toPrecision(3))).join(", ")}.`);
  }
  load(names[0]);
}
