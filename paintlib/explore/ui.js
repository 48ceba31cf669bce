// The few pieces that all interactives are made of. Everything hangs below `root`; there are no ids and no globals.

// The fragment that this script stands in; where the host runs scripts apart from their place, the first one unfilled.
function findRoot(kind) {
  return document.currentScript?.closest(".paint-interactive")
    ?? [...document.querySelectorAll(`.paint-interactive[data-kind=${kind}]`)].find((r) => r.querySelector(".fallback"));
}

const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

function make(tag, attributes = {}, ...children) {
  const inSvg = ["svg", "g", "path", "line", "rect", "circle", "text", "image", "polygon"].includes(tag);
  const element = inSvg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const short = (v) => (v === 0 ? "0" : Math.abs(v) >= 0.01 && Math.abs(v) < 1000 ? Number(v.toPrecision(2)).toString()
  : v.toExponential(1).replace("e+", "e"));
const percent = (v) => `${Math.round(100 * v)} %`;

// A range with its label around it and its value in words; `change` is called on every move.
function slider(label, { min, max, step, value, words }, change) {
  const input = make("input", { type: "range", min, max, step });
  input.value = value;
  const reading = make("b");  // an <output> here would take the label from the slider
  const tell = () => {
    reading.textContent = words(Number(input.value));
    input.setAttribute("aria-valuetext", reading.textContent);
  };
  input.addEventListener("input", () => { tell(); change(); });
  tell();
  return {
    element: make("label", { class: "paint-slider" }, make("span", {}, label, " ", reading), input),
    get value() { return Number(input.value); },
    set value(v) { input.value = v; tell(); },
  };
}

function button(text, press) {
  const element = make("button", { type: "button" }, text);
  element.addEventListener("click", press);
  return element;
}

// One button per name, one of them pressed.
function choice(legend, names, change, first = 0) {
  let chosen = first;
  const buttons = names.map((name, n) => button(name, () => { chosen = n; show(); change(); }));
  const show = () => buttons.forEach((b, n) => b.setAttribute("aria-pressed", n === chosen));
  show();
  return {
    element: make("div", { class: "paint-choice", role: "group", "aria-label": legend }, make("span", {}, legend), ...buttons),
    get value() { return chosen; },
    set value(n) { chosen = n; show(); },
  };
}

// A button that runs `frame(share)` with share from 0 to 1 in `seconds`; at once to the end where motion is unwelcome.
function player(text, seconds, frame) {
  let running = 0;
  const element = button(text, () => {
    if (calm) return frame(1);
    const turn = ++running;
    const begin = performance.now();
    const tick = (now) => {
      if (turn !== running || !element.isConnected) return;
      const share = Math.min(1, Math.max(0, (now - begin) / (1000 * seconds)));
      frame(share);
      if (share < 1) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
  return { element, stop: () => { running++; } };
}

// A drawing in data coordinates x: [left, right], y: [bottom, top]; `log` makes the y axis logarithmic.
function plot({ x, y, width = 360, height = 220, log = false, title, xticks = [], yticks = [], margin = [30, 10, 34, 40] }) {
  const [top, right, bottom, left] = margin;
  const f = log ? Math.log : (v) => v;
  const sx = (v) => left + ((v - x[0]) / (x[1] - x[0])) * (width - left - right);
  const sy = (v) => height - bottom - ((f(v) - f(y[0])) / (f(y[1]) - f(y[0]))) * (height - top - bottom);
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
  const caption = make("text", { x: 4, y: 16, class: "title" }, title);
  const axes = make("g", { class: "axes" });
  for (const [v, name, anchor = "middle"] of xticks) {
    axes.append(make("line", { x1: sx(v), x2: sx(v), y1: top, y2: height - bottom }));
    axes.append(make("text", { x: sx(v), y: height - bottom + 16, "text-anchor": anchor }, name));
  }
  for (const [v, name] of yticks) {
    axes.append(make("line", { x1: left, x2: width - right, y1: sy(v), y2: sy(v) }));
    axes.append(make("text", { x: left - 5, y: sy(v) + 5, "text-anchor": "end" }, name));
  }
  const layer = make("g");
  svg.append(axes, caption, layer);
  const trace = (points, closed) => points.map((p, n) => `${n ? "L" : "M"}${sx(p[0]).toFixed(1)} ${sy(p[1]).toFixed(1)}`).join("") + (closed ? "Z" : "");
  return {
    svg, layer, sx, sy, top, bottom: height - bottom,
    line: (points, style, closed) => make("path", { d: trace(points, closed), class: `line ${style}` }),
    dot: (p, style, r = 5) => make("circle", { cx: sx(p[0]), cy: sy(p[1]), r, class: `dot ${style}` }),
    diamond: (p, style, r = 6) => {
      const [a, b] = [sx(p[0]), sy(p[1])];
      return make("polygon", { points: `${a},${b - r} ${a + r},${b} ${a},${b + r} ${a - r},${b}`, class: `dot ${style}` });
    },
  };
}

// Curves over painting time for several features, with a marker that `at(n)` moves.
function timeCurves(title, levels, times, curves, options) {
  const last = times.length - 1;
  const panel = plot({ x: [0, last], title, xticks: [[0, `t = ${Number(times[0].toFixed(2))}`, "start"], [last, `t = ${Number(times[last].toFixed(2))}`, "end"]], ...options });
  const draw = (n) => panel.layer.replaceChildren(
    make("line", { x1: panel.sx(n), x2: panel.sx(n), y1: panel.top, y2: panel.bottom, class: "now" }),
    ...curves().flatMap(({ f, style }) => [
      panel.line(levels.map((level, m) => [m, f(level)]), style),
      panel.dot([n, f(levels[n])], style),
    ]),
  );
  return { svg: panel.svg, draw };
}

// A small picture over its `label`; `says` tells those who cannot see it what it shows.
// Grey (H, W) or colour (H, W, 3) values from `low` to `high`; those beyond are drawn black or white.
function picture(label, says, [H, W]) {
  const canvas = make("canvas", { width: W, height: H, role: "img", "aria-label": says });
  const context = canvas.getContext("2d");
  const draw = (values, low, high) => {
    const image = context.createImageData(W, H);
    const channels = values.length / (H * W);
    for (let p = 0; p < H * W; p++) {
      for (let c = 0; c < 3; c++) image.data[4 * p + c] = (255 * (values[p * channels + (c % channels)] - low)) / (high - low);
      image.data[4 * p + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  };
  const words = make("div", { class: "paint-caption" }, label);
  return { element: make("div", { class: "paint-picture" }, canvas, words), canvas, words, draw };
}

// Title, controls, panels, words. The words follow every move; they are read out once, when the move has come to rest.
function assemble(root, { title, controls, panels, note }) {
  const words = make("p", { class: "paint-words" });
  const said = make("p", { class: "paint-said", "aria-live": "polite" });
  const output = make("div", { class: "paint-panels", "data-output": "" }, ...panels);
  let rest = null;
  root.querySelector(".fallback").replaceWith(
    make("p", { class: "paint-heading" }, title), make("div", { class: "paint-controls" }, ...controls), output, words, said,
    make("p", { class: "paint-note" }, note));
  return (state, sentence) => {
    output.setAttribute("data-state", state);
    if (words.textContent === sentence) return;
    const first = !words.textContent;
    words.textContent = sentence;
    clearTimeout(rest);
    if (!first) rest = setTimeout(() => { said.textContent = sentence; }, 700);
  };
}
