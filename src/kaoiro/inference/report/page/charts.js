// Drawing: the timeline of a lane, the circumplex.

const GUTTER = 124; // pixels left of the curves, for their names
const RIGHT = 52; // pixels right of them, for their scale
const ROW = 44; // pixels of a curve
const STRIP = 20; // pixels of a strip of events, lines or episodes
const STEPS = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400]; // seconds between ticks

/** The curves of a lane over time, with strips of events, lines and episodes; one cursor, moved by pointer or keys. */
class Timeline {
  constructor(recording, lane, onSeek) {
    Object.assign(this, { recording, lane, onSeek, time: 0, own: false, range: [0, Math.max(0.5, recording.length_s)] });
    this.host = make("div", { className: "timeline", tabIndex: 0, role: "slider" });
    this.host.addEventListener("keydown", (event) => this.key(event));
    this.host.addEventListener("pointerdown", (event) => this.grab(event));
    this.host.addEventListener("pointermove", (event) => this.drag(event));
    this.host.addEventListener("pointerup", (event) => this.release(event));
    this.host.addEventListener("dblclick", () => this.zoom(null));
    new ResizeObserver(() => this.render()).observe(this.host);
  }

  get all() {
    return Math.max(0.5, this.recording.length_s);
  }

  width = () => Math.max(280, this.host.clientWidth);
  across = (time) => GUTTER + ((time - this.range[0]) / (this.range[1] - this.range[0])) * (this.width() - GUTTER - RIGHT);
  timeAt = (x) => {
    const share = (x - GUTTER) / (this.width() - GUTTER - RIGHT);
    return Math.min(this.all, Math.max(0, this.range[0] + share * (this.range[1] - this.range[0])));
  };

  show(lane) {
    this.lane = lane;
    this.render();
  }

  /** Show a range of time; null shows all. */
  zoom(range) {
    const [low, high] = range ?? [0, this.all];
    const span = Math.min(this.all, Math.max(5, high - low));
    const start = Math.min(Math.max(0, (low + high - span) / 2), this.all - span);
    this.range = [start, start + span];
    this.render();
  }

  scale(factor) {
    const half = ((this.range[1] - this.range[0]) * factor) / 2;
    const middle = this.time >= this.range[0] && this.time <= this.range[1] ? this.time : (this.range[0] + this.range[1]) / 2;
    this.zoom([middle - half, middle + half]);
  }

  key(event) {
    const span = this.range[1] - this.range[0];
    const moves = { ArrowLeft: -span / 100, ArrowRight: span / 100, PageUp: -span / 10, PageDown: span / 10 };
    const ends = { Home: 0, End: this.all };
    if (event.key in moves) this.seek(this.time + moves[event.key]);
    else if (event.key in ends) this.seek(ends[event.key]);
    else if (event.key === "+" || event.key === "=") this.scale(0.5);
    else if (event.key === "-") this.scale(2);
    else return;
    event.preventDefault();
  }

  seek(time) {
    this.moveTo(time);
    this.onSeek(this.time);
  }

  /** Put the cursor at a time, and bring it into view. */
  moveTo(time) {
    this.time = Math.min(this.all, Math.max(0, time));
    const span = this.range[1] - this.range[0];
    if (this.time < this.range[0] || this.time > this.range[1]) this.zoom([this.time - span / 2, this.time + span / 2]);
    const x = this.across(this.time);
    for (const end of ["x1", "x2"]) this.cursor?.setAttribute(end, x);
    this.host.setAttribute("aria-valuenow", this.time.toFixed(1));
    this.host.setAttribute("aria-valuetext", clock(this.time, true));
  }

  position = (event) => event.clientX - this.host.getBoundingClientRect().left;

  grab(event) {
    if (event.button !== 0) return;
    this.start = this.position(event);
    this.host.setPointerCapture(event.pointerId);
  }

  drag(event) {
    if (this.start == null) return;
    const [low, high] = [this.start, this.position(event)].sort((a, b) => a - b);
    this.selection?.setAttribute("x", low);
    this.selection?.setAttribute("width", high - low > 6 ? high - low : 0);
  }

  release(event) {
    if (this.start == null) return;
    const [from, to] = [this.start, this.position(event)];
    this.start = null;
    this.selection?.setAttribute("width", 0);
    if (Math.abs(to - from) > 6) this.zoom([this.timeAt(Math.min(from, to)), this.timeAt(Math.max(from, to))]);
    else this.seek(this.timeAt(to));
  }

