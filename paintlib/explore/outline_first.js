// The Gaussian of a real data set paints: state, endpoint estimate, and the features that fill in one after the other.
function interactive(root, { title, times, levels, shape, mu, U, lam, seeds, features }) {
  const last = levels.length - 1;
  const start = levels[0];
  const [mean] = unpack(mu);
  const gaussian = { mu: mean, U: unpack(U), lam };
  const starts = seeds.map((seed) => ({ c: seed.c, off: unpack(seed.off)[0] }));
  const time = slider("Time, from noise to picture:", { min: 0, max: last, step: 1, value: Math.round(0.4 * last), words: (n) => `t = ${Number(times[n].toFixed(2))}` }, render);
  const seed = choice("Noise", seeds.map((s) => s.name), render);
  let own = null;  // a start drawn on the page
  let drawn = 0;
  const film = transport("Paint", 6, time, render, {
    "New noise": () => { own = noiseOf(gaussian, normals(++drawn, mean.length), start); seed.value = -1; },
    Reset: () => { [time.value, seed.value] = [Math.round(0.4 * last), 0]; },
  });
  const begun = () => (seed.value < 0 ? own : starts[seed.value]);

  const state = picture("state x", "The state at this time: what is painted so far, under the noise that is left", shape);
  const estimate = picture("endpoint estimate x̂₀", "The endpoint estimate at this time: the mean picture, and the features that have emerged", shape);
  const end = picture("where it will end", "The picture at the end of this path, with all its features", shape);
  const share = (k) => (level) => xi(level, start, lam[k]) / xi(levels[last], start, lam[k]);
  const curves = (f) => () => features.map((k, m) => ({ f: f(k), style: `k${m}` }));
  const scale = (v) => 10 ** v;
  const decades = [-2, -1, 0, 1, 2].map((e) => [scale(e), e ? `1e${e}`.replace("1e1", "10").replace("1e2", "100") : "1"]);
  const ends = features.map((k) => psi(levels[last], start, lam[k]));
  const [bottom, top] = [Math.min(1, ...ends) / 1.3, Math.max(1, ...ends) * 1.3];
  const shown = timeCurves("ξ: share of the feature in x̂₀", levels, times, curves(share), time, { height: 190, y: [0, 1.05], yticks: [[0, "0"], [0.5, "½"], [1, "1"]] });
  const moved = timeCurves("ψ: size of the feature in x", levels, times, curves((k) => (level) => psi(level, start, lam[k])), time, { height: 190, log: true, y: [bottom, top], yticks: decades.filter(([v]) => v > bottom && v < top) });
  const tiles = features.map((k, m) => {
    const tile = picture("", `Feature ${k + 1} of the data as a picture, grey where it changes nothing`, shape);
    const most = gaussian.U[k].reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    tile.draw(gaussian.U[k], -most, most);
    tile.canvas.after(make("svg", { viewBox: "0 0 60 8", "aria-hidden": "true" }, make("path", { d: "M0 4H60", class: `line thick k${m}` })));
    return tile;
  });
  const publish = assemble(root, {
    title, controls: [time.element, seed.element, film.element],
    panels: [make("div", { class: "paint-row paint-wide" }, state.element, estimate.element, end.element), shown.svg, moved.svg,
      make("div", { class: "paint-row paint-wide paint-tiles" }, ...tiles.map((t) => t.element))],
    note: `The state is drawn as x / (α + 2σ), so that the noise fits the grey scale. The ${lam.length} leading features are painted; what is left of the noise fades. Below: five of the features, the line of each in the curves, its variance λ, and its share in x̂₀ now.`,
  });

  function render() {
    const n = time.value;
    const level = levels[n];
    const { x, x0_hat } = gaussianState(gaussian, begun(), level, start);
    const white = level.alpha + 2 * level.sigma;
    state.draw(x, -white, white);
    estimate.draw(x0_hat, -1, 1);
    end.draw(gaussianState(gaussian, begun(), levels[last], start).x, -1, 1);
    shown.draw(n);
    moved.draw(n);
    const shares = features.map((k) => share(k)(level));
    tiles.forEach((tile, m) => {
      tile.words.replaceChildren(`no. ${features[m] + 1}`, make("br"), `λ = ${short(lam[features[m]])}`, make("br"), percent(shares[m]));
    });
    const done = lam.filter((l) => l * level.alpha ** 2 >= level.sigma ** 2).length;
    publish(`t=${times[n]} seed=${seed.value < 0 ? `new ${drawn}` : seed.value}`,
      `At t = ${Number(times[n].toFixed(2))} the noise-to-signal ratio is σ/α = ${short(level.sigma / level.alpha)}. `
      + `${done} of the ${lam.length} features have emerged: their λ is at least (σ/α)², and the estimate shows 71 % or more of each. `
      + `Feature ${features[0] + 1} stands at ${percent(shares[0])}, feature ${features[features.length - 1] + 1} at ${percent(shares[shares.length - 1])}.`);
  }
  render();
}
