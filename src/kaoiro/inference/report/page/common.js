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

/** Return hundredths with as many digits as make sense of small ones. */
const hundred = (size) => size.toFixed(size === 0 || size >= 10 ? 0 : size < 1 ? 2 : 1);

/** Return a share in per cent. */
function percent(value) {
  if (!known(value)) return "–";
  const size = Math.abs(value) * 100;
  return `${value < 0 ? "−" : ""}${size > 0 && size < 0.005 ? "<0.01" : hundred(size)}\u00a0%`;
}

/** Return a number with its sign; what reads as zero has none. */
const sign = (value, text) => (Number(text) === 0 ? text : `${value < 0 ? "−" : "+"}${text}`);

/** Return a difference of shares in hundredths, and as percentage points with and without a sign. */
const change = (value) => sign(value, hundred(Math.abs(value) * 100));
const points = (value) => (known(value) ? t("points", { x: change(value) }) : "–");
const extent = (value) => (known(value) ? t("points", { x: hundred(Math.abs(value) * 100) }) : "–");

/** Return both ends of a range in words; one where they read alike. */
function range(low, high, write) {
  if (!known(low) || !known(high)) return "–";
  return write(low) === write(high) ? write(low) : t("range", { low: write(low), high: write(high) });
}

/** Whether an interval says anything: one without length only says that nothing happened in this recording. */
const telling = (low, high) => known(low) && known(high) && low !== high;

const interval = (low, high, write) => (telling(low, high) ? range(low, high, write) : "–");
const pointsInterval = (low, high) => (telling(low, high) ? t("points", { x: range(low, high, change) }) : "–");
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

/** Says beside a table whether it is wider than its room. */
const ROOM = new ResizeObserver((entries) => {
  for (const { target } of entries) target.parentElement?.classList.toggle("cut", target.scrollWidth > target.clientWidth + 1);
});

const isMark = (one) => one instanceof Element && one.classList.contains("mark");

/** Return a row of a table; each cell carries the name of its column, for screens on which rows become cards. */
function line(row, names) {
  return make("tr", { role: "row" }, ...row.map((one, n) => {
    const className = isMark(one) ? "told" : "";
    const more = n ? { role: "cell", "data-head": names[n], className } : { role: "rowheader", scope: "row" };
    return typeof one === "string" ? cell(n ? "td" : "th", one, more) : make(n ? "td" : "th", more, one);
  }));
}

/**
 * Return a table in a frame that says so where it must be scrolled.
 * @param heads - names of the columns: texts, or {text, title} where a name is shortened.
 * @param className - with 'cards', rows become cards on small screens.
 */
function table(caption, heads, rows, className = "") {
  const names = heads.map((head) => head.text ?? head);
  const top = heads.map((head, n) => {
    const className = isMark(rows[0]?.[n]) ? "told" : "";
    return cell("th", names[n], { scope: "col", role: "columnheader", title: head.title, className });
  });
  const whole = make("table", { className, role: "table" },
    make("caption", { className: "unseen", textContent: caption }),
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...top)),
    make("tbody", { role: "rowgroup" }, ...rows.map((row) => line(row, names))));
  const scroll = make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": caption }, whole);
  ROOM.observe(scroll);
  return make("div", { className: "framed" }, cell("p", t("scroll_more"), { className: "more hint" }), scroll);
}

const part = (title, ...children) => make("section", { className: "part" }, cell("h3", title), ...children);

/** Return a verdict in words; of what was held against faces that do nothing, "below" is within their range. */
function verdict(row) {
  if (row.verdict === "below the noise floor" && known(row.rest_low)) return t("verdict_within");
  return row.verdict ? t(`verdict_${row.verdict.replaceAll(" ", "_")}`) : "";
}

/** Return the verdict of a row for a cell of a table. */
const mark = (row) => make("span", { className: `mark ${row.verdict ? row.verdict.split(" ")[0] : "none"}`, textContent: verdict(row) });

/** Return the sentence that says what a noise floor is; of the person's own there is no interval over people. */
const floorWords = (name, level, n) => t(level === "own" ? `${name}_own` : name, { n, level: t(`level_${level}`) });

function chip(label) {
  const dot = make("i", { className: "dot", "aria-hidden": "true" });
  dot.style.background = `var(--${label}, var(--accent))`;
  return make("span", { className: "chip" }, dot, make("span", {}, labelled(label)));
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
