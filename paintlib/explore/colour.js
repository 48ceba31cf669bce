// A Gaussian paints with noise of another colour: the order in which its features emerge is the noise's doing.
function interactive(root, { title, shape, mu, U, lam, seeds, features, kappas, gamma }) {
  const LEVELS = 61;
  const [mean] = unpack(mu);
  const axes = unpack(U);
  const [low, high] = kappas.map(Math.log10);
  const at = (n) => 10 ** (high + (n / (LEVELS - 1)) * (low - high));
  const noise = slider("Noise level κ:", { min: 0, max: LEVELS - 1, step: 1, value: Math.round(0.4 * LEVELS), words: (n) => short(at(n)) }, render);
  const said = (g) => (g === 0 ? "white" : g < 1 ? "towards the data's" : g === 1 ? "the data's own" : "beyond the data's");
  const hue = slider("Colour γ:", { min: 0, max: 2, step: 0.05, value: gamma, words: (g) => `${g.toFixed(2)}, ${said(g)}` }, render);
  const seed = choice("Noise", seeds.map((s) => s.name), render);
  let own = null;  // z-scores drawn on the page
  let drawn = 0;
  const film = transport("Paint", 5, noise, render, {
    "New noise": () => { own = normals(++drawn, lam.length); seed.value = -1; },
    Reset: () => { [noise.value, hue.value, seed.value] = [Math.round(0.4 * LEVELS), gamma, 0]; },
  });

  const state = picture("state x", "The state: what is painted so far, under noise of the chosen colour", shape);
  const estimate = picture("endpoint estimate x̂₀", "The endpoint estimate: the mean picture, and the features that have emerged", shape);
  const end = picture("where it will end", "The picture at the end, the same for every colour of the noise", shape);
  const ticks = [100, 10, 1, 0.1, 0.01].filter((k) => k <= 10 ** high && k >= 10 ** low).map((k) => [((high - Math.log10(k)) / (high - low)) * (LEVELS - 1), `${k}`]);
  const chart = plot({ x: [0, LEVELS - 1], y: [0, 1.05], height: 210, title: "Share of five features in x̂₀, as κ falls", xticks: ticks, yticks: [[0, "0"], [0.5, "½"], [1, "1"]] });
  scrub(chart, noise);
  const legend = features.map((k, m) => make("div", {}, make("svg", { viewBox: "0 0 60 8", "aria-hidden": "true" }, make("path", { d: "M0 4H60", class: `line thick k${m}` })), make("div", { class: "paint-caption" }, `no. ${k + 1}`)));
  const publish = assemble(root, {
    title, controls: [hue.element, noise.element, seed.element, film.element],
    panels: [make("div", { class: "paint-row paint-wide" }, state.element, estimate.element, end.element), make("div", { class: "paint-wide" }, chart.svg),
      make("div", { class: "paint-row paint-wide paint-legend" }, ...legend)],
    note: `Along feature k the noise has the standard deviation κ √gₖ, gₖ = λₖ^γ: γ = 0 is white noise, γ = 1 noise shaped like the data. The ${lam.length} leading features are painted, from one draw of their z-scores. The state is drawn so that it fits the grey scale.`,
  });

  function render() {
    const [kappa, g] = [at(noise.value), hue.value];
    const z = seed.value < 0 ? own : seeds[seed.value].z;
    const paint = (size) => { const x = Float64Array.from(mean); lam.forEach((l, k) => { const c = size(l) * z[k]; for (let i = 0; i < x.length; i++) x[i] += c * axes[k][i]; }); return x; };
    const spread = lam.reduce((sum, l) => sum + kappa ** 2 * l ** g, 0) / lam.reduce((sum, l) => sum + l, 0);
    const white = Math.sqrt(1 + spread);
    state.draw(paint((l) => Math.sqrt(l + kappa ** 2 * l ** g)), -white, white);
    estimate.draw(paint((l) => Math.sqrt(l) * colouredShare(l, l ** g, kappa)), -1, 1);
    end.draw(paint(Math.sqrt), -1, 1);
    chart.layer.replaceChildren(
      chart.now(noise.value),
      ...features.flatMap((k, m) => [
        chart.line(Array.from({ length: LEVELS }, (_, n) => [n, colouredShare(lam[k], lam[k] ** g, at(n))]), `k${m}`),
        chart.dot([noise.value, colouredShare(lam[k], lam[k] ** g, kappa)], `k${m}`),
      ]));
    const [strong, weak] = [features[0], features[features.length - 1]];
    const arrival = (k) => short(Math.sqrt(lam[k] / lam[k] ** g));
    const order = Math.abs(g - 1) < 0.025 ? "All features emerge at once, at κ = 1." : `Feature ${strong + 1} emerges at κ = ${arrival(strong)}, feature ${weak + 1} at κ = ${arrival(weak)}: ${g < 1 ? "the outline first" : "the details first"}.`;
    publish(`kappa=${kappa} gamma=${g} seed=${seed.value < 0 ? `new ${drawn}` : seed.value}`,
      `${order} Now, at κ = ${short(kappa)}, the estimate shows ${percent(colouredShare(lam[strong], lam[strong] ** g, kappa))} of the first and ${percent(colouredShare(lam[weak], lam[weak] ** g, kappa))} of the last.`);
  }
  render();
}
