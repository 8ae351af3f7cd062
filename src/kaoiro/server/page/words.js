// Words of one's own: one field for photos, cameras and videos, and the glossary of the service to choose from.

import * as api from "./api.js";
import { inkWords, make } from "./faces.js";
import { learn, locale, onLanguage, t } from "./language.js";

const STORE = "kaoiro.words";
const SIGNS = /[,，、､;；\n]/; // between words
const $ = (name) => document.getElementById(`words-${name}`);
const state = { text: "", entries: [], error: null, all: null };
let reactions = [];
let asked = 0; // the latest question counts

/** Return the words that are wanted, as a parameter of requests; nothing if there are none. */
export const wanted = () => (state.text ? { classes: state.text } : {});

/** Call `react` whenever other words are wanted. */
export const onWords = (react) => reactions.push(react);

const split = (text) => text.split(SIGNS).map((word) => word.trim()).filter(Boolean);

/** Want what stands in the field; words that the service cannot tell are wanted by nobody. */
async function want(text) {
  const mine = ++asked;
  const before = state.text;
  Object.assign(state, { text: "", entries: [], error: null });
  try {
    if (split(text).length) {
      const { words } = await api.words({ classes: text });
      if (mine !== asked) return;
      Object.assign(state, { text, entries: words });
      learn(words);
      inkWords(words.map((word) => word.column));
    }
    localStorage.setItem(STORE, text);
  } catch (error) {
    if (mine !== asked) return;
    state.error = error;
  }
  render();
  if (state.text !== before) for (const react of reactions) react();
}

async function showAll() {
  const open = $("list").hidden;
  try {
    state.all ??= (await api.words()).words.filter((word) => !word.refused);
    state.error = null;
    $("list").hidden = !open;
  } catch (error) {
    state.error = error;
  }
  render();
}

/** Put a word into the field, or take it out. */
function toggle(entry) {
  const names = [entry.name, ...entry.en, ...entry.ja];
  const words = split($("field").value);
  const others = words.filter((word) => !names.includes(word));
  $("field").value = [...others, ...(others.length < words.length ? [] : [called(entry)])].join(", ");
  want($("field").value);
}

const called = (entry) => entry[locale()][0] ?? entry.name;

function choice(entry) {
  const chosen = state.entries.some((word) => word.name === entry.name);
  const level = t(`level_${entry.reliability.level}`);
  const button = make("button", { type: "button", ariaPressed: String(chosen), title: entry.stands_for });
  button.append(called(entry), " ", make("small", { textContent: level }));
  button.addEventListener("click", () => toggle(entry));
  return button;
}

function render() {
  $("error").textContent = state.error ? api.explain(state.error) : "";
  $("switch").ariaExpanded = String(!$("list").hidden);
  const focused = [...$("list").children].indexOf(document.activeElement);
  $("list").replaceChildren(...(state.all ?? []).map(choice));
  $("list").children[focused]?.focus();
  const told = state.entries.map((word) => `${called(word)}: ${word.stands_for}; ${word.reliability_text}`);
  const caution = told.length ? [make("li", { textContent: t("words_caution") })] : [];
  $("told").replaceChildren(...told.map((textContent) => make("li", { textContent, lang: "en" })), ...caution);
}

export function startWords() {
  $("field").value = localStorage.getItem(STORE) ?? "";
  $("field").addEventListener("change", () => want($("field").value));
  $("switch").addEventListener("click", showAll);
  onLanguage(render);
  if ($("field").value) want($("field").value);
}
