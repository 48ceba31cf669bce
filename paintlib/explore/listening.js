// One prompt at several strengths of guidance: the endpoint estimates side by side, step by step.
function interactive(root, { title, sprite, counts, kappas, prompts, guidance }) {
  const [, S, G, T] = counts;
  const bytes = Uint8Array.from(atob(sprite.data), (c) => c.charCodeAt(0));
  const size = sprite.shape[0] * sprite.shape[1] * 3;
  const frame = (p, s, g, t) => { const at = (((p * S + s) * G + g) * T + t) * size; return bytes.subarray(at, at + size); };
  const start = Math.round(0.3 * (T - 1));
  const step = slider("Step:", { min: 0, max: T - 1, step: 1, value: start, words: (n) => `${n} of ${T - 1}` }, render);
  const prompt = choice("Prompt", prompts, render);
  const noise = choice("Noise", Array.from({ length: S }, (_, s) => `${s + 1}`), render);
  const film = transport("Paint", 5, step, render, { Reset: () => { [step.value, prompt.value, noise.value] = [start, 0, 0]; } });

  const panels = guidance.map((w, g) => {
    const panel = picture(`w = ${w}`, `The endpoint estimate at guidance ${w}`, sprite.shape);
    panel.canvas.after(make("svg", { viewBox: "0 0 60 8", "aria-hidden": "true" }, make("path", { d: "M0 4H60", class: `line thick k${g}` })));
    return panel;
  });
  const chart = plot({ x: [0, T - 1], y: [0, 1.05], height: 200, title: "Likeness to its own last picture (correlation)", xticks: [[0, "noise", "start"], [T - 1, "picture", "end"]], yticks: [[0, "0"], [0.5, "½"], [1, "1"]] });
  scrub(chart, step);
  const publish = assemble(root, {
    title, controls: [step.element, prompt.element, noise.element, film.element],
    panels: [make("div", { class: "paint-row paint-wide" }, ...panels.map((p) => p.element)), make("div", { class: "paint-wide" }, chart.svg)],
    note: "Three runs from the same noise; each picture is the decoded endpoint estimate at this step, and the line below it is its line in the diagram. w = 1 is no guidance.",
  });

  function render() {
    const [n, p, s] = [step.value, prompt.value, noise.value];
    const likeness = guidance.map((_, g) => Array.from({ length: T }, (__, t) => correlation([...frame(p, s, g, t)], [...frame(p, s, g, T - 1)])));
    panels.forEach((panel, g) => panel.draw(frame(p, s, g, n), 0, 255));
    chart.layer.replaceChildren(
      chart.now(n),
      ...likeness.flatMap((line, g) => [chart.line(line.map((v, t) => [t, v]), `k${g}`), chart.dot([n, line[n]], `k${g}`)]));
    publish(`step=${n} prompt=${p} noise=${s}`,
      `“${prompts[p]}”, step ${n} of ${T - 1}, κ = ${short(kappas[n])}. Likeness to the last picture: `
      + `${guidance.map((w, g) => `${likeness[g][n].toFixed(2)} at w = ${w}`).join(", ")}.`);
  }
  render();
}
