// Trajectories as curves in space that one turns: along x_T - x_0, and sideways along the two main axes of the rest.

// A point of space on the screen, [right, up], after a turn about the upright axis and a tilt towards the viewer.
function seen([along, up, aside], turn, tilt) {
  const [c, s] = [Math.cos(turn), Math.sin(turn)];
  const depth = c * aside - s * along;
  return [c * along + s * aside, Math.cos(tilt) * up - Math.sin(tilt) * depth];
}

// Where a state stands, in shares of the straight way's length: how much of it is gone, and how far off it is.
const standing = (r, n) => ({ gone: 1 - r[n][0] / r[0][0], off: Math.hypot(r[n][1], r[n][2]) / r[0][0] });

function interactive(root, { title, kappas, names, views }) {
  const last = kappas.length - 1;
  const degrees = (v) => `${v}°`;
  const step = slider("Step, from noise to picture:", { min: 0, max: last, step: 1, value: Math.round(0.6 * last), words: (n) => `${n} of ${last}` }, render);
  const turn = slider("Turn:", { min: -180, max: 180, step: 2, value: -30, words: degrees }, render);
  const tilt = slider("Tilt:", { min: -90, max: 90, step: 2, value: 24, words: degrees }, render);
  const view = choice("Coordinates", views.map((v) => v.name), render);
  const film = transport("Paint", 5, step, render, {
    Reset: () => { [step.value, turn.value, tilt.value, view.value] = [Math.round(0.6 * last), -30, 24, 0]; },
  });

  const space = plot({ x: [-0.68, 0.68], y: [-0.6, 0.72], width: 360, height: 350, margin: [28, 6, 6, 6], title: "The way from x_T to x₀ in space" });
  space.svg.setAttribute("style", "touch-action: pan-y; cursor: grab");
  const top = 1.1 * Math.max(...views.flatMap((v) => v.curves.flatMap((r) => r.map((_, n) => standing(r, n).off))));
  const grid = [0, 1, 2, 3].map((n) => (top / 1.1) * (n / 3));
  const heights = plot({ x: [0, last], y: [0, top], height: 200, title: "Distance from the straight line", margin: [30, 14, 34, 48],
    xticks: [[0, "step 0", "start"], [last, `step ${last}`, "end"]], yticks: grid.map((v) => [v, `${short(100 * v)} %`]) });

  scrub(heights, step);
  let held = null;
  const within = (slide, v, low, high) => { slide.value = Math.min(high, Math.max(low, Math.round(v / 2) * 2)); };
  space.svg.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, y: event.clientY, turn: turn.value, tilt: tilt.value };
    space.svg.setPointerCapture(event.pointerId);
  });
  space.svg.addEventListener("pointermove", (event) => {
    if (!held) return;
    const around = held.turn + (event.clientX - held.x) / 2;
    within(turn, ((((around + 180) % 360) + 360) % 360) - 180, -180, 180);
    if (event.pointerType === "mouse") within(tilt, held.tilt + (event.clientY - held.y) / 2, -90, 90);  // a finger that goes up scrolls
    render();
  });
  for (const name of ["pointerup", "pointercancel"]) space.svg.addEventListener(name, () => { held = null; });

  const publish = assemble(root, {
    title, controls: [step.element, turn.element, tilt.element, view.element, film.element],
    panels: [space.svg, heights.svg],
    note: `Drag the drawing to turn it, drag along the heights to paint; or use the sliders. ${names.map((name, k) => `${["Solid", "Dashed", "Dash-dotted", "Dotted"][k]}: ${name}`).join(". ")}. `
      + "Ring: the noise x_T. Diamond: the picture x₀. Dots: the states at this step, on stalks above the floor. The grey line on the floor is the straight way.",
  });

  function render() {
    const { name, curves } = views[view.value];
    const reach = Math.max(...curves.flatMap((r) => r.flatMap((p) => [Math.abs(p[1]), Math.abs(p[2])].map((v) => v / r[0][0]))));
    const enlarged = reach > 0 ? 0.55 / reach : 1;
    const [a, b] = [turn.value, tilt.value].map((v) => (v * Math.PI) / 180);
    const spot = (p) => seen([p[0] - 0.5, p[1] - 0.1, p[2]], a, b);
    const place = (r, p) => [p[0] / r[0][0], (enlarged * p[1]) / r[0][0], (enlarged * p[2]) / r[0][0]];
    const floor = [-0.5, -0.25, 0, 0.25, 0.5].flatMap((v) => [[[0, 0, v], [1, 0, v]], [[v + 0.5, 0, -0.5], [v + 0.5, 0, 0.5]]]);
    const label = (p, words) => make("text", { x: space.sx(spot(p)[0]), y: space.sy(spot(p)[1]) + 18, "text-anchor": "middle" }, words);
    space.layer.replaceChildren(
      ...floor.map((ends) => space.line(ends.map(spot), "arrow")),
      space.line([[0, 0, 0], [1, 0, 0]].map(spot), "soft thick"),
      ...curves.flatMap((r, k) => {
        const here = place(r, r[step.value]);
        return [
          space.line(r.map((p) => place(r, p)).map((p) => spot([p[0], 0, p[2]])), "soft thin dashed"),
          space.line(r.map((p) => spot(place(r, p))), `k${k}`),
          space.line([spot(here), spot([here[0], 0, here[2]])], "soft thin"), space.dot(spot(here), `k${k}`, 6),
        ];
      }),
      space.dot(spot([1, 0, 0]), "hollow", 5), space.diamond(spot([0, 0, 0]), "ink", 6),
      label([1, 0, 0], "x_T"), label([0, 0, 0], "x₀"),
    );
    heights.layer.replaceChildren(
      heights.now(step.value),
      ...curves.flatMap((r, k) => [
        heights.line(r.map((_, n) => [n, standing(r, n).off]), `k${k}`), heights.dot([step.value, standing(r, step.value).off], `k${k}`),
      ]),
    );
    const stands = curves.map((r, k) => {
      const { gone, off } = standing(r, step.value);
      return `${names[k]}: ${percent(gone)} of the way gone, off the straight line by ${short(100 * off)} % of its length`;
    });
    publish(`step=${step.value} turn=${turn.value} tilt=${tilt.value} view=${view.value}`,
      `Coordinates ${name}, step ${step.value}, κ = ${short(kappas[step.value])}. ${stands.join(". ")}. `
      + `Sideways is drawn ${short(enlarged)} times as large.`);
  }
  render();
}
