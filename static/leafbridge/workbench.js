// Linking with the keyboard: arrows choose a row, Enter links its best suggestion, u undoes, / searches.
(() => {
  const rows = () => [...document.querySelectorAll("[data-workbench] > [data-row]")];
  const isTyping = (element) => element.matches("input, textarea, select, [contenteditable]");

  function choose(step) {
    const all = rows();
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)];
    if (next) {
      next.focus();
      next.scrollIntoView({ block: "nearest" });
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !document.querySelector("#workbench")) return;
    const focused = document.activeElement;
    if (isTyping(focused)) {
      if (event.key === "Escape") focused.blur();
      if (event.key !== "ArrowDown" || focused.id !== "id_q") return;
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && focused.matches("[data-row]")) {
      event.preventDefault();
      focused.querySelector("[data-best] form[data-link]")?.requestSubmit();
    } else if (event.key === "u") {
      document.querySelector("form[data-undo]")?.requestSubmit();
    } else if (event.key === "/") {
      event.preventDefault();
      document.querySelector("#id_q")?.focus();
    }
  });

  // A linked row is swapped: go on with the one that now stands in its place's successor.
  let place = -1;
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.matches?.("[data-row]")) place = rows().indexOf(event.detail.target);
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (place < 0) return;
    const all = rows();
    (all[place + 1] || all[place])?.focus();
    place = -1;
  });
})();
