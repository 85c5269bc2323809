// The phone with the app closed: time, notifications, the app's icon.

import { launch } from "./actions.js";
import { icon, logo } from "./art.js";
import { el } from "./dom.js";
import { dismiss, tap } from "./push.js";
import { state, view } from "./state.js";
import { clock, day, said, t } from "./words.js";

export function lockScreen() {
  const now = Date.now();
  return el("div", { class: "lock" },
    el("time", { class: "lock-time" }, clock(now)),
    el("p", { class: "lock-day" }, day(now)),
    el("ul", { class: "shade", "aria-label": t("news") }, state.shade.map((notice) => el("li", {}, notification(notice)))),
    el("p", { class: "lock-hint" }, state.shade.length ? "" : t("openHint")),
    el("div", { class: "dock" },
      el("button", { type: "button", class: "app-icon", "data-key": "open-app", "aria-label": t("openApp"), onclick: launch },
        logo(60), el("span", {}, said(view.config.shop)), state.shade.length ? el("i", { class: "badge" }, state.shade.length) : null)));
}

export function notification(notice) {
  const since = Date.now() - notice.at < 60000 ? t("now") : clock(notice.at);
  return el("div", { class: "notice" },
    el("button", { type: "button", class: "notice-body", "data-key": `notice-${notice.id}`, onclick: () => tap(notice) },
      logo(36),
      el("span", { class: "notice-text" },
        el("span", { class: "notice-app" }, said(view.config.shop), el("time", {}, since)),
        el("b", {}, notice.title),
        el("span", { class: "notice-words" }, notice.body))),
    el("button", { type: "button", class: "notice-close", "aria-label": t("dismiss"), onclick: () => dismiss(notice) }, icon("close", 16)));
}
