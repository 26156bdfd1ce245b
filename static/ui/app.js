// The few things HTML and htmx cannot do alone. No page needs this file to work.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;
  const dialog = $("dialog"); // a dialog's own page has none: there its content is the page
  const TOAST_MS = 7000; // long enough to read two sentences
  // A charge whose answer got lost is usually decided by then; a network may be away for longer.
  const ASK_AFTER_MS = [2000, 4000, 8000, 15000];
  const UNKNOWN = "We couldn't confirm this payment yet. Don't pay again. This page asks until it knows.";
  const NOTHING = "The payment was not started, so nothing was charged. Try again.";
  const PROGRESS_MS = 2000; // often enough to see it move, seldom enough to be read aloud
  let opener = null;
  root.classList.add("has-js");

  // --- toasts -------------------------------------------------------------------------------
  function toast(text, tone, stays) {
    const box = document.createElement("div");
    box.className = `toast ${tone || ""}`;
    const line = document.createElement("p");
    line.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "×";
    close.setAttribute("aria-label", "Dismiss");
    close.addEventListener("click", () => box.remove());
    box.append(line, close);
    (dialog && dialog.open ? dialog : document.body).append($("toasts")); // above the dialog's backdrop
    $("toasts").append(box);
    if (tone !== "danger" && !stays) setTimeout(() => box.remove(), TOAST_MS);
    return box;
  }

  // --- dialog -------------------------------------------------------------------------------
  function focusInvalid(area) {
    const target = area.querySelector("[data-focus]") || area.querySelector("input[aria-invalid=true], select[aria-invalid=true], textarea[aria-invalid=true], [aria-invalid=true] input");
    if (target) target.focus();
    return Boolean(target);
  }
  function closeDialog() {
    if (dialog && dialog.open) dialog.close();
  }
  function closed() {
    document.body.append($("toasts"));
    $("dialog-body").replaceChildren(); // also ends what polls inside
    const back = opener && opener.isConnected ? opener : $("main");
    opener = null;
    back.focus({ preventScroll: true });
  }
  if (dialog) {
    dialog.addEventListener("close", closed);
    dialog.addEventListener("click", (event) => {
      if (event.target.closest("[data-close]")) {
        event.preventDefault();
        closeDialog();
      }
    });
  }
  document.body.addEventListener("dialog-close", closeDialog);
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (dialog && !dialog.open && event.detail.target === $("dialog-body")) opener = event.detail.elt;
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, target } = event.detail;
    const explains = [400, 403, 404, 409, 429].includes(xhr.status);
    if (target !== $("dialog-body") || !explains) return;
    event.detail.shouldSwap = true;
    event.detail.isError = false; // said in the dialog: nothing for the console
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target !== $("dialog-body") || !$("dialog-body").firstElementChild) return;
    const opens = dialog && !dialog.open;
    if (opens) dialog.showModal();
    $("dialog-body").querySelectorAll("[data-all]").forEach(showAll);
    const first = $("dialog-body").querySelector(".dialog-body :is(input:not([type=hidden], :disabled), select, textarea)");
    // What had the focus may be gone: then it goes on in what took its place, as when the dialog opens.
    const keeps = !opens && $("dialog-body").contains(document.activeElement);
    if (focusInvalid($("dialog-body")) || keeps || !first) return;
    first.focus();
    if (first.select) first.select(); // as with Tab, so that typing replaces what stands there
  });

  // --- one click, one charge ----------------------------------------------------------------
  function setBusy(form, busy) {
    form.toggleAttribute("data-busy", busy);
    if (busy) form.setAttribute("aria-busy", "true");
    else form.removeAttribute("aria-busy");
    // Also those that stand elsewhere and name the form.
    for (const button of form.elements) button.classList.remove("is-busy");
  }
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.hasAttribute("data-busy")) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    setBusy(form, true);
    const pressed = event.submitter; // hidden: what Enter presses, in the place of the first that is seen
    const button = pressed && !pressed.hidden ? pressed : form.querySelector(".btn-primary");
    if (button) button.classList.add("is-busy");
  }, true);
  // What a form only asks, such as a quote, may be answered while it is being sent: that ends nothing, and leads nowhere.
  const asks = (event) => event.detail.requestConfig.verb === "get";
  const busyForm = (event) => event.detail.elt.closest && event.detail.elt.closest("form[data-busy]");
  const release = (event) => {
    const form = busyForm(event);
    if (form && !asks(event) && !(unknown && unknown.form === form)) setBusy(form, false);
  };
  document.addEventListener("htmx:afterRequest", release);
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    if (asks(event) && busyForm(event) && event.detail.xhr.getResponseHeader("HX-Redirect")) event.preventDefault();
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-busy]").forEach((form) => setBusy(form, false)));

  // --- what the server has to know of the page; another tab may have switched the account -------
  let opened = ""; // the address of what the dialog shows; what a list has sent has none
  document.addEventListener("htmx:afterRequest", (event) => {
    const { target, successful, requestConfig, pathInfo } = event.detail;
    if (!successful || target !== $("dialog-body")) return;
    if (requestConfig.verb === "get") opened = pathInfo.finalRequestPath || pathInfo.requestPath;
    else if (dialog && !dialog.contains(requestConfig.elt)) opened = "";
  });
  document.addEventListener("htmx:configRequest", (event) => {
    const elt = event.detail.elt;
    const inDialog = dialog && dialog.contains(elt) ? opened : "";
    const kept = event.detail.verb === "post" && (asItIs(elt.closest("form[data-keep]")) || inDialog);
    if (kept) event.detail.headers["X-Dialog-URL"] = kept; // where to come back to after a log-in
    if (!dialog) event.detail.headers["X-No-Dialog"] = "1"; // then there is none to close
    if (document.body.dataset.account) event.detail.headers["X-Page-Account"] = document.body.dataset.account;
  });

  function asItIs(form) {
    if (!form) return "";
    const fields = [...new FormData(form)].filter(([name]) => form.dataset.keep.split(" ").includes(name));
    return `${form.getAttribute("action")}?${new URLSearchParams(fields)}`;
  }

  // --- when the answer does not arrive: nobody pays again, and its outcome is asked for ---------
  let unknown = null;
  let lost = null;
  function failed(event) {
    const form = event.detail.elt.closest && event.detail.elt.closest("form[data-money]");
    const status = event.detail.xhr ? event.detail.xhr.status : 0;
    if (status >= 400 && status < 500) return;
    if (form && event.detail.requestConfig && event.detail.requestConfig.verb === "post") {
      setBusy(form, true);
      unknown = { form, url: form.dataset.outcomeUrl, times: 0 };
      say(form, UNKNOWN);
      askLater();
    } else if (event.detail.elt.id !== "low-balance" && !event.detail.elt.hasAttribute("data-quiet")) {
      if (lost) lost.remove();
      lost = toast("Something went wrong. Check your connection and try again.", "danger");
    }
  }
  // No longer true once something arrives.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!lost || !event.detail.successful || event.detail.elt.hasAttribute("data-quiet")) return;
    lost.remove();
    lost = null;
  });
  function say(form, text) {
    const body = form.querySelector(".dialog-body");
    if (!body) {
      unknown.note = toast(text, "", true); // until it is known, however long that takes
      return;
    }
    const note = document.createElement("div");
    note.className = "note warn";
    note.setAttribute("role", "alert");
    note.textContent = text;
    unknown.note = note;
    body.prepend(note);
    note.scrollIntoView({ block: "nearest" });
  }
  function askLater() {
    clearTimeout(unknown.timer);
    unknown.timer = setTimeout(ask, ASK_AFTER_MS[Math.min(unknown.times++, ASK_AFTER_MS.length - 1)]);
  }
  async function ask() {
    const asked = unknown;
    clearTimeout(asked.timer);
    let status = 0;
    try {
      // Only whether there is something to show: htmx fetches and shows it.
      status = (await fetch(asked.url, { method: "HEAD", cache: "no-store" })).status;
      if (status >= 500) throw new Error(String(status));
    } catch {
      if (unknown === asked) askLater();
      return;
    }
    if (unknown !== asked) return;
    unknown = null;
    setBusy(asked.form, false);
    if (status === 204 && asked.form.contains(asked.note)) {
      asked.note.textContent = NOTHING;
      return;
    }
    asked.note.remove();
    window.htmx.ajax("GET", asked.url, { target: "#dialog-body", swap: "innerHTML" });
  }
  window.addEventListener("online", () => unknown && ask());
  ["htmx:sendError", "htmx:timeout", "htmx:responseError"].forEach((name) => document.addEventListener(name, failed));

  // --- files: how far a long one is, and its refusals in the dialog -----------------------------
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.hasAttribute("data-file") || !(dialog && dialog.open)) return;
    event.preventDefault();
    if (form.hasAttribute("data-busy")) return;
    const address = `${form.action}?${new URLSearchParams(new FormData(form))}`;
    const told = form.querySelector("[data-progress]");
    setBusy(form, true);
    form.querySelector(".btn-primary").classList.add("is-busy");
    takeFile(address, (text) => { told.textContent = text; })
      .catch(() => { told.textContent = "The file broke off, and nothing of it was kept. Try again."; })
      .finally(() => setBusy(form, false));
  });
  async function takeFile(address, tell) {
    tell("Preparing the file…");
    const answer = await fetch(address);
    const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") || "");
    if (!name) return window.htmx.ajax("GET", address, { target: "#dialog-body", swap: "innerHTML" });
    const parts = [];
    let size = 0;
    let toldAt = 0;
    const reader = answer.body.getReader();
    for (let bite = await reader.read(); !bite.done; bite = await reader.read()) {
      parts.push(bite.value);
      size += bite.value.length;
      if (Date.now() - toldAt < PROGRESS_MS) continue;
      toldAt = Date.now();
      tell(`${megabytes(size)} so far…`);
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(parts));
    link.download = name[1];
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), TOAST_MS);
    tell(`Done: ${megabytes(size)}.`);
  }
  function megabytes(size) {
    return size < 100000 ? `${Math.ceil(size / 1000)} KB` : `${(size / 1e6).toFixed(1)} MB`;
  }

  // --- menus, copy, theme, chips ---------------------------------------------------------------
  // Not in a style attribute: htmx would copy it into the next page, which the policy refuses.
  const placing = new CSSStyleSheet();
  document.adoptedStyleSheets = [placing];
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (event.newState !== "open" || !menu.classList.contains("menu")) return;
    const button = document.querySelector(`[popovertarget="${menu.id}"]`).getBoundingClientRect();
    menu.classList.add("placed");
    const left = button.left + menu.offsetWidth > innerWidth - 8 ? button.right - menu.offsetWidth : button.left;
    const below = button.bottom + 4;
    const top = below + menu.offsetHeight > innerHeight - 8 ? button.top - 4 - menu.offsetHeight : below;
    placing.replaceSync(`.menu.placed { left: ${Math.max(8, left)}px; top: ${Math.max(8, top)}px; }`);
  }, true);
  // --- bars: read by pointing, tapping, or with the arrow keys ---------------------------------
  function readBar(bar) {
    const box = bar.closest("[data-bars]");
    const said = box.parentElement.querySelector("[data-bar-text]");
    said.textContent = bar.getAttribute("aria-label");
    for (const each of box.querySelectorAll(".bar")) each.setAttribute("tabindex", each === bar ? "0" : "-1");
  }
  for (const kind of ["pointerover", "focusin", "click"]) document.addEventListener(kind, (event) => {
    const bar = event.target.closest(".bar");
    if (bar) readBar(bar);
  });
  document.addEventListener("keydown", (event) => {
    const bar = event.target.closest(".bar");
    if (!bar) return;
    const bars = [...bar.closest("[data-bars]").querySelectorAll(".bar")];
    const at = bars.indexOf(bar);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: bars.length - 1 }[event.key];
    if (to === undefined || !bars[to]) return;
    event.preventDefault();
    bars[to].focus();
  });
  document.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) copyText(copy.dataset.copy);
    const theme = event.target.closest("[data-theme-choice]");
    if (theme) chooseTheme(theme.dataset.themeChoice);
    const chip = event.target.closest("[data-fill]");
    if (chip) fill($(chip.dataset.fillInto), chip.dataset.fill);
    const inMenu = event.target.closest("[popover] :is(a, button)");
    if (inMenu && !theme) inMenu.closest("[popover]").hidePopover();
  });
  // One tick for all of a list that can be ticked; some of them show as neither.
  const ticks = (all) => [...all.form.elements].filter((one) => one.name === all.dataset.all && !one.disabled);
  function showAll(all) {
    const boxes = ticks(all);
    const on = boxes.filter((one) => one.checked).length;
    all.checked = on > 0 && on === Number(all.dataset.of || boxes.length);
    all.indeterminate = on > 0 && !all.checked;
  }
  document.addEventListener("change", (event) => {
    const box = event.target;
    if (box.dataset.all) ticks(box).forEach((one) => { one.checked = box.checked; });
    else if (box.form && box.type === "checkbox") box.form.querySelectorAll("[data-all]").forEach(showAll);
  }, true);
  // What was wrong with a field is no longer true once it is changed.
  document.addEventListener("input", (event) => {
    const field = event.target.closest(".field");
    if (!field || event.target.closest("[aria-invalid=true]") === null) return;
    field.querySelectorAll(".errors").forEach((errors) => errors.remove());
    field.closest("[aria-invalid=true]")?.removeAttribute("aria-invalid");
    event.target.removeAttribute("aria-invalid");
  });
  function copyText(text) {
    const copied = navigator.clipboard ? navigator.clipboard.writeText(text) : Promise.reject();
    copied.then(() => toast("Copied."), () => toast("Your browser did not copy it. Select it and copy it.", "danger"));
  }
  function fill(input, value) {
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
  function chooseTheme(choice) {
    if (choice === "system") delete root.dataset.theme;
    else root.dataset.theme = choice;
    const age = choice === "system" ? 0 : 31536000;
    const [name, secure] = location.protocol === "https:" ? ["__Host-theme", "; secure"] : ["theme", ""];
    document.cookie = `${name}=${choice}; path=/; max-age=${age}; samesite=lax${secure}`;
    showTheme();
  }
  function showTheme() {
    const chosen = root.dataset.theme || "system";
    document.querySelectorAll("[data-theme-choice]").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.themeChoice === chosen)));
  }
  document.body.addEventListener("toast", (event) => toast(event.detail.text || event.detail.value, event.detail.tone));
  showTheme();
  document.querySelectorAll("[data-all]").forEach(showAll);
  if (!focusInvalid($("main")) && location.hash === "#main") $("main").focus();
})();