  render() {
    const width = this.width();
    const strips = this.strips();
    const top = 22;
    const height = top + strips.length * (STRIP + 4) + LABELS.length * ROW + 8;
    const picture = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const [left, right] = [GUTTER, width - RIGHT];
    const clip = `clip-${this.recording.place}`;
    picture.append(draw("clipPath", { id: clip }, draw("rect", { x: left, y: 0, width: right - left, height })));
    this.axis(picture, top, height);
    strips.forEach((strip, place) => this.strip(picture, strip, top + place * (STRIP + 4), clip));
    LABELS.forEach((label, place) => this.curve(picture, label, top + strips.length * (STRIP + 4) + place * ROW, clip));
    this.selection = draw("rect", { class: "selection", y: top, height: height - top, width: 0 });
    this.cursor = draw("line", { class: "cursor", y1: top - 4, y2: height, "clip-path": `url(#${clip})` });
    picture.append(this.selection, this.cursor);
    this.host.replaceChildren(picture);
    this.host.setAttribute("aria-label", t("timeline_of", { name: laneName(this.lane) }));
    this.host.setAttribute("aria-valuemin", 0);
    this.host.setAttribute("aria-valuemax", this.all.toFixed(1));
    this.moveTo(this.time);
  }

  axis(picture, top, height) {
    const span = this.range[1] - this.range[0];
    const room = (this.width() - GUTTER - RIGHT) / 74; // ticks
    const step = STEPS.find((one) => span / one <= room) ?? STEPS.at(-1);
    for (let time = Math.ceil(this.range[0] / step) * step; time <= this.range[1]; time += step) {
      const x = this.across(time);
      picture.append(draw("line", { class: "grid", x1: x, x2: x, y1: top, y2: height }));
      const words = draw("text", { class: "tick", x, y: 14, "text-anchor": "middle" });
      words.textContent = clock(time, step < 1);
      picture.append(words);
    }
  }

  strips() {
    const { events, cues } = this.recording;
    const spans = (rows, kind) => rows.map((row) => ({ ...row, kind }));
    const found = [];
    if (events.length) found.push({ name: t("events"), rows: spans(events, "event") });
    if (cues.length) found.push({ name: t("transcript"), rows: spans(cues, "cue") });
    const episodes = this.lane.episodes.map((one) => ({ ...one, kind: "episode", text: labelled(one.label) }));
    found.push({ name: t("episodes"), rows: episodes });
    return found;
  }

  strip(picture, { name, rows }, y, clip) {
    this.name(picture, name, y + STRIP / 2 + 4, null);
    const [group, said] = [0, 1].map(() => draw("g", { "clip-path": `url(#${clip})` }));
    const line = draw("line", { class: "grid", x1: GUTTER, x2: this.width() - RIGHT, y1: y + STRIP, y2: y + STRIP });
    picture.append(line, group, said);
    for (const [place, row] of rows.entries()) {
      if (row.b < this.range[0] || row.a > this.range[1]) continue;
      const x = this.across(row.a);
      const wide = Math.max(2, this.across(row.b) - x);
      const bar = draw("rect", { class: row.kind, x, y, width: wide, height: STRIP - 2, rx: 2 });
      if (row.label) bar.style.fill = `var(--${row.label})`;
      const title = draw("title");
      title.textContent = `${clock(row.a)} ${row.text}`;
      bar.append(title);
      group.append(bar);
      const next = rows[place + 1] ? this.across(rows[place + 1].a) : this.width() - RIGHT;
      const room = row.kind === "event" ? next - x - 6 : wide - 6; // an event of one moment may be longer in words
      const fits = Math.floor(room / 7.5);
      if (fits < 3) continue;
      const words = draw("text", { class: `${row.kind}-text`, x: Math.max(x, GUTTER) + 5, y: y + STRIP / 2 + 3 });
      words.textContent = row.text.length > fits ? `${row.text.slice(0, fits - 1)}…` : row.text;
      said.append(words);
    }
  }

  name(picture, text, y, label) {
    if (label) picture.append(draw("rect", { x: 10, y: y - 9, width: 9, height: 9, rx: 2, style: `fill: var(--${label})` }));
    const words = draw("text", { class: "name", x: label ? 25 : 10, y });
    words.textContent = text;
    picture.append(words);
  }

