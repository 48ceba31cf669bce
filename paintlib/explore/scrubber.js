// A network paints, step by step: the state, what the last step added, and the endpoint estimate.
function interactive(root, { title, times, levels, shape, seeds, most }) {
  const last = levels.length - 1;
  const runs = seeds.map(({ start, estimates }) => {
    const x0_hat = unpack(estimates);
    const x = ddimStates(unpack(start)[0], x0_hat, levels, most ?? Infinity);
    const added = x.map((now, n) => now.map((v, i) => (n ? v - x[n - 1][i] : 0)));
    const views = [x, added, x0_hat.map((v) => v.map((p) => clip(p, most ?? Infinity)))];
    return { views, likeness: views.map((view) => view.map((v) => correlation(v, x[last]))) };
  });
  const step = slider("Step:", { min: 0, max: last, step: 1, value: Math.round(0.4 * last), words: (n) => `${n} of ${last}` }, render);
  const seed = choice("Noise", seeds.map((s) => s.name), render);
  const film = transport("Paint", 6, step, render, { Reset: () => { [step.value, seed.value] = [Math.round(0.4 * last), 0]; } });

  const panels = [
    picture("state x", "The state after this step: the picture so far, under the noise that is left", shape),
    picture("what this step added", "The difference between this state and the one before, stretched until it fills the grey scale", shape),
    picture("endpoint estimate x̂₀", "The endpoint estimate at this step: the network's guess of the final picture", shape),
  ];
  const styles = ["k0", "k1", "k2"];
  panels.forEach((panel, v) => panel.canvas.after(make("svg", { viewBox: "0 0 60 8", "aria-hidden": "true" }, make("path", { d: "M0 4H60", class: `line thick ${styles[v]}` }))));
  const likeness = timeCurves("Likeness to the final picture (correlation)", levels, times,
    () => styles.map((style, v) => ({ f: (level) => runs[seed.value].likeness[v][levels.indexOf(level)], style })),
    step, { height: 200, y: [-0.6, 1.05], xticks: [[0, "noise", "start"], [last, "picture", "end"]], yticks: [[-0.5, "−½"], [0, "0"], [0.5, "½"], [1, "1"]] });

  const publish = assemble(root, {
    title, controls: [step.element, seed.element, film.element],
    panels: [make("div", { class: "paint-row paint-wide" }, ...panels.map((p) => p.element)), make("div", { class: "paint-wide" }, likeness.svg)],
    note: "The state is drawn as x / (α + 2σ), so that the noise fits the grey scale; the difference is stretched step by step. "
      + "The line below each picture is its line in the diagram; drag along it.",
  });

  function render() {
    const n = step.value;
    const level = levels[n];
    const [x, added, x0_hat] = runs[seed.value].views.map((view) => view[n]);
    const white = level.alpha + 2 * level.sigma;
    const stretch = 2.5 * Math.sqrt(added.reduce((sum, v) => sum + v * v, 0) / added.length) || 1;
    panels[0].draw(x, -white, white);
    panels[1].draw(added, -stretch, stretch);
    panels[2].draw(x0_hat, -1, 1);
    likeness.draw(n);
    const like = runs[seed.value].likeness.map((view) => view[n].toFixed(2));
    publish(`step=${n} seed=${seed.value}`,
      `After step ${n} of ${last} (t = ${Math.round(times[n])}) the noise-to-signal ratio is σ/α = ${short(level.sigma / level.alpha)}. `
      + `Likeness to the final picture: the state ${like[0]}, ${n ? `what this step added ${like[1]}` : "nothing added yet"}, the estimate ${like[2]}.`);
  }
  render();
}
