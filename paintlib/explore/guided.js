// Two Gaussians with common axes, without and with the prompt; what guided sampling paints of them, and what it does not.

// q(kappa) = (kappa^2 + lam_c) / (kappa^2 + lam_u), 1 at infinity.
const quotient = (c, u, kappa) => (kappa === Infinity ? 1 : (kappa ** 2 + c) / (kappa ** 2 + u));

// Variance and mean along one feature {c, u: variances, mc, mu: means} at strength w, guided where low < kappa < high.
const paintedVariance = ({ c, u }, w, low, high) => c * (quotient(c, u, low) / quotient(c, u, high)) ** (w - 1);

function paintedMean({ c, u, mc, mu }, w, low, high) {
  const scale = Math.sqrt(Math.max(c, u));
  const [a, b] = [low, high].map((k) => Math.log(Math.min(scale * Math.exp(16), Math.max(scale * Math.exp(-16), k))));
  const push = (x) => {
    const kappa = Math.exp(x);
    const kept = Math.sqrt(c / (kappa ** 2 + c)) * (quotient(c, u, low) / quotient(c, u, kappa)) ** ((w - 1) / 2);
    return ((kappa ** 2) / (kappa ** 2 + u)) * kept;
  };
  const parts = 600;  // Simpson's rule
  const h = (b - a) / parts;
  let sum = push(a) + push(b);
  for (let n = 1; n < parts; n++) sum += (n % 2 ? 4 : 2) * push(a + n * h);
  return mc + (w - 1) * (mc - mu) * (sum * h) / 3;
}

// The Gaussian p_c^w p_u^(1 - w), along one feature: its variance and mean; none where the powers have no integral.
function product({ c, u, mc, mu }, w) {
  const precision = w / c + (1 - w) / u;
  return precision > 0 ? { variance: 1 / precision, mean: ((w * mc) / c + ((1 - w) * mu) / u) / precision } : null;
}

