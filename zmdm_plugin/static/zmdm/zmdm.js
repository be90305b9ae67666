// What pages do beyond links and forms; every page works without it.
"use strict";

const LIVE_SECONDS = 3;
const IDLE_SECONDS = 15;

// The menu folds away on narrow screens.
const side = document.querySelector(".side");
const button = document.querySelector(".menu-button");
if (side && button) {
  const narrow = matchMedia("(max-width: 68rem)");
  const fold = (folded) => {
    side.classList.toggle("folded", folded);
    button.setAttribute("aria-expanded", String(!folded));
  };
  const follow = () => { button.hidden = !narrow.matches; fold(narrow.matches); };
  button.addEventListener("click", () => fold(!side.classList.contains("folded")));
  narrow.addEventListener("change", follow);
  follow();
}

// Of tabs that do not all fit, the present one is in sight; so is the present screen in the menu.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
const present = side?.querySelector("nav [aria-current]");
if (present && side.scrollHeight > side.clientHeight) {
  side.scrollTop = present.offsetTop - (side.clientHeight - present.offsetHeight) / 2;
}

// Of a form that came back, the first field that is at fault: it may be far down.
const faulty = document.querySelector("main .error:not([hidden])")?.closest(".field, fieldset, form");
(faulty?.querySelector("[aria-invalid]") || faulty?.querySelector("input:not([type=hidden]), select, textarea"))?.focus();

// A table that is wider than its frame scrolls by keyboard too.
function reachTables() {
  for (const frame of document.querySelectorAll(".table-frame")) {
    if (frame.scrollWidth > frame.clientWidth) frame.tabIndex = 0;
    else frame.removeAttribute("tabindex");
  }
}
addEventListener("resize", reachTables);
reachTables();

// Filters apply when a choice is made; typed text still waits for Enter.
for (const form of document.querySelectorAll("form[data-submit-on-change]")) {
  form.addEventListener("change", (event) => {
    if (event.target.matches("select, input[type=date]")) form.requestSubmit();
  });
}

// An address without the filters that are not in use is one that people can read and pass on.
for (const form of document.querySelectorAll("form.filters[method=get]")) {
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
}

// "/" goes to the search, as in most lists.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const field = document.querySelector("[data-hotkey='/']");
    if (field) { event.preventDefault(); field.focus(); field.select(); }
  }
  if (event.key === "Escape") {
    for (const open of document.querySelectorAll("details.drop[open]")) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  }
});
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.drop[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

// A second look before what is hard to undo, and no order sent twice by a double click.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && !confirm(form.dataset.confirm)) { event.preventDefault(); return; }
  if (form.method === "post") {
    if (form.dataset.sent) { event.preventDefault(); return; }
    if (!form.matches("[data-download]")) form.dataset.sent = "yes";
  }
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// Bulk actions: tick all rows of the page, and see how many are ticked.
for (const form of document.querySelectorAll("form[data-bulk]")) {
  const boxes = [...form.elements].filter((item) => item.type === "checkbox");
  const all = document.querySelector("[data-bulk-all]");
  const said = form.querySelector("[data-bulk-count]");
  const everything = form.elements.namedItem("all");
  const show = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    said.textContent = everything.value ? "" : `${ticked} selected`;
    form.querySelector("button").disabled = !everything.value && !ticked;
    all.checked = ticked > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  };
  all.hidden = false;
  all.addEventListener("change", () => { for (const box of boxes) box.checked = all.checked; show(); });
  for (const item of [...boxes, everything]) item.addEventListener("change", show);
  addEventListener("pageshow", show);
  form.addEventListener("formdata", (event) => { if (everything.value) event.formData.delete("id"); });
  show();
}

// Copying needs the clipboard, which browsers give to secure pages only.
function offerCopies(part) {
  for (const button of part.querySelectorAll("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      button.textContent = "Copied";
    });
  }
}
offerCopies(document);

