// Draws the forecast chart: history, forecast, and its bands. The figures come from the JSON block that the
// figure names in `data-chart`; the colours from the CSS variables, so that the chart follows the theme.

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const full = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const MONTHS_SHOWN = 24;
const BAND_OPACITY = { 95: 0.12, 80: 0.16, 50: 0.24 }; // they lie on top of each other

function readColours(figure) {
  const probe = figure.appendChild(document.createElement("span"));
  const read = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const colours = {
    history: read("--chart-history"),
    forecast: read("--chart-forecast"),
    grid: read("--chart-grid"),
    label: read("--chart-label"),
    surface: read("--chart-surface"),
    line: read("--line-strong"),
    final: read("--chart-final"),
    earlier: read("--chart-label"),
    spike: read("--up"),
    drop: read("--down"),
    event: read("--chart-forecast"),
  };
  probe.remove();
  return colours;
}

// A series from the last known point onwards, so that the forecast grows out of the history.
function joined(data, values) {
  return values.map((value, i) => (i === data.last && value === null ? data.history[i] : value));
}

function band(data, { level, low, high }, colour) {
  const lows = joined(data, low);
  const highs = joined(data, high);
  const shown = lows.flatMap((value, i) => (value === null ? [] : [i]));
  const polygon = (api) => [
    ...shown.map((i) => api.coord([i, highs[i]])),
    ...shown.toReversed().map((i) => api.coord([i, lows[i]])),
  ];
  return {
    name: `${level}% band`,
    type: "custom",
    silent: true,
    clip: true,
    z: 1,
    data: shown.map((i) => [i, highs[i]]), // all of them, so that the axis reaches the band's top
    renderItem: (params, api) =>
      params.dataIndex === 0 && {
        type: "polygon",
        shape: { points: polygon(api) },
        style: { fill: colour, opacity: BAND_OPACITY[level] ?? 0.15 },
      },
  };
}

function line(name, data, colour, extra = {}) {
  const { width = 2, type = "solid", ...rest } = extra;
  return {
    name,
    type: "line",
    data,
    symbol: "circle",
    symbolSize: 5,
    showSymbol: false,
    lineStyle: { color: colour, width, type },
    itemStyle: { color: colour },
    emphasis: { disabled: true },
    z: 3,
    ...rest,
  };
}

const EXTRA_LINES = {
  final: { width: 2.25, z: 5 },
  earlier: { type: [3, 3], width: 1.25, z: 2 },
};

function extraLines(data, colours) {
  return data.lines.map(({ name, kind, values }) => line(name, kind === "final" ? joined(data, values) : values, colours[kind], EXTRA_LINES[kind]));
}

// What is marked lies on the sales of its period; an event where nothing is sold yet on the axis.
const MARKS = { spike: ["triangle", 0], drop: ["triangle", 180], event: ["diamond", 0] };

function marks(data, colours, kind) {
  const [symbol, symbolRotate] = MARKS[kind];
  return {
    name: kind,
    type: "scatter",
    symbol,
    symbolRotate,
    symbolSize: kind === "event" ? 9 : 10,
    symbolOffset: kind === "event" ? [0, -6] : [0, kind === "spike" ? -9 : 9],
    itemStyle: { color: colours[kind], borderColor: colours.surface, borderWidth: 1 },
    emphasis: { disabled: true },
    silent: true,
    z: 6,
    data: data.marks.filter((mark) => mark.kind === kind).map(({ at }) => [at, kind === "event" ? 0 : data.history[at] ?? 0]),
  };
}

function boundary(data, colours) {
  if (data.last === null) return undefined;
  return {
    silent: true,
    symbol: "none",
    lineStyle: { color: colours.line, type: "solid", width: 1 },
    label: { formatter: "forecast ▸", color: colours.label, fontSize: 11, align: "left", padding: [0, 0, 0, 6] },
    data: data.forecast.some((value) => value !== null) ? [{ xAxis: data.last }] : [],
  };
}

