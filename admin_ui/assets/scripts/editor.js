// Writing a message: counts characters, puts merge fields where the caret is, shows the chosen language.
export function watchEditors(root) {
  for (const field of root.querySelectorAll("[data-count]:not([data-watched])")) {
    field.dataset.watched = "";
    const counter = document.getElementById(field.dataset.count);
    const limit = Number(field.dataset.limit);
    const count = () => {
      const length = [...field.value].length;
      counter.textContent = `${length} / ${limit}`;
      counter.classList.toggle("over", length > limit);
    };
    field.addEventListener("input", count);
    count();
  }
  for (const button of root.querySelectorAll("[data-insert]:not([data-watched])")) {
    button.dataset.watched = "";
    button.addEventListener("click", () => insert(button));
  }
}

// A field that is left with something new in it is asked about by itself, by the rules of saving; those that carry a message are asked
// about again, since one may have been the other's fault.
export function watchFields() {
  const asker = document.querySelector("#field-check");
  if (!asker) return;
  const form = document.querySelector(asker.dataset.fresh);
  form.addEventListener("change", ({ target }) => {
    if (!target.name || !target.matches("input:not([type=radio], [type=checkbox], [type=hidden]), textarea, select")) return;
    const shown = [...form.querySelectorAll("[data-error-of] > .error")].map((error) => error.parentElement.dataset.errorOf);
    asker.dispatchEvent(new CustomEvent("left", { detail: { left: target.name, shown: shown.join(" ") } }));
  });
  document.addEventListener("htmx:after:swap", () => {
    for (const place of form.querySelectorAll("[data-error-of]")) mark(document.getElementById(place.dataset.errorOf), place);
  });
}

function mark(field, place) {
  if (!field?.matches("input, textarea, select")) return;
  const error = place.firstElementChild;
  if (error) field.setAttribute("aria-describedby", error.id);
  else if (field.getAttribute("aria-describedby") === `error-${field.id}`) field.removeAttribute("aria-describedby");
  if (error) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

let last = null;
document.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-count]")) last = event.target;
});

function insert(button) {
  const scope = button.closest("[data-texts]");
  const field = last && scope.contains(last) ? last : scope.querySelector("textarea[data-count]");
  field.focus();
  field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
