// Several painters start from the same noise: their endpoint estimates, and how far each is from the first painter's.

// The differences of every painter from the first, for one noise: a list over noise levels for each but the first.
const distances = (films) => films.slice(1).map((film) => film.map((x, n) => meanSquare(x, films[0][n])));

function interactive(root, { title, kappas, shape, names, painters }) {
  const last = kappas.length - 1;
  const films = names.map((_, s) => painters.map((p) => unpack(p.frames[s])));
  const apart = films.map(distances);
  const positive = apart.flat(2).filter((v) => v > 0);
  const [low, high] = positive.length ? [Math.min(...positive), Math.max(...positive)] : [0.1, 1];
  const range = [low / 1.5, high * 1.5];
  const powers = [];
  for (let e = Math.ceil(Math.log10(range[0])); 10 ** e <= range[1]; e++) powers.push(10 ** e);

  const step = slider("Noise level:", { min: 0, max: last, step: 1, value: Math.round(0.5 * last), words: (n) => `κ = ${short(kappas[n])}` }, render);
  const seed = choice("Noise", names, render);
  const film = transport("Paint", 5, step, render, { Reset: () => { [step.value, seed.value] = [Math.round(0.5 * last), 0]; } });

  const panels = painters.map((p, k) => {
    const says = k ? `The endpoint estimate of the ${p.name}, which started from the same noise as the ${painters[0].name}` : `The endpoint estimate of the ${p.name}, which the others are held against`;
    const panel = picture(p.name, says, shape);
    const key = k ? [make("path", { d: "M0 4H60", class: `line thick k${k - 1}` })] : [];
    panel.canvas.after(make("svg", { viewBox: "0 0 60 8", "aria-hidden": "true" }, ...key));
    return panel;
  });
  const gap = plot({ x: [0, last], y: range, height: 210, log: true, title: `Mean squared difference from the ${painters[0].name}`, margin: [30, 10, 34, 52],
    xticks: [[0, `κ = ${short(kappas[0])}`, "start"], [last, `κ = ${short(kappas[last])}`, "end"]], yticks: powers.map((v) => [v, short(v)]) });

  scrub(gap, step);
  const publish = assemble(root, {
    title, controls: [step.element, seed.element, film.element],
    panels: [make("div", { class: "paint-row paint-wide" }, ...panels.map((p) => p.element)), make("div", { class: "paint-wide" }, gap.svg)],
    note: `Each painter follows its own path from the same noise. The line below a picture is its line in the diagram: how far it is from the ${painters[0].name}, pixel by pixel.`,
  });

  function render() {
    const n = step.value;
    panels.forEach((panel, k) => panel.draw(films[seed.value][k][n], -1, 1));
    gap.layer.replaceChildren(
      gap.now(n),
      ...apart[seed.value].flatMap((values, k) => {
        const spots = values.map((v, m) => [m, Math.max(v, range[0])]);
        return [gap.line(spots, `k${k}`), gap.dot(spots[n], `k${k}`)];
      }),
    );
    const now = apart[seed.value].map((values, k) => ({ name: painters[k + 1].name, off: values[n] })).sort((a, b) => a.off - b.off);
    publish(`step=${n} seed=${seed.value}`,
      `At κ = ${short(kappas[n])} the nearest to the ${painters[0].name} is the ${now[0].name}. Mean squared differences: `
      + `${now.map((p) => `${p.name} ${short(p.off)}`).join(", ")}.`);
  }
  render();
}
