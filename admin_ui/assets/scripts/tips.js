// One floating explanation for everything that carries `data-tip`: on hover, focus and tap. Cells are also labelled.
export function listenForTips() {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  document.body.append(tip);

  const show = (target) => {
    const host = target.closest?.("[data-tip]");
    if (!host) {
      tip.hidden = true;
      return;
    }
    tip.textContent = host.dataset.tip;
    tip.hidden = false;
    const box = host.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - tip.offsetWidth / 2), innerWidth - tip.offsetWidth - 8);
    const above = box.top - tip.offsetHeight - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 8 ? above : box.bottom + 8}px`;
  };

  document.addEventListener("mouseover", (event) => show(event.target));
  document.addEventListener("focusin", (event) => show(event.target));
  document.addEventListener("click", (event) => show(event.target));
  document.addEventListener("keydown", (event) => event.key === "Escape" && show(document.body));
  document.addEventListener("scroll", () => (tip.hidden = true), { passive: true, capture: true });
}
