// Features as clock hands: the rotation formula of Eq. 7 and what it leaves out, for Gaussian data and alpha_T = 0.

// The variances lam_k ~ k^-steepness of `features` features, with a given mean.
function powerLaw(steepness, features, mean) {
  const raw = Array.from({ length: features }, (_, k) => (k + 1) ** -steepness);
  const total = raw.reduce((a, b) => a + b);
  return raw.map((l) => (l * mean * features) / total);
}

// How far a feature has turned at the angle phi = arctan(kappa): theta = arctan(sqrt(lam) / kappa), 0 is all noise.
const turned = (lam, phi) => Math.atan2(Math.sqrt(lam) * Math.cos(phi), Math.sin(phi));

// What the rotation misses, sum_k J_k^2, as a share of sum_k v_k (Eqs. 67, 71): J / sqrt(v) = 1 - sin(theta) - cos(theta).
function missed(lams, phi) {
  let [lost, whole] = [0, 0];
  for (const lam of lams) {
    const v = Math.sin(phi) ** 2 + lam * Math.cos(phi) ** 2;
    const theta = turned(lam, phi);
    lost += v * (1 - Math.sin(theta) - Math.cos(theta)) ** 2;
    whole += v;
  }
  return lost / whole;
}

// The state and the rotation's state in the plane of x_T (second coordinate) and the rest of x_0 (first), where the
// start has c_k = 1; lengths in units of |x_T|.
function inPlane(lams, phi) {
  const mean = (f) => lams.reduce((sum, l) => sum + f(l), 0) / lams.length;
  const along = mean(Math.sqrt);
  const across = Math.sqrt(Math.max(mean((l) => l) - along ** 2, 0));
  const [alpha, sigma] = [Math.cos(phi), Math.sin(phi)];
  const size = (l) => Math.sqrt(sigma ** 2 + l * alpha ** 2);
  const up = mean(size);
  const right = across > 1e-9 ? (mean((l) => size(l) * Math.sqrt(l)) - up * along) / across : 0;
  return { state: [right, up], rotation: [alpha * across, alpha * along + sigma], end: [across, along] };
}

function interactive(root, { title, steepness, features, variance }) {
  const right = Math.PI / 2;
  const bound = (Math.SQRT2 - 1) ** 2;
  const phiOf = (degrees) => right - (degrees * Math.PI) / 180;
  const words = (degrees) => (degrees === 0 ? "∞" : degrees === 90 ? "0" : short(Math.tan(phiOf(degrees))));
  const clock = slider("Noise level κ = σ/α:", { min: 0, max: 90, step: 0.5, value: 45, words }, render);
  const steep = slider("Steepness a of the variances k⁻ᵃ:", { min: 0, max: 3, step: 0.05, value: steepness, words: (v) => v.toFixed(2) }, render);
  const film = transport("Paint", 6, clock, render, { Reset: () => { [clock.value, steep.value] = [45, steepness]; } });

  const small = { width: 230, height: 236, margin: [26, 4, 8, 10] };
  const dial = plot({ x: [-0.02, 1.1], y: [-0.04, 1.1], title: "A hand for each feature", ...small });
  const plane = plot({ x: [-0.22, 0.9], y: [-0.04, 1.1], title: "The path in its plane", ...small });
  const fault = plot({ x: [0, 90], y: [0, 0.2], height: 190, margin: [30, 14, 30, 44], title: "What the rotation misses, squared",
    xticks: [[0, "κ = ∞", "start"], [45, "κ = 1"], [90, "0"]], yticks: [[0, "0"], [0.05, "5 %"], [0.1, "10 %"], [0.15, "15 %"]] });
  const sweep = Array.from({ length: 91 }, (_, d) => d);
  const label = (panel, at, words, anchor = "start") => make("text", { x: panel.sx(at[0]), y: panel.sy(at[1]), "text-anchor": anchor }, words);
  const shown = [...new Set(sweep.map((n) => Math.round(features ** (n / 90)) - 1))].slice(1, -1); // few of the many weak ones

  scrub(fault, clock);
  const publish = assemble(root, {
    title, controls: [clock.element, steep.element, film.element],
    panels: [make("div", { class: "paint-row" }, dial.svg, plane.svg), fault.svg],
    note: `${features} features of mean variance ${variance}. A hand points up while its feature is all noise, and to the right when it is all picture; `
      + "solid: the strongest, dashed: the weakest. In the plane, solid line and dot: the true path; dashed line and diamond: the rotation α x₀ + σ x_T.",
  });

  function render() {
    const phi = phiOf(clock.value);
    const lams = powerLaw(steep.value, features, variance);
    const angles = lams.map((l) => turned(l, phi));
    const tip = (theta) => [Math.sin(theta), Math.cos(theta)];
    const [first, last] = [angles[0], angles[features - 1]];
    dial.layer.replaceChildren(
      dial.line(sweep.map((d) => tip((d * Math.PI) / 180)), "soft thin"), dial.line([[0, 1.06], [0, 0], [1.06, 0]], "soft thin"),
      label(dial, [0.03, 1.03], "noise"), label(dial, [1.09, 0.03], "picture", "end"),
      ...shown.map((k) => dial.line([[0, 0], tip(angles[k])], "arrow")), ...shown.map((k) => dial.dot(tip(angles[k]), "k2", 3)),
      dial.line([[0, 0], tip(last)], "k1"), dial.dot(tip(last), "k1", 6),
      dial.line([[0, 0], tip(first)], "k0"), dial.dot(tip(first), "k0", 6),
    );
    const path = sweep.map((d) => inPlane(lams, phiOf(d)));
    const here = inPlane(lams, phi);
    plane.layer.replaceChildren(
      plane.line([[0, 1], [0, 0], here.end], "soft thin"),
      label(plane, [-0.03, 0.97], "x_T", "end"), label(plane, [here.end[0] + 0.04, here.end[1] - 0.02], "x₀"),
      plane.line(path.map((p) => p.rotation), "k3"), plane.line(path.map((p) => p.state), "ink"),
      plane.line([here.state, here.rotation], "ink thin"), plane.diamond(here.rotation, "k3", 6), plane.dot(here.state, "ink", 5),
    );
    const curve = sweep.map((d) => missed(lams, phiOf(d)));
    const share = missed(lams, phi);
    const level = (v) => [[0, v], [90, v]];
    fault.layer.replaceChildren(
      fault.line(level(bound), "soft thin dashed"), label(fault, [89, bound + 0.008], "Gaussians' bound", "end"),
      fault.now(clock.value),
      fault.line(sweep.map((d, n) => [d, curve[n]]), "k3 solid"), fault.dot([clock.value, share], "k3"),
    );
    const digits = (v) => `${(100 * v).toFixed(1)} %`;
    const degrees = (theta) => `${Math.round((theta * 180) / Math.PI)}°`;
    publish(`at=${clock.value} steepness=${steep.value}`,
      `The strongest feature has turned by ${degrees(first)}, the weakest by ${degrees(last)}. `
      + `The rotation misses ${digits(share)} of the square, ${percent(Math.sqrt(share))} of the length, of x − αμ. `
      + `The most it misses on this way is ${digits(Math.max(...curve))} of the square.`);
  }
  render();
}
