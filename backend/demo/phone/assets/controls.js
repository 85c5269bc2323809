// Pieces that several screens share.

import { icon } from "./art.js";
import { el } from "./dom.js";
import { view } from "./state.js";
import { said, t } from "./words.js";

export function button(label, properties = {}, kind = "primary") {
  return el("button", { type: "button", class: `button ${kind}`, "data-key": label, ...properties }, label);
}

export function section(title, ...children) {
  return el("section", { class: "section" }, el("h2", {}, title), children);
}

export function storePicker(id) {
  const options = view.config.stores.map((store) => el("option", { value: store.id }, said(store.name)));
  return el("label", { class: "field", for: id }, el("span", {}, t("store")), el("select", { id, "data-key": id }, options));
}

export const chosen = (id) => document.getElementById(id).value;

export function toggle({ key, title, hint, on, disabled, onChange }) {
  const control = el("input", { type: "checkbox", role: "switch", id: key, "data-key": key, checked: on, disabled, onchange: (event) => onChange(event.target.checked) });
  control.checked = on;
  return el("label", { class: "toggle", for: key }, el("span", {}, el("b", {}, title), el("small", {}, hint)), control);
}

export function empty(text, ...children) {
  return el("div", { class: "empty" }, icon("news", 32), el("p", {}, text), children);
}

// A press runs once: the button rests while its work is under way.
export function once(work) {
  return async (event) => {
    const control = event.currentTarget;
    control.disabled = true;
    try {
      await work(event);
    } finally {
      control.disabled = false;
    }
  };
}
