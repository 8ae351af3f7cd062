// The camera tab: frames go to the service one after the other, never faster than it answers.

import * as api from "./api.js";
import { Curves } from "./curves.js";
import { Bars, boxOf, drawBoxes, expressionOf, fillSelect, fillValues, labelsOf, scoresOf, valuesOf } from "./faces.js";
import { wordScoresOf, wordsOf } from "./faces.js";
import { onLanguage, t } from "./language.js";
import { wanted } from "./words.js";

const WIDE = 640; // pixels of the frames that are sent
const WINDOW_S = 30;
const GAP_S = 1; // a line breaks where nothing was measured for so long
const QUIET_S = 4; // between two announcements for screen readers
const LARGEST = ""; // the history of whichever face was the largest
const $ = (name) => document.getElementById(`camera-${name}`);
const frame = document.createElement("canvas");
const state = { stream: null, error: null, spoken: "", spokenAt: 0 };
let view = null; // what belongs to one time the camera was on: curves, history, counters

function newView() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  const session = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { session, begun: performance.now(), history: new Map(), answers: [], measured: 0, first: null, last: null };
}

async function start(device) {
  stop();
  state.error = null;
  $("switch").disabled = true; // until the browser has asked
  const wish = { width: { ideal: 1280 }, frameRate: { ideal: 30 }, ...(device && { deviceId: { exact: device } }) };
  try {
    if (!navigator.mediaDevices) throw new Error(t("camera_insecure"));
    state.stream = await navigator.mediaDevices.getUserMedia({ video: wish, audio: false });
  } catch (error) {
    return fail(refusal(error));
  } finally {
    $("switch").disabled = false;
  }
  if (document.getElementById("camera").hidden) return stop(); // the tab was left meanwhile
  const [source] = state.stream.getVideoTracks();
  const { deviceId, facingMode } = source.getSettings();
  source.addEventListener("ended", () => fail(new Error(t("camera_ended"))));
  $("video").srcObject = state.stream;
  $("video").classList.toggle("mirrored", facingMode !== "environment");
  view = newView();
  render();
  await listDevices(deviceId);
  await $("video").play().catch(fail);
  run(view);
}

function stop() {
  for (const source of state.stream?.getTracks() ?? []) source.stop();
  view?.curves?.remove();
  state.stream = view = null;
  $("video").srcObject = null;
}

function fail(error) {
  stop();
  state.error = error;
  render();
}

function refusal(error) {
  if (["NotFoundError", "OverconstrainedError"].includes(error.name)) return new Error(t("camera_missing"));
  return ["NotAllowedError", "NotReadableError"].includes(error.name) ? new Error(t("camera_refused")) : error;
}

async function listDevices(current) {
  const devices = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput");
  const pairs = devices.map((device, n) => [device.deviceId, device.label || `${n + 1}`]);
  fillSelect($("device"), pairs, current);
  $("which").hidden = devices.length < 2;
}

const nextFrame = (video) => new Promise((resolve) => video.requestVideoFrameCallback((_, about) => resolve(about)));
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

function picture(video) {
  const scale = Math.min(1, WIDE / video.videoWidth);
  [frame.width, frame.height] = [Math.round(video.videoWidth * scale), Math.round(video.videoHeight * scale)];
  frame.getContext("2d").drawImage(video, 0, 0, frame.width, frame.height);
  return new Promise((resolve) => frame.toBlob(resolve, "image/jpeg", 0.85));
}

/** Send frames until another view, or none, takes the place of this one. */
async function run(mine) {
  while (mine && mine === view) {
    const about = await nextFrame($("video"));
    if (mine !== view) return;
    const sent = performance.now();
    try {
      const answer = await api.live(mine.session, (sent - mine.begun) / 1000, wanted(), await picture($("video")));
      if (mine === view) take(answer, about.presentedFrames, sent);
    } catch (error) {
      if (mine !== view) return;
      if (error.status !== 429 && error.status !== 503) return fail(error);
      await pause(error.wait); // the service has too much to do: frames are left out meanwhile
    }
  }
}

function take(answer, presented, sent) {
  const now = performance.now();
  view.first ??= presented - 1;
  view.shown = presented - view.first;
  view.measured += 1;
  view.answers = [...view.answers.filter((at) => now - at.now < 3000), { now, delay: now - sent }];
  view.last = answer;
  if (answer.faces.length) keep(LARGEST, answer.faces[0], answer.time_s);
  for (const face of answer.faces) keep(String(face.track), face, answer.time_s);
  forget(answer.time_s - WINDOW_S);
  showAnswer();
}

function keep(name, face, time_s) {
  const { track } = face;
  const kept = view.history.get(name) ?? [];
  const last = kept.at(-1);
  const broken = last && (last.track !== track || time_s - last.time_s > GAP_S);
  if (broken) kept.push({ time_s: (last.time_s + time_s) / 2, track, raw: {}, smooth: {} });
  kept.push({ time_s, track, raw: scoresOf(face), smooth: scoresOf(face, "_smooth") });
  view.history.set(name, kept);
}

