// One face: its boxes, bars and values, from the record that the service answers.

import { has, named, percent, t } from "./language.js";

const SMALL = 48; // pixels: the shipped models look at 48 x 48
const BLURRED = 0.1;
const INKS = ["#1f86d1", "#d9680f", "#109a72", "#b55c9c", "#a98600", "#6f6fd6", "#c8475d", "#7d8588"];
const PLACES = /^(box|left_eye|right_eye|nose|mouth_left|mouth_right|expression)_|^(frame|time_s|track)$|_(smooth|sd)$/;

/** Make an element; `parts` are texts or elements, never markup. */
export function make(tag, properties = {}, ...parts) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...parts);
  return element;
}

export const colour = (label) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${label}`).trim() || "#888888";

/** Return the labels for which a record has scores. */
export const labelsOf = (face) =>
  Object.keys(face)
    .filter((name) => /^expression_/.test(name) && !/_(smooth|sd)$/.test(name))
    .map((name) => name.slice("expression_".length));

/** Return the scores by label; `ending` is "_smooth" for the smoothed ones. */
export const scoresOf = (face, ending = "") =>
  Object.fromEntries(labelsOf(face).map((label) => [label, face[`expression_${label}${ending}`] ?? null]));

/** Return the columns of the words in a record. */
export const wordsOf = (face) => Object.keys(face).filter((name) => /^word_/.test(name) && !/_smooth$/.test(name));

/** Return the scores of a record's words by column, smoothed ones where there are. */
export const wordScoresOf = (face) =>
  Object.fromEntries(wordsOf(face).map((name) => [name, face[`${name}_smooth`] ?? face[name]]));

/** Give words the colours of their curves. */
export function inkWords(columns) {
  for (const [n, column] of columns.entries())
    document.documentElement.style.setProperty(`--${column}`, INKS[n % INKS.length]);
}

export const highest = (scores) =>
  Object.keys(scores).reduce((best, label) => (scores[label] > scores[best] ? label : best));

/** Bars of scores that can be filled anew; `ink` is one colour for all, else each has its label's. */
export class Bars {
  constructor(labels, ink = null) {
    this.rows = labels.map((label) => {
      const fill = make("span", { className: "fill" });
      fill.style.background = ink ?? `var(--${label}, #888)`;
      const value = make("span", { className: "value" });
      return { label, fill, value };
    });
    this.element = make("ul", { className: "bars" });
    for (const { label, fill, value } of this.rows) {
      const track = make("span", { className: "track" }, fill);
      this.element.append(
        make("li", {}, make("span", { className: "label", textContent: columnName(label) }), track, value),
      );
    }
  }

  fill(scores) {
    for (const { label, fill, value } of this.rows) {
      fill.style.width = `${(scores[label] ?? 0) * 100}%`;
      value.textContent = scores[label] == null ? "–" : percent(scores[label]);
    }
  }
}

/**
 * Return [name, value] of all that was measured beside the scores, whichever the model; smoothed values for single
 * ones, and standard deviations beside their means.
 * @param elsewhere matches the names of what is shown elsewhere
 */
export function valuesOf(face, elsewhere = /^$/) {
  const steady = "smooth_support" in face; // there the confidence of the single frame would mislead
  const hidden = (name) => PLACES.test(name) || elsewhere.test(name) || (steady && name === "confidence");
  const names = Object.keys(face).filter((name) => typeof face[name] === "number" && !hidden(name));
  return names.map((name) => {
    const spread = face[`${name}_sd`];
    const value = columnValue(name, face[`${name}_smooth`] ?? face[name]);
    return [columnName(name), typeof spread === "number" ? `${value} ± ${spread.toFixed(2)}` : value];
  });
}

function columnName(name) {
  const unit = has(name) ? null : /^au_(\d+)$/.exec(name);
  return unit ? t("au", { n: Number(unit[1]) }) : named(name);
}

function columnValue(name, value) {
  if (name === "face_size") return t("pixels", { x: Math.round(value) });
  if (name === "roll") return `${value.toFixed(0).replace("-0", "0").replace("-", "−")}°`;
  if (["confidence", "face_score", "smooth_support"].includes(name)) return percent(value);
  return value.toFixed(2).replace("-", "−");
}

export function fillValues(list, pairs) {
  const entry = ([name, value]) =>
    make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: value }));
  list.replaceChildren(...pairs.map(entry));
}

/** Fill a list to choose from with [value, text]. */
export function fillSelect(list, pairs, chosen) {
  list.replaceChildren(...pairs.map(([value, textContent]) => make("option", { value, textContent })));
  if (pairs.some(([value]) => value === chosen)) list.value = chosen;
}

/** Return why a measurement deserves little trust. */
export function weaknesses(face) {
  return [
    face.face_size < SMALL && "weak_small",
    face.sharpness < BLURRED && "weak_blurred",
    face.confidence < 0.5 && "weak_unsure",
  ]
    .filter(Boolean)
    .map((name) => t(name));
}

/** Return the expression that is highest after smoothing, or in the picture itself where nothing was smoothed. */
export function expressionOf(face) {
  const scores = scoresOf(face, "smooth_support" in face ? "_smooth" : "");
  const label = highest(scores);
  return { label, text: `${named(label)} ${percent(scores[label])}` };
}

/**
 * Draw boxes with short titles.
 * @param faces [{box: [left, top, width, height] in canvas pixels, title, label}]
 * @param scale canvas pixels for each pixel of the screen
 */
export function drawBoxes(context, faces, scale) {
  const size = 14 * scale;
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  for (const { box, title, label } of faces) {
    const [left, top, width, height] = box;
    for (const [style, line] of [
      ["rgb(0 0 0 / 0.55)", 5],
      [colour(label), 3],
    ]) {
      context.strokeStyle = style;
      context.lineWidth = line * scale;
      context.strokeRect(left, top, width, height);
    }
    const wide = context.measureText(title).width + size;
    const high = size * 1.6;
    const x = Math.max(0, Math.min(left, context.canvas.width - wide));
    const y = top >= high ? top - high : Math.min(top + height, context.canvas.height - high);
    context.fillStyle = "rgb(0 0 0 / 0.75)";
    context.fillRect(x, y, wide, high);
    context.fillStyle = "#fff";
    context.fillText(title, x + size / 2, y + high / 2);
  }
}

export const boxOf = (face, scale) =>
  [face.box_left, face.box_top, face.box_width, face.box_height].map((side) => side * scale);
