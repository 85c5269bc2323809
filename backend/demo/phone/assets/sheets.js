// What slides over the app: sign-in, product, order, coupon, check-in, survey.

import { addToCart, answerSurvey, buy, checkIn, presentCoupon, redeemCoupon, signIn } from "./actions.js";
import { barcode, icon, still } from "./art.js";
import { button, chosen, once, storePicker } from "./controls.js";
import { el } from "./dom.js";
import { until } from "./screen-coupons.js";
import { show, state, view } from "./state.js";
import { money, said, t } from "./words.js";

const SHEETS = { signIn: signInSheet, product: productSheet, order: orderSheet, coupon: couponSheet, visit: visitSheet, survey: surveySheet };
const yen = (amount) => money(amount, view.config.currency);

export function sheet() {
  if (!view.sheet) return null;
  const [title, ...content] = SHEETS[view.sheet.kind](view.sheet);
  const close = () => show({ sheet: null });
  return el("div", { class: "veil", onclick: (event) => event.target === event.currentTarget && close(), onkeydown: (event) => event.key === "Escape" && close() },
    el("div", { class: "sheet", role: "dialog", "aria-modal": "true", "aria-labelledby": "sheet-title" },
      el("header", {}, el("h2", { id: "sheet-title", "data-key": "sheet-title", tabindex: -1 }, title),
        el("button", { type: "button", class: "round", "data-key": "close", "aria-label": t("close"), onclick: close }, icon("close", 20))),
      content));
}

function signInSheet() {
  const people = view.config.members.map((one) =>
    el("li", {}, el("button", { type: "button", class: "person", "data-key": `member-${one.user_id}`, onclick: once(() => signIn(one.user_id)) },
      icon("person", 28), el("span", {}, el("b", {}, said(one.name)), el("small", {}, said(one.note) || one.user_id)), el("span", { class: "rank" }, said(one.rank)))));
  return [t("signInTitle"), el("p", { class: "hint" }, t("signInHint")), el("ul", { class: "people" }, people)];
}

function stepper(quantity, onChange) {
  return el("div", { class: "stepper", role: "group", "aria-label": t("quantity") },
    el("button", { type: "button", class: "round", "data-key": "less", "aria-label": t("less"), disabled: quantity <= 1, onclick: () => onChange(quantity - 1) }, icon("minus", 20)),
    el("output", {}, quantity),
    el("button", { type: "button", class: "round", "data-key": "more", "aria-label": t("more"), disabled: quantity >= 9, onclick: () => onChange(quantity + 1) }, icon("plus", 20)));
}

function productSheet({ product, quantity }) {
  return [said(product.name),
    el("div", { class: "product-stage" }, still(product.category, view.config.products.indexOf(product))),
    el("div", { class: "product-line" }, el("b", {}, yen(product.price)), stepper(quantity, (next) => show({ sheet: { ...view.sheet, quantity: next } }))),
    button(t("addToCart"), { onclick: () => addToCart(product, quantity) })];
}

export function cartLines() {
  return view.config.products.filter((product) => view.cart[product.id]).map((product) => ({ product, quantity: view.cart[product.id] }));
}

export const cartTotal = () => cartLines().reduce((sum, { product, quantity }) => sum + product.price * quantity, 0);

function orderSheet({ couponId }) {
  const coupon = view.config.coupons.find((one) => one.id === couponId);
  const less = Math.min(coupon?.discount || 0, cartTotal());
  const sum = (label, amount, kind = "") => el("p", { class: `sum ${kind}` }, el("span", {}, label), el("b", {}, yen(amount)));
  return [t("order"),
    el("ul", { class: "lines" }, cartLines().map(line)),
    storePicker("order-store"), couponPicker(couponId),
    sum(t("subtotal"), cartTotal()), less ? sum(t("discount"), -less) : null, sum(t("total"), cartTotal() - less, "total"),
    button(t("pay", { total: yen(cartTotal() - less) }), { "data-key": "pay", disabled: !state.userId, onclick: once(() => buy({ storeId: chosen("order-store"), couponId: couponId || null })) }),
    state.userId ? null : button(t("signIn"), { onclick: () => show({ sheet: { kind: "signIn" } }) }, "plain")];
}

function line({ product, quantity }) {
  const remove = () => {
    const { [product.id]: _, ...rest } = view.cart;
    show({ cart: rest, sheet: Object.keys(rest).length ? view.sheet : null });
  };
  return el("li", {}, el("span", {}, said(product.name), quantity > 1 ? ` × ${quantity}` : ""), el("b", {}, yen(product.price * quantity)),
    el("button", { type: "button", class: "round", "data-key": `remove-${product.id}`, "aria-label": t("remove", { name: said(product.name) }), onclick: remove }, icon("close", 16)));
}

function couponPicker(couponId) {
  const usable = state.userId ? view.config.coupons.filter((coupon) => !state.used[coupon.id]) : [];
  if (!usable.length) return null;
  const option = (value, label) => el("option", { value, selected: value === (couponId || "") }, label);
  const choose = (event) => show({ sheet: { ...view.sheet, couponId: event.target.value || null } });
  return el("label", { class: "field", for: "order-coupon" }, el("span", {}, t("useCoupon")),
    el("select", { id: "order-coupon", "data-key": "order-coupon", onchange: choose }, option("", t("noCoupon")), usable.map((coupon) => option(coupon.id, said(coupon.title)))));
}

function couponSheet({ coupon, presented }) {
  const facts = [said(coupon.detail), until(coupon)].filter(Boolean).join("・");
  const face = el("div", { class: "coupon-face" }, icon("coupons", 34), facts ? el("p", {}, facts) : null);
  if (!presented) return [said(coupon.title), face, button(t("present"), { onclick: () => presentCoupon(coupon) })];
  return [said(coupon.title),
    el("div", { class: "coupon-code" }, el("p", {}, t("presenting")), barcode(coupon.id), el("code", {}, coupon.id)),
    el("div", { class: "till" }, el("h3", {}, icon("shop", 20), t("till")), el("p", { class: "hint" }, t("tillHint")), storePicker("till-store"),
      button(t("redeem"), { onclick: once(() => redeemCoupon(coupon, chosen("till-store"))) }, "plain"))];
}

function visitSheet() {
  const go = () => checkIn(view.config.stores.find((store) => store.id === chosen("visit-store")));
  return [t("checkIn"), storePicker("visit-store"), button(t("checkInDo"), { onclick: go })];
}

function surveySheet({ score, text = "" }) {
  const choose = (value) => () => show({ sheet: { ...view.sheet, score: value } });
  const scores = Array.from({ length: 11 }, (_, value) =>
    el("button", { type: "button", class: "score", "data-key": `score-${value}`, "aria-pressed": String(score === value), onclick: choose(value) }, value));
  const words = el("textarea", { id: "survey-text", rows: 2, maxlength: 400, "data-key": "survey-text", oninput: (event) => (view.sheet.text = event.target.value) });
  words.value = text;
  return [t("surveyAsk"),
    el("div", { class: "scores", role: "group", "aria-label": t("survey") }, scores),
    el("p", { class: "score-ends" }, el("span", {}, `0 ${t("surveyLow")}`), el("span", {}, `10 ${t("surveyHigh")}`)),
    el("label", { class: "field tall", for: "survey-text" }, el("span", {}, t("surveyText")), words),
    button(t("surveySend"), { disabled: score === null, onclick: () => answerSurvey(score, words.value.trim()) })];
}
