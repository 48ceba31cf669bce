// The start page's miniature: a network paints, and beside the state stands what it believes the picture to be.
function interactive(root, { title, levels, shape, seeds, most }) {
  const last = levels.length - 1;
  const runs = seeds.map(({ start, estimates }) => {
    const x0_hat = unpack(estimates);
    return { x: ddimStates(unpack(start)[0], x0_hat, levels, most ?? Infinity), x0_hat };
  });
  const step = slider("Step:", { min: 0, max: last, step: 1, value: calm ? Math.round(0.45 * last) : 0, words: (n) => `${n} of ${last}` }, render);
  const noise = choice("Noise", seeds.map((s) => s.name), render);
  const film = transport("Paint", 6, step, render, {});
  film.element.append(noise.element);
  const state = picture("the canvas", "The state: the picture so far, under the noise that is left", shape);
  const estimate = picture("what the network believes it will be", "The endpoint estimate: the network's best guess of the finished picture", shape);
  const publish = assemble(root, {
    title, controls: [step.element, film.element],
    panels: [make("div", { class: "paint-row paint-wide" }, state.element, estimate.element)],
    note: "",
  });

  function render() {
    const [n, run] = [step.value, runs[noise.value]];
    const white = levels[n].alpha + 2 * levels[n].sigma;
    state.draw(run.x[n], -white, white);
    estimate.draw(run.x0_hat[n].map((v) => clip(v, most ?? Infinity)), -1, 1);
    const like = correlation(run.x0_hat[n], run.x[last]);
    const sentence = `Step ${n} of ${last}: the noise is ${short(levels[n].sigma / levels[n].alpha)} times the signal; belief and finished picture correlate at ${like.toFixed(2)}.`;
    publish(`step=${n} noise=${noise.value}`, sentence);
  }
  render();
  if (!calm) film.play();
}
