// One noise, and a jump that grows: the picture after it, the fully sampled one, and what theory knew at the landing.

// How far each picture is from the first one.
const deviations = (film) => film.map((x) => meanSquare(x, film[0]));

function interactive(root, { title, kappas, evaluations, shape, seeds }) {
  const last = kappas.length - 1;
  const films = seeds.map((seed) => ({ pictures: unpack(seed.pictures), sketches: unpack(seed.sketches), predicted: seed.predicted }));
  const apart = films.map((film) => deviations(film.pictures));
  const positive = [...apart, ...films.map((film) => film.predicted)].flat().filter((v) => v > 0);
  const [low, high] = positive.length ? [Math.min(...positive), Math.max(...positive)] : [0.001, 1];
  const range = [Math.max(low, high / 1e5) / 1.5, high * 1.5];
  const powers = [];
  for (let e = Math.ceil(Math.log10(range[0])); 10 ** e <= range[1]; e++) powers.push(10 ** e);

  const words = (n) => (n ? `to κ = ${short(kappas[n])}, ${evaluations[n]} evaluations left` : `none, all ${evaluations[0]} evaluations`);
  const step = slider("Jump:", { min: 0, max: last, step: 1, value: Math.ceil(last / 2), words }, render);
  const seed = choice("Noise", seeds.map((s) => s.name), render);
  const film = transport("Let the jump grow", 5, step, render, { Reset: () => { [step.value, seed.value] = [Math.ceil(last / 2), 0]; } });
  const full = picture("no jump", "The picture that the network paints from this noise in all its steps", shape);
  const jumped = picture("after the jump", "The picture that the network paints from the landing on", shape);
  const sketch = picture("theory at the landing", "What the theory takes for the final picture where the jump ends", shape);
  const gap = plot({ x: [0, last], y: range, height: 210, log: true, title: "How far the picture moved", margin: [30, 10, 34, 52],
    xticks: [[0, "no jump", "start"], [last, `to κ = ${short(kappas[last])}`, "end"]], yticks: powers.map((v) => [v, short(v)]) });

  scrub(gap, step);
  const publish = assemble(root, {
    title, controls: [step.element, seed.element, film.element],
    panels: [make("div", { class: "paint-row paint-wide" }, full.element, jumped.element, sketch.element), make("div", { class: "paint-wide" }, gap.svg)],
    note: "Solid: mean squared difference of the picture from that without a jump. Dashed: the difference at the landing, carried to the picture with the gains of Eq. 14.",
  });

  function render() {
    const [n, now] = [step.value, films[seed.value]];
    const moved = apart[seed.value];
    full.draw(now.pictures[0], -1, 1);
    jumped.draw(now.pictures[n], -1, 1);
    sketch.draw(now.sketches[n], -1, 1);
    const spots = (values) => values.map((v, m) => [m, Math.max(v, range[0])]).slice(1);
    gap.layer.replaceChildren(
      gap.now(n),
      gap.line(spots(moved), "k0"), gap.line(spots(now.predicted), "k1"),
      ...(n ? [gap.dot(spots(moved)[n - 1], "k0"), gap.dot(spots(now.predicted)[n - 1], "k1")] : []),
    );
    publish(`step=${n} seed=${seed.value}`, n
      ? `A jump to κ = ${short(kappas[n])} saves ${evaluations[0] - evaluations[n]} of ${evaluations[0]} evaluations and moves the picture by ${short(moved[n])} mean squared; the difference at the landing, carried with Eq. 14, gives ${short(now.predicted[n])}.`
      : `No jump: the network makes all ${evaluations[0]} evaluations.`);
  }
  render();
}
