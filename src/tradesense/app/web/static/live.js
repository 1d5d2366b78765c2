// The part of the live page that HTML cannot say: the chart, the countdown, whether we hear from
// the server. Panels arrive as HTML and are swapped by htmx; each `point` event is one dot more.
(() => {
  "use strict";

  const page = document.getElementById("page");
  const live = document.getElementById("live");
  const box = document.getElementById("canvas");
  const { createChart, AreaSeries, LineSeries, LineStyle, LineType } = LightweightCharts;
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const money = (value) => value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

  const history = JSON.parse(document.getElementById("history").textContent);
  let limits = [];
  let lastTime = 0;
  let skewMs = 0;

  const chart = createChart(box, {
    autoSize: true,
    layout: { background: { color: "transparent" }, fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { vertLines: { visible: false } },
    rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.06, bottom: 0.06 } },
    timeScale: { borderVisible: false, timeVisible: true, secondsVisible: true, rightOffset: 4 },
    localization: { priceFormatter: money },
  });

  // Two views of one line: close up above, where it moves; below with all limits in the picture.
  const withLimits = (original) => {
    const own = original();
    if (!own || limits.length === 0) return own;
    const values = limits.map((limit) => limit.value);
    return {
      ...own,
      priceRange: {
        minValue: Math.min(own.priceRange.minValue, ...values),
        maxValue: Math.max(own.priceRange.maxValue, ...values),
      },
    };
  };
  const quiet = { priceLineVisible: false, lastValueVisible: false };
  const equity = chart.addSeries(AreaSeries, { lineWidth: 2, priceLineVisible: false }, 0);
  const balance = chart.addSeries(LineSeries, { ...quiet, lineWidth: 1, lineType: LineType.WithSteps }, 0);
  const whole = chart.addSeries(AreaSeries, { ...quiet, lineWidth: 2, lastValueVisible: true, autoscaleInfoProvider: withLimits }, 1);
  const series = [[equity, "equity"], [whole, "equity"], [balance, "balance"]];
  chart.panes()[0].setStretchFactor(3);
  chart.panes()[1].setStretchFactor(2);
  const lines = new Map();

  const paint = () => {
    const line = style("--line");
    chart.applyOptions({
      layout: { textColor: style("--soft"), panes: { separatorColor: line, separatorHoverColor: line } },
      grid: { horzLines: { color: line } },
    });
    for (const each of [equity, whole]) {
      each.applyOptions({ lineColor: style("--equity"), topColor: style("--equity") + "38", bottomColor: style("--equity") + "00" });
    }
    balance.applyOptions({ color: style("--balance") });
    for (const [kind, priceLine] of lines) priceLine.applyOptions({ color: style(`--${kind}`), axisLabelColor: style(`--${kind}`) });
  };

  const drawLimits = (given) => {
    limits = given;
    for (const limit of given) {
      const known = lines.get(limit.kind);
      if (known) known.applyOptions({ price: limit.value });
      else {
        lines.set(limit.kind, whole.createPriceLine({
          price: limit.value, title: limit.label, color: style(`--${limit.kind}`),
          axisLabelColor: style(`--${limit.kind}`), lineStyle: LineStyle.Dashed, lineWidth: 1,
        }));
      }
    }
  };

  const add = (point) => {
    if (point.time < lastTime) return; // a reconnect may repeat what we have
    lastTime = point.time;
    for (const [one, name] of series) one.update({ time: point.time, value: point[name] });
  };

  for (const [one, name] of series) one.setData(history.points.map((p) => ({ time: p.time, value: p[name] })));
  lastTime = history.points.length ? history.points[history.points.length - 1].time : 0;
  drawLimits(history.limits);
  paint();
  chart.timeScale().fitContent();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);

  const heard = (on, said) => {
    live.dataset.on = on ? "yes" : "no";
    if (live.lastElementChild.textContent !== said) live.lastElementChild.textContent = said;
  };

  page.addEventListener("point", (event) => {
    const point = JSON.parse(event.detail.data);
    skewMs = point.now_ms - Date.now();
    drawLimits(point.limits);
    add(point);
    heard(true, "live");
  });
  page.addEventListener("htmx:sse:error", () => heard(false, "reconnecting"));
  page.addEventListener("htmx:sse:before:connection", () => heard(false, "connecting"));

  // The countdown follows the platform's clock, which need not be this machine's.
  const tick = () => {
    const shown = document.getElementById("countdown");
    const left = Math.max(0, Math.floor((Number(shown.dataset.at) - Date.now() - skewMs) / 1000));
    const two = (n) => String(n).padStart(2, "0");
    shown.textContent = `${two(Math.floor(left / 3600))}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
  };
  tick();
  setInterval(tick, 1000);
})();
