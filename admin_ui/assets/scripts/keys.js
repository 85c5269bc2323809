// Keyboard: `/` search, `g` then a letter to go somewhere, `?` help. Nothing happens while one types.
const PLACES = { h: "/", a: "/analysis", m: "/members", s: "/segments", c: "/campaigns", d: "/data" };

const typing = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

export function listenForKeys() {
  let going = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
    if (going && event.key in PLACES && document.querySelector("#navigation")) {
      window.location.assign(PLACES[event.key]);
      return;
    }
    going = event.key === "g";
    if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      } else if (document.querySelector("#navigation")) {
        event.preventDefault();
        window.location.assign("/members?focus=1");
      }
    }
    if (event.key === "?") document.querySelector("#keys")?.showModal();
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener && !("command" in HTMLButtonElement.prototype)) document.getElementById(opener.dataset.opens).showModal();
    if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
  });
}
