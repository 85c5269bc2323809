// The phone's side of FCM: an address of its own, and messages as they come.

import { track } from "./segment.js";
import { change, show, state, view } from "./state.js";

const SHOWN = 8000;
const KEPT = 30;
let stream = null;
let hiding = 0;

export async function register() {
  if (state.address && (await isKnown(state.address))) return;
  const answer = await fetch("/emulator/phones", { method: "POST" });
  change({ address: (await answer.json()).address, seen: 0 });
}

async function isKnown(address) {
  const answer = await fetch(`/emulator/addresses/${encodeURIComponent(address)}`);
  return answer.ok && (await answer.json()).installed;
}

// Signing out leaves the address behind, so that nobody's messages reach the next person on this phone.
export async function renew() {
  stream?.close();
  await fetch(`/emulator/addresses/${encodeURIComponent(state.address)}`, { method: "DELETE" });
  change({ address: null, shade: [], inbox: [] });
  await register();
  listen();
}

export function listen() {
  stream?.close();
  stream = new EventSource(`/emulator/addresses/${encodeURIComponent(state.address)}/stream?after=${state.seen}`);
  stream.addEventListener("push", (event) => arrive(JSON.parse(event.data)));
}

function arrive(message) {
  if (message.id <= state.seen) return;
  change({ seen: message.id });
  if (state.permission === "denied") return;
  const notice = { ...message, at: message.at * 1000 };
  track("Push Notification Received", numbers(message));
  change({
    inbox: [notice, ...state.inbox].slice(0, KEPT),
    shade: [notice, ...state.shade.filter((other) => !notice.tag || other.tag !== notice.tag)],
  });
  show({ banner: view.screen === "app" ? notice : null });
  clearTimeout(hiding);
  hiding = setTimeout(() => show({ banner: null }), SHOWN);
}

export function tap(notice) {
  track("Push Notification Tapped", { ...numbers(notice), action: "open" });
  dismiss(notice);
  const wasAway = view.screen !== "app";
  if (wasAway) track("Application Opened", { from_background: true, version: "2.4.0", build: "240" });
  show({ screen: "app", tab: leadsTo(notice), sheet: null });
}

export function dismiss(notice) {
  change({ shade: state.shade.filter((other) => other.id !== notice.id) });
  if (view.banner?.id === notice.id) show({ banner: null });
}

function leadsTo(notice) {
  const link = notice.link || notice.data.link || "";
  if (/coupon/i.test(link)) return "coupons";
  if (/card|member/i.test(link)) return "card";
  if (/menu|product|order|home/i.test(link)) return "home";
  return "news";
}

function numbers(message) {
  const ids = ["campaign_id", "delivery_id"].filter((name) => message.data[name]);
  return Object.fromEntries(ids.map((name) => [name, Number(message.data[name])]));
}
