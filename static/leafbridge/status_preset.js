// Choosing a preset fills the table of statuses; changing a row makes the table one's own.
document.addEventListener("DOMContentLoaded", () => {
  const preset = document.querySelector("[data-status-preset]");
  const rows = [...document.querySelectorAll("select[data-flourish], select[data-distru]")];
  if (!preset) return;
  preset.addEventListener("change", () => {
    if (preset.value !== "own") rows.forEach((row) => (row.value = row.dataset[preset.value] ?? ""));
  });
  rows.forEach((row) => row.addEventListener("change", () => (preset.value = "own")));
});
