// What the page tests ask of a page; each function runs inside it.
window.page = {
  moved: 0,
  kilobytes: () => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .filter((e) => !e.name.startsWith("data:")).reduce((sum, e) => sum + e.decodedBodySize, 0) / 1000,
  place: (e) => [e.loading, e.getAttribute("width"), e.getAttribute("height")],

  // What axe, once it is on the page, finds against it.
  async violations() {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.flatMap((v) => v.nodes.slice(0, 3).map((n) => `${v.id} (${v.impact}): ${n.html.slice(0, 120)}`));
  },

  // Elements that stick out of a narrow screen, unless a box in the article scrolls them.
  wide(width) {
    const scrolls = (e) => {
      for (let box = e.parentElement; box && !box.matches("article, main"); box = box.parentElement)
        if (getComputedStyle(box).overflowX !== "visible" && box.getBoundingClientRect().right <= width) return true;
      return false;
    };
    return [...document.querySelectorAll("main *")]
      .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > width)
      .filter((e) => !e.closest(".bd-sidebar-primary, .bd-sidebar-secondary, dialog") && !scrolls(e))
      .map((e) => e.outerHTML.slice(0, 120));
  },

  // What a reader cannot see whole: code, figures or equations beyond the column, boxes that hide what they hold or
  // scroll without a sign of it, and equations' numbers out of sight.
  cut() {
    const bad = [];
    const seen = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest("details:not([open]) > :not(summary)");
    const report = (what, e) => bad.push(`${what}: ${e.outerHTML.slice(0, 100)} ${e.scrollWidth} > ${e.clientWidth}`);
    const column = document.querySelector("article").getBoundingClientRect();
    for (const e of document.querySelectorAll("article :is(pre, img, svg, canvas, table, mjx-container[display])")) {
      if (!seen(e)) continue;
      const box = e.closest(".scrolls"), { left, right } = e.getBoundingClientRect();
      if (!box && (right > column.right + 1 || left < column.left - 1)) report("beyond the column", e);
      const hides = e.matches("pre, mjx-container") && e.scrollWidth > e.clientWidth + 1;
      if (hides && e.closest(".cell_input")) report("code does not wrap", e);
      else if (hides && !(e.matches(".scrolls") && e.tabIndex === 0)) report("scrolls without a sign", e);
    }
    for (const e of document.querySelectorAll("article mjx-container:not([display])"))
      if (seen(e) && !e.closest(".scrolls") && e.getBoundingClientRect().right > column.right + 1) report("formula beyond the column", e);
    for (const e of document.querySelectorAll("article .pst-scrollable-table-container"))
      if (seen(e) && e.scrollWidth > e.clientWidth + 1 && !e.matches(".scrolls")) report("scrolls without a sign", e);
    for (const e of document.querySelectorAll("article mjx-labels")) {
      const math = e.closest("div.math"), { left, right } = e.getBoundingClientRect();
      const below = math?.matches(".long") && /\S/.test(math.dataset.number);
      if (seen(e.closest("mjx-container")) && !below && (right > column.right + 1 || left < column.left)) report("number out of sight", e);
    }
    return bad;
  },

  // How large the smallest letters are that cells print.
  smallPrint: () => Math.min(99, ...[...document.querySelectorAll("article div.output pre")]
    .filter((e) => e.checkVisibility()).map((e) => parseFloat(getComputedStyle(e).fontSize))),

  // Tables, equations and outputs that have to be scrolled sideways.
  sideways: () => [...document.querySelectorAll("article :is(.pst-scrollable-table-container, mjx-container[display], div.output pre).scrolls")]
    .filter((e) => e.checkVisibility()).map((e) => `${e.scrollWidth} > ${e.clientWidth}: ${e.textContent.slice(0, 80)}`),
  frames: () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),

  // [alternative text, markup] of each picture that is no mere ornament.
  pictures() {
    const ornament = (e) => e.tagName !== "IMG" && e.closest('[aria-hidden="true"], mjx-container, button, a, summary');
    const partOfOne = (e) => e.tagName !== "IMG" && !e.matches('[role="img"]') && e.closest('[role="img"]');
    const named = (e) => document.getElementById(e.getAttribute("aria-labelledby"))?.textContent;
    const text = (e) => e.getAttribute("alt") || e.getAttribute("aria-label") || named(e)
      || e.querySelector("title")?.textContent || "";
    return [...document.querySelectorAll("main img, main svg, main canvas")]
      .filter((e) => !ornament(e) && !partOfOne(e))
      .map((e) => [text(e), e.outerHTML.slice(0, 120)]);
  },

  // Texts whose contrast with what lies behind them is below the minimum (WCAG 2.2).
  lowContrast(minimum) {
    const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (css) => {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = css;
      pen.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    };
    const over = (under, top) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3]));
    const ground = (e) => {
      const layers = [];
      for (let box = e; box; box = box.parentElement) {
        layers.unshift(rgba(getComputedStyle(box).backgroundColor));
        if (layers[0][3] === 1) break;
      }
      return layers.reduce(over, [255, 255, 255]);
    };
    // What a drawing's text stands on: a disc or a box that is drawn before it in its group, or the page.
    const beneath = (e, svg) => {
      const { left, right, top, bottom } = e.getBoundingClientRect(), x = (left + right) / 2, y = (top + bottom) / 2;
      const shapes = [...e.parentElement.querySelectorAll(":scope > circle, :scope > rect")].filter((shape) => {
        const box = shape.getBoundingClientRect(), first = shape.compareDocumentPosition(e) & 4;
        return first && getComputedStyle(shape).fill !== "none" && box.left < x && x < box.right && box.top < y && y < box.bottom;
      });
      return shapes.reduce((under, shape) => over(under, rgba(getComputedStyle(shape).fill)), ground(svg));
    };
    const linear = (c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const luminance = (c) => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
    const bad = new Set();
    const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    for (let node; (node = texts.nextNode()); ) {
      const e = node.parentElement, svg = e.closest("svg"), words = node.textContent.trim();
      if (!words || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
      if (e.closest('script, style, [aria-hidden="true"], title, desc, .headerlink, button.copybtn')) continue;
      const behind = svg ? beneath(e, svg) : ground(e), style = getComputedStyle(e);
      const pair = [luminance(over(behind, rgba(svg ? style.fill : style.color))), luminance(behind)];
      const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
      if (ratio < minimum) bad.add(`${ratio.toFixed(2)}: ${words.slice(0, 50)} (${e.outerHTML.slice(0, 60)})`);
    }
    return [...bad];
  },

  // What the reader sees of an interactive's outputs: their markup, and the pixels of canvases.
  shown(box) {
    const canvases = (e) => [e, ...e.querySelectorAll("canvas")].map((c) => c.toDataURL?.() ?? "").join();
    return [...box.querySelectorAll("[data-output]")].map((e) => e.outerHTML + canvases(e));
  },

  filters: () => [...document.querySelectorAll("article :is(img, canvas, svg)")].map((e) => getComputedStyle(e).filter),
  links: () => [...document.querySelectorAll("a[href]")].map((e) => new URL(e.getAttribute("href"), document.baseURI).href),
  isDark: () => getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).every((c) => c < 60),
  focus() {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
    return [outlineStyle, parseFloat(outlineWidth)];
  },
  async ready() {
    if (window.MathJax?.startup) await MathJax.startup.promise;
    await document.fonts.ready;
  },
};
new PerformanceObserver((list) => list.getEntries().forEach((e) => { if (!e.hadRecentInput) page.moved += e.value; }))
  .observe({ type: "layout-shift", buffered: true });
