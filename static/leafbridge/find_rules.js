// Typing narrows the page to the rules that say it. What is hidden is still saved with the rest.
document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector(".lb-rule-find");
  const field = box?.querySelector("input");
  const rules = [...document.querySelectorAll("[data-rule]")];
  if (!field) return;
  box.hidden = false;
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    rules.forEach((rule) => {
      const text = rule.textContent.toLowerCase();
      rule.hidden = !words.every((word) => text.includes(word));
      found += rule.hidden ? 0 : 1;
    });
    document.querySelectorAll(".lb-rules").forEach((group) => {
      group.hidden = !group.querySelector("[data-rule]:not([hidden])");
    });
    const count = found === 1 ? "1 rule" : `${found} rules`;
    box.querySelector("[role=status]").textContent = words.length ? count : "";
  });
});
