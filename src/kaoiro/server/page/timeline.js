// The result of a video: player, peaks, curves and lanes, which share one cursor.
// The service's times are those of the file; a player's begin at 0, so `start_s` lies between them.

import { Curves, GUTTER, MARGIN } from "./curves.js";
import { colour, fillSelect, highest, inkWords, make } from "./faces.js";
import { clock, named, percent, t } from "./language.js";

const AFFECT = ["valence", "arousal"];
const THUMB = 160; // pixels of a thumbnail's width
const OTHER = 1; // seconds by which the length of another video differs
const $ = (id) => document.getElementById(id);

export class Timeline {
  constructor() {
    Object.assign(this, { data: null, curves: null, chosen: 0, kind: "expressions" });
    Object.assign(this, { file: null, address: null, playable: null, thumbs: new Map() });
    this.player = $("player");
    this.player.addEventListener("loadedmetadata", () => this.loaded());
    this.player.addEventListener("error", () => this.address && this.unplayable());
    for (const name of ["timeupdate", "seeked"]) this.player.addEventListener(name, () => this.follow());
    this.player.addEventListener("play", () => this.followSmoothly());
    $("curves-kind").addEventListener("change", () => this.changeKind($("curves-kind").value));
    $("player-choose").addEventListener("click", () => $("player-file").click());
    $("player-file").addEventListener("change", () => this.choose($("player-file").files[0]));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.data && this.drawStrips());
  }

  /** Show a result; calling again with the same changes nothing. */
  show(data, job, file) {
    if (this.data === data && this.curves) return;
    if (this.data !== data) Object.assign(this, { chosen: 0, thumbs: new Map() });
    Object.assign(this, { data, job, start: job.video?.start_s ?? data.start_s });
    this.range = [data.start_s, data.end_s];
    this.offerKinds();
    this.drawCurves();
    this.drawLanes();
    this.pick(this.chosen);
    if (file !== this.file) this.open(file);
    else this.notePlayer();
  }

  /** Let people choose between expressions, words, and valence with arousal, as far as there are. */
  offerKinds() {
    const affect = this.data.tracks.some((track) => track.affect) ? ["affect"] : [];
    const words = this.data.words.length ? ["words"] : [];
    const kinds = ["expressions", ...words, ...affect];
    inkWords(this.data.words);
    $("curves-kinds").hidden = kinds.length < 2;
    if (!kinds.includes(this.kind)) this.kind = "expressions";
    fillSelect($("curves-kind"), kinds.map((kind) => [kind, t(`curves_${kind}`)]), this.kind);
  }

  drawCurves() {
    const reactions = { onSeek: (time) => this.seek(time), onRange: () => this.drawStrips() };
    const { labels: expressions, words } = this.data;
    const [labels, low] = { expressions: [expressions, 0], words: [words, 0], affect: [AFFECT, -1] }[this.kind];
    this.curves = new Curves($("video-curves"), labels, { ...reactions, low, paired: this.kind === "expressions" });
    this.curves.plot.setScale("x", { min: this.range[0], max: this.range[1] });
  }

  changeKind(kind) {
    this.kind = kind;
    const { time } = this.curves;
    this.curves.remove();
    this.drawCurves();
    this.curves.time = time;
    this.pick(this.chosen);
  }

  clear() {
    this.player.pause();
    this.curves?.remove();
    this.curves = null;
  }

  // ---- the player

  choose(file) {
    if (!file) return;
    this.onFile?.(file);
    this.open(file);
  }

  open(file) {
    if (this.address) URL.revokeObjectURL(this.address);
    Object.assign(this, { file, address: file ? URL.createObjectURL(file) : null, playable: null, thumbs: new Map() });
    if (this.address) this.player.src = this.address;
    else this.player.removeAttribute("src");
    this.player.load();
    this.notePlayer();
  }

  loaded() {
    if (!this.player.videoWidth) return this.unplayable(); // only its sound can be played
    this.playable = true;
    this.notePlayer();
    this.showPeaks();
    this.follow();
  }

  unplayable() {
    this.playable = false;
    this.notePlayer();
  }

  /** Return the file of the video, if it can be played here. */
  playableFile() {
    return this.playable ? this.file : null;
  }

  notePlayer() {
    const [long, wanted] = [this.player.duration, this.job?.video?.duration_s];
    let text = this.file ? "" : t("player_missing");
    if (this.playable === false) text = t("player_cannot");
    const other = this.playable && Math.abs(long - wanted) > OTHER;
    if (other) text = t("player_other", { x: clock(long), y: clock(wanted) });
    $("player-note").textContent = text;
    $("player-choose").hidden = Boolean(this.file) && !text;
    this.player.hidden = !this.playable;
  }

  seek(time) {
    if (this.playable) this.player.currentTime = Math.max(0, time - this.start);
    this.curves.moveTo(time);
  }

  follow() {
    if (this.curves && this.playable) this.curves.moveTo(this.player.currentTime + this.start);
  }

  followSmoothly() {
    this.follow();
    if (!this.player.paused && !this.player.ended) requestAnimationFrame(() => this.followSmoothly());
  }

  // ---- the lanes

  drawLanes() {
    this.strips = this.data.tracks.map(() => make("canvas", { height: 16 }));
    this.buttons = this.data.tracks.map((track, place) => {
      const name = make("span", { className: "lane-name", textContent: `#${track.track}` });
      name.style.width = `${GUTTER}px`;
      const button = make("button", { type: "button", className: "lane" }, name, this.strips[place]);
      button.style.paddingRight = `${MARGIN}px`;
      button.ariaLabel = t("lane", { ...span(track), label: named(mostly(track, this.data.labels)) });
      button.addEventListener("click", () => this.pick(place));
      return button;
    });
    $("lanes").replaceChildren(...this.buttons);
    this.drawStrips();
  }

  drawStrips() {
    const { min, max } = this.curves?.plot.scales.x ?? {};
    if (min == null || !this.strips) return;
    const { tracks, labels } = this.data;
    for (const [place, strip] of this.strips.entries()) drawStrip(strip, tracks[place], labels, min, max);
  }

  /** Choose the face whose curves are shown. */
  pick(place) {
    this.chosen = place;
    const track = this.data.tracks[place];
    for (const [n, button] of this.buttons.entries()) button.ariaPressed = String(n === place);
    $("curves-title").textContent = track ? t("curves_of", span(track)) : t("video_faceless");
    const empty = track?.time_s.map(() => null) ?? [];
    const nothing = Object.fromEntries(this.curves.labels.map((label) => [label, empty]));
    const { scores, smooth: steady } = track ?? {};
    const [raw, smooth] = this.kind === "expressions" ? [scores, steady] : [track?.[this.kind], null];
    this.curves.show(track?.time_s ?? [], raw ?? nothing, track ? smooth : nothing, this.range);
    this.curves.moveTo(this.curves.time ?? track?.first_s ?? null);
    this.follow();
    this.showPeaks();
    $("summary").replaceChildren(...(track ? [table(track, this.data.labels)] : []));
  }

  // ---- the peaks

  showPeaks() {
    const track = this.data?.tracks[this.chosen];
    const peaks = track?.peaks ?? [];
    const entries = peaks.map((peak) => {
      const words = t("peak", { label: named(peak.label), value: percent(peak.value), time: clock(peak.time_s) });
      const button = make("button", { type: "button" }, make("span", { textContent: words }));
      button.style.borderColor = `var(--${peak.label}, #888)`;
      button.addEventListener("click", () => this.seek(peak.time_s));
      return { button, time: peak.time_s };
    });
    const none = make("li", { className: "hint", textContent: t("peaks_none") });
    $("peaks").replaceChildren(...(entries.length ? entries.map(({ button }) => make("li", {}, button)) : [none]));
    if (this.playable) this.addThumbnails(entries);
  }

  /** Draw the pictures at the peaks, one after the other, from the local file; a second player seeks. */
  async addThumbnails(entries) {
    const address = this.address;
    const source = make("video", { muted: true, playsInline: true, preload: "auto", src: address });
    for (const { button, time } of entries) {
      if (!this.thumbs.has(time)) this.thumbs.set(time, await still(source, Math.max(0, time - this.start)));
      if (address !== this.address || !button.isConnected) break; // another video or face has been chosen
      const picture = this.thumbs.get(time);
      if (picture) button.prepend(copy(picture));
    }
    source.removeAttribute("src");
    source.load();
  }
}

