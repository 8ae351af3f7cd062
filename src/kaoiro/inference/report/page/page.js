// The page: a section for each recording, its moment and player, the language.

/** What a recording shows at one time: its picture or the playing video, the values, the line that was said. */
class Moment {
  constructor(recording) {
    this.recording = recording;
    this.picture = make("img", { className: "frame", hidden: true });
    this.player = make("video", { className: "frame", controls: true, preload: "metadata", hidden: true });
    this.words = make("div", { className: "words", "aria-live": "polite" });
    this.host = make("aside", { className: "moment" }, this.player, this.picture, this.words);
    this.playable = false;
    if (recording.video) this.open();
  }

  open() {
    this.player.addEventListener("loadedmetadata", () => {
      this.playable = this.player.videoWidth > 0;
      this.player.hidden = !this.playable;
      this.show(this.time ?? 0, this.lane);
    });
    this.player.addEventListener("error", () => (this.player.hidden = true));
    this.player.addEventListener("timeupdate", () => {
      if (this.player.paused) return;
      this.show(this.player.currentTime, this.lane, false);
      this.onPlay?.(this.player.currentTime);
    });
    this.player.src = this.recording.video;
  }

  show(time, lane, seek = true) {
    Object.assign(this, { time, lane });
    this.host.setAttribute("aria-label", t("moment", { time: clock(time, true) }));
    if (this.playable && seek) this.player.currentTime = time;
    const nearer = (best, one) => (best && Math.abs(best.t - time) <= Math.abs(one.t - time) ? best : one);
    const near = this.recording.pictures.reduce(nearer, null);
    this.picture.hidden = this.playable || !near;
    if (near) Object.assign(this.picture, { src: near.src, alt: t("frame_alt", { time: clock(near.t) }) });
    this.words.replaceChildren(...this.lines(time, lane, near));
  }

  lines(time, lane, near) {
    const found = [cell("h4", t("moment", { time: clock(time, true) }))];
    if (!this.playable && near) found.push(cell("p", t("picture_at", { time: clock(near.t) }), { className: "hint" }));
    else if (!this.playable) found.push(cell("p", t("no_video"), { className: "hint" }));
    const events = this.recording.events.filter((one) => time >= one.a && time <= Math.max(one.b, one.a + 1));
    const cues = this.recording.cues.filter((one) => time >= one.a && time < one.b);
    found.push(...events.map((one) => cell("p", t("event_now", { text: one.text }))), ...cues.map((one) => cell("blockquote", one.text)));
    const values = valuesAt(lane, time);
    if (!values) return [...found, cell("p", t("not_seen"))];
    const items = values.map(([label, value]) => make("li", {}, chip(label), cell("span", percent(value))));
    return [...found, make("ul", { className: "values" }, ...items)];
  }
}

/** Return the values of a lane at a time, highest first; null where the face was not seen. */
function valuesAt(lane, time) {
  const { t: times, lines } = lane.curves;
  if (!times.length) return null;
  const n = times.reduce((best, one, place) => (Math.abs(one - time) < Math.abs(times[best] - time) ? place : best), 0);
  if (Math.abs(times[n] - time) > Math.max(2, (times.at(-1) - times[0]) / times.length) || !known(lines[LABELS[0]][n])) return null;
  return LABELS.map((label) => [label, lines[label][n]]).sort((one, other) => other[1] - one[1]);
}

class Section {
  constructor(recording, place) {
    recording.place = place;
    Object.assign(this, { recording, lane: recording.lanes[0] });
    this.moment = new Moment(recording);
    this.timeline = new Timeline(recording, this.lane, (time) => this.moment.show(time, this.lane));
    this.moment.onPlay = (time) => this.timeline.moveTo(time);
    this.host = make("section", { className: "recording", id: `recording-${place + 1}` });
  }

  seek(time) {
    this.timeline.seek(time);
    this.timeline.host.scrollIntoView({ block: "nearest" });
  }

  choose(place) {
    this.lane = this.recording.lanes[place];
    this.render();
    this.host.querySelector("select")?.focus();
  }

  render() {
    const { recording, lane } = this;
    const seek = (time) => this.seek(time);
    const heading = cell("h2", recording.name);
    this.host.setAttribute("aria-label", recording.name);
    this.host.replaceChildren(...[
      heading, this.facts(), this.lanes(), this.summary(), this.time(),
      shares(recording, lane), episodes(lane, seek), affect(lane), transcript(recording, seek), confounds(recording),
    ].filter(known));
    this.timeline.show(lane);
    this.moment.show(this.timeline.time, lane);
  }

