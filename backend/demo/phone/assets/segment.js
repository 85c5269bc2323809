// A small Segment client: builds events, keeps them until the intake says 200, and notes what became of each.

import { change, state, view } from "./state.js";

const KEPT = 60;
let sending = false;
let pause = 1000;

export function context() {
  const config = view.config;
  return {
    app: { name: typeof config.shop === "string" ? config.shop : config.shop.en, version: "2.4.0", build: "240" },
    device: device(),
    os: { name: config.phone.os, version: config.phone.os === "iOS" ? "19.1" : "16" },
    locale: navigator.language,
    timezone: view.config.zone, // that of a phone in the shop's town, wherever this browser stands: quiet hours go by it
    library: { name: "phone-page", version: "1" },
  };
}

export function device() {
  const type = view.config.phone.os === "iOS" ? "ios" : "android";
  return { id: state.deviceId, type, token: state.address, permission: state.permission };
}

export function track(event, properties = {}) {
  enqueue({ type: "track", event, properties });
}

export function identify(traits = {}) {
  enqueue({ type: "identify", traits });
}

// What the shop's server sent in our name: shown beside our own.
export function noteReported(reported) {
  change({ log: [...reported.events.map((event) => entry(event, "shop", reported.status)).reverse(), ...state.log].slice(0, KEPT) });
}

export async function flush() {
  if (sending || !state.queue.length) return;
  sending = true;
  const batch = state.queue.slice(0, 20);
  const status = await post(batch);
  sending = false;
  settle(batch, status);
}

function enqueue(event) {
  const whole = {
    ...event,
    messageId: `phone-${crypto.randomUUID()}`,
    anonymousId: state.anonymousId,
    ...(state.userId ? { userId: state.userId } : {}),
    timestamp: new Date().toISOString(),
    context: context(),
  };
  change({ queue: [...state.queue, whole], log: [entry(whole, "app", null), ...state.log].slice(0, KEPT) });
  flush();
}

async function post(batch) {
  try {
    const answer = await fetch(`${view.config.api_url.replace(/\/$/, "")}/v1/batch`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ writeKey: view.config.app_write_key, batch, sentAt: new Date().toISOString() }),
    });
    return answer.status;
  } catch {
    return 0;
  }
}

// 200 settles; 400, 401 and 413 settle too, for a repeat would be refused again; all else is tried later.
function settle(batch, status) {
  const settled = [200, 400, 401, 413].includes(status);
  const ids = new Set(batch.map((event) => event.messageId));
  change({
    queue: settled ? state.queue.filter((event) => !ids.has(event.messageId)) : state.queue,
    log: state.log.map((row) => (ids.has(row.id) ? { ...row, status } : row)),
  });
  pause = settled ? 1000 : Math.min(pause * 2, 20000);
  if (state.queue.length) setTimeout(flush, settled ? 0 : pause);
}

function entry(event, from, status) {
  const shown = { ...event };
  delete shown.context;
  return { id: event.messageId, name: event.event || event.type, from, status, at: Date.now(), event: shown };
}
