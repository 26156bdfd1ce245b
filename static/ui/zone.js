// The time zone of this device, one tap away from the list of all cities.
"use strict";
(() => {
  const chip = document.querySelector("[data-my-zone]");
  const select = chip && document.getElementById(chip.dataset.myZone);
  const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const option = select && [...select.options].find((one) => one.value === mine);
  if (!option || option.selected) return;
  chip.textContent = `Use this device's: ${option.text}`;
  chip.hidden = false;
  chip.addEventListener("click", () => {
    select.value = mine;
    chip.hidden = true;
    select.focus();
  });
})();
