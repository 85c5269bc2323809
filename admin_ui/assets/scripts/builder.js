// The segment builder asks the server after every change, one question at a time: a question that had to wait takes the
// form as it stands when its turn comes, so that a late answer never takes back what was done meanwhile.
const formOf = (source) => source.dataset?.fresh && document.querySelector(source.dataset.fresh);
const shape = (form) => [...form.querySelectorAll("[id^=node-]")].map((node) => node.id).join();

export function listenInBuilder() {
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    const form = formOf(ctx.sourceElement);
    if (form) ctx.shape = shape(form);
  });
  document.addEventListener("htmx:before:request", (event) => {
    const { ctx } = event.detail;
    const form = formOf(ctx.sourceElement);
    if (!form) return;
    const { name, value } = ctx.sourceElement;
    const removes = name === "do" && value.startsWith("remove:");
    if (removes && ctx.shape !== shape(form)) return event.preventDefault(); // its place may be another's by now
    const fields = new URLSearchParams(new FormData(form));
    if (name === "do") fields.set(name, value);
    ctx.request.body = fields;
  });
}
