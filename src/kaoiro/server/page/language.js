// The choice between the languages, and how texts, shares and times are said in the one that is chosen.

import { TEXTS } from "./texts.js";

const STORE = "kaoiro.language";
const listeners = [];
let language = localStorage.getItem(STORE) ?? (navigator.language.startsWith("ja") ? "ja" : "en");
if (!(language in TEXTS)) language = "en";

/** Return the text of a name, with {values} put in; a text with several numbers is chosen by values.n. */
export function t(name, values = {}) {
  let text = TEXTS[language][name];
  if (typeof text === "object") text = text[values.n] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

const words = new Map();

/** Take up what words of the glossary are called. */
export function learn(entries) {
  for (const entry of entries) words.set(entry.column, entry);
}

/** Return the text of a name that may be unknown, such as a label of a later model, or a word's column. */
export const named = (name) =>
  name in TEXTS.en ? t(name) : (words.get(name)?.[language][0] ?? name.replace(/^word_/, "").replaceAll("_", " "));

export const has = (name) => name in TEXTS.en;

export const locale = () => language;

/** Return a share; only what is exactly 0 or 1 is called so. */
export function percent(value) {
  if (value > 0 && value < 0.005) return "<1 %";
  return value >= 0.995 && value < 1 ? ">99 %" : `${Math.round(value * 100)} %`;
}

/** Return a time in the video, such as 1:02.5 (or 1:02, without tenths). */
export function clock(seconds, exact = true) {
  const tenths = Math.round(Math.abs(seconds) * 10);
  const [hours, minutes, rest] = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60, (tenths % 600) / 10];
  const tail = exact ? rest.toFixed(1).padStart(4, "0") : String(Math.floor(rest)).padStart(2, "0");
  const head = hours ? `${hours}:${String(minutes).padStart(2, "0")}` : String(minutes);
  return `${seconds < 0 && tenths ? "−" : ""}${head}:${tail}`;
}

/** Call `render` now and whenever the language changes. */
export function onLanguage(render) {
  listeners.push(render);
  render();
}

function fillDocument() {
  document.documentElement.lang = language;
  for (const item of document.querySelectorAll("[data-t]")) item.textContent = t(item.dataset.t);
  for (const item of document.querySelectorAll("[data-t-label]"))
    item.setAttribute("aria-label", t(item.dataset.tLabel));
}

export function switchLanguage() {
  language = language === "en" ? "ja" : "en";
  localStorage.setItem(STORE, language);
  for (const render of listeners) render();
}

onLanguage(fillDocument);
