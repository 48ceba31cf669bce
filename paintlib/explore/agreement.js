// Two painters with albums of their own paint from the same noise; the size of their albums is moved.

// The picture of painter `who` (0 or 1) for a noise, after album number c, out of the bytes of all of them.
function pictureOf(bytes, [H, W], noises, c, who, noise) {
  const start = ((c * 2 + who) * noises + noise) * H * W;
  return bytes.subarray(start, start + H * W);
}

// How far apart two pictures are, pixel by pixel, as a share of the brightest difference that there could be.
const difference = (a, b) => Math.sqrt(a.reduce((sum, v, n) => sum + (v - b[n]) ** 2, 0) / a.length) / 255;

function interactive(root, { title, kinds, noises }) {
  const bytes = kinds.map((k) => Uint8Array.from(atob(k.data), (c) => c.charCodeAt(0)));
  const most = Math.max(...kinds.map((k) => k.counts.length)) - 1;
  const kind = choice("Painters", kinds.map((k) => k.name), () => { album.element.querySelector("input").max = here().counts.length - 1; album.value = Math.min(album.value, here().counts.length - 1); render(); });
  const here = () => kinds[kind.value];
  const album = slider("Pictures in each album:", { min: 0, max: most, step: 1, value: 0, words: (n) => (here().counts[n] ?? 0).toLocaleString("en") }, render);
  album.element.querySelector("input").max = here().counts.length - 1;
  let noise = 0;
  const film = transport("From few to many", 4, album, render, {
    "Another noise": () => { noise = (noise + 1) % noises; },
    Reset: () => { [noise, album.value] = [0, 0]; },
  });

  const shape = kinds[0].shape;
  const first = picture("painter A", "what the first painter paints", shape);
  const second = picture("painter B", "what the second painter paints, who has other pictures", shape);
  const all = kinds.flatMap((k) => k.counts.map((n, c) => [n, k.apart[c]]));
  const ends = [Math.log10(Math.min(...all.map((p) => p[0]))), Math.log10(Math.max(...all.map((p) => p[0])))];
  const low = 10 ** Math.floor(Math.log10(Math.min(...all.map((p) => p[1]))));
  const marks = [1, 2, 3, 4, 5].filter((v) => v >= ends[0] - 1e-9 && v <= ends[1] + 1e-9);
  const chart = plot({ x: ends, y: [low, 1.5], log: true, title: "How far apart, from 1 (nothing in common)", margin: [30, 16, 34, 56],
    xticks: marks.map((v) => [v, (10 ** v).toLocaleString("en")]),
    yticks: [1, 0.1, 0.01, 0.001].filter((v) => v >= low).map((v) => [v, String(v)]) });

  scrub(chart, album, (x) => here().counts.reduce((best, n, m, all) => (Math.abs(Math.log10(n) - x) < Math.abs(Math.log10(all[best]) - x) ? m : best), 0));
  const publish = assemble(root, {
    title, controls: [kind.element, album.element, film.element],
    panels: [make("div", { class: "paint-row" }, first.element, second.element), chart.svg],
    note: `Both start from the same noise, and have no picture in common. ${kinds.map((k, n) => `${["Solid", "Dashed", "Dash-dotted", "Dotted"][n]}: ${k.name}`).join(". ")}. The curves are means over many noises; drag along them to change the albums.`,
  });

  function render() {
    const { name, counts, apart } = here();
    const c = album.value;
    const [a, b] = [0, 1].map((who) => pictureOf(bytes[kind.value], shape, noises, c, who, noise));
    first.draw(a, 0, 255);
    second.draw(b, 0, 255);
    chart.layer.replaceChildren(
      ...kinds.map((k, n) => chart.line(k.counts.map((N, m) => [Math.log10(N), k.apart[m]]), `k${n}`)),
      ...kinds.flatMap((k, n) => (n === kind.value ? [chart.dot([Math.log10(counts[c]), apart[c]], `k${n}`, 7)] : [])),
    );
    publish(`kind=${kind.value} album=${c} noise=${noise}`,
      `${name} with ${counts[c].toLocaleString("en")} pictures each, noise ${noise + 1} of ${noises}: over all noises they are ${short(apart[c])} apart, `
      + `where 1 is nothing in common. On this noise their pixels differ by ${percent(difference(a, b))} of the way from black to white.`);
  }
  render();
}
