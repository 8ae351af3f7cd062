// Valence and arousal as a place in a circle, and action units as bars, where a model answers them.

import { Bars, colour, expressionOf, make } from "./faces.js";
import { t } from "./language.js";

const SIDE = 200; // units of the picture; the circle's radius is 100
const known = (...values) => values.every((value) => typeof value === "number");

function drawn(tag, attributes, ...parts) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...parts);
  return element;
}

const across = (valence) => (SIDE / 2) * (1 + valence);
const down = (arousal) => (SIDE / 2) * (1 - arousal);

/** Return a circle with valence to the right and arousal up, a dot for a face and an ellipse for its spread. */
function circumplex(face) {
  const { valence, arousal, valence_sd: wide, arousal_sd: high } = face;
  const place = { cx: across(valence), cy: down(arousal) };
  const spread = known(wide, high) && { rx: (wide * SIDE) / 2, ry: (high * SIDE) / 2 };
  const dot = drawn("circle", { ...place, r: 7, class: "dot" });
  dot.style.fill = colour(expressionOf(face).label);
  const parts = [
    drawn("circle", { cx: 100, cy: 100, r: 99, class: "rim" }),
    drawn("circle", { cx: 100, cy: 100, r: 50, class: "thin" }),
    drawn("path", { d: "M1 100H199M100 1V199", class: "thin" }),
    drawn("text", { x: 196, y: 114, "text-anchor": "end" }, t("valence")),
    drawn("text", { x: 105, y: 14 }, t("arousal")),
    ...(spread ? [drawn("ellipse", { ...place, ...spread, class: "spread" })] : []),
    dot,
  ];
  const [x, y] = [valence, arousal].map((value) => value.toFixed(2).replace("-", "−"));
  const said = { role: "img", "aria-label": t("affect_alt", { x, y }) };
  return drawn("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, class: "circumplex", ...said }, ...parts);
}

/** Return elements for what a face shows in valence, arousal and action units; none where a model does not say. */
export function affectOf(face) {
  const units = Object.keys(face).filter((name) => /^au_\d+$/.test(name) && known(face[name]));
  const bars = new Bars(units, "var(--accent)");
  bars.element.classList.add("units");
  bars.fill(face);
  return [
    ...(known(face.valence, face.arousal) ? [circumplex(face)] : []),
    ...(units.length ? [make("h3", { textContent: t("units") }), bars.element] : []),
  ];
}
