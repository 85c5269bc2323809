// Charts: the server sends what to draw as data, the colours come from the tokens, the library comes only when needed.
const drawn = new Map();

export function drawCharts(root) {
  const places = root.querySelectorAll("[data-chart]:not([data-drawn])");
  for (const [place, chart] of drawn) if (!place.isConnected) (chart.dispose(), drawn.delete(place));
  if (places.length === 0) return;
  for (const place of places) place.dataset.drawn = "";
  import("./echarts.js").then(({ draw }) => {
    for (const place of places) drawn.set(place, draw(place, JSON.parse(place.dataset.chart), colours()));
  });
}

// light-dark() is resolved only where a colour is used: a hidden probe uses each token once.
function colours() {
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  const resolve = (token) => {
    probe.style.color = `var(--${token})`;
    return getComputedStyle(probe).color;
  };
  const names = ["ink", "ink-soft", "rule", "surface", "raised", "indigo", "pine", "vermilion"];
  const found = Object.fromEntries(names.map((name) => [name, resolve(name)]));
  found.series = [1, 2, 3, 4, 5, 6].map((number) => resolve(`series-${number}`));
  found.heat = [0, 3, 6, 9].map((number) => resolve(`heat-${number}`));
  probe.remove();
  return found;
}

// A button beside a chart saves it as a file.
export function listenForPictures() {
  document.addEventListener("click", async (event) => {
    const format = event.target.closest("[data-save-chart]")?.dataset.saveChart;
    const place = format && event.target.closest(".panel")?.querySelector("[data-chart]");
    if (!place) return;
    const { picture } = await import("./echarts.js");
    const link = document.createElement("a");
    link.href = picture(place, JSON.parse(place.dataset.chart), colours(), format);
    link.download = `${place.getAttribute("aria-label")}.${format}`;
    link.click();
    if (link.href.startsWith("blob:")) window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
}

window.addEventListener("resize", () => drawn.forEach((chart) => chart.resize()));
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const [place, chart] of drawn) {
    chart.dispose();
    delete place.dataset.drawn;
    drawn.delete(place);
  }
  drawCharts(document);
});
