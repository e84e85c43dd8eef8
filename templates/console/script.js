// The console's one script. Everything works without it: it keeps pages alive,
// adds keys, and keeps what was typed when a connection breaks.
"use strict";
(() => {
  const body = document.body;

  // What was typed is kept in this browser until it is sent.
  const dirty = new Set();
  const draftKey = (form) => "otklik:" + location.pathname + ":" + form.getAttribute("action");
  const fieldsOf = (form) => [...form.elements].filter((e) => e.name && !["hidden", "submit", "button", "password"].includes(e.type));
  function keep(form) {
    const values = fieldsOf(form).map((e) => (e.type === "radio" || e.type === "checkbox" ? [e.name, e.value, e.checked] : [e.name, e.value, null]));
    try { sessionStorage.setItem(draftKey(form), JSON.stringify(values)); } catch { /* a full store only costs the draft */ }
  }
  function restore(form) {
    let values = null;
    try { values = JSON.parse(sessionStorage.getItem(draftKey(form)) || "null"); } catch { return; }
    for (const [name, value, checked] of values || []) {
      for (const e of fieldsOf(form)) {
        if (e.name !== name) continue;
        if (checked === null) { if (e.value === "") e.value = value; } else if (e.value === value) e.checked = checked;
        const fold = e.closest("details");
        if (fold && checked === null && e.value) fold.open = true;
      }
    }
  }
  for (const form of document.querySelectorAll("form[data-draft]")) {
    restore(form);
    form.addEventListener("input", () => { dirty.add(form); keep(form); });
    form.addEventListener("submit", () => { dirty.delete(form); try { sessionStorage.removeItem(draftKey(form)); } catch { /* nothing was kept */ } });
  }

  // A live page fetches itself when the server says that something changed, and
  // takes over the marked parts that differ and are not being typed in.
  let fetching = false, again = false;
  async function refresh() {
    if (fetching) { again = true; return; }
    fetching = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Live": "1" }, redirect: "manual" });
      if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* the stream tells when the server is back */ }
    fetching = false;
    if (again) { again = false; refresh(); }
  }
  function swap(next) {
    for (const now of document.querySelectorAll("[data-swap][id]")) {
      const fresh = next.getElementById(now.id);
      if (!fresh || fresh.innerHTML === now.dataset.seen || fresh.isEqualNode(now)) continue;
      if (now.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) continue;
      const held = now.contains(document.activeElement) ? document.activeElement : null;
      const focused = held && held.getAttribute("href"), hold = held && held.dataset.hold;
      const marked = now.querySelector(".at a[data-open], a.at");
      const place = marked ? marked.getAttribute("href") : null;
      const open = [...now.querySelectorAll("details")].map((d) => d.open);
      // Who listens goes on listening. What is loaded stays, and with it how far he has
      // listened: it never leaves this document, which would begin it anew.
      const media = "audio[src], video[src], img[src]";
      if ([...now.querySelectorAll("audio, video")].some((m) => !m.paused)) continue;
      now.dataset.seen = fresh.innerHTML;
      const loaded = new Map([...now.querySelectorAll(media)].map((m) => [m.outerHTML, m]));
      const gaps = [];
      for (const m of fresh.querySelectorAll(media)) {
        const same = loaded.get(m.outerHTML);
        if (!same || !loaded.delete(m.outerHTML)) continue;
        const gap = document.createElement("span");
        m.replaceWith(gap);
        gaps.push([gap, same]);
      }
      now.replaceChildren(...fresh.childNodes);
      for (const [gap, same] of gaps) gap.replaceWith(same);
      [...now.querySelectorAll("details")].forEach((d, i) => { if (open[i]) d.open = true; });
      if (place) { const link = [...now.querySelectorAll("a")].find((a) => a.getAttribute("href") === place); link?.closest("[data-row]")?.classList.add("at"); }
      if (hold) [...now.querySelectorAll("[data-hold]")].find((b) => b.dataset.hold === hold)?.focus();
      else if (focused) [...now.querySelectorAll("a")].find((a) => a.getAttribute("href") === focused)?.focus();
      if (now.hasAttribute("data-bottom")) now.scrollTop = now.scrollHeight;
    }
  }
  if (body.dataset.live && window.EventSource) {
    // A part that waited for its sound to end follows now.
    document.addEventListener("pause", refresh, true);
    const source = new EventSource("/live?page=" + encodeURIComponent(body.dataset.live));
    source.addEventListener("change", refresh);
    // A page that comes back from the browser's cache has missed something.
    addEventListener("pageshow", (e) => { if (e.persisted) refresh(); });
    addEventListener("pagehide", () => source.close());
  }
  for (const screen of document.querySelectorAll("[data-bottom]")) screen.scrollTop = screen.scrollHeight;

  // Forms of the phones send without leaving the page.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.closest(".devices") || event.defaultPrevented) return;
    event.preventDefault();
    const data = new URLSearchParams(new FormData(form, event.submitter));
    const field = form.querySelector("textarea");
    for (const b of form.querySelectorAll("button")) b.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: data });
      if (!answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const said = page.querySelector(".banner.bad");
        document.querySelector(".banner.bad")?.remove();
        if (said) document.querySelector("main").before(said);
      } else {
        if (field) field.value = "";
        document.querySelector(".banner.bad")?.remove();
        swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
      }
    } catch { form.submit(); return; }
    for (const b of form.querySelectorAll("button")) b.disabled = false;
    if (field) field.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.matches(".type textarea")) {
      event.preventDefault();
      if (event.target.value.trim()) event.target.form.requestSubmit();
    }
  });

  // The languages of a text are tabs; without the script they stand below each other.
  for (const group of document.querySelectorAll("[data-tabs]")) {
    const parts = [...group.querySelectorAll(":scope > [data-tab]")], form = group.closest("form"), chosen = form.elements.tab;
    const list = document.createElement("div");
    list.className = "tabs";
    list.setAttribute("role", "tablist");
    const tabs = parts.map((part, i) => {
      const tab = document.createElement("button");
      tab.type = "button"; tab.textContent = part.dataset.title; tab.lang = part.dataset.tab; tab.id = "tab-" + part.dataset.tab;
      tab.setAttribute("role", "tab");
      part.id = "part-" + part.dataset.tab;
      tab.setAttribute("aria-controls", part.id);
      part.setAttribute("role", "tabpanel");
      part.setAttribute("aria-labelledby", tab.id);
      tab.addEventListener("click", () => show(part.dataset.tab));
      tab.addEventListener("keydown", (e) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
        if (step) { const next = tabs[(i + step + tabs.length) % tabs.length]; next.click(); next.focus(); }
      });
      list.append(tab);
      return tab;
    });
    const show = (wanted) => {
      chosen.value = wanted;
      parts.forEach((part, i) => {
        part.hidden = part.dataset.tab !== wanted;
        tabs[i].setAttribute("aria-selected", String(!part.hidden));
        tabs[i].tabIndex = part.hidden ? -1 : 0;
      });
      looks(form);
    };
    group.classList.add("tabbing");
    group.prepend(list);
    show(parts.some((p) => p.dataset.tab === chosen.value) ? chosen.value : parts[0].dataset.tab);
  }
  // Of previews in several languages the one of the tab is shown.
  function looks(form) {
    const all = [...form.querySelectorAll(".looks")], wanted = form.elements.tab.value;
    if (all.length > 1 || all.some((l) => l.dataset.lang === wanted)) for (const l of all) l.hidden = all.length > 1 && l.dataset.lang !== wanted;
  }

  // A preview follows what is typed.
  for (const form of document.querySelectorAll("form[data-preview]")) {
    let waiting = 0, asked = 0;
    const ask = async (as) => {
      const mine = ++asked, data = new URLSearchParams(new FormData(form));
      data.set("do", "preview");
      if (as !== undefined) data.set("as", as);
      try {
        const answer = await fetch(form.action, { method: "POST", body: data, headers: { "X-Live": "1" } });
        if (!answer.ok || mine !== asked) return;
        const next = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const id of ["campaign-preview", "campaign-problems"]) document.getElementById(id).replaceChildren(...next.getElementById(id).childNodes);
        looks(form);
      } catch { /* the next key tries again */ }
    };
    form.addEventListener("input", (e) => { clearTimeout(waiting); waiting = setTimeout(() => ask(e.target.name === "who" ? "" : undefined), 300); });
    form.addEventListener("click", (e) => {
      const other = e.target.closest("[data-preview-as], button[value=preview]");
      if (!other) return;
      e.preventDefault();
      clearTimeout(waiting);
      ask(other.hasAttribute("data-preview-as") ? other.value : undefined);
    });
  }

  // Keys: a page marks what they press with data-key.
  const rows = () => [...document.querySelectorAll("[data-row]")];
  function move(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((r) => r.classList.contains("at"));
    const to = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    for (const r of all) r.classList.remove("at");
    to.classList.add("at");
    const link = to.matches("a") ? to : to.querySelector("a[data-open], a");
    link?.focus({ preventScroll: true });
    to.scrollIntoView({ block: "nearest" });
  }
  function choose(digit) {
    const question = document.activeElement?.closest("[data-question]") || document.querySelector("[data-question]:has(input):not(:has(:checked))");
    const wanted = question?.querySelector('input[data-key="' + digit + '"]');
    if (!wanted) return false;
    wanted.checked = wanted.type === "checkbox" ? !wanted.checked : true;
    wanted.dispatchEvent(new Event("input", { bubbles: true }));
    if (wanted.type === "checkbox") { wanted.focus(); return true; }
    const all = [...document.querySelectorAll("[data-question]")];
    // What went wrong is asked after a low answer only.
    const options = question.querySelectorAll("input").length;
    const low = question.querySelector(".rating, .nps") ? digit * 10 <= options * 6 : digit !== "1";
    const next = all.slice(all.indexOf(question) + 1).find((f) => low || !f.hasAttribute("data-conditional"));
    const field = next ? next.querySelector("input, textarea") : document.querySelector("[data-sheet] button.main");
    field?.focus();
    (next || field)?.scrollIntoView({ block: "center" });
    return true;
  }
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || !(event.target instanceof Element)) return;
    const typing = event.target.matches('textarea, select, input:not([type="radio"]):not([type="checkbox"])');
    const sheet = document.querySelector("form[data-sheet]");
    if (sheet && event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); sheet.requestSubmit(); return; }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    // Letters are taken by their place, so that a Russian or Chinese layout works.
    const key = /^Key[A-Z]$/.test(event.code) ? event.code.slice(3).toLowerCase() : event.key;
    if (sheet && /^[0-9]$/.test(key) && choose(key)) { event.preventDefault(); return; }
    if (key === "j") { move(1); return; }
    if (key === "k") { move(-1); return; }
    const target = [...document.querySelectorAll("[data-key]")].find((e) => e.dataset.key === key && !e.matches("input[type=radio], input[type=checkbox]"));
    if (!target) return;
    event.preventDefault();
    if (target.matches("input, textarea")) target.focus(); else target.click();
  });
})();
