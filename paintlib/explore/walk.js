// A painting that is pushed on its way: one picture for each direction, time and strength; press a cell of the grid.
function interactive(root, { title, sprite, counts, kappas, strengths, ways, prompt }) {
  const [, T, K] = counts;
  const [H, W] = sprite.shape;
  const bytes = Uint8Array.from(atob(sprite.data), (c) => c.charCodeAt(0));
  const size = H * W * 3;
  const frame = (d, t, k) => { const at = ((d * T + t) * K + k) * size; return bytes.subarray(at, at + size); };
  const middle = strengths.indexOf(0);
  const start = { time: 0, strength: K - 1, way: 0 };
  const way = choice("Push along", ways, render);
  const time = slider("Time of the push: κ =", { min: 0, max: T - 1, step: 1, value: start.time, words: (n) => short(kappas[n]) }, render);
  const strength = slider("Strength:", { min: 0, max: K - 1, step: 1, value: start.strength, words: (n) => signed(strengths[n]) }, render);
  const film = transport("Walk", 4, strength, render, { Reset: () => { [time.value, strength.value, way.value] = [start.time, start.strength, start.way]; } });

  const gap = Math.max(2, W >> 3);
  const shape = [T * (H + gap) + gap, K * (W + gap) + gap];
  const sheet = picture("time of the push, early above, against strength", "All pictures: one row for each time, early above, one column for each strength", shape);
  sheet.canvas.style.cursor = "pointer";
  sheet.canvas.style.touchAction = "manipulation";
  sheet.canvas.addEventListener("click", (event) => {
    const box = sheet.canvas.getBoundingClientRect();
    const cell = (share, n) => Math.min(n - 1, Math.max(0, Math.floor(share * n)));
    film.stop();
    time.value = cell((event.clientY - box.top) / box.height, T);
    strength.value = cell((event.clientX - box.left) / box.width, K);
    render();
  });
  sheet.element.classList.add("paint-sheet");
  const chosen = picture("pushed", "The picture after the push", [H, W]);
  const plain = picture("not pushed", "The picture without a push", [H, W]);
  const changed = (d, t, k) => meanDistance(frame(d, t, k), frame(d, t, middle)) / 255;
  const most = Math.max(...ways.flatMap((_, d) => kappas.flatMap((__, t) => strengths.map((___, k) => changed(d, t, k)))));
  const ends = [[0, signed(strengths[0]), "start"], [middle, "0"], [K - 1, signed(strengths[K - 1]), "end"]];
  const chart = plot({ x: [0, K - 1], y: [0, 1.1 * most], height: 190, title: "Change of the picture against strength",
    xticks: ends, yticks: [[0, "0"], [most, most.toFixed(2)]] });
  scrub(chart, strength);
  const publish = assemble(root, {
    title, controls: [way.element, time.element, strength.element, film.element],
    panels: [make("div", { class: "paint-row paint-wide" }, sheet.element),
      make("div", { class: "paint-row" }, plain.element, chosen.element), make("div", {}, chart.svg)],
    note: "Press a cell of the grid, or move the sliders. A push has the same length in each direction. Solid: the direction chosen; dashed: the last one of the list. Change: root mean square of the pixels, 1 is white for black.",
  });

  function render() {
    const [d, t, k] = [way.value, time.value, strength.value];
    const pixels = new Float64Array(3 * shape[0] * shape[1]).fill(205);
    const put = (row, column, colour) => { for (let c = 0; c < 3; c++) pixels[3 * (row * shape[1] + column) + c] = colour[c]; };
    for (let i = 0; i < T; i++) for (let j = 0; j < K; j++) {
      const [top, left, tile] = [gap + i * (H + gap), gap + j * (W + gap), frame(d, i, j)];
      for (let p = 0; p < H * W; p++) put(top + Math.floor(p / W), left + (p % W), [tile[3 * p], tile[3 * p + 1], tile[3 * p + 2]]);
    }
    const [top, left] = [gap + t * (H + gap), gap + k * (W + gap)];
    const frameWidth = Math.min(3, gap);
    for (let r = -frameWidth; r < H + frameWidth; r++) for (let c = -frameWidth; c < W + frameWidth; c++) {
      const inside = r >= 0 && r < H && c >= 0 && c < W;
      if (!inside) put(top + r, left + c, [0, 114, 178]);
    }
    sheet.draw(pixels, 0, 255);
    chosen.draw(frame(d, t, k), 0, 255);
    plain.draw(frame(d, t, middle), 0, 255);
    const last = ways.length - 1;
    const line = (n) => strengths.map((_, j) => [j, changed(n, t, j)]);
    chart.layer.replaceChildren(
      chart.now(k),
      chart.line(line(last), "k1"), chart.line(line(d), d === last ? "k1" : "k0"),
      chart.dot([k, changed(d, t, k)], d === last ? "k1" : "k0"));
    publish(`way=${d} time=${t} strength=${k}`,
      `“${prompt}”, pushed along ${ways[d]} at κ = ${short(kappas[t])} with strength ${signed(strengths[k])}: `
      + `the picture changes by ${changed(d, t, k).toFixed(3)}; along ${ways[last]} by ${changed(last, t, k).toFixed(3)}.`);
  }
  render();
}

function signed(v) { return v > 0 ? `+${v}` : `${v}`.replace("-", "−"); }

// The root mean square difference of two pictures.
function meanDistance(a, b) {
  let sum = 0;
  a.forEach((v, p) => { sum += (v - b[p]) ** 2; });
  return Math.sqrt(sum / a.length);
}
