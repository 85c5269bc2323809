// The parts of ECharts that the pages use, and how a description of ours becomes one of theirs.
import { BarChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer, SVGRenderer } from "echarts/renderers";

echarts.use([AriaComponent, BarChart, CanvasRenderer, GridComponent, LegendComponent, LineChart, SVGRenderer, TooltipComponent]);

const quiet = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

export function draw(place, chart, colours) {
  const instance = echarts.init(place, null, { renderer: "canvas" });
  instance.setOption(option(chart, colours));
  return instance;
}

// The same drawing as a file: a picture of twice the size for a slide, or lines for print.
export function picture(place, chart, colours, format) {
  const size = { width: place.clientWidth, height: place.clientHeight };
  const renderer = format === "svg" ? "svg" : "canvas";
  const instance = echarts.init(document.createElement("div"), null, { renderer, ssr: format === "svg", ...size });
  instance.setOption({ ...option(chart, colours), animation: false, backgroundColor: colours.surface });
  const address =
    format === "svg"
      ? URL.createObjectURL(new Blob([instance.renderToSVGString()], { type: "image/svg+xml" }))
      : instance.getDataURL({ type: "png", pixelRatio: 2 });
  instance.dispose();
  return address;
}

// chart: { kind: line|bar, days: [...], unit: "%", stacked, series: [{ name, values, notes, colour, dashedFrom }] }
function option(chart, colours) {
  const text = { color: colours["ink-soft"], fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 12 };
  return {
    animation: !quiet,
    animationDuration: 140,
    color: colours.series,
    textStyle: text,
    aria: { enabled: true },
    grid: { left: 8, right: 16, top: chart.series.length > 1 ? 40 : 16, bottom: 8, containLabel: true },
    legend: chart.series.length > 1 ? { top: 0, left: 0, itemWidth: 14, itemHeight: 8, textStyle: text } : undefined,
    tooltip: {
      trigger: "axis",
      renderMode: "richText", // the html mode writes style attributes, which our policy forbids
      backgroundColor: colours.raised,
      borderColor: colours.rule,
      textStyle: { ...text, color: colours.ink },
      formatter: (points) => tip(points, chart),
    },
    xAxis: {
      type: "category",
      data: chart.days,
      axisLabel: { ...text, hideOverlap: true },
      axisLine: { lineStyle: { color: colours.rule } },
      axisTick: { show: false },
      boundaryGap: chart.kind === "bar",
    },
    yAxis: {
      type: "value",
      min: 0,
      axisLabel: { ...text, formatter: (value) => `${value.toLocaleString()}${chart.unit}` },
      splitLine: { lineStyle: { color: colours.rule } },
    },
    series: chart.series.map((series) => line(series, chart, colours)),
  };
}

function line(series, chart, colours) {
  const colour = colours.series[(series.colour - 1) % colours.series.length];
  return {
    name: series.name,
    type: chart.kind,
    data: series.values,
    stack: chart.stacked ? "all" : undefined,
    connectNulls: false,
    showSymbol: series.values.length < 40,
    symbolSize: 5,
    barMaxWidth: 28,
    lineStyle: { width: 2 },
    itemStyle: { color: colour },
  };
}

function tip(points, chart) {
  const at = points[0].dataIndex;
  const lines = points.map(({ seriesIndex, value }) => {
    const series = chart.series[seriesIndex];
    const note = series.notes?.[at];
    const figure = value === null || value === undefined ? "—" : `${value.toLocaleString()}${chart.unit}`;
    return `${series.name}  ${figure}${note ? `  (${note})` : ""}`;
  });
  return [points[0].axisValueLabel, ...lines].join("\n");
}
