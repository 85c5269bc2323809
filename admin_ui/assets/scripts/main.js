// Entry of the admin pages. The server renders; these scripts only add what a page can do without.
import "../styles/main.css";
import "htmx.org/dist/htmx.esm.js";
import { listenInBuilder } from "./builder.js";
import { drawCharts, listenForPictures } from "./charts.js";
import { listenForCopies } from "./copy.js";
import { watchEditors, watchFields } from "./editor.js";
import { listenForKeys } from "./keys.js";
import { listenInTables } from "./tables.js";
import { listenForTips } from "./tips.js";

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

// Every change that htmx sends carries the token of this session.
document.addEventListener("htmx:config:request", (event) => {
  event.detail.ctx.request.headers["X-CSRF-Token"] = meta("csrf");
  if (document.hidden && event.target.matches('[hx-trigger^="every"]')) event.preventDefault();
});

// A question before what cannot be undone.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// A picker sends its form as soon as something else is chosen.
document.addEventListener("change", (event) => {
  if (event.target.closest("[data-submit-on-change]")) event.target.form.requestSubmit();
});

// What a redirect said is said once: a reload does not repeat it.
const address = new URL(window.location.href);
if (address.searchParams.has("notice")) {
  address.searchParams.delete("notice");
  window.history.replaceState(null, "", address);
}

// What a fragment could not do is said above the page; what was typed stays where it is.
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  if (!ctx?.response || ctx.response.status < 400 || ctx.response.status === 422) return;
  event.preventDefault();
  const place = document.querySelector("#trouble");
  if (place) place.innerHTML = ctx.text;
});
document.addEventListener("htmx:after:swap", () => document.querySelector("#trouble")?.replaceChildren());

function enliven(root) {
  drawCharts(root);
  watchEditors(root);
}

listenForKeys();
listenInBuilder();
listenForPictures();
listenForCopies();
listenInTables();
listenForTips();
watchFields();
enliven(document);
document.addEventListener("htmx:after:swap", () => enliven(document));
