// Formulas are set a few at a time, so that the page answers in between; those down to the end of the screen at once, so
// that what one sees moves once. A table is as wide as all its formulas let it be, unless its rows are cards.
if (window.MathJax?.config) {
  const table = (formula) => [formula.closest("table")].find((e) => e && getComputedStyle(e).display === "table");
  const seen = (formula) => (table(formula) ?? formula).getBoundingClientRect().top < innerHeight;
  MathJax.config.startup.pageReady = async () => {
    const formulas = [...document.querySelectorAll(".math")], last = formulas.findLastIndex(seen);
    await new Promise((next) => setTimeout(next));
    if (last >= 0) await MathJax.typesetPromise(formulas.splice(0, last + 1));
    for (let many = 8; formulas.length; ) {
      const begun = performance.now();
      await MathJax.typesetPromise(formulas.splice(0, many));
      many = Math.min(40, Math.max(1, Math.round((many * 30) / (performance.now() - begun))));
      await new Promise((next) => setTimeout(next));
    }
  };
}

// What the pages need beyond the theme: nothing is cut, what scrolls says so, and paper is light.
(() => {
  const least = 0.58;  // of its size: below it an equation scrolls
  const article = () => document.querySelector("article");
  const visible = (e) => e.checkVisibility?.() ?? true;

  // An equation that is wider than its column is set smaller; one that is still too wide scrolls, its number below it.
  // All are measured before one is changed: the page is laid out anew a few times, not once for each of them.
  function fitEquations(equations) {
    for (const box of equations) {
      box.dataset.size ??= box.style.fontSize || "100%";
      box.style.fontSize = box.dataset.size;
      box.closest("div.math")?.classList.remove("long");
    }
    const wide = equations.map((box) => [box, box.clientWidth / box.scrollWidth]).filter(([, share]) => share < 1);
    for (const [box, share] of wide)
      box.style.fontSize = `${parseFloat(box.dataset.size) * Math.max(least, 0.98 * share)}%`;
    const long = wide.filter(([box]) => box.querySelector("mjx-labels") && box.scrollWidth > box.clientWidth + 1);
    for (const [box] of long) {
      const math = box.closest("div.math");
      math.dataset.number = box.querySelector("mlabeledtr > mtd")?.textContent ?? "";
      math.classList.add("long");
    }
  }

  // A formula in the text that is wider than its paragraph is set smaller.
  function fitFormulas(formulas) {
    for (const box of formulas) box.style.fontSize = box.dataset.size ??= box.style.fontSize || "100%";
    const room = (box) => box.closest("p, li, td, th, dd, h1, h2, h3, h4, div").clientWidth;
    const wide = formulas.map((box) => [box, (room(box) - 8) / box.offsetWidth]).filter(([, share]) => share < 1);
    for (const [box, share] of wide) box.style.fontSize = `${parseFloat(box.dataset.size) * share}%`;
  }

  // A box that scrolls sideways fades where there is more, and must be reachable by keyboard.
  const measured = (box) => [box, box.scrollWidth - box.clientWidth, box.scrollLeft];
  function mark([box, more, left]) {
    box.classList.toggle("scrolls", more > 1);
    box.classList.toggle("end", more > 1 && left >= more - 2);
    if (more > 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }

  const boxes = ".pst-scrollable-table-container, div.output pre, mjx-container[display]";
  const shown = (selector) => [...(article()?.querySelectorAll(selector) ?? [])].filter(visible);

  function fit() {
    fitEquations(shown('mjx-container[display="true"]'));
    fitFormulas(shown("mjx-container:not([display])"));
    shown(boxes).map(measured).forEach(mark);
  }

  let width = 0;
  addEventListener("load", async () => {
    if (!article()) return;  // the page of the search
    await window.MathJax?.startup?.promise;
    fit();
    document.addEventListener("toggle", fit, true);
    document.addEventListener("scroll", ({ target }) => target.matches?.(boxes) && mark(measured(target)), true);
    new ResizeObserver(() => { if (width !== (width = article().clientWidth)) fit(); }).observe(article());
  });

  // A page read in the dark is printed light.
  let theme;
  matchMedia("print").addEventListener("change", ({ matches }) => {
    const page = document.documentElement;
    if (matches) [theme, page.dataset.theme] = [page.dataset.theme, "light"];
    else if (theme) page.dataset.theme = theme;
  });
})();

// A sentence that sets a figure: <span data-set="Moves: 1; Sampler: Heun">Set the moves to 1</span>. It works by mouse,
// touch and keyboard on the nearest interactive that has these controls; elsewhere than on the site it is plain text.
(() => {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const middle = (e) => { const { top, bottom } = e.getBoundingClientRect(); return (top + bottom) / 2; };
  const nearest = (sentence) => [...document.querySelectorAll("article .paint-interactive")]
    .sort((a, b) => Math.abs(middle(a) - middle(sentence)) - Math.abs(middle(b) - middle(sentence)));

  let came = null;  // the sentence last pressed: Escape leads back to it

  function act(sentence) {
    const wishes = sentence.dataset.set.split(";").map((wish) => wish.split(/:(.*)/).map((part) => part.trim()));
    for (const box of nearest(sentence)) {
      const set = wishes.map(([name, reading]) => box.set?.(name, reading)).at(-1);
      if (!set) continue;
      came = sentence;
      set.focus({ preventScroll: true });
      const top = box.querySelector(".paint-controls").getBoundingClientRect().top;
      const below = box.querySelector("[data-output]").getBoundingClientRect().bottom - innerHeight;
      const far = top < 70 ? top - 70 : Math.max(0, Math.min(top - 70, below + 10));
      if (far) scrollBy({ top: far, behavior: calm ? "auto" : "smooth" });
      return;
    }
  }

  addEventListener("DOMContentLoaded", () => {
    for (const sentence of document.querySelectorAll("article span[data-set]")) {
      sentence.tabIndex = 0;
      sentence.setAttribute("role", "button");
      sentence.addEventListener("click", () => act(sentence));
    }
    document.addEventListener("keydown", (event) => {
      const sentence = event.target.closest?.("span[data-set]");
      if (sentence && ["Enter", " "].includes(event.key)) {
        event.preventDefault();
        act(sentence);
      } else if (event.key === "Escape" && event.target.closest?.(".paint-interactive")) came?.focus();
    });
  });
})();
