// What moves: a film, curves to scrub, points to drag. As in ui.js, nothing here knows what is shown.

const motion = { running: false, stop: null, ended: null };  // of this interactive, for `assemble`

// A control whose film runs from its upper end to its lower one.
const backwards = (control) => ({ get share() { return 1 - control.share; }, set share(part) { control.share = 1 - part; } });

// A row of buttons: play or pause, loop, and what begins anew, {name: function}. The film moves `control`, which has a
// `share` from 0 to 1, and draws by `render`; it goes on from where the control stands. Where motion is unwelcome, it
// goes to its end at once.
function transport(name, seconds, control, render, anew) {
  let turn = 0;
  const play = button(name, () => (motion.running ? film.stop() : film.play()));
  const loop = button("Loop", () => { loop.setAttribute("aria-pressed", !looping()); if (looping() && !motion.running) film.play(); });
  loop.setAttribute("aria-pressed", false);
  const looping = () => loop.getAttribute("aria-pressed") === "true";
  const show = (share) => {
    const before = control.share;
    control.share = share;
    if (control.share !== before) render();
  };
  const film = {
    stop() {
      turn += 1;
      if (!motion.running) return;
      motion.running = false;
      play.textContent = name;
      motion.ended?.();
    },
    play() {
      if (calm) return show(control.share < 1 ? 1 : 0);
      const mine = ++turn;
      motion.running = true;
      play.textContent = "Pause";
      const from = (share) => {
        const begin = performance.now() - 1000 * seconds * share;
        const tick = (now) => {
          if (mine !== turn || !play.isConnected) return;
          const part = Math.min(1, Math.max(0, (now - begin) / (1000 * seconds)));
          show(part);
          if (part < 1) requestAnimationFrame(tick);
          else if (looping()) setTimeout(() => { if (mine === turn) from(0); }, 900);
          else film.stop();
        };
        requestAnimationFrame(tick);
      };
      from(control.share < 1 ? control.share : 0);
    },
  };
  motion.stop = film.stop;
  const others = Object.entries(anew).map(([words, begin]) => button(words, () => { film.stop(); begin(); render(); }));
  return { ...film, element: make("div", { class: "paint-choice paint-wide" }, play, loop, ...others) };
}

// Drag along a panel's x axis to move a slider; `value` turns x into the slider's value. A finger that goes up or down
// scrolls the page.
function scrub(panel, control, value = (x) => x) {
  const to = (event) => control.move(value(panel.at(event)[0]));
  let held = null;
  panel.svg.classList.add("scrub");
  panel.svg.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, y: event.clientY, along: event.pointerType === "mouse" };
    panel.svg.setPointerCapture(event.pointerId);
    if (held.along) to(event);
  });
  panel.svg.addEventListener("pointermove", (event) => {
    if (!held) return;
    held.along ||= Math.abs(event.clientX - held.x) > 3 + Math.abs(event.clientY - held.y);
    if (held.along) to(event);
  });
  panel.svg.addEventListener("pointerup", (event) => { if (held) to(event); held = null; });
  panel.svg.addEventListener("pointercancel", () => { held = null; });
}

// Points of a plane that can be dragged, or moved by the arrow keys: {name, mark, get, set, here}. `mark` is drawn at
// [0, 0]; `here` says whether the point is there now. A finger that begins beside them scrolls the page.
function movable(plane, points, { near, step = 0.1 }, change) {
  const place = (p, spot) => { motion.stop?.(); p.set(spot); change(); };
  for (const p of points) {
    p.here ??= () => true;
    p.element = make("g", { class: "handle", tabindex: 0, role: "slider", "aria-label": p.name, "aria-valuenow": 0 }, p.mark);
    p.element.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!way) return;
      event.preventDefault();
      place(p, p.get().map((v, i) => v + way[i] * step * (event.shiftKey ? 5 : 1)));
    });
    settings.set(p.name, (wanted) => { place(p, wanted.split(" ").map(Number)); return p.element; });
  }
  const nearest = (event) => {
    const spot = plane.at(event);
    return points.filter((p) => p.here()).map((p) => [Math.hypot(...p.get().map((v, i) => v - spot[i])), p])
      .filter(([distance]) => distance < near).sort((a, b) => a[0] - b[0])[0]?.[1];
  };
  let held = null;
  plane.svg.addEventListener("pointerdown", (event) => {
    held = nearest(event);
    if (held) plane.svg.setPointerCapture(event.pointerId);
  });
  plane.svg.addEventListener("pointermove", (event) => { if (held) place(held, plane.at(event)); });
  for (const name of ["pointerup", "pointercancel"]) plane.svg.addEventListener(name, () => { held = null; });
  plane.svg.addEventListener("touchstart", (event) => { if (nearest(event.touches[0])) event.preventDefault(); }, { passive: false });
  return {
    nearest,
    elements: points.map((p) => p.element),
    show() {
      for (const { element, get, here } of points) {
        element.style.display = here() ? "" : "none";
        const [x, y] = get();
        element.setAttribute("transform", `translate(${plane.sx(x) - plane.sx(0)} ${plane.sy(y) - plane.sy(0)})`);
        element.setAttribute("aria-valuetext", `${x.toFixed(1)} across, ${y.toFixed(1)} up`);
      }
    },
  };
}
