// The membership card, and the settings below it.

import { member, setConsent, setPermission, signOut } from "./actions.js";
import { barcode, icon, logo } from "./art.js";
import { button, section, toggle } from "./controls.js";
import { el } from "./dom.js";
import { show, state, view } from "./state.js";
import { number, said, t } from "./words.js";

export function cardScreen() {
  const who = member();
  return el("div", { class: "screen" }, el("h1", { class: "title" }, t("card")), who ? card(who) : guest(), settings(who), leave(who));
}

function card(who) {
  return el("div", { class: "member-card" },
    el("div", { class: "member-top" }, logo(30), el("span", {}, said(view.config.shop)), el("span", { class: "member-rank" }, said(who.rank))),
    el("p", { class: "member-name" }, said(who.name)),
    el("div", { class: "member-points" }, el("b", {}, number(state.points)), ` ${t("points")}`),
    el("div", { class: "member-code" }, barcode(who.user_id), el("span", {}, `${t("memberNo")} ${who.user_id}`)));
}

function guest() {
  return el("div", { class: "member-card guest" }, logo(40), el("p", {}, t("guestHint")),
    button(t("signIn"), { onclick: () => show({ sheet: { kind: "signIn" } }) }, "light"));
}

function settings(who) {
  return section(t("settings"),
    el("div", { class: "group" },
      toggle({ key: "consent", title: t("consent"), hint: who ? t("consentHint") : t("consentGuest"), on: state.consent, disabled: !who, onChange: setConsent }),
      toggle({ key: "permission", title: t("permission"), hint: t("permissionHint"), on: state.permission === "granted", onChange: setPermission })));
}

function leave(who) {
  if (!who) return null;
  return el("button", { type: "button", class: "row quiet", "data-key": "sign-out", onclick: signOut }, icon("out"), el("span", {}, el("b", {}, t("signOut"))));
}
