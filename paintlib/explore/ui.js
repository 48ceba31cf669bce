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

// What a sentence of the chapter may set: by name, a function of the reading that it asks for. It gives the element that
// was set, or nothing if there is no such reading. `assemble` hangs them on the root, where the site finds them.
const settings = new Map();
const named = (label) => label.replace(/[\s:=]+$/, "");
const reads = (words, wanted) => words === wanted || [" ", ","].some((mark) => words.startsWith(wanted + mark));

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
  const move = (v) => { input.value = v; input.dispatchEvent(new Event("input", { bubbles: true })); };
  const [from, to] = [() => Number(input.min), () => Number(input.max)];
  settings.set(named(label), (wanted) => {
    const places = Array.from({ length: 1 + Math.round((to() - from()) / step) }, (_, n) => from() + n * step);
    const found = places.filter((v) => reads(words(Number(v.toFixed(6))), wanted));
    if (found.length) move(found[found.length >> 1].toFixed(6));
    return found.length && input;
  });
  return {
    element: make("label", { class: "paint-slider" }, make("span", {}, label, " ", reading), input),
    get value() { return Number(input.value); },
    set value(v) { input.value = v; tell(); },
    get share() { return (input.value - from()) / (to() - from()); },
    set share(part) { this.value = from() + part * (to() - from()); },
    move,
  };
}

function button(text, press) {
  const element = make("button", { type: "button" }, text);
  element.addEventListener("click", press);
  settings.set(text, () => { element.click(); return element; });
  return element;
}

// One button per name, one of them pressed; a value of -1 presses none.
function choice(legend, names, change, first = 0) {
  let chosen = first;
  const buttons = names.map((name, n) => button(name, () => { chosen = n; show(); change(); }));
  const show = () => buttons.forEach((b, n) => b.setAttribute("aria-pressed", n === chosen));
  show();
  settings.set(legend, (wanted) => { const b = buttons[names.indexOf(wanted)]; b?.click(); return b; });
  return {
    element: make("div", { class: "paint-choice", role: "group", "aria-label": legend }, make("span", {}, legend), ...buttons),
    get value() { return chosen; },
    set value(n) { chosen = n; show(); },
  };
}

// A drawing in data coordinates x: [left, right], y: [bottom, top]; `log` makes the y axis logarithmic.
function plot({ x, y, width = 360, height = 220, log = false, title, xticks = [], yticks = [], margin = [30, 10, 34, 40] }) {
  const [top, right, bottom, left] = margin;
  const f = log ? Math.log : (v) => v;
  const sx = (v) => left + ((v - x[0]) / (x[1] - x[0])) * (width - left - right);
  const sy = (v) => height - bottom - ((f(v) - f(y[0])) / (f(y[1]) - f(y[0]))) * (height - top - bottom);
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title, class: height > 0.75 * width ? "square" : "" });
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
    // Where a pointer is, in data coordinates (of a y axis that is not logarithmic).
    at({ clientX, clientY }) {
      const box = svg.getBoundingClientRect();
      const [a, b] = [((clientX - box.left) / box.width) * width, ((clientY - box.top) / box.height) * height];
      return [x[0] + ((a - left) / (width - left - right)) * (x[1] - x[0]), y[0] + ((height - bottom - b) / (height - top - bottom)) * (y[1] - y[0])];
    },
    // The line at the present moment, with a grip where it may be dragged (`scrub`).
    now: (v) => make("g", { class: "now" }, make("line", { x1: sx(v), x2: sx(v), y1: top, y2: height - bottom }), make("circle", { cx: sx(v), cy: top, r: 4 })),
    line: (points, style, closed) => make("path", { d: trace(points, closed), class: `line ${style}` }),
    dot: (p, style, r = 5) => make("circle", { cx: sx(p[0]), cy: sy(p[1]), r, class: `dot ${style}` }),
    diamond: (p, style, r = 6) => {
      const [a, b] = [sx(p[0]), sy(p[1])];
      return make("polygon", { points: `${a},${b - r} ${a + r},${b} ${a},${b + r} ${a - r},${b}`, class: `dot ${style}` });
    },
  };
}

// Curves over painting time for several features, with a marker that `draw(n)` moves, and that moves `time`.
function timeCurves(title, levels, times, curves, time, options) {
  const last = times.length - 1;
  const panel = plot({ x: [0, last], title, xticks: [[0, `t = ${Number(times[0].toFixed(2))}`, "start"], [last, `t = ${Number(times[last].toFixed(2))}`, "end"]], ...options });
  const draw = (n) => panel.layer.replaceChildren(
    panel.now(n),
    ...curves().flatMap(({ f, style }) => [
      panel.line(levels.map((level, m) => [m, f(level)]), style),
      panel.dot([n, f(levels[n])], style),
    ]),
  );
  scrub(panel, time);
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

// Title, controls, panels, words. The words follow every move; they are read out once, when what the reader began has
// come to rest. `set` on the root lets a sentence of the chapter move a control; it gives the element, if there is one.
function assemble(root, { title, controls, panels, note }) {
  const words = make("p", { class: "paint-words" });
  const said = make("p", { class: "paint-said", "aria-live": "polite" });
  const output = make("div", { class: "paint-panels", "data-output": "" }, ...panels);
  let [rest, begun] = [null, false];
  for (const gesture of ["pointerdown", "keydown", "input", "click"]) root.addEventListener(gesture, () => { begun = true; }, true);
  root.addEventListener("input", () => motion.stop?.(), true);
  root.set = (name, wanted) => {
    const fits = settings.has(name) ? name : [...settings.keys()].find((key) => key.startsWith(name));
    const element = fits && settings.get(fits)(wanted);
    element?.closest?.("details")?.setAttribute("open", "");
    return element;
  };
  root.querySelector(".fallback").replaceWith(
    make("p", { class: "paint-heading" }, title), make("div", { class: "paint-controls" }, ...controls), output, words, said,
    make("p", { class: "paint-note" }, note));
  const speak = () => { if (begun && !motion.running) said.textContent = words.textContent; };
  motion.ended = speak;
  return (state, sentence) => {
    output.setAttribute("data-state", state);
    if (words.textContent === sentence) return;
    const first = !words.textContent;
    words.textContent = sentence;
    clearTimeout(rest);
    if (!first) rest = setTimeout(speak, 700);
  };
}
