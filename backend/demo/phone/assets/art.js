// Drawings: icons of the app and of the phone, and a small still life for each kind of product.

import { svg } from "./dom.js";

const STROKES = {
  home: ["M4 11.5 12 5l8 6.5", "M6 10v9h12v-9", "M10 19v-5h4v5"],
  coupons: ["M4 7h16v3.2a1.9 1.9 0 0 0 0 3.6V17H4v-3.2a1.9 1.9 0 0 0 0-3.6Z", "M14 7v1.6M14 11v2M14 15.4V17"],
  card: ["M3.5 6.5h17v11h-17Z", "M3.5 10h17", "M7 14.2h4"],
  news: ["M6.5 17V11a5.5 5.5 0 0 1 11 0v6l1.5 1.5H5Z", "M10 20.5h4"],
  pin: ["M12 21s-6.5-5.6-6.5-11a6.5 6.5 0 0 1 13 0c0 5.4-6.5 11-6.5 11Z", "M12 12.4a2.4 2.4 0 1 0 0-4.8 2.4 2.4 0 0 0 0 4.8Z"],
  plus: ["M12 6v12M6 12h12"],
  minus: ["M6 12h12"],
  close: ["M7 7l10 10M17 7 7 17"],
  next: ["m9 6 6 6-6 6"],
  check: ["m5 12.5 4.5 4.5L19 7.5"],
  bag: ["M5.5 8.5h13l1 11.5h-15Z", "M9 8.5V7a3 3 0 0 1 6 0v1.5"],
  person: ["M12 12a3.8 3.8 0 1 0 0-7.6 3.8 3.8 0 0 0 0 7.6Z", "M4.8 20c.8-3.6 3.6-5.4 7.2-5.4s6.4 1.8 7.2 5.4"],
  shop: ["M4.5 10 6 5h12l1.5 5", "M5.5 10v9.5h13V10", "M4.5 10a2.5 2.5 0 0 0 5 0 2.5 2.5 0 0 0 5 0 2.5 2.5 0 0 0 5 0"],
  mobile: ["M8 3.5h8a1 1 0 0 1 1 1v15a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1v-15a1 1 0 0 1 1-1Z", "M11 17.8h2"],
  chat: ["M4.5 5.5h15v10.5H11l-4 3.5V16H4.5Z"],
  out: ["M10 5H5v14h5", "M14 8l4 4-4 4M18 12H9.5"],
};

