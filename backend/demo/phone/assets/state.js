// What this phone remembers, one slot a phone, kept in the browser across reloads.

const slot = decodeURIComponent(location.pathname.split("/")[2] || "a");
const place = `joren.phone.${slot}`;
const listeners = new Set();

const fresh = () => ({
  shopKey: null,
  anonymousId: crypto.randomUUID(),
  deviceId: crypto.randomUUID(),
  address: null,
  installed: false,
  userId: null,
  askedToSignIn: false,
  consent: false,
  permission: "granted",
  language: null,
  points: 0,
  used: {},
  answered: false,
  inbox: [],
  shade: [],
  seen: 0,
  queue: [],
  log: [],
});

function read() {
  try {
    return { ...fresh(), ...JSON.parse(localStorage.getItem(place) || "{}") };
  } catch {
    return fresh();
  }
}

export const slotName = slot;
export const state = read();

// Passing things: never stored.
export const view = { screen: "lock", tab: "home", sheet: null, cart: {}, category: null, banner: null, toast: null, config: null };

export function change(values = {}) {
  Object.assign(state, values);
  localStorage.setItem(place, JSON.stringify(state));
  listeners.forEach((listener) => listener());
}

export function show(values = {}) {
  Object.assign(view, values);
  listeners.forEach((listener) => listener());
}

export function onChange(listener) {
  listeners.add(listener);
}

export function forget() {
  localStorage.removeItem(place);
}

// A demo that was reset has a new key; what this browser remembers of the old one is of no use.
export function belongTo(shopKey) {
  const stale = state.shopKey && state.shopKey !== shopKey;
  change(stale ? { ...fresh(), language: state.language, shopKey } : { shopKey });
}
