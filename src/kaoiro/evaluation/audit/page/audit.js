// Findings a page at a time, and decisions about their pictures.

const KEY = `kaoiro audit ${DATA.name}`;
const KINDS = Object.keys(DATA.listed).filter((kind) => DATA.findings.some((one) => one.kind === kind));
Object.assign(STATE, { kind: KINDS[0], page: 0, decisions: remembered() });

/** A picture under its label, whatever its row and on whichever sheet: what a decision is about. */
const subject = (row) => ["id", "hash", "label"].map((name) => DATA.pictures[row][name]).join("\n");
const decision = (row) => STATE.decisions[subject(row)] ?? "";

/** The rows of this sheet that are decided, in their order. */
const decided = () => Object.keys(DATA.pictures).filter(decision).sort((a, b) => a - b);

/** Decisions by `subject`, as the browser kept them; browsers may refuse to keep anything for files. */
function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

function remember() {
  try {
    localStorage.setItem(KEY, JSON.stringify(STATE.decisions));
  } catch { /* they last as long as the page */ }
}

/** Take a decision: "", "keep", "drop", or "relabel LABEL". Other sheets of the set may have taken some meanwhile. */
function decide(row, taking) {
  Object.assign(STATE.decisions, remembered());
  if (taking) STATE.decisions[subject(row)] = taking;
  else delete STATE.decisions[subject(row)];
  remember();
  for (const select of document.querySelectorAll(`select[data-row="${row}"]`)) {
    select.value = taking;
    select.closest(".one").classList.toggle("decided", Boolean(taking));
  }
  document.getElementById("taken").textContent = taken();
}

const taken = () => t("taken", { n: decided().length });

function choice(row, one) {
  const select = make("select", { "data-row": row, "aria-label": t("decision_of", { id: one.id }) });
  const others = DATA.labels.filter((label) => label !== one.label);
  others.sort((a, b) => (b === one.suggested) - (a === one.suggested));
  const values = ["", "keep", ...others.map((label) => `relabel ${label}`), "drop"];
  for (const value of values) {
    const [verb, label] = value.split(" ");
    const text = verb ? t(`decide_${verb}`, { label: label && labelled(label) }) : t("decide_none");
    select.append(make("option", { value, textContent: text }));
  }
  select.value = decision(row);
  select.addEventListener("change", () => decide(row, select.value));
  return select;
}

function picture(row) {
  const one = DATA.pictures[row];
  const thumb = DATA.thumbs[one.hash];
  const suggested = one.suggested && one.suggested !== one.label ? t("suggested", { label: labelled(one.suggested) }) : null;
  const words = [t("given", { label: labelled(one.label) }), suggested, known(one.face) ? t("face", { x: number(one.face) }) : null];
  return make("div", { className: decision(row) ? "one decided" : "one" },
    thumb ? make("img", { src: thumb, alt: t("picture", { id: one.id }) }) : make("span", { className: "gone" }),
    make("div", {},
      cell("div", one.split ? `${one.id} (${one.split})` : one.id, { className: "id" }),
      ...words.filter(Boolean).map((text) => cell("div", text)),
      choice(row, one)));
}

/** A button that decides about copies at once: no two such groups have a picture in common. */
const keepingFirst = (one) =>
  button(t("keep_first"), () => one.rows.forEach((row, place) => decide(row, place ? "drop" : "keep")));

function finding(one) {
  const head = [t("score", { x: number(one.score) }), one.note].filter(Boolean).join(" · ");
  return make("section", { className: one.rows.length > 1 ? "finding card many" : "finding card", "aria-label": head },
    cell("p", head), ...(one.kind === "duplicate" ? [keepingFirst(one)] : []),
    make("div", { className: "pictures" }, ...one.rows.map(picture)));
}

/** One cell of a CSV, with an apostrophe before what a spreadsheet would take for a formula. */
function quoted(text) {
  const inert = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

/** The decisions as CSV, in the order of rows, with the mark of UTF-8 that spreadsheets ask for. */
function exported() {
  const lines = decided().map((row) => {
    const [verb, label = ""] = decision(row).split(" ");
    const one = DATA.pictures[row];
    const values = { id: one.id, hash: one.hash, label: one.label, decision: verb, new_label: label };
    return DATA.columns.map((name) => quoted(values[name])).join(",");
  });
  return `\ufeff${[DATA.columns.join(","), ...lines].join("\n")}\n`;
}

function save() {
  const address = URL.createObjectURL(new Blob([exported()], { type: "text/csv" }));
  const link = make("a", { href: address, download: "decisions.csv" });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

const button = (text, action, more = {}) => {
  const one = make("button", { type: "button", textContent: text, ...more });
  one.addEventListener("click", action);
  return one;
};

function go(kind, page, focus) {
  Object.assign(STATE, { kind, page });
  render();
  document.getElementById(focus)?.focus();
}

function tools() {
  const kinds = KINDS.map((kind) => {
    const count = DATA.findings.filter((one) => one.kind === kind).length;
    const all = DATA.listed[kind];
    const text = t("kind_count", { kind: t(`kind_${kind}`), n: count === all ? all : t("of", { n: count, all }) });
    return button(text, () => go(kind, 0, `kind-${kind}`), { id: `kind-${kind}`, "aria-pressed": String(kind === STATE.kind) });
  });
  return make("div", { className: "tools" }, ...kinds);
}

function turning(found) {
  const last = Math.max(0, Math.ceil(found.length / DATA.page) - 1);
  const turn = (step, name) => button(t(name), () => go(STATE.kind, STATE.page + step, name), {
    id: name, disabled: STATE.page + step < 0 || STATE.page + step > last });
  return make("div", { className: "tools" }, turn(-1, "earlier"),
    cell("span", t("page_of", { n: STATE.page + 1, all: last + 1 })), turn(1, "later"),
    button(t("export"), save, { id: "export", className: "filled" }), cell("span", taken(), { id: "taken" }));
}

function render() {
  const found = DATA.findings.filter((one) => one.kind === STATE.kind);
  const shown = found.slice(STATE.page * DATA.page, (STATE.page + 1) * DATA.page);
  const about = STATE.kind ? cell("p", t(`about_${STATE.kind}`), { className: "hint" }) : cell("p", t("nothing"));
  document.getElementById("main").replaceChildren(
    cell("h2", t("title", { name: DATA.name, n: DATA.total })), cell("p", t("how"), { className: "hint" }),
    tools(), about, turning(found),
    make("div", { className: "findings" }, ...shown.map(finding)));
}

redraw();
