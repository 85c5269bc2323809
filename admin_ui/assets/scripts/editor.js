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
