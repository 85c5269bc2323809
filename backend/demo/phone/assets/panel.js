// Beside the phone: what it sent, in the order it happened, and who the phone is.

import { member } from "./actions.js";
import { icon } from "./art.js";
import { el } from "./dom.js";
import { state, view } from "./state.js";
import { clock, language, said, t } from "./words.js";

const opened = new Set();

export function panel() {
  return [facts(),
    el("section", { class: "events" },
      el("h2", {}, t("panel")), el("p", { class: "hint" }, t("panelHint")),
      state.log.length ? el("ol", { class: "log", "aria-label": t("panel") }, state.log.map(row)) : el("p", { class: "log-empty" }, t("panelEmpty")))];
}

function facts() {
  const who = member();
  const yesNo = (yes) => el("span", { class: yes ? "yes" : "no" }, t(yes ? "yes" : "no"));
  const fact = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));
  return el("section", { class: "facts" }, el("h2", {}, t("device")),
    el("dl", {},
      fact(t("who"), who ? `${said(who.name)} (${who.user_id})` : t("anonymous")),
      fact(t("addressOf"), el("code", {}, state.address ? `${state.address.slice(0, 10)}…` : "…")),
      fact(t("consentShort"), yesNo(state.consent)),
      fact(t("permissionShort"), yesNo(state.permission === "granted"))));
}

function row(entry) {
  const known = view.config.events[`${entry.from}:${entry.name}`] || view.config.events[entry.name];
  const label = known ? known[language()] : entry.name;
  const toggled = (event) => (event.target.open ? opened.add(entry.id) : opened.delete(entry.id));
  return el("li", { "data-event": entry.name, "data-status": entry.status ?? "" },
    el("details", { open: opened.has(entry.id), ontoggle: toggled },
      el("summary", { "data-key": `log-${entry.id}` },
        el("span", { class: `origin from-${entry.from}` }, icon(entry.from === "shop" ? "shop" : "mobile", 18)),
        el("span", { class: "what" }, el("b", {}, label), el("small", {}, `${entry.name} · ${t(entry.from === "shop" ? "fromShop" : "fromApp")}`)),
        el("time", {}, clock(entry.at, true)),
        status(entry.status)),
      el("pre", {}, JSON.stringify(entry.event, null, 2))));
}

function status(code) {
  if (!code) return el("span", { class: "status waiting" }, t("waiting"));
  return el("span", { class: `status ${code === 200 ? "good" : "bad"}` }, code);
}
