// Elements from plain values: el("button", {class: "x", onclick: f}, "text", child). Nothing is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Replaces what an element holds, and keeps the focus on the control of the same data-key.
export function swap(element, ...children) {
  const key = document.activeElement?.dataset?.key;
  const held = key && element.contains(document.activeElement);
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (held) element.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}
