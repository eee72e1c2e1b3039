// The theme's button that unfolds a part of the menu has no name; say to screen readers what it unfolds.
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll(".has-children > details > summary:not([aria-label])")) {
    const link = button.closest(".has-children").querySelector("a");
    button.setAttribute("aria-label", `Pages under ${link.textContent.trim()}`);
  }
});
