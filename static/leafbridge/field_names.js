// Django's tables of rows and its pickers leave fields without a name that a screen reader could say:
// a field in a table gets its column's heading, a picker its label.
(() => {
  const text = (node) => (node ? node.textContent.trim() : "");

  const column = (field) => {
    const cell = field.closest("td");
    const table = cell && cell.closest("table");
    if (!table) return "";
    const heads = table.querySelectorAll("thead tr:first-child > *");
    return text(heads[[...cell.parentElement.children].indexOf(cell)]);
  };

  const labelled = (field) =>
    text(field.labels && field.labels[0]) || field.getAttribute("aria-label") || column(field);

  const name = (root) => {
    for (const field of root.querySelectorAll("td input:not([type=hidden]), td select, td textarea")) {
      if (field.labels && field.labels.length) continue;
      const found = column(field);
      if (found && !field.hasAttribute("aria-label")) field.setAttribute("aria-label", found);
    }
    for (const picker of root.querySelectorAll(".select2-container")) {
      const field = picker.previousElementSibling;
      const found = field && field.tagName === "SELECT" ? labelled(field) : "";
      if (!found) continue;
      for (const part of picker.querySelectorAll("[role=combobox], [role=textbox], [role=searchbox]")) {
        part.setAttribute("aria-label", found);
        part.removeAttribute("aria-labelledby");
      }
    }
  };

  const start = () => {
    name(document);
    // Pickers are made by other scripts, and rows are added later.
    let waits = false;
    new MutationObserver(() => {
      if (waits) return;
      waits = true;
      requestAnimationFrame(() => {
        waits = false;
        name(document);
      });
    }).observe(document.body, { childList: true, subtree: true });
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