export function icon(name, size = 24) {
  const box = { class: "icon", viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true" };
  return svg("svg", box, STROKES[name].map((d) => svg("path", { d })));
}

export function logo(size = 28) {
  return svg("svg", { class: "logo", viewBox: "0 0 64 64", width: size, height: size, "aria-hidden": "true" },
    svg("rect", { width: 64, height: 64, rx: 15, class: "logo-ground" }),
    svg("path", { d: "M32 11c9 9 14 16 14 25a14 14 0 0 1-28 0c0-9 5-16 14-25Z", class: "logo-lamp" }),
    svg("path", { d: "M32 26v27M32 40l7-7M32 46l-7-7", class: "logo-vein" }));
}

// Each drawing: [shape, attributes, colour class].
const plate = ["ellipse", { cx: 50, cy: 78, rx: 36, ry: 7 }, "a-plate"];
const STILL = {
  sweets: [plate, ["rect", { x: 22, y: 52, width: 26, height: 22, rx: 7 }, "a-crust"], ["rect", { x: 44, y: 46, width: 32, height: 28, rx: 8 }, "a-gold"],
    ["path", { d: "M50 56h20M50 63h20" }, "a-line"], ["path", { d: "M27 60h14" }, "a-line"]],
  bread: [plate, ["path", { d: "M20 74V52c-6-12 8-20 18-16 8-8 26-6 28 4 12-2 18 8 12 14v20Z" }, "a-gold"], ["path", { d: "M36 46c3 6 3 12 1 18M54 44c3 6 3 12 1 20" }, "a-line"]],
  coffee: [plate, ["path", { d: "M26 40h42v20a16 16 0 0 1-16 16H42a16 16 0 0 1-16-16Z" }, "a-white"], ["path", { d: "M68 46h5a8 8 0 0 1 0 16h-6" }, "a-ring"],
    ["ellipse", { cx: 47, cy: 41, rx: 21, ry: 5 }, "a-dark"], ["path", { d: "M40 30c-4-5 4-7 0-13M52 30c-4-5 4-7 0-13" }, "a-steam"]],
  cake: [plate, ["path", { d: "M20 74V52l54-14v36Z" }, "a-cream"], ["path", { d: "M20 60l54-6v8l-54 5Z" }, "a-berry"], ["path", { d: "M20 52l54-14-14-6-40 12Z" }, "a-white"],
    ["circle", { cx: 50, cy: 33, r: 7 }, "a-berry"], ["path", { d: "M50 26c1-4 4-5 7-5" }, "a-leafline"]],
  wagashi: [plate, ["path", { d: "M24 70c-6-20 10-34 26-34s32 14 26 34c-3 6-49 6-52 0Z" }, "a-blush"], ["path", { d: "M50 40c-8 6-12 16-12 32M50 40c8 6 12 16 12 32M50 40v33" }, "a-line"],
    ["path", { d: "M50 38c6-8 14-8 18-6-2 6-10 9-18 6Z" }, "a-leaf"]],
  sandwich: [plate, ["path", { d: "M18 46 50 30l34 16v8H18Z" }, "a-gold"], ["path", { d: "M18 54h66v5c-6 5-11-1-16 3-6 4-11-2-17 1-6 3-11-3-17 0-6 3-11-2-16-3Z" }, "a-leaf"],
    ["rect", { x: 18, y: 61, width: 66, height: 5, rx: 2 }, "a-berry"], ["path", { d: "M18 66h66v5a4 4 0 0 1-4 4H22a4 4 0 0 1-4-4Z" }, "a-crust"]],
};

const KINDS = [[/焼き菓子|菓子|sweet|baked/i, "sweets"], [/サンド|sandwich/i, "sandwich"], [/パン|bread/i, "bread"], [/コーヒー|茶|coffee|drink/i, "coffee"], [/ケーキ|cake/i, "cake"], [/和/i, "wagashi"]];

// Products of a category differ by tint and by the side they face.
export function still(category, turn = 0) {
  const kind = /和菓子|wagashi/i.test(category) ? "wagashi" : KINDS.find(([pattern]) => pattern.test(category))?.[1] || "sweets";
  return svg("svg", { class: `still still-${kind}`, viewBox: "8 20 84 66", "aria-hidden": "true" },
    svg("g", { class: `v${turn % 3}` }, STILL[kind].map(([shape, attributes, colour]) => svg(shape, { ...attributes, class: colour }))));
}

// Code 39, digits only: a real scanner reads it.
const CODE39 = { 0: "nnnwwnwnn", 1: "wnnwnnnnw", 2: "nnwwnnnnw", 3: "wnwwnnnnn", 4: "nnnwwnnnw", 5: "wnnwwnnnn", 6: "nnwwwnnnn", 7: "nnnwnnwnw", 8: "wnnwnnwnn", 9: "nnwwnnwnn", "*": "nwnnwnwnn" };

export function barcode(text) {
  const digits = [...text].map((character) => (/\d/.test(character) ? character : String(character.codePointAt(0) % 10))).join("").slice(-12);
  let at = 0;
  const bars = [];
  for (const sign of `*${digits}*`) {
    [...CODE39[sign]].forEach((width, index) => {
      const wide = width === "w" ? 3 : 1;
      if (index % 2 === 0) bars.push(svg("rect", { x: at, y: 0, width: wide, height: 40 }));
      at += wide;
    });
    at += 1;
  }
  return svg("svg", { class: "barcode", viewBox: `0 0 ${at - 1} 40`, preserveAspectRatio: "none", role: "img", "aria-label": digits }, bars);
}

export function scenery() {
  return svg("svg", { class: "scenery", viewBox: "0 0 160 110", "aria-hidden": "true" },
    svg("circle", { cx: 112, cy: 46, r: 40, class: "s-glow" }),
    svg("circle", { cx: 112, cy: 46, r: 25, class: "s-glow" }),
    svg("path", { d: "M112 22c12 12 18 20 18 31a18 18 0 0 1-36 0c0-11 6-19 18-31Z", class: "s-lamp" }),
    svg("path", { d: "M112 44v40M112 60l9-9M112 68l-9-9", class: "s-vein" }),
    svg("path", { d: "M66 92c14-10 32-10 46-4s30 4 44-6v28H60Z", class: "s-hill" }));
}
