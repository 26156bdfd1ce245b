// Support's pages: a button that copies an answer, and says so. Without it the answer is read and typed.
"use strict";
const SAID_MS = 2000; // long enough to be read
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const said = button.parentElement.querySelector("[data-copied]");
  const copied = navigator.clipboard ? navigator.clipboard.writeText(button.dataset.copy) : Promise.reject();
  copied.then(() => "Copied.", () => "Not copied: select the line and copy it.").then((text) => {
    said.textContent = text;
    clearTimeout(button.forgets);
    button.forgets = setTimeout(() => { said.textContent = ""; }, SAID_MS);
  });
});
