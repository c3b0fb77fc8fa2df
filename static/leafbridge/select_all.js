// One box that selects all the others of its form.
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-select-all]")) return;
  const form = event.target.closest("form");
  form.querySelectorAll("input[name=chosen]").forEach((box) => (box.checked = event.target.checked));
});
