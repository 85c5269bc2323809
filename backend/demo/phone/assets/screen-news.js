// The notifications that came, kept.

import { logo } from "./art.js";
import { empty } from "./controls.js";
import { el } from "./dom.js";
import { state } from "./state.js";
import { clock, shortDay, t } from "./words.js";

export function newsScreen() {
  return el("div", { class: "screen" }, el("h1", { class: "title" }, t("news")), state.inbox.length ? list() : empty(t("newsEmpty")));
}

function list() {
  return el("ul", { class: "inbox" }, state.inbox.map((notice) =>
    el("li", {}, logo(34), el("div", {},
      el("b", {}, notice.title), el("p", {}, notice.body), el("time", {}, `${shortDay(notice.at)} ${clock(notice.at)}`)))));
}