  curve(picture, label, y, clip) {
    const { t: times, lines, bands } = this.lane.curves;
    const highest = this.own ? Math.max(0.01, ...bands[label][1].filter(known)) : 1;
    const down = (value) => y + ROW - 5 - (Math.min(value, highest) / highest) * (ROW - 10);
    this.name(picture, labelled(label), y + ROW / 2 + 4, label);
    picture.append(draw("line", { class: "base", x1: GUTTER, x2: this.width() - RIGHT, y1: y + ROW - 5, y2: y + ROW - 5 }));
    const scale = draw("text", { class: "tick", x: this.width() - RIGHT + 5, y: y + 12 });
    scale.textContent = percent(highest);
    picture.append(scale);
    const group = draw("g", { "clip-path": `url(#${clip})`, style: `--own: var(--${label})` });
    for (const [first, last] of this.pieces(times, lines[label])) {
      const places = Array.from({ length: last - first }, (_, n) => first + n);
      const at = (n, value) => `${this.across(times[n]).toFixed(1)},${down(value).toFixed(1)}`;
      const upper = places.map((n) => at(n, bands[label][1][n] ?? lines[label][n]));
      const lower = places.map((n) => at(n, bands[label][0][n] ?? lines[label][n])).reverse();
      group.append(draw("polygon", { class: "band", points: [...upper, ...lower].join(" ") }));
      group.append(draw("polyline", { class: "line", points: places.map((n) => at(n, lines[label][n])).join(" ") }));
    }
    picture.append(group);
  }

  /** Yield the pieces of a curve between gaps that lie in view, a point beyond it on either side. */
  *pieces(times, values) {
    let first = null;
    const [low, high] = this.range;
    for (let n = 0; n <= times.length; n += 1) {
      const inside = n < times.length && known(values[n]) && (times[n + 1] ?? times[n]) >= low && (times[n - 1] ?? times[n]) <= high;
      if (inside) first ??= n;
      else if (first != null) {
        yield [first, n];
        first = null;
      }
    }
  }
}

/** Return a picture of where valence and arousal went. */
function circumplex(lane) {
  const { valence, arousal } = lane.curves.signals;
  if (!valence || !arousal || !valence.some(known)) return null;
  const size = 300;
  const [x, y] = [(v) => size / 2 + v * 130, (v) => size / 2 - v * 130];
  const picture = draw("svg", { class: "circumplex", viewBox: `0 0 ${size} ${size}`, role: "img" });
  const [v, a] = ["valence", "arousal"].map((name) => lane.tables.signal.find((line) => line.label === name));
  picture.setAttribute("aria-label", t("circumplex_alt", { x: number(v.mean), y: number(a.mean) }));
  picture.append(draw("circle", { class: "rim", cx: x(0), cy: y(0), r: 130 }));
  picture.append(draw("line", { class: "thin", x1: x(-1), x2: x(1), y1: y(0), y2: y(0) }));
  picture.append(draw("line", { class: "thin", x1: x(0), x2: x(0), y1: y(-1), y2: y(1) }));
  for (const [words, px, py, anchor] of [
    ["unpleasant", x(-1) + 4, y(0) - 6, "start"], ["pleasant", x(1) - 4, y(0) - 6, "end"],
    ["excited", x(0) + 6, y(1) + 14, "start"], ["calm", x(0) + 6, y(-1) - 6, "start"],
  ]) {
    const text = draw("text", { x: px, y: py, "text-anchor": anchor });
    text.textContent = t(words);
    picture.append(text);
  }
  const seen = valence.map((value, n) => n).filter((n) => known(valence[n]) && known(arousal[n]));
  for (const n of seen) {
    const share = seen.length > 1 ? n / valence.length : 1;
    const style = `--when: ${Math.round(share * 100)}%`;
    picture.append(draw("circle", { class: "trace", cx: x(valence[n]), cy: y(arousal[n]), r: 2.2, style }));
  }
  if (known(v.low)) picture.append(draw("line", { class: "cross", x1: x(v.low), x2: x(v.high), y1: y(a.mean), y2: y(a.mean) }));
  if (known(a.low)) picture.append(draw("line", { class: "cross", x1: x(v.mean), x2: x(v.mean), y1: y(a.low), y2: y(a.high) }));
  picture.append(draw("circle", { class: "mean", cx: x(v.mean), cy: y(a.mean), r: 5 }));
  return picture;
}
