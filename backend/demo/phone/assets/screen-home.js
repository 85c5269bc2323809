// The app's first tab: greeting, coupon at hand, check-in and survey, menu.

import { member, viewCoupon, viewProduct } from "./actions.js";
import { icon, logo, scenery, still } from "./art.js";
import { section } from "./controls.js";
import { el } from "./dom.js";
import { show, state, view } from "./state.js";
import { money, number, said, t } from "./words.js";

export function homeScreen() {
  return el("div", { class: "screen home" }, head(), hero(), couponStrip(), quick(), menu());
}

function head() {
  const who = member();
  return el("header", { class: "home-head" },
    logo(34),
    el("div", {},
      el("h1", {}, who ? t("greeting", { name: said(who.name) }) : t("greetingGuest")),
      who ? el("p", {}, el("span", { class: "rank" }, said(who.rank)), ` ${number(state.points)} ${t("pt")}`) : el("p", {}, t("guestHint"))),
    who ? null : el("button", { type: "button", class: "pill", "data-key": "head-sign-in", onclick: () => show({ sheet: { kind: "signIn" } }) }, t("signIn")));
}

function hero() {
  return el("div", { class: "hero" }, scenery(), el("p", { class: "hero-title" }, t("heroTitle")), el("p", { class: "hero-text" }, t("heroText")));
}

function couponStrip() {
  const coupon = state.userId && view.config.coupons.find((one) => !state.used[one.id]);
  if (!coupon) return null;
  return el("button", { type: "button", class: "strip", "data-key": "strip", onclick: () => viewCoupon(coupon) },
    icon("coupons"), el("span", {}, el("small", {}, t("coupons")), el("b", {}, said(coupon.title))), icon("next", 18));
}

function menu() {
  const products = view.config.products;
  const categories = [...new Map(products.map((product) => [product.category, product])).values()];
  const shown = products.filter((product) => !view.category || product.category === view.category);
  const chip = (category, label) => el("button", { type: "button", class: "chip", "data-key": `chip-${label}`, "aria-pressed": String(view.category === category), onclick: () => show({ category }) }, label);
  return section(t("menu"),
    el("div", { class: "chips" }, chip(null, t("all")), categories.map((one) => chip(one.category, said(one.category_name) || one.category))),
    el("ul", { class: "menu" }, shown.map((product) => el("li", {}, productCard(product)))));
}

function productCard(product) {
  const count = view.cart[product.id];
  return el("button", { type: "button", class: "product", "data-key": `product-${product.id}`, onclick: () => viewProduct(product) },
    still(product.category, view.config.products.indexOf(product)), el("span", { class: "product-name" }, said(product.name)),
    el("span", { class: "product-price" }, money(product.price, view.config.currency)),
    count ? el("i", { class: "badge" }, count) : null);
}

function quick() {
  return el("div", { class: "quick" },
    tile("check-in", "pin", t("checkIn"), () => show({ sheet: { kind: "visit" } })),
    state.answered ? null : tile("survey", "chat", t("surveyStart"), () => show({ sheet: { kind: "survey", score: null } })));
}

function tile(key, drawing, label, onclick) {
  return el("button", { type: "button", class: "row", "data-key": key, onclick }, icon(drawing), el("span", {}, el("b", {}, label)));
}
