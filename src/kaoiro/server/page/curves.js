// Curves of the scores over time (uPlot), their legend, and a cursor that the keyboard moves as well.

import { colour, make } from "./faces.js";
import { clock, named, percent, t } from "./language.js";

export const GUTTER = 56; // pixels left of the curves; lanes below them begin at the same place
export const MARGIN = 14; // pixels right of them
const NEAR = 1; // seconds from a measurement within which its values are read off
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200]; // seconds between ticks
// beside the colour, so that lines are told apart by those who see colours differently
const DASHES = {
  ...{ anger: [12, 3], contempt: [2, 3], disgust: [9, 3, 2, 3], fear: [5, 3], neutral: [1, 3], arousal: [7, 3] },
  surprise: [7, 2, 2, 2, 2, 2],
};
const css = (name) => () => colour(name);
const signed = (value) => value.toFixed(2).replace("-", "−");

export class Curves {
  /**
   * @param tick makes the text of a time below the curves; it is told whether tenths matter
   * @param paired whether values of single frames lie pale behind the smoothed ones
   * @param low the lowest value: 0 for shares, -1 for valence and arousal
   * @param onSeek called with a time, if the curves can be clicked
   * @param onRange called with the range of time that is shown
   */
  constructor(host, labels, { height = 260, tick = clock, low = 0, paired = true, onSeek, onRange } = {}) {
    Object.assign(this, { host, labels, height, tick, low, paired, onSeek, onRange, time: null, range: [0, 1] });
    this.words = low < 0 ? signed : percent;
    this.stage = make("div", { className: "curves" });
    this.legend = make("div", { className: "legend", role: "group" });
    this.line = make("div", { className: "playhead", hidden: true });
    host.replaceChildren(this.stage, this.legend);
    this.plot = new globalThis.uPlot(this.options(), [[], ...labels.flatMap(() => [[], []])], this.stage);
    this.plot.over.append(this.line);
    if (onSeek) this.makeSlider();
    this.drawLegend();
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.stage);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => this.plot.redraw(false);
    this.scheme.addEventListener("change", this.repaint);
  }

  remove() {
    this.sizes.disconnect();
    this.scheme.removeEventListener("change", this.repaint);
    this.plot.destroy();
    this.host.replaceChildren();
  }

  width = () => Math.max(200, this.stage.clientWidth);

  resize() {
    this.plot.setSize({ width: this.width(), height: this.height });
    this.scaled(this.plot.scales.x);
  }

  options() {
    const seeks = Boolean(this.onSeek);
    const thin = { stroke: css("line"), width: 1 };
    const axis = { stroke: css("muted"), grid: thin, ticks: thin };
    const times = (_, ticks, __, ___, step) => ticks.map((time) => this.tick(time, step < 1));
    const line = (label, style) => ({ label, stroke: css(label), points: { show: false }, ...style });
    return {
      width: this.width(),
      height: this.height,
      padding: [10, MARGIN, 0, 0],
      legend: { show: false },
      cursor: {
        ...{ x: seeks, y: false, drag: { x: seeks, y: false }, points: { show: false } },
        bind: { dblclick: () => () => this.zoomOut() },
      },
      scales: {
        x: { time: false, auto: false, range: (_, low, high) => [low, high] },
        y: { auto: false, range: [this.low, 1] },
      },
      axes: [
        { ...axis, space: 64, size: 32, incrs: STEPS, values: times },
        { ...axis, space: 40, size: GUTTER, values: (_, ticks) => ticks.map(this.words) },
      ],
      series: [
        {},
        ...this.labels.map((label) => line(label, { width: 1, alpha: 0.35 })),
        ...this.labels.map((label) => line(label, { width: 2, dash: DASHES[label] })),
      ],
      hooks: { setScale: [(plot, name) => name === "x" && this.scaled(plot.scales.x)] },
    };
  }

  scaled({ min, max }) {
    if (!this.plot) return; // it is being made
    this.onRange?.(min, max);
    this.place();
  }

  /**
   * Show the values of one face.
   * @param smooth lists by label, or null; then `raw` is drawn strongly
   */
  show(times, raw, smooth, [low, high]) {
    const nothing = times.map(() => null);
    const pale = this.labels.map((label) => (smooth ? raw[label] : nothing));
    this.strong = this.labels.map((label) => (smooth ?? raw)[label]);
    this.range = [low, high > low ? high : low + 1];
    this.plot.batch(() => {
      this.plot.setData([times, ...pale, ...this.strong], false);
      this.zoomOut();
    });
    this.readOff();
  }

  zoomOut() {
    this.plot.setScale("x", { min: this.range[0], max: this.range[1] });
    this.plot.setScale("y", { min: this.low, max: 1 });
  }

  /** Put the cursor at a time, or take it away (null). */
  moveTo(time) {
    this.time = time;
    this.place();
    this.readOff();
  }

  place() {
    const { min, max } = this.plot.scales.x;
    this.line.hidden = this.time == null || this.time < min || this.time > max;
    if (!this.line.hidden) this.line.style.transform = `translateX(${this.plot.valToPos(this.time, "x")}px)`;
  }

  /** Return each label's value at the cursor, null where nothing was measured. */
  valuesAtCursor() {
    const times = this.plot.data[0];
    const place = this.time == null || !times.length ? -1 : this.plot.valToIdx(this.time);
    const near = place >= 0 && Math.abs(times[place] - this.time) <= NEAR;
    return this.labels.map((_, n) => (near ? this.strong[n][place] : null));
  }

  /** Write the values at the cursor into the legend, and for screen readers into the slider. */
  readOff() {
    const values = this.valuesAtCursor();
    for (const [n, value] of values.entries()) this.readings[n].textContent = value == null ? "" : this.words(value);
    if (!this.onSeek) return;
    const top = Math.max(...values);
    const one = (label, n) => (values[n] == null ? "" : `, ${named(label)} ${this.words(values[n])}`);
    const highest = top > 0 ? one(this.labels[values.indexOf(top)], values.indexOf(top)) : "";
    const words = this.low < 0 ? this.labels.map(one).join("") : highest;
    const [low, high] = this.range;
    this.stage.ariaValueMin = low;
    this.stage.ariaValueMax = high;
    this.stage.ariaValueNow = this.time ?? low;
    this.stage.ariaValueText = clock(this.time ?? low) + words;
  }

  drawLegend() {
    this.readings = this.labels.map(() => make("span", { className: "reading" }));
    const entries = this.labels.map((label, n) => {
      const parts = [sample(label), named(label), this.readings[n]];
      const entry = make("button", { type: "button", ariaPressed: "true" }, ...parts);
      entry.addEventListener("click", () => {
        entry.ariaPressed = String(entry.ariaPressed !== "true");
        this.applyShown();
      });
      return entry;
    });
    const pale = make("input", { type: "checkbox", checked: true });
    pale.addEventListener("change", () => this.applyShown());
    Object.assign(this, { entries, pale });
    this.legend.ariaLabel = t("curves_shown");
    const single = make("label", {}, pale, " ", t("curves_raw"));
    this.legend.append(...entries, ...(this.paired ? [single] : []));
  }

  applyShown() {
    for (const [n, entry] of this.entries.entries()) {
      const show = entry.ariaPressed === "true";
      this.plot.setSeries(1 + n, { show: show && this.pale.checked });
      this.plot.setSeries(1 + this.labels.length + n, { show });
    }
  }

  makeSlider() {
    Object.assign(this.stage, { tabIndex: 0, role: "slider", ariaLabel: t("curves_time") });
    this.plot.over.addEventListener("click", () => this.onSeek(this.plot.posToVal(this.plot.cursor.left, "x")));
    this.stage.addEventListener("keydown", (event) => {
      const [low, high] = this.range;
      const step = Math.min(1, (high - low) / 50);
      const small = { ArrowRight: step, ArrowUp: step, ArrowLeft: -step, ArrowDown: -step };
      const steps = { ...small, PageUp: step * 10, PageDown: -step * 10, Home: -Infinity, End: Infinity };
      if (!(event.key in steps)) return;
      event.preventDefault();
      this.onSeek(Math.min(high, Math.max(low, (this.time ?? low) + steps[event.key])));
    });
  }
}

/** Return a piece of a label's line, for the legend. */
function sample(label) {
  const drawn = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const dash = (DASHES[label] ?? []).join(" ");
  const line = drawn("line", { x2: 30, y1: 3, y2: 3, "stroke-width": 3, "stroke-dasharray": dash });
  line.style.stroke = `var(--${label}, #888)`;
  const picture = drawn("svg", { viewBox: "0 0 30 6", width: 30, height: 6, "aria-hidden": "true" });
  picture.append(line);
  return picture;
}