  facts() {
    const { model, step_s, length_s, records } = this.recording;
    const rows = [
      ["length", clock(length_s)], ["records", records],
      ["sampled", step_s == null ? t("every_frame") : t("every_seconds", { x: step_s })],
      ["model", model ? model.name || t("model_unnamed") : "–"], ["version", model?.version || "–"],
      ["digest", model ? model.digest.slice(0, 16) : "–"],
    ];
    const items = rows.map(([name, value]) => make("div", {}, cell("dt", t(`fact_${name}`)), cell("dd", value)));
    if (model) items.at(-1).title = model.digest;
    return make("dl", { className: "facts" }, ...items);
  }

  lanes() {
    const { lanes } = this.recording;
    if (lanes.length < 2) return null;
    const select = make("select", { id: `lane-${this.recording.place}` });
    lanes.forEach((lane, place) => {
      const values = { name: laneName(lane), share: percent(lane.coverage), from: clock(lane.first_s), to: clock(lane.last_s) };
      select.append(make("option", { value: String(place), textContent: t("lane_option", values), selected: lane === this.lane }));
    });
    select.addEventListener("change", () => this.choose(Number(select.value)));
    const more = this.recording.tracks - lanes.filter((lane) => lane.name !== "largest").length;
    const hint = more > 0 ? cell("span", t("lanes_more", { n: more }), { className: "hint" }) : null;
    return make("p", { className: "row" }, make("label", { htmlFor: select.id, textContent: t("lane") }), select, hint);
  }

  summary() {
    const items = summary(this.recording, this.lane).map((line) => cell("p", line));
    const warned = warnings(this.recording, this.lane).map((line) => cell("li", line));
    const list = warned.length ? make("ul", { className: "weak" }, ...warned) : null;
    return make("div", { className: "card summary" }, ...items, list);
  }

  time() {
    const button = (name, act) => {
      const made = make("button", { type: "button", className: "quiet", textContent: t(name) });
      made.addEventListener("click", act);
      return made;
    };
    const own = make("input", { type: "checkbox", checked: this.timeline.own });
    own.addEventListener("change", () => {
      this.timeline.own = own.checked;
      this.timeline.render();
    });
    const tools = make("div", { className: "row tools" },
      button("zoom_in", () => this.timeline.scale(0.5)), button("zoom_out", () => this.timeline.scale(2)),
      button("zoom_all", () => this.timeline.zoom(null)), make("label", {}, own, ` ${t("own_scale")}`));
    const hint = cell("p", t(this.lane.curve === "smooth" ? "timeline_smooth" : "timeline_raw"), { className: "hint" });
    const body = make("div", { className: "columns" }, make("div", {}, this.timeline.host, tools), this.moment.host);
    return part(t("timeline"), hint, body);
  }
}

function head() {
  const { recordings } = DATA;
  const found = [cell("h2", t("recordings", { n: recordings.length }), { className: "count" })];
  found.push(cell("p", t(recordings.length === 1 ? "count_one" : "count_some"), { className: "hint" }));
  if (DATA.mixed) found.push(make("p", { className: "weak", role: "alert", textContent: t("mixed") }));
  if (recordings.length < 2) return make("div", {}, ...found);
  const rows = recordings.map((one, place) => {
    const lane = one.lanes[0];
    const link = make("a", { href: `#recording-${place + 1}`, textContent: one.name });
    const best = [...lane.tables.raw].filter((row) => known(row.mean)).sort((a, b) => b.mean - a.mean).slice(0, 3);
    const words = best.map((row) => `${labelled(row.label)} ${percent(row.mean)}`).join(t("list_comma"));
    return [link, clock(one.length_s), laneName(lane), percent(lane.coverage), words];
  });
  const heads = ["recording", "length", "speaker", "coverage", "share"].map((name) => t(`head_${name}`));
  return make("div", {}, ...found, table(t("overview"), heads, rows, "cards"));
}

function method() {
  const rule = { on: percent(DATA.rule.on), off: percent(DATA.rule.off), least_s: DATA.rule.least_s, join_s: DATA.rule.join_s };
  const lines = ["method_share", "method_sampling", "method_interval", "method_episodes", "method_rest", "method_floor"];
  const limits = ["limit_quality", "limit_rare", "limit_people", "limit_speaker", "limit_law"];
  const list = (names) => make("ul", {}, ...names.map((name) => cell("li", t(name, { ...rule, x: percent(DATA.threshold) }))));
  const emotion = make("p", {}, make("b", {}, t("emotion_head")), ` ${t("limit_emotion")}`);
  return make("section", { className: "limits" }, cell("h2", t("method")), list(lines), cell("h2", t("limits")), emotion, list(limits),
    DATA.blurred ? cell("p", t("blurred")) : null);
}

const SECTIONS = DATA.recordings.map((recording, place) => new Section(recording, place));

function render() {
  document.getElementById("main").replaceChildren(head(), ...SECTIONS.map((section) => section.host), method());
  for (const section of SECTIONS) section.render();
}

redraw();
