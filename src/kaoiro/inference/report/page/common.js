// What every page has: elements, numbers in words, tables, the language.
"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);
const TEXTS = JSON.parse(document.getElementById("texts").textContent);
const LABELS = DATA.labels;
const STATE = { language: document.documentElement.lang in TEXTS ? document.documentElement.lang : "en" };

/** Return the text of a name, with {values} put in; a text with several numbers is chosen by values.n. */
function t(name, values = {}) {
  let text = TEXTS[STATE.language][name] ?? TEXTS.en[name] ?? name.replaceAll("_", " ");
  if (typeof text === "object") text = text[values.n] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

/** Return an element with properties (attributes where they have a hyphen, or are roles) and children. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value == null) continue;
    if (name.includes("-") || name === "role" || name === "scope" || name === "colspan") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) if (value != null) element.setAttribute(name, value);
  element.append(...children.filter((child) => child != null));
  return element;
}

const minus = (text) => text.replace(/^-(?=0*\.?0*\D*$)/, "").replace("-", "−"); // no minus zero
const known = (value) => value != null;

/** Return a share in per cent with as many digits as make sense of small ones. */
function percent(value, signed = false) {
  if (!known(value)) return "–";
  const size = Math.abs(value) * 100;
  const text = size > 0 && size < 0.005 ? "<0.01" : size.toFixed(size === 0 || size >= 10 ? 0 : size < 1 ? 2 : 1);
  return `${value < 0 ? "−" : signed && value > 0 ? "+" : ""}${text}\u00a0%`;
}

/** Return a difference of shares in percentage points. */
const points = (value) => (known(value) ? t("points", { x: percent(value, true).replace("\u00a0%", "") }) : "–");

const interval = (low, high, words) => (known(low) && known(high) ? `${words(low)} – ${words(high)}` : "–");
const number = (value, digits = 2) => (known(value) ? minus(value.toFixed(digits)) : "–");

/** Return a time such as 1:02.5 (or 1:02, without tenths). */
function clock(seconds, exact = false) {
  const tenths = exact ? Math.round(Math.max(0, seconds) * 10) : 10 * Math.round(Math.max(0, seconds));
  const [hours, minutes, rest] = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60, (tenths % 600) / 10];
  const tail = rest.toFixed(exact ? 1 : 0).padStart(exact ? 4 : 2, "0");
  return `${hours ? `${hours}:${String(minutes).padStart(2, "0")}` : minutes}:${tail}`;
}

const labelled = (name) => t(name);
const laneName = (lane) => (lane.name === "largest" ? t("lane_largest") : t("track", { n: lane.name.split("+").join(" + #") }));

const cell = (tag, text, more = {}) => make(tag, { textContent: text, ...more });

function table(caption, heads, rows, className = "") {
  const head = make("tr", {}, ...heads.map((text) => cell("th", text, { scope: "col" })));
  const body = rows.map((row) =>
    make("tr", {}, ...row.map((one, n) => {
      const tag = n ? "td" : "th";
      const more = n ? {} : { scope: "row" };
      return typeof one === "string" ? cell(tag, one, more) : make(tag, more, one);
    })),
  );
  const whole = make("table", { className }, make("thead", {}, head), make("tbody", {}, ...body));
  if (caption) whole.prepend(make("caption", { className: "unseen", textContent: caption }));
  return make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": caption }, whole);
}

const part = (title, ...children) => make("section", { className: "part" }, cell("h3", title), ...children);

const verdict = (row) => t(`verdict_${row.verdict.replaceAll(" ", "_")}`);

function chip(label) {
  const dot = make("i", { className: "dot", "aria-hidden": "true" });
  dot.style.background = `var(--${label}, var(--accent))`;
  return make("span", {}, dot, labelled(label));
}

/** Draw the page in the language of the moment; every page has a render() of its own. */
function redraw() {
  document.documentElement.lang = STATE.language;
  for (const item of document.querySelectorAll("[data-t]")) item.textContent = t(item.dataset.t);
  document.getElementById("made").textContent = t("made", { version: DATA.version, when: DATA.made });
  render();
}

document.getElementById("language").addEventListener("click", () => {
  STATE.language = STATE.language === "en" ? "ja" : "en";
  redraw();
});
document.getElementById("print").addEventListener("click", () => print());
addEventListener("beforeprint", () => {
  for (const one of document.querySelectorAll("details")) one.open = true;
});
