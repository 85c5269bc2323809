// Starts the phone: configuration, address, first sign-in, drawing.

import { install, leave, signIn } from "./actions.js";
import { icon } from "./art.js";
import { el, swap } from "./dom.js";
import { panel } from "./panel.js";
import * as push from "./push.js";
import { cardScreen } from "./screen-card.js";
import { couponScreen } from "./screen-coupons.js";
import { homeScreen } from "./screen-home.js";
import { lockScreen, notification } from "./screen-lock.js";
import { newsScreen } from "./screen-news.js";
import { flush } from "./segment.js";
import { cartLines, cartTotal, sheet } from "./sheets.js";
import { belongTo, change, forget, onChange, show, slotName, state, view } from "./state.js";
import { clock, language, languages, money, said, t } from "./words.js";

const TABS = { home: homeScreen, coupons: couponScreen, card: cardScreen, news: newsScreen };
const RETRY = 2500;
const parts = {};

const wait = (time) => new Promise((done) => setTimeout(done, time));

async function start() {
  const asked = new URLSearchParams(location.search);
  if (languages[asked.get("lang")]) change({ language: asked.get("lang") });
  await configuration();
  belongTo(view.config.app_write_key);
  build();
  await push.register();
  install();
  push.listen();
  flush();
  setInterval(draw, 20000);
  await firstSignIn(asked.get("member") || view.config.phone.member);
}

async function configuration() {
  for (;;) {
    const answer = await fetch(`/phone/${encodeURIComponent(slotName)}/config.json`);
    if (answer.ok) {
      view.config = await answer.json();
      return;
    }
    swap(document.getElementById("page"), el("main", { class: "not-loaded" }, el("h1", {}, t("notLoaded")), el("p", {}, t("notLoadedHint"))));
    await wait(RETRY);
  }
}

async function firstSignIn(userId) {
  const known = view.config.members.some((one) => one.user_id === userId);
  while (known && !state.askedToSignIn) {
    if (await signIn(userId)) return;
    await wait(RETRY);
  }
}

function build() {
  parts.bar = el("header", { class: "bar" });
  parts.stage = el("div", { class: "glass" });
  parts.panel = el("aside", { class: "panel", id: "panel", "aria-label": t("events") });
  parts.phone = el("section", { class: "device", "aria-label": t("phone") }, parts.stage);
  swap(document.getElementById("page"), parts.bar, el("main", { class: "desk" }, parts.phone, parts.panel));
  onChange(draw);
  draw();
}

const before = { sheet: null, banner: null, toast: null };
let opener = null;

function draw() {
  if (view.sheet && !before.sheet) opener = document.activeElement?.dataset.key;
  const scrolled = parts.stage.querySelector(".scroll")?.scrollTop || 0;
  const sameTab = parts.stage.dataset.place === place();
  document.documentElement.lang = language();
  document.title = `${said(view.config.shop)} — ${t("phone")} ${slotName.toUpperCase()}`;
  swap(parts.bar, bar());
  parts.stage.dataset.place = place();
  parts.stage.classList.toggle("dark", view.screen === "lock");
  swap(parts.stage, statusBar(), view.screen === "lock" ? lockScreen() : app(), banner(), toast(), sheet(), homeBar());
  swap(parts.panel, panel());
  enter();
  if (sameTab) parts.stage.querySelector(".scroll")?.scrollTo(0, scrolled);
}

const place = () => (view.screen === "lock" ? "lock" : view.tab);

// Only what is new slides in; a redraw of what was there stands still.
function enter() {
  const now = { sheet: view.sheet?.kind, banner: view.banner?.id, toast: view.toast };
  for (const [name, value] of Object.entries(now)) {
    if (value && value !== before[name]) parts.stage.querySelector(`.${name}`).classList.add("enter");
  }
  if (now.sheet && now.sheet !== before.sheet) document.getElementById("sheet-title").focus({ preventScroll: true });
  if (!now.sheet && before.sheet && opener) parts.stage.querySelector(`[data-key="${CSS.escape(opener)}"]`)?.focus({ preventScroll: true });
  Object.assign(before, now);
}

function bar() {
  const options = Object.entries(languages).map(([code, name]) =>
    el("button", { type: "button", lang: code, "data-key": `lang-${code}`, "aria-pressed": String(language() === code), onclick: () => change({ language: code }) }, name));
  return [
    el("div", { class: "bar-name" }, el("strong", {}, `${said(view.config.shop)} ${t("phone")} ${slotName.toUpperCase()}`), el("span", { class: "tag" }, t("simulation"))),
    el("p", {}, t("about")),
    el("div", { class: "bar-tools" },
      el("div", { class: "languages", role: "group" }, options),
      el("button", { type: "button", class: "link", "data-key": "reset", onclick: startOver }, t("reset")),
      el("a", { class: "link", href: view.config.api_url, target: "_blank", rel: "noreferrer" }, t("admin"))),
  ];
}

async function startOver() {
  if (!confirm(t("resetAsk"))) return;
  await fetch(`/emulator/addresses/${encodeURIComponent(state.address)}`, { method: "DELETE" });
  forget();
  location.reload();
}

function statusBar() {
  return el("div", { class: "status-bar", "aria-hidden": "true" }, el("span", {}, clock(Date.now())), el("i", { class: "island" }), el("span", { class: "signals" }, el("i"), el("i"), el("i"), el("b")));
}

function app() {
  return el("div", { class: "app", inert: Boolean(view.sheet) }, el("div", { class: "scroll" }, TABS[view.tab]()), cart(), tabs());
}

function tabs() {
  return el("nav", { class: "tabs", "aria-label": said(view.config.shop) }, Object.keys(TABS).map((name) =>
    el("button", { type: "button", "data-key": `tab-${name}`, "aria-current": view.tab === name ? "page" : null, onclick: () => show({ tab: name, sheet: null }) }, icon(name), el("span", {}, t(name)))));
}

function cart() {
  const count = cartLines().reduce((sum, line) => sum + line.quantity, 0);
  if (!count) return null;
  return el("button", { type: "button", class: "cart", "data-key": "cart", onclick: () => show({ sheet: { kind: "order", couponId: null } }) },
    icon("bag"), el("span", {}, t("inCart", { count })), el("b", {}, money(cartTotal(), view.config.currency)), el("span", { class: "cart-go" }, t("toOrder")), icon("next", 18));
}

function banner() {
  return el("div", { class: "banner", role: "status" }, view.banner ? notification(view.banner) : null);
}

function toast() {
  return el("div", { class: `toast ${view.toast?.bad ? "bad" : ""}`, role: "status" }, view.toast ? el("span", {}, view.toast.text) : null);
}

function homeBar() {
  if (view.screen === "lock") return el("div", { class: "home-bar still-bar", "aria-hidden": "true" });
  return el("button", { type: "button", class: "home-bar", "data-key": "to-lock", "aria-label": t("toLock"), onclick: leave });
}

start();
