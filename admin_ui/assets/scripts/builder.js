// The segment builder and the campaign editor: their buttons ask the server after every change, one question at a time: a question that had to wait takes the
// form as it stands when its turn comes, so that a late answer never takes back what was done meanwhile.
const formOf = (source) => source.dataset?.fresh && document.querySelector(source.dataset.fresh);
const shape = (form) => [...form.querySelectorAll("[id^=node-]")].map((node) => node.id).join();
const always = /^(add|group):r(:|$)|^undo:/; // right whatever became of the other conditions meanwhile
let follow = false; // whether the answer to come says where the person goes on

function take(form, action) {
  form.dispatchEvent(new CustomEvent("step", { detail: { do: action, shape: shape(form) } }));
}

function listenToHtmx() {
  document.addEventListener("htmx:before:request", (event) => {
    const { ctx } = event.detail;
    const form = formOf(ctx.sourceElement);
    if (!form) return;
    const step = ctx.sourceEvent?.type === "step" ? ctx.sourceEvent.detail : null;
    if (step && step.shape !== shape(form) && !always.test(step.do)) return event.preventDefault(); // its place may be another's by now
    const fields = new URLSearchParams(new FormData(form));
    if (step) fields.set("do", step.do);
    if (ctx.sourceEvent?.type === "left") for (const [name, value] of Object.entries(ctx.sourceEvent.detail)) fields.set(name, value);
    else follow = Boolean(step);
    ctx.request.body = fields;
  });
  document.addEventListener("htmx:after:swap", () => {
    const place = document.querySelector("#tree-focus")?.dataset.focus;
    if (!follow || !place) return;
    follow = false;
    const node = document.getElementById(place);
    const target = node?.querySelector(".inputs .input:not(select):not([type=hidden])") ?? node?.querySelector(".inputs .input, .subject, button");
    target?.focus();
    if (target?.select && target.type !== "date") target.select();
  });
}

// The picker: one dialog for every condition. It remembers for which button it was opened.
function listenToPicker(picker) {
  const search = picker.querySelector("input");
  const offers = [...picker.querySelectorAll("[data-subject]")];
  const shown = () => offers.filter((offer) => !offer.parentElement.hidden);
  let opener = null;
  const narrow = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const offer of offers) offer.parentElement.hidden = !words.every((word) => `${offer.dataset.words} ${offer.textContent.toLowerCase()}`.includes(word));
    for (const part of picker.querySelectorAll("section")) part.hidden = !part.querySelector("li:not([hidden])");
    picker.querySelector("#picker-none").hidden = shown().length > 0;
    offers.forEach((offer) => offer.classList.toggle("first", offer === shown()[0] && words.length > 0));
  };
  search.addEventListener("input", narrow);
  picker.addEventListener("click", (event) => {
    const offer = event.target.closest("[data-subject]");
    if (offer) choose(offer);
    else if (event.target === picker) picker.close();
  });
  const choose = (offer) => {
    picker.close();
    take(opener.form, `${opener.value}:${offer.dataset.subject}`);
  };
  picker.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const all = shown();
    const at = all.indexOf(document.activeElement);
    if (event.key === "Enter" && event.target === search) {
      event.preventDefault();
      if (all.length) choose(all[0]);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = event.key === "ArrowDown" ? at + 1 : at - 1;
      (next < 0 ? search : all[Math.min(next, all.length - 1)])?.focus();
    } else if (event.key.length === 1 && event.target !== search && !event.ctrlKey && !event.metaKey) {
      search.focus();
    }
  });
  return (button) => {
    opener = button;
    search.value = "";
    narrow();
    for (const offer of offers) offer.setAttribute("aria-current", String(offer.dataset.subject === button.dataset.subjectOf));
    picker.showModal();
    search.focus();
    picker.querySelector("[aria-current=true]")?.scrollIntoView({ block: "center" });
  };
}

const MOVES = { ArrowUp: "up", ArrowDown: "down", ArrowRight: "in", ArrowLeft: "out" };

export function listenInBuilder() {
  const form = document.querySelector("form[data-fresh]");
  if (!form) return;
  listenToHtmx();
  const picker = document.querySelector("#picker");
  const open = picker && listenToPicker(picker);
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=do]");
    if (!button) return;
    event.preventDefault();
    button.closest("[popover]")?.hidePopover();
    if ("picks" in button.dataset) open(button);
    else take(form, button.value);
  });
  form.addEventListener("change", (event) => {
    if (form.id !== "rule-form" && event.target.closest("[data-shapes], .refine select")) take(form, "");
  });
  form.addEventListener("keydown", (event) => {
    const node = event.target.closest?.(".condition, .rule-group");
    if (!node || event.isComposing) return;
    if (event.altKey && event.key in MOVES) {
      event.preventDefault();
      take(form, `${MOVES[event.key]}:${node.id.slice("node-".length)}`);
    } else if (event.key === "Enter" && event.target.matches("input")) {
      event.preventDefault(); // counts again; the button saves
      event.target.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
}
