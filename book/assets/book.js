// A box that scrolls sideways must be reachable by keyboard.
addEventListener("load", () => {
  for (const box of document.querySelectorAll(".pst-scrollable-table-container, div.math, div.cell_output, div.output, div.highlight pre, mjx-container[display]"))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
});
