// Where a painter looks to paint one pixel: the network's mean sensitivity beside the Gaussian's row, pixel by pixel.
function interactive(root, { title, shape, mean, rows, columns, kappas, windows, network, gaussian }) {
  const [H, W] = shape;
  const fields = [unpack(network), unpack(gaussian)];
  const [background] = unpack(mean);
  const near = (values, v) => values.reduce((best, u, n) => (Math.abs(u - v) < Math.abs(values[best] - v) ? n : best), 0);
  const first = { noise: near(kappas, 0.6), row: near(rows, H / 2), column: near(columns, W / 2) };
  const noise = slider("Noise level κ:", { min: 0, max: kappas.length - 1, step: 1, value: first.noise, words: (n) => short(kappas[n]) }, render);
  const row = slider("Pixel, down:", { min: 0, max: rows.length - 1, step: 1, value: first.row, words: (n) => `row ${rows[n] + 1}` }, render);
  const column = slider("Pixel, across:", { min: 0, max: columns.length - 1, step: 1, value: first.column, words: (n) => `column ${columns[n] + 1}` }, render);
  const film = transport("Lower the noise", 4, backwards(noise), render, {
    Reset: () => { [noise.value, row.value, column.value] = [first.noise, first.row, first.column]; },
  });
  const where = picture("the pixel, and its window", "The mean picture with the chosen pixel and the window around it", shape);
  const seen = [picture("the network looks here", "The mean sensitivity of the network's estimate at the pixel", shape),
    picture("the Gaussian looks here", "The row of the Gaussian painter at the pixel", shape)];
  for (const { canvas } of [where, ...seen]) {
    canvas.style.cursor = "crosshair";
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      row.value = near(rows, ((event.clientY - box.top) / box.height) * H - 0.5);
      column.value = near(columns, ((event.clientX - box.left) / box.width) * W - 0.5);
      render();
    });
  }
  const publish = assemble(root, {
    title, controls: [noise.element, row.element, column.element, film.element],
    panels: [make("div", { class: "paint-row paint-wide" }, where.element, ...seen.map((s) => s.element))],
    note: "Blue: a brighter pixel there makes the estimate at the chosen pixel brighter. Orange: darker. White: no say. Each field is drawn to its own largest value. Press on a picture, or move the sliders.",
  });

  const edge = (p, r, c, reach) => Math.max(Math.abs(Math.floor(p / W) - r), Math.abs((p % W) - c)) === reach;
  function coloured(field) {
    const most = field.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    const pixels = new Float64Array(3 * H * W);
    field.forEach((v, p) => {
      const [share, hue] = [Math.abs(v) / most, v > 0 ? [0, 114, 178] : [213, 94, 0]];
      hue.forEach((h, k) => { pixels[3 * p + k] = 255 + share * (h - 255); });
    });
    return pixels;
  }
  function render() {
    const [n, r, c] = [noise.value, rows[row.value], columns[column.value]];
    const at = (n * rows.length + row.value) * columns.length + column.value;
    const pair = fields.map((f) => f[at]);
    const reach = (windows[n] - 1) / 2;
    const scene = new Float64Array(3 * H * W);
    background.forEach((v, p) => {
      const grey = 127.5 * (v + 1);
      const hue = edge(p, r, c, reach) ? [0, 158, 115] : edge(p, r, c, 0) ? [204, 121, 167] : [grey, grey, grey];
      hue.forEach((h, k) => { scene[3 * p + k] = h; });
    });
    where.draw(scene, 0, 255);
    seen.forEach((s, m) => s.draw(coloured(pair[m]), 0, 255));
    const inside = pair.map((f) => shareInWindow(f, W, r, c, reach));
    publish(`kappa=${kappas[n]} row=${r} column=${c}`,
      `At κ = ${short(kappas[n])} the two fields correlate by ${correlation(...pair).toFixed(2)}. The window that explained the network best, ${windows[n]} × ${windows[n]}, holds ${percent(inside[0])} of where the network looks and ${percent(inside[1])} of where the Gaussian looks.`);
  }
  render();
}

// The correlation of two fields, and how much of a field's absolute size lies within a square window (chapter 17).
function correlation(a, b) {
  const mean = (f) => f.reduce((s, v) => s + v, 0) / f.length;
  const [m, n] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((v, p) => { ab += (v - m) * (b[p] - n); aa += (v - m) ** 2; bb += (b[p] - n) ** 2; });
  return ab / Math.sqrt(aa * bb);
}
function shareInWindow(field, W, row, column, reach) {
  let [inside, all] = [0, 0];
  field.forEach((v, p) => {
    all += Math.abs(v);
    if (Math.max(Math.abs(Math.floor(p / W) - row), Math.abs((p % W) - column)) <= reach) inside += Math.abs(v);
  });
  return inside / all;
}
