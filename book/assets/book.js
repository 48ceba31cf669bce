// What the pages need beyond the theme: nothing is cut, what scrolls says so, and paper is light.
(() => {
  const least = 0.62;  // of its size: below it an equation scrolls
  const article = () => document.querySelector("article");
  const visible = (e) => e.checkVisibility?.() ?? true;

  // An equation that is wider than its column is set smaller; one that is still too wide scrolls, its number below it.
  function fitEquation(box) {
    const math = box.closest("div.math"), number = box.querySelector("mjx-labels");
    box.dataset.size ??= box.style.fontSize || "100%";
    box.style.fontSize = box.dataset.size;
    math?.classList.remove("long");
    const share = box.clientWidth / box.scrollWidth;
    if (share >= 1) return;
    box.style.fontSize = `${parseFloat(box.dataset.size) * Math.max(least, 0.98 * share)}%`;
    if (number && box.scrollWidth > box.clientWidth + 1) {
      math.dataset.number = box.querySelector("mlabeledtr > mtd")?.textContent ?? "";
      math.classList.add("long");
    }
  }

  // A box that scrolls sideways fades where there is more, and must be reachable by keyboard.
  function mark(box) {
    const more = box.scrollWidth - box.clientWidth;
    box.classList.toggle("scrolls", more > 1);
    box.classList.toggle("end", more > 1 && box.scrollLeft >= more - 2);
    if (more > 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }

  const boxes = ".pst-scrollable-table-container, div.output pre, mjx-container[display]";

  function fit() {
    for (const box of article()?.querySelectorAll('mjx-container[display="true"]') ?? []) if (visible(box)) fitEquation(box);
    for (const box of article()?.querySelectorAll(boxes) ?? []) if (visible(box)) mark(box);
  }

  let width = 0;
  addEventListener("load", async () => {
    await window.MathJax?.startup?.promise;
    fit();
    document.addEventListener("toggle", fit, true);
    document.addEventListener("scroll", ({ target }) => target.matches?.(boxes) && mark(target), true);
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
