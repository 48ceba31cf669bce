// A Gaussian in the plane: the exact paths, and the two curves that make them.
function interactive(root, { title, times, levels, mu, U, lam, starts }) {
  const last = levels.length - 1;
  const start = levels[0];
  const logSlider = (name, value) => slider(`${name}:`, { min: -1.5, max: 0.6, step: 0.02, value: Math.log10(value), words: (v) => short(10 ** v) }, render);
  const time = slider("Time, from noise to data:", { min: 0, max: last, step: 1, value: Math.round(0.55 * last), words: (n) => `t = ${times[n].toFixed(2)}` }, render);
  const variances = [logSlider("Variance λ₁ along u₁ (solid)", lam[0]), logSlider("Variance λ₂ along u₂ (dashed)", lam[1])];
  let begun = starts;
  let seed = 2;
  const film = transport("Paint", 5, time, render, {
    "New noise": () => {
      const z = normals(seed++, 2 * starts.length);
      begun = starts.map((_, n) => [z[2 * n], z[2 * n + 1]]);
    },
    Reset: () => { begun = starts; [time.value, variances[0].value, variances[1].value] = [Math.round(0.55 * last), ...lam.map(Math.log10)]; },
  });

  const reach = 1.12 * Math.max(...starts.map((s) => Math.hypot(...s)), ...[0, 1].map((i) => Math.abs(mu[i]) + 2.2));
  const plane = plot({ x: [-reach, reach], y: [-reach, reach], width: 360, height: 370, margin: [28, 6, 6, 6], title: "Paths in the plane of the data",
    xticks: [[0, ""]], yticks: [[0, ""]] });
  const current = () => variances.map((v) => 10 ** v.value);
  const curves = (f) => () => current().map((l, k) => ({ f: (level) => f(level, start, l), style: `k${k}` }));
  const grid = { height: 140, yticks: [0, 1, 2].map((v) => [v, v]), y: [0, 2.1] };
  const moved = timeCurves("ψ: how far each direction has moved", levels, times, curves(psi), time, grid);
  const shown = timeCurves("ξ: how much the estimate shows", levels, times, curves(xi), time, grid);
  const publish = assemble(root, {
    title, controls: [time.element, ...variances.map((v) => v.element), film.element],
    panels: [plane.svg, make("div", {}, moved.svg, shown.svg)],
    note: "Rings: starts in the noise. Dots: states x at this time; the black one (white in the dark) stays on the dashed ellipse of the noised data. "
      + "Diamonds: their endpoint estimates. Cross: the mean, and one standard deviation along u₁ (blue) and u₂ (orange, dashed), as in the curves. Thin ellipse: the data at the end. The noise level falls from left to right in the curves.",
  });

  function render() {
    const n = time.value;
    const gaussian = { mu, U, lam: current() };
    const along = (s) => U.map((u) => u[0] * (s[0] - start.alpha * mu[0]) + u[1] * (s[1] - start.alpha * mu[1]));
    const at = (s, level) => gaussianState(gaussian, { c: along(s), off: [0, 0] }, level, start);
    const radius = Math.hypot(...along(begun[0]).map((c, k) => c / Math.sqrt(variance(start, gaussian.lam[k]))));
    const ellipse = (level) => Array.from({ length: 73 }, (_, a) => [Math.cos, Math.sin].map((f) => f((a * Math.PI) / 36))).map((z) =>
      [0, 1].map((i) => level.alpha * mu[i] + radius * z.reduce((sum, v, k) => sum + v * Math.sqrt(variance(level, gaussian.lam[k])) * U[k][i], 0)));
    const level = levels[n];
    plane.layer.replaceChildren(
      plane.line(ellipse(levels[last]), "soft thin", true), plane.line(ellipse(level), "soft thin dashed", true),
      ...U.flatMap((u, k) => {
        const end = [-1, 1].map((way) => u.map((v, i) => mu[i] + way * Math.sqrt(gaussian.lam[k]) * v));
        return [plane.line(end, `k${k}`), make("text", { x: plane.sx(end[1][0]) + 5, y: plane.sy(end[1][1]) - 5 }, k ? "u₂" : "u₁")];
      }),
      ...begun.flatMap((s, m) => {
        const { x, x0_hat } = at(s, level);
        const style = m ? "k2" : "ink";
        return [plane.line(levels.map((l) => at(s, l).x), `${style} solid ${m ? "thin" : ""}`), plane.line([x, x0_hat], "soft thin dashed"),
          plane.dot(s, "hollow", 3.5), plane.diamond(x0_hat, style, m ? 5 : 7), plane.dot(x, style, m ? 4.5 : 6)];
      }),
    );
    moved.draw(n);
    shown.draw(n);
    const share = gaussian.lam.map((l) => xi(level, start, l) / xi(levels[last], start, l));
    publish(`t=${times[n]} lam=${gaussian.lam.join()}`,
      `At t = ${times[n].toFixed(2)} the noise-to-signal ratio is σ/α = ${short(level.sigma / level.alpha)}. `
      + `The endpoint estimate shows ${percent(share[0])} of what it will show along u₁ (λ₁ = ${short(gaussian.lam[0])}) `
      + `and ${percent(share[1])} along u₂ (λ₂ = ${short(gaussian.lam[1])})`
      + (Math.abs(share[0] - share[1]) < 0.005 ? "." : `: the direction of larger variance is ahead.`));
  }
  render();
}
