// The photo tab: one picture, a box and a card for each face.

import { affectOf } from "./affect.js";
import * as api from "./api.js";
import { Bars, boxOf, drawBoxes, expressionOf, labelsOf, make } from "./faces.js";
import { fillValues, scoresOf, valuesOf, weaknesses, wordsOf } from "./faces.js";
import { onLanguage, t } from "./language.js";
import { onWords, wanted } from "./words.js";

const LARGEST = 1600; // pixels of the canvas's longer side
const $ = (name) => document.getElementById(`photo-${name}`);
const state = { file: null, bitmap: null, answer: null, error: null, working: "" };
let running = new AbortController();

/** Measure a picture; an earlier one that is still measured is given up. */
export async function openPhoto(file) {
  running.abort();
  const { signal } = (running = new AbortController());
  Object.assign(state, { file, bitmap: null, answer: null, error: null, working: file.name || "" });
  render();
  try {
    const bitmap = await createImageBitmap(file).catch(() => null); // the service reads more formats than a browser
    const answer = await api.analyze(file, wanted(), signal);
    if (!signal.aborted) Object.assign(state, { bitmap, answer, working: null });
  } catch (error) {
    if (signal.aborted) return;
    Object.assign(state, { error, working: null });
  }
  render();
}

function render() {
  const { bitmap, answer, error, working } = state;
  $("error").textContent = error ? api.explain(error) : "";
  $("result").hidden = !answer;
  if (!answer) {
    $("status").textContent = working && !error ? t("photo_working", { name: working }) : "";
    return;
  }
  const hidden = bitmap ? "" : ` ${t("photo_hidden")}`;
  $("status").textContent = t("photo_found", { n: answer.faces.length }) + hidden;
  draw(bitmap, answer);
  $("faces").replaceChildren(...answer.faces.map((face, place) => card(face, place + 1)));
}

function draw(bitmap, { width, height, faces }) {
  const canvas = $("canvas");
  const scale = Math.min(1, LARGEST / Math.max(width, height));
  [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
  const context = canvas.getContext("2d");
  if (bitmap) context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const screen = canvas.width / (canvas.clientWidth || canvas.width);
  const boxes = faces.map((face, place) => ({
    box: boxOf(face, scale),
    title: `${place + 1} ${expressionOf(face).text}`,
    label: expressionOf(face).label,
  }));
  drawBoxes(context, boxes, screen);
  canvas.setAttribute("aria-label", t("photo_alt", { faces: boxes.map((box) => box.title).join(", ") }));
}

function card(face, n) {
  const bars = new Bars(labelsOf(face));
  bars.fill(scoresOf(face));
  const values = make("dl", { className: "values" });
  fillValues(values, valuesOf(face, /^(au|word)_/));
  const title = make("h2", { textContent: t("face", { n }) });
  const words = make("div", {}, title, make("p", { textContent: expressionOf(face).text }));
  const head = make("div", { className: "head" }, thumbnail(face), words);
  const notes = weaknesses(face).map((text) => make("p", { className: "weak", textContent: text }));
  const parts = [head, ...notes, bars.element, ...wordBars(face), ...affectOf(face), values];
  return make("article", { className: "card" }, ...parts);
}

/** Return the bars of the words of a face, with their title; nothing if there are none. */
function wordBars(face) {
  const columns = wordsOf(face);
  if (!columns.length) return [];
  const bars = new Bars(columns, "var(--accent)");
  bars.element.classList.add("units");
  bars.fill(face);
  return [make("h3", { textContent: t("words_title") }), bars.element];
}

function thumbnail(face) {
  const canvas = make("canvas", { width: 112, height: 112, ariaHidden: "true" });
  if (!state.bitmap) return canvas;
  const scale = state.bitmap.width / state.answer.width;
  const side = Math.max(face.box_width, face.box_height) * 1.2 * scale;
  const [x, y] = [face.box_left + face.box_width / 2, face.box_top + face.box_height / 2].map(
    (middle) => middle * scale - side / 2,
  );
  canvas.getContext("2d").drawImage(state.bitmap, x, y, side, side, 0, 0, 112, 112);
  return canvas;
}

export function startPhoto() {
  $("drop").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    if ($("file").files[0]) openPhoto($("file").files[0]);
    $("file").value = "";
  });
  onWords(() => state.file && openPhoto(state.file));
  onLanguage(render);
}