// A secret is shown where it was asked for, and hidden again by a button or after a minute.
const SHOWN_SECONDS = 60;
function showSecrets(place, answer, again) {
  const page = new DOMParser().parseFromString(answer, "text/html");
  const found = page.querySelectorAll("[data-secret]");
  if (!found.length) return false;
  place.replaceChildren();
  const hide = () => { place.replaceChildren(); again.hidden = false; again.focus(); };
  for (const cell of found) {
    const value = Object.assign(document.createElement("p"), { className: "code", id: cell.id, textContent: cell.textContent });
    const copy = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: "Copy" });
    copy.dataset.copy = cell.id;
    const said = Object.assign(document.createElement("span"), { className: "soft", textContent: `${cell.dataset.secret} ` });
    const line = document.createElement("p");
    line.append(said, copy);
    place.append(value, line);
  }
  const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: "Hide" });
  button.addEventListener("click", hide);
  place.append(button);
  offerCopies(place);
  again.hidden = true;
  button.focus();
  setTimeout(() => { if (place.contains(button)) hide(); }, SHOWN_SECONDS * 1000);
  return true;
}
for (const form of document.querySelectorAll("form[data-reveal]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    const place = document.getElementById(form.dataset.reveal);
    const again = form.querySelector("button");
    again.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "error" });
      const said = await answer.text();
      if (!answer.ok || !showSecrets(place, said, again)) {
        const why = new DOMParser().parseFromString(said, "text/html").querySelector("main p:not(.trail)");
        place.textContent = why ? why.textContent.trim() : "That did not work.";
      }
    } catch { place.textContent = "The server did not answer. Try again."; }
    again.disabled = false;
  });
}

// Long tables narrow as one types.
for (const field of document.querySelectorAll("[data-narrow]")) {
  const rows = [...document.getElementById(field.dataset.narrow).tBodies[0].rows];
  field.closest(".narrow").hidden = false;
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}

// Parts that move are fetched again while somebody looks, quickly while something is under way.
// What has the keyboard's focus or a selection stays: nobody's place is taken away.
function watch() {
  const part = document.querySelector("[data-live]");
  if (!part) return;
  const seconds = part.dataset.busy === "yes" ? LIVE_SECONDS : IDLE_SECONDS;
  setTimeout(async () => {
    try {
      const selecting = !getSelection().isCollapsed && part.contains(getSelection().anchorNode);
      if (!document.hidden && !selecting && !part.contains(document.activeElement)) {
        const answer = await fetch(part.dataset.live, { headers: { Accept: "text/html" }, redirect: "error" });
        if (!answer.ok) return;
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
        if (fresh) part.replaceWith(fresh);
      }
    } catch { /* the server is away for a moment: the next round asks again */ }
    watch();
  }, seconds * 1000);
}
watch();

// An upload shows how far it is; without this the browser sends the form, and shows nothing.
for (const form of document.querySelectorAll("form[data-upload]")) {
  const part = (name) => form.querySelector(`[data-upload-${name}]`);
  const fault = (words) => {
    part("fault").textContent = words;
    part("fault").hidden = false;
    part("progress").hidden = true;
    form.querySelector("button").disabled = false;
    delete form.dataset.sent;
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const request = new XMLHttpRequest();
    request.open("POST", location.href);
    request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    request.responseType = "json";
    request.upload.addEventListener("progress", (sent) => {
      const share = sent.lengthComputable ? Math.floor(100 * sent.loaded / sent.total) : 0;
      form.querySelector("progress").value = share;
      part("share").textContent = share < 100 ? `${share} %` : "It is being read …";
    });
    request.addEventListener("load", () => {
      if (request.status === 200 && request.response) location.assign(request.response.to);
      else fault(request.response?.error || `The server answered ${request.status}.`);
    });
    request.addEventListener("error", () => fault("The connection broke off. Try again."));
    part("fault").hidden = true;
    part("progress").hidden = false;
    form.querySelector("button").disabled = true;
    request.send(new FormData(form));
  });
}