function interactive(root, { title, pairs, strength, most, kappas }) {
  const BITS = 60;  // the noise levels of the two interval sliders; their ends are 0 and infinity
  const level = (n) => (n <= 0 ? 0 : n >= BITS ? Infinity : kappas[0] * (kappas[1] / kappas[0]) ** (n / BITS));
  const say = (k) => (k === Infinity ? "∞" : short(k));
  const pair = choice("With the prompt", pairs.map((p) => p.name), render);
  const loud = slider("Strength w =", { min: 0, max: most, step: 0.1, value: strength, words: (v) => v.toFixed(1) }, render);
  const until = slider("off below κ =", { min: 0, max: BITS, step: 1, value: 0, words: (n) => say(level(n)) }, () => { high.value = Math.max(high.value, until.value); render(); });
  const high = slider("off above κ =", { min: 0, max: BITS, step: 1, value: BITS, words: (n) => say(level(n)) }, () => { until.value = Math.min(high.value, until.value); render(); });
  let seed = 16;
  pair.element.classList.add("paint-wide");
  const film = transport("Louder and louder", 5, loud, render, {
    "New noise": () => { seed += 2; },
    Reset: () => { [pair.value, loud.value, until.value, high.value, seed] = [0, strength, 0, BITS, 16]; },
  });

  const plane = plot({ x: [-3, 5], y: [-2.9, 2.9], width: 360, height: 284, title: "What is painted", margin: [26, 8, 8, 8] });
  const shape = plane.svg;
  shape.setAttribute("aria-label", "Ends of many guided paths, and the ellipses of two standard deviations: without the prompt, with it, painted, and of the product of powers");
  const chart = plot({ x: [0, most], y: [0.1, 10], log: true, width: 360, height: 284, title: "Standard deviation, horizontally", margin: [26, 12, 34, 40],
    xticks: Array.from({ length: Math.floor(most / 2) + 1 }, (_, n) => [2 * n, `${2 * n}`]), yticks: [[0.1, "0.1"], [0.3, "0.3"], [1, "1"], [3, "3"], [10, "10"]] });
  chart.svg.append(make("text", { x: 200, y: 280, "text-anchor": "middle" }, "strength w"));
  scrub(chart, loud);
  const publish = assemble(root, {
    title, controls: [pair.element, loud.element, make("div", { class: "paint-pair" }, until.element, high.element), film.element], panels: [plane.svg, chart.svg],
    note: "Grey, dotted: without the prompt. Blue: with it (w = 1). Orange, dashed, with dots: what guided sampling paints. Green, dash-dotted: the density p(with)ʷ p(without)¹⁻ʷ, where there is one. Ellipses are drawn at two standard deviations. All curves are exact.",
  });

  const oval = (means, variances, style) => plane.line(Array.from({ length: 73 }, (_, n) => {
    const a = (n * Math.PI) / 36;
    return [means[0] + 2 * Math.sqrt(variances[0]) * Math.cos(a), means[1] + 2 * Math.sqrt(variances[1]) * Math.sin(a)];
  }), style, true);
  // What runs out of the frame is cut off there, by an svg of its own.
  const frame = { x: plane.sx(-3), y: plane.top, width: plane.sx(5) - plane.sx(-3), height: plane.bottom - plane.top };
  const box = `${frame.x} ${frame.y} ${frame.width} ${frame.height}`;
  const clipped = make("svg", { ...frame, viewBox: box, style: `width: ${frame.width}px; height: ${frame.height}px; max-width: none; margin: 0` });
  plane.layer.append(make("rect", { ...frame, fill: "none", class: "line faint soft thin" }), clipped);

  function render() {
    const features = pairs[pair.value].features;
    const [w, low, top] = [loud.value, level(until.value), level(high.value)];
    const variances = features.map((f) => paintedVariance(f, w, low, top));
    const means = features.map((f) => paintedMean(f, w, low, top));
    const dense = features.map((f) => product(f, w));
    const z = normals(seed, 160);
    const ends = Array.from({ length: 80 }, (_, n) => means.map((m, i) => m + Math.sqrt(variances[i]) * z[2 * n + i]));
    clipped.replaceChildren(
      oval(features.map((f) => f.mu), features.map((f) => f.u), "soft dashed"),
      oval(features.map((f) => f.mc), features.map((f) => f.c), "k0 solid"),
      ...(dense.every(Boolean) ? [oval(dense.map((d) => d.mean), dense.map((d) => d.variance), "k2")] : []),
      oval(means, variances, "k1"),
      ...ends.map((p) => plane.dot(p, "k1", 3)),
    );
    const strengths = Array.from({ length: 161 }, (_, n) => (n * most) / 160);
    const bounded = (v) => Math.min(10, Math.max(0.1, v));
    const curve = (f, style) => {
      const points = strengths.map((v) => [v, f(v)]).filter(([, s]) => s >= 0.1 && s <= 10);
      return points.length > 1 ? [chart.line(points, style)] : [];
    };
    const [first] = features;
    chart.layer.replaceChildren(
      chart.now(w),
      ...curve((v) => Math.sqrt(product(first, v)?.variance ?? Infinity), "k2"),
      ...curve((v) => Math.sqrt(paintedVariance(first, v, low, top)), "k1"),
      chart.dot([w, bounded(Math.sqrt(variances[0]))], "k1", 6),
    );
    const painted = `Painted: mean ${short(means[0])}, standard deviation ${short(Math.sqrt(variances[0]))} horizontally`;
    const other = dense[0] ? `the product of powers has ${short(dense[0].mean)} and ${short(Math.sqrt(dense[0].variance))}` : "the product of powers has no integral, so it is no density";
    const when = low > 0 || top < Infinity ? ` Guidance is on from κ = ${say(top)} down to ${say(low)}.` : "";
    publish(`pair=${pair.value} w=${w.toFixed(1)} low=${until.value} high=${high.value} seed=${seed}`, `At w = ${w.toFixed(1)}. ${painted}; ${other}.${when}`);
  }
  render();
}
