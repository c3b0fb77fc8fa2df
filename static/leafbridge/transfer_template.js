// The form of a transfer template: picking from Metrc's lists fills the fields beside it, the chosen
// type shows what it asks for, and nothing is sent that was changed since it was shown.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("lb-template");
  if (!form) return;
  const types = form.querySelector("[data-types]");
  const send = form.querySelector("[data-send]");
  const unsaved = form.querySelector("[data-unsaved]");

  const showNeeded = () => {
    const needs = (types.selectedOptions[0]?.dataset.needs || "").split(" ");
    form.querySelectorAll("[data-needed-by]").forEach((part) => {
      part.hidden = !part.dataset.neededBy.split(" ").some((need) => needs.includes(need));
    });
  };

  const noteChange = () => {
    if (send) send.hidden = true;
    unsaved.hidden = false;
  };

  form.querySelectorAll("[data-pick]").forEach((pick) => {
    pick.addEventListener("change", () => {
      const chosen = pick.selectedOptions[0];
      Object.entries(chosen.dataset).forEach(([name, value]) => {
        const field = form.elements[name];
        if (field) field.value = value;
      });
    });
  });
  types.addEventListener("change", showNeeded);
  form.addEventListener("input", noteChange);
  form.addEventListener("change", noteChange);
  showNeeded();
});
