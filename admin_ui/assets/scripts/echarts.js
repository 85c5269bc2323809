// The parts of ECharts that the pages use, and how a description of ours becomes one of theirs.
import { BarChart, HeatmapChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer, SVGRenderer } from "echarts/renderers";

echarts.use([AriaComponent, BarChart, CanvasRenderer, GridComponent, HeatmapChart, LegendComponent, LineChart, MarkLineComponent, SVGRenderer, TooltipComponent, VisualMapComponent]);

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

// chart: { kind: line|bar|heat, days: [...], unit: "%", stacked, horizontal, marks: [{ at, text }], series: [{ name, values, notes, colour }] }
// In a heat map a series is a row, and its notes are the whole hover text.
function option(chart, colours) {
  return chart.kind === "heat" ? heat(chart, colours) : lines(chart, colours);
}

function lines(chart, colours) {
  const text = { color: colours["ink-soft"], fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 12 };
  return {
    animation: !quiet,
    animationDuration: 140,
    color: colours.series,
    textStyle: text,
    aria: { enabled: true },
    grid: { left: 8, right: 16, top: chart.series.length > 1 ? 40 : chart.marks ? 28 : 16, bottom: 8, containLabel: true },
    legend: chart.series.length > 1 ? { top: 0, left: 0, itemWidth: 14, itemHeight: 8, textStyle: text } : undefined,
    tooltip: {
      trigger: "axis",
      renderMode: "richText", // the html mode writes style attributes, which our policy forbids
      backgroundColor: colours.raised,
      borderColor: colours.rule,
      textStyle: { ...text, color: colours.ink },
      formatter: (points) => tip(points, chart),
    },
    ...axes(chart, colours, text),
    series: chart.series.map((series, place) => line(series, chart, colours, place === 0)),
  };
}

function axes(chart, colours, text) {
  const names = {
    type: "category",
    data: chart.days,
    inverse: chart.horizontal,
    axisLabel: chart.horizontal ? { ...text, interval: 0, width: 150, overflow: "truncate" } : { ...text, hideOverlap: true },
    axisLine: { lineStyle: { color: colours.rule } },
    axisTick: { show: false },
    boundaryGap: chart.kind === "bar",
  };
  const below = chart.series.some((series) => series.values.some((value) => value < 0));
  const values = {
    type: "value",
    min: below ? undefined : 0,
    axisLabel: { ...text, hideOverlap: true, formatter: (value) => `${value.toLocaleString()}${chart.unit}` },
    splitLine: { lineStyle: { color: colours.rule } },
  };
  return chart.horizontal ? { xAxis: values, yAxis: names } : { xAxis: names, yAxis: values };
}

// Each row of a heat map is shaded by its own largest cell, like the table beside it.
function heat(chart, colours) {
  const text = { color: colours["ink-soft"], fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 12 };
  const cells = chart.series.flatMap((series, row) => {
    const all = series.values.reduce((sum, value) => sum + (value ?? 0), 0) || 1;
    return series.values.map((value, column) => ({ value: [column, row, value === null ? "-" : value / all], count: value }));
  });
  const plain = (data, inverse) => ({ type: "category", data, inverse, axisLabel: { ...text, interval: 0, width: 110, overflow: "truncate", rotate: inverse || data.length < 6 ? 0 : 35 }, axisLine: { show: false }, axisTick: { show: false } });
  return {
    animation: false,
    textStyle: text,
    aria: { enabled: true },
    grid: { left: 8, right: 16, top: 8, bottom: 8, containLabel: true },
    tooltip: { renderMode: "richText", backgroundColor: colours.raised, borderColor: colours.rule, textStyle: { ...text, color: colours.ink }, formatter: ({ value }) => chart.series[value[1]].notes[value[0]] },
    visualMap: { show: false, min: 0, max: 1, dimension: 2, inRange: { color: colours.heat } },
    xAxis: plain(chart.days, false),
    yAxis: plain(chart.series.map((series) => series.name), true),
    series: [{ type: "heatmap", data: cells, label: { show: true, fontSize: 12, formatter: ({ data }) => (data.count ?? "").toLocaleString() }, itemStyle: { borderColor: colours.surface, borderWidth: 2 } }],
  };
}

function line(series, chart, colours, first) {
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
    markLine: first && chart.marks ? marks(chart, colours) : undefined,
  };
}

function marks(chart, colours) {
  return {
    silent: true,
    symbol: "none",
    lineStyle: { color: colours.vermilion, type: "dashed", width: 1 },
    label: { color: colours["ink-soft"], fontSize: 12, position: "end", rotate: 0, formatter: ({ data }) => data.text },
    data: chart.marks.map((mark) => ({ xAxis: mark.at, text: mark.text })),
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