/** Return what texts say of a track. */
const span = ({ track, first_s, last_s }) => ({ n: track, from: clock(first_s), to: clock(last_s) });

/** Return the label that is highest on average. */
function mostly(track, labels) {
  const rows = track.smooth ?? track.scores;
  return highest(Object.fromEntries(labels.map((label) => [label, mean(rows[label])])));
}

function mean(values) {
  const known = values.filter((value) => value != null);
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Colour every moment of a track by its strongest expression. */
function drawStrip(canvas, { time_s, smooth, scores }, labels, low, high) {
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * (devicePixelRatio || 1)));
  const context = canvas.getContext("2d");
  const rows = smooth ?? scores;
  const colours = Object.fromEntries(labels.map((label) => [label, colour(label)]));
  const across = (time) => ((time - low) / (high - low)) * canvas.width;
  for (const [n, time] of time_s.entries()) {
    if (rows[labels[0]][n] == null) continue; // a gap
    const best = labels.reduce((top, label) => (rows[label][n] > rows[top][n] ? label : top));
    context.fillStyle = colours[best];
    const x = Math.floor(across(time));
    context.fillRect(x, 0, Math.max(1, Math.floor(across(time_s[n + 1] ?? time)) - x), canvas.height);
  }
}

/** Return the picture of a video at a time, or null if it cannot be had. */
function still(source, time) {
  return new Promise((resolve) => {
    const done = (picture) => (clearTimeout(limit), resolve(picture));
    const limit = setTimeout(() => done(null), 5000);
    source.onerror = () => done(null);
    source.onseeked = () => {
      const height = Math.round((THUMB * source.videoHeight) / source.videoWidth) || 1;
      const canvas = make("canvas", { width: THUMB, height });
      canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
      done(canvas);
    };
    source.currentTime = time;
  });
}

function copy(picture) {
  const canvas = make("canvas", { width: picture.width, height: picture.height, ariaHidden: "true" });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return canvas;
}

/** Return the numbers of a track as a table: what the curves say, for those who cannot see them. */
function table(track, labels) {
  const rows = track.smooth ?? track.scores;
  const cells = (tag, texts) => make("tr", {}, ...texts.map((text, n) => make(n ? tag : "th", { textContent: text })));
  const body = labels.map((label) => {
    const place = rows[label].reduce((top, value, n) => ((value ?? -1) > (rows[label][top] ?? -1) ? n : top), 0);
    const numbers = [percent(mean(rows[label])), percent(rows[label][place]), clock(track.time_s[place])];
    return cells("td", [named(label), ...numbers]);
  });
  const titles = ["table_label", "table_mean", "table_highest", "table_when"];
  const head = cells("th", titles.map((name) => t(name)));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
}