function forget(before) {
  for (const [name, kept] of view.history) {
    while (kept.length && kept[0].time_s < before) kept.shift();
    if (!kept.length) view.history.delete(name);
  }
}

function showAnswer() {
  const { faces } = view.last;
  showTracks();
  const wanted = $("track").value;
  const face = wanted === LARGEST ? faces[0] : faces.find((each) => String(each.track) === wanted);
  $("face").textContent = face ? `${t("track", { n: face.track })}: ${expressionOf(face).text}` : t("camera_nobody");
  showBoxes(view.last);
  if (face) showFace(face);
  showCurves(view.history.get(wanted) ?? []);
  showMeters();
  if (face) announce(expressionOf(face).label);
}

function showBoxes({ width, height, faces }) {
  const canvas = $("boxes");
  const dots = devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * dots);
  canvas.height = Math.round((canvas.width * height) / width);
  const mirrored = $("video").classList.contains("mirrored");
  const boxes = faces.map((face) => {
    const [left, top, wide, high] = boxOf(face, canvas.width / width);
    const x = mirrored ? canvas.width - left - wide : left;
    const { label, text } = expressionOf(face);
    return { box: [x, top, wide, high], title: `#${face.track} ${text}`, label };
  });
  drawBoxes(canvas.getContext("2d"), boxes, dots);
}

function showFace(face) {
  view.bars ??= new Bars(labelsOf(face));
  if (!view.bars.element.isConnected) $("bars").replaceChildren(view.bars.element);
  view.bars.fill(scoresOf(face, "_smooth"));
  showWords(face);
  fillValues($("values"), valuesOf(face, /^word_/));
  const tick = (ago) => t(ago ? "camera_ago" : "camera_now", { x: -ago });
  view.curves ??= new Curves($("curves"), labelsOf(face), { height: 220, tick });
}

function showWords(face) {
  const columns = wordsOf(face);
  if (view.words?.columns !== columns.join()) {
    const bars = new Bars(columns, "var(--accent)");
    bars.element.classList.add("units");
    view.words = { bars, columns: columns.join() };
    $("words").replaceChildren(bars.element);
  }
  view.words.bars.fill(wordScoresOf(face));
}

function showCurves(kept) {
  if (!view.curves) return;
  const lists = (kind) =>
    Object.fromEntries(view.curves.labels.map((label) => [label, kept.map((moment) => moment[kind][label] ?? null)]));
  const times = kept.map((moment) => moment.time_s - view.last.time_s);
  view.curves.show(times, lists("raw"), lists("smooth"), [-WINDOW_S, 0]);
}

function showTracks() {
  const list = $("track");
  const tracks = [...view.history.keys()].filter((name) => name !== LARGEST);
  $("whose").hidden = tracks.length < 2 && list.value === LARGEST;
  if (list.dataset.shown === tracks.join()) return; // or an open list would close
  list.dataset.shown = tracks.join();
  fillSelect(list, [[LARGEST, t("camera_largest")], ...tracks.map((n) => [n, t("track", { n })])], list.value);
}

function showMeters() {
  const { answers, measured, shown } = view;
  const span = (answers.at(-1).now - answers[0].now) / 1000;
  const rate = span > 0 ? ((answers.length - 1) / span).toFixed(1) : "–";
  const delay = answers.reduce((sum, at) => sum + at.delay, 0) / answers.length;
  const all = Math.max(shown, measured);
  fillValues($("meters"), [
    [t("camera_rate"), t("camera_rate_value", { x: rate })],
    [t("camera_dropped"), t("camera_dropped_value", { n: all - measured, all })],
    [t("camera_delay"), t("camera_delay_value", { x: Math.round(delay) })],
  ]);
}

/** Tell screen readers the expression, and only when another one has come. */
function announce(label) {
  const now = performance.now() / 1000;
  if (label === state.spoken || now - state.spokenAt < QUIET_S) return;
  [state.spoken, state.spokenAt] = [label, now];
  $("spoken").textContent = $("face").textContent;
}

function render() {
  $("switch").textContent = t(view ? "camera_off" : "camera_on");
  $("boxes").ariaLabel = t("camera_alt");
  $("live").hidden = !view;
  for (const name of ["which", "whose"]) $(name).hidden ||= !view;
  $("error").textContent = state.error ? api.explain(state.error) : "";
  $("status").textContent = view ? t("camera_running") : "";
  if (!view?.curves) return;
  view.curves.remove(); // and made anew, in another language
  view.curves = view.bars = view.words = null;
  $("track").dataset.shown = "";
  showAnswer();
}

export function startCamera() {
  $("switch").addEventListener("click", () => (view ? leaveCamera() : start()));
  $("device").addEventListener("change", () => start($("device").value));
  $("track").addEventListener("change", () => view?.last && showAnswer());
  onLanguage(render);
}

/** Turn the camera off, as when its tab is left. */
export function leaveCamera() {
  if (!view) return;
  stop();
  render();
}
