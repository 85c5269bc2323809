// The coupon tab.

import { viewCoupon } from "./actions.js";
import { icon } from "./art.js";
import { button, empty } from "./controls.js";
import { el } from "./dom.js";
import { show, state, view } from "./state.js";
import { said, shortDay, t } from "./words.js";

export function couponScreen() {
  return el("div", { class: "screen" }, el("h1", { class: "title" }, t("coupons")), body());
}

function body() {
  if (!state.userId) return empty(t("couponsGuest"), button(t("signIn"), { onclick: () => show({ sheet: { kind: "signIn" } }) }));
  if (!view.config.coupons.length) return empty(t("couponsEmpty"));
  return el("ul", { class: "tickets" }, view.config.coupons.map((coupon) => el("li", {}, ticket(coupon))));
}

function ticket(coupon) {
  const used = Boolean(state.used[coupon.id]);
  const open = { type: "button", class: "ticket", "data-key": `coupon-${coupon.id}`, disabled: used, "aria-label": t("couponOpen", { title: said(coupon.title) }) };
  return el("button", { ...open, onclick: () => viewCoupon(coupon) },
    el("span", { class: "ticket-mark" }, icon(used ? "check" : "coupons", 26)),
    el("span", { class: "ticket-text" },
      el("b", {}, said(coupon.title)),
      said(coupon.detail) ? el("small", {}, said(coupon.detail)) : null,
      el("small", { class: "ticket-until" }, used ? t("used") : until(coupon))));
}

export function until(coupon) {
  return coupon.valid_until ? t("validUntil", { date: shortDay(new Date(coupon.valid_until)) }) : "";
}
