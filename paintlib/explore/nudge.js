// A push along one feature, in the middle of painting, and what is left of it in the picture.

// The gain of a nudge at `level` in the finished picture: of the flow, Eq. 14, and of the reverse SDE, Eq. 63.
const nudgeGain = (lam, level, sde) => (sde ? (level.alpha * lam) / variance(level, lam) : Math.sqrt(lam / variance(level, lam)));

// The finished picture's coefficients, from those of the noise: the flow keeps z-scores; the SDE draws from what is possible.
const finished = (c, lam, start, sde, z) => c.map((v, k) => {
  const along = nudgeGain(lam[k], start, sde) * v;
  return sde ? along + start.sigma * Math.sqrt(lam[k] / variance(start, lam[k])) * z[k] : along;
});

function interactive(root, { title, times, levels, shape, mu, U, lam, seeds, features, draws }) {
  const [mean] = unpack(mu);
  const axes = unpack(U);
  const last = levels.length - 1;
  const start = levels[0];
  let [draw, drawn, own] = [0, 0, null];  // the SDE's fresh noise; how many starts were drawn on the page, and the last
  const feature = slider("Feature:", { min: 0, max: features.length - 1, step: 1, value: Math.min(2, features.length - 1), words: (n) => `${features[n] + 1} (λ = ${short(lam[features[n]])})` }, render);
  const time = slider("Nudge at step:", { min: 0, max: last, step: 1, value: Math.round(0.3 * last), words: (n) => `${times[n]}` }, render);
  const size = slider("Length of the nudge:", { min: -5, max: 5, step: 0.25, value: 2, words: (v) => `${v}` }, render);
  const painter = choice("Painter", ["ODE", "SDE"], render);
  const seed = choice("Noise", seeds.map((s) => s.name), render);
  const film = transport("Nudge later and later", 5, time, render, {
    "New noise": () => {
      const z = normals(++drawn, lam.length);
      own = lam.map((_, k) => z[k] - start.alpha * axes[k].reduce((sum, v, i) => sum + v * mean[i], 0));
      seed.value = -1;
    },
    "New noise for the SDE": () => { draw += 1; },
    Reset: () => {
      [feature.value, time.value, size.value, painter.value, seed.value, draw] = [Math.min(2, features.length - 1), Math.round(0.3 * last), 2, 0, 0, 0];
    },
  });
  const dealt = () => (draw < draws.length ? draws[draw] : normals(7000 + draw, lam.length));

  const plain = picture("without", "The finished picture without the nudge", shape);
  const pushed = picture("with the nudge", "The finished picture with the nudge", shape);
  const off = picture("difference", "What the nudge changed in the finished picture, grey where nothing", shape);
  const [low, high] = [0.03, 20];
  const curves = plot({ x: [0, last], y: [low, high], log: true, height: 230, title: "What is left of a nudge of length 1", margin: [30, 12, 34, 40],
    xticks: [[0, `step ${times[0]}`, "start"], [last, `step ${times[last]}`, "end"]], yticks: [0.1, 1, 10].map((v) => [v, v]) });
  scrub(curves, time);
  const publish = assemble(root, {
    title, controls: [feature.element, time.element, size.element, painter.element, seed.element, film.element],
    panels: [make("div", { class: "paint-row" }, plain.element, pushed.element, off.element), curves.svg],
    note: "Solid: the ODE (Eq. 14). Dashed: the SDE, with the same fresh noise in both paintings (Eq. 63). The dot is your nudge. The pictures are painted by the Gaussian of the data, "
      + `along its first ${lam.length} features.`,
  });

  function render() {
    const [k, n, sde] = [features[feature.value], time.value, painter.value === 1];
    const c = finished(seed.value < 0 ? own : seeds[seed.value].c, lam, start, sde, dealt());
    const left = nudgeGain(lam[k], levels[n], sde) * size.value;
    const paint = (extra) => {
      const x = Float64Array.from(mean);
      c.forEach((v, m) => { for (let i = 0; i < x.length; i++) x[i] += (v + (m === k ? extra : 0)) * axes[m][i]; });
      return x;
    };
    plain.draw(paint(0), -1, 1);
    pushed.draw(paint(left), -1, 1);
    off.draw(axes[k].map((v) => left * v), -0.5, 0.5);
    const inside = (v) => Math.min(high, Math.max(low, v));
    const line = (way) => levels.map((level, m) => [m, nudgeGain(lam[k], level, way)]).filter(([, v]) => v >= low && v <= high);
    curves.layer.replaceChildren(
      curves.line([[0, 1], [last, 1]], "soft thin"),
      curves.now(n),
      curves.line(line(false), "k0"), curves.line(line(true), "k1"),
      curves.dot([n, inside(nudgeGain(lam[k], levels[n], sde))], sde ? "k1" : "k0", 6),
    );
    const kept = Math.abs(left) / Math.sqrt(lam[k]);
    publish(JSON.stringify({ k, step: times[n], size: size.value, sde, left, seed: seed.value < 0 ? `new ${drawn}` : seed.value, draw, where: n }),
      `A nudge of length ${Math.abs(size.value)} along feature ${k + 1} at step ${times[n]}, where κ = ${short(levels[n].sigma / levels[n].alpha)}: `
      + `the ${sde ? "SDE" : "ODE"} leaves a length of ${short(Math.abs(left))} in the picture, ${short(kept)} times the spread of this feature.`);
  }
  render();
}
