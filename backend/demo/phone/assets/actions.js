// What a person does with the app, as events and visible change.

import * as push from "./push.js";
import { identify, track } from "./segment.js";
import { ask, NotDone } from "./shop.js";
import { change, show, state, view } from "./state.js";
import { said, t } from "./words.js";

let hiding = 0;
const VERSION = { version: "2.4.0", build: "240" };

export const member = () => view.config.members.find((one) => one.user_id === state.userId) || null;

export function say(text, bad = false) {
  show({ toast: { text, bad } });
  clearTimeout(hiding);
  hiding = setTimeout(() => show({ toast: null }), bad ? 6000 : 2600);
}

async function attempt(work) {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof NotDone)) throw error;
    say(t("failed", { why: error.message }), true);
    return false;
  }
}

export function install() {
  if (state.installed) return;
  change({ installed: true });
  track("Application Installed", VERSION);
}

export function launch() {
  show({ screen: "app", tab: "home", sheet: null });
  track("Application Opened", { from_background: false, ...VERSION });
}

export function leave() {
  show({ screen: "lock", sheet: null, banner: null });
  track("Application Backgrounded");
}

export function signIn(userId) {
  return attempt(async () => {
    await ask("sign-in", {}, userId);
    const chosen = view.config.members.find((one) => one.user_id === userId);
    change({ userId, askedToSignIn: true, consent: chosen.consent, points: chosen.points, used: {}, answered: false });
    identify();
    show({ sheet: null });
    if (view.screen === "app") say(t("signedIn"));
  });
}

export async function signOut() {
  change({ userId: null, anonymousId: crypto.randomUUID(), consent: false, points: 0 });
  await push.renew();
  show({ cart: {}, sheet: null });
  say(t("signedOut"));
}

export function viewProduct(product) {
  track("Product Viewed", { product_id: product.id, category: product.category });
  show({ sheet: { kind: "product", product, quantity: 1 } });
}

export function addToCart(product, quantity) {
  show({ cart: { ...view.cart, [product.id]: (view.cart[product.id] || 0) + quantity }, sheet: null });
}

export function buy({ storeId, couponId }) {
  return attempt(async () => {
    const events = await ask("orders", { products: view.cart, store_id: storeId, coupon_id: couponId });
    const earned = events.find((event) => event.event === "Points Earned")?.properties.points || 0;
    change({ points: state.points + earned, used: couponId ? { ...state.used, [couponId]: true } : state.used });
    show({ cart: {}, sheet: null });
    say(t("paid"));
  });
}

export function viewCoupon(coupon) {
  track("Coupon Viewed", { coupon_id: coupon.id });
  show({ sheet: { kind: "coupon", coupon } });
}

export function presentCoupon(coupon) {
  track("Coupon Presented", { coupon_id: coupon.id });
  show({ sheet: { kind: "coupon", coupon, presented: true } });
}

export function redeemCoupon(coupon, storeId) {
  return attempt(async () => {
    await ask("coupon-uses", { coupon_id: coupon.id, store_id: storeId });
    change({ used: { ...state.used, [coupon.id]: true } });
    show({ sheet: null });
    say(t("redeemed"));
  });
}

export function checkIn(store) {
  track("Store Visited", { store_id: store.id });
  show({ sheet: null });
  say(t("checkedIn", { store: said(store.name) }));
}

export function setConsent(granted) {
  return attempt(async () => {
    await ask("consent", { granted });
    change({ consent: granted });
    say(t(granted ? "consentGiven" : "consentWithdrawn"));
  });
}

// The operating system's switch: the next event carries it, as an SDK's context does.
export function setPermission(allowed) {
  change({ permission: allowed ? "granted" : "denied" });
  track("Notification Permission Changed", { granted: allowed });
}

export function answerSurvey(score, text) {
  track("Survey Answered", { survey_id: view.config.survey_id, score, ...(text ? { text } : {}) });
  change({ answered: true });
  show({ sheet: null });
  say(t("surveyDone"));
}