// Built of nodes, never of HTML text: the policy forbids style attributes, and names stay mere text.
function tooltip(data, i) {
  const table = document.createElement("table");
  table.className = "tip";
  table.createCaption().textContent = data.labels[i];
  const row = (label, value) => {
    const cells = table.insertRow();
    cells.insertCell().textContent = label;
    cells.insertCell().textContent = value;
  };
  if (data.history[i] !== null) row("Sales", full.format(data.history[i]));
  if (data.partial[i] !== null) row("So far (partial)", full.format(data.partial[i]));
  if (data.forecast[i] !== null) row(data.forecast_name, full.format(data.forecast[i]));
  if (data.median[i] !== null) row("Median (P50)", full.format(data.median[i]));
  data.bands.toReversed().forEach(({ level, low, high }) => {
    if (low[i] !== null) row(`${level}% band`, `${full.format(low[i])} – ${full.format(high[i])}`);
  });
  data.lines.forEach(({ name, values }) => {
    if (values[i] !== null) row(name, full.format(values[i]));
  });
  data.marks.filter(({ at }) => at === i).forEach(({ text }) => {
    const cell = table.insertRow().insertCell();
    cell.colSpan = 2;
    cell.textContent = text;
  });
  return table;
}

// On the other half of the chart, at its top, so that it covers nothing that is being looked at.
function besidePointer([x], _points, _element, _box, { viewSize, contentSize }) {
  return [x < viewSize[0] / 2 ? x + 24 : x - contentSize[0] - 24, 32];
}

const isJanuary = (_index, label) => label.startsWith("Jan ");

// Beyond two years only the years are named, each at its January; weeks and days bring their own names.
function yearsOrMonths({ labels, ticks }) {
  // By its label, since the number of a period is another one where the chart is zoomed.
  if (ticks) return { interval: (i) => ticks[i] !== null, formatter: (label) => ticks[labels.indexOf(label)], align: "left" };
  if (labels.length <= MONTHS_SHOWN) return { interval: "auto" };
  return { interval: isJanuary, formatter: (label) => label.slice(4), align: "left" };
}

function axes(data, colours) {
  const text = { color: colours.label, fontSize: 12 };
  return {
    xAxis: {
      type: "category",
      boundaryGap: false,
      data: data.labels,
      axisLabel: { ...text, hideOverlap: true, ...yearsOrMonths(data) },
      axisLine: { lineStyle: { color: colours.line } },
      axisTick: { show: data.labels.length > MONTHS_SHOWN, interval: data.ticks ? (i) => data.ticks[i] !== null : isJanuary, lineStyle: { color: colours.line } },
    },
    yAxis: {
      type: "value",
      min: (range) => Math.min(0, range.min),
      splitNumber: 4,
      axisLabel: { ...text, formatter: (value) => compact.format(value) },
      splitLine: { lineStyle: { color: colours.grid } },
    },
  };
}

function options(data, colours) {
  return {
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    aria: { enabled: true, label: { description: data.summary } },
    grid: { left: 4, right: 16, top: 24, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    tooltip: {
      trigger: "axis",
      className: "tip-frame",
      confine: true,
      position: besidePointer,
      transitionDuration: 0,
      backgroundColor: colours.surface,
      borderColor: colours.line,
      borderWidth: 1,
      padding: [8, 12],
      axisPointer: { type: "line", lineStyle: { color: colours.line, type: "dashed" } },
      formatter: (points) => tooltip(data, data.labels.indexOf(points[0].axisValue)),
    },
    ...axes(data, colours),
    // With Ctrl, the wheel zooms and dragging moves, so that the page scrolls as ever; links do it without a mouse.
    dataZoom: [{ type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseMove: "ctrl", minValueSpan: 6 }],
    series: [
      ...data.bands.map((one) => band(data, one, colours.forecast)),
      line("Sales", data.history, colours.history, { markLine: boundary(data, colours), z: 4 }),
      line("Partial", data.partial, colours.history, { width: 0, showSymbol: true, symbol: "emptyCircle", symbolSize: 7 }),
      line("Forecast", joined(data, data.forecast), colours.forecast, { type: [6, 4], width: 2.25 }),
      line("Median (P50)", joined(data, data.median), colours.forecast, { type: [1, 4], width: 1.25 }),
      ...extraLines(data, colours),
      ...Object.keys(MARKS).map((kind) => marks(data, colours, kind)),
    ],
  };
}

function draw(figure) {
  const data = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
  const chart = echarts.getInstanceByDom(figure) ?? echarts.init(figure, null, { renderer: "canvas" });
  chart.setOption(options(data, readColours(figure)), true);
  return chart;
}

function drawAll() {
  document.querySelectorAll("[data-chart]").forEach(draw);
}

drawAll();
new ResizeObserver((entries) => entries.forEach(({ target }) => echarts.getInstanceByDom(target)?.resize())).observe(
  document.querySelector("[data-chart]") ?? document.body,
);
new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
document.addEventListener("htmx:after:swap", drawAll);
