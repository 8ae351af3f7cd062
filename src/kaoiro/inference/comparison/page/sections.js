// The parts of a comparison: how many, summary, changes, single recordings, leaving out, circumstances, method.

const signed = (value, digits) => sign(value, Math.abs(value).toFixed(digits));

/** Return hundredths with two digits. */
function hundredths(value, signs = false) {
  if (!known(value)) return "–";
  return signs ? signed(100 * value, 2) : minus((100 * value).toFixed(2));
}

/** Return how numbers of a table are written: levels of a side, differences, sizes of floors, and in a sentence. */
function unitsOf(kind) {
  if (kind === "signal") {
    const differences = (value) => (known(value) ? signed(value, 3) : "–");
    const sizes = (value) => number(value, 3);
    return { levels: sizes, differences, sizes, said: differences, extent: sizes };
  }
  const levels = (value) => (kind === "change" ? hundredths(value, true) : known(value) ? `${hundredths(value)}\u00a0%` : "–");
  const said = (value) => (known(value) ? t("points", { x: hundredths(value, true) }) : "–");
  const extent = (value) => (known(value) ? t("points", { x: hundredths(value) }) : "–");
  return { levels, differences: (value) => hundredths(value, true), sizes: hundredths, said, extent };
}

const probability = (p) => (!known(p) ? "–" : p < 0.001 ? "<0.001" : p.toFixed(3));
const titled = (family, row) => (family.kind === "change" ? t("against_rest", { label: labelled(row.label) }) : labelled(row.label));
const hint = (text) => cell("p", text, { className: "hint" });
const everyRow = () => DATA.families.flatMap((family) => family.rows.map((row) => ({ family, row })));

/** Return names as a list, of many the first few. */
function listed(names) {
  const found = names.slice(0, DATA.most_named).join(t("list_comma"));
  const more = names.length - DATA.most_named;
  return more > 0 ? t("names_more", { list: found, n: more }) : found;
}

/** Return how many recordings there are, and what so many can tell. */
function head() {
  const people = DATA.people.length;
  const counts = [t("count_before", { n: DATA.before }), t("count_after", { n: DATA.after }), t("count_people", { n: people })];
  const names = (note) => listed([...note.names, ...note.labels.map(labelled)]);
  const notes = DATA.notes.map((note) => cell("li", t(`note_${note.key}`, { names: names(note), text: note.text })));
  const list = notes.length ? make("ul", { className: "weak", role: "alert" }, ...notes) : null;
  const heading = cell("h2", counts.join(t("list_comma")), { className: "count" });
  return make("div", {}, heading, cell("p", least(), { className: "least" }), list);
}

/** Return the sentences about the smallest p that so many recordings can give. */
function least() {
  if (DATA.single) return t("least_single");
  const found = [t("least", { p: Number(DATA.least.toPrecision(2)) })];
  if (!DATA.possible) found.push(t("least_none"));
  else if (DATA.least_alone > 0.05) found.push(t("least_some", { p: probability(DATA.least_alone) }));
  return found.join(t("space"));
}

/** Return what was found in plain words. */
function summary() {
  const rows = everyRow();
  const signals = rows.filter(({ row }) => row.verdict === "signal");
  const lines = signals.length ? signals.map(said) : [t("sum_none")];
  lines[0] = make("b", { textContent: lines[0] });
  lines.push(...DATA.families.map(counted));
  if (!signals.length) lines.push(...without(rows));
  if (heldAgainst(rows)) lines.push(t("sum_level", { level: t(`level_${DATA.floor.level}`) }));
  lines.push(...signals.filter(({ row }) => row.hangs).map(hanging));
  const differing = DATA.contrasts.filter((one) => one.differs).map((one) => t(`confound_${one.name}`));
  if (differing.length) lines.push(t("sum_differs", { list: differing.join(t("list_comma")) }));
  const texts = lines.map((line) => make("p", {}, line));
  return make("section", { className: "card summary part", "aria-label": t("summary") }, ...texts);
}

const heldAgainst = (rows) => rows.some(({ row }) => known(row.floor));
const said = (one) => t("sum_signal", inWords(one));

/** Return what is known of a difference, for a sentence. */
function inWords({ family, row }) {
  const { said, extent, differences } = unitsOf(family.kind);
  const values = { label: titled(family, row), change: said(row.value), range: interval(row.low, row.high, differences) };
  return { ...values, floor: extent(row.floor), p: probability(row.adjusted), verdict: verdict(row) };
}

const VERDICTS = ["signal", "uncertain", "below the noise floor", "unmeasured", "not said"];

/** Return how many labels of a family have which verdict. */
function counted(family) {
  const parts = VERDICTS.map((name) => family.rows.filter((row) => row.verdict === name)).filter((part) => part.length);
  const list = parts.map((part) => t("sum_count", { verdict: verdict(part[0]), n: part.length }));
  return t("sum_counts", { name: t(`family_${family.kind}`), list: list.join(t("list_comma")) });
}

/** Return the sentences where nothing is a signal: what is largest and what came nearest, and what that does not show. */
function without(rows) {
  const measured = rows.filter(({ row }) => known(row.floor) && known(row.value));
  if (!measured.length) return [t("sum_unmeasured")];
  const most = (some, size) => some.reduce((best, one) => (size(one) > size(best) ? one : best));
  const shares = measured.filter(({ family }) => family.kind !== "signal"); // levels are in other units
  const largest = most(shares.length ? shares : measured, ({ row }) => Math.abs(row.value));
  const nearest = most(measured, ({ row }) => Math.abs(row.value) / Math.max(row.floor, 1e-9));
  const lines = [t("sum_largest", inWords(largest))];
  if (nearest !== largest) lines.push(t("sum_nearest", inWords(nearest)));
  return [...lines, t("sum_absence")];
}

const hanging = ({ family, row }) => t("sum_hangs", { label: titled(family, row), name: carrier(row) });
const counting = () => DATA.recordings.filter((one) => one.counts);
const carrier = (row) => (known(row.carrier) ? DATA.units[row.carrier].name : "–");

/** Return the changes of a family: the table and the forest plot. */
function changes(family) {
  const { levels, differences, sizes } = unitsOf(family.kind);
  const level = Math.round(DATA.level * 100);
  const lines = family.rows.map((row) => [
    chip(row.label), levels(row.before), levels(row.after), differences(row.value), interval(row.low, row.high, differences),
    sizes(row.floor), mark(row), probability(row.p), probability(row.adjusted),
  ]);
  const name = family.kind === "signal" ? "signal" : "label";
  const heads = [name, "before", "after", "difference", "interval", "floor", "verdict", "p", "adjusted"];
  const title = t(`family_${family.kind}`);
  const measured = family.rows.some((row) => known(row.floor));
  const floor = measured ? floorWords("floor_used", DATA.floor.level, +DATA.floor.minutes.toFixed(1)) : t("floor_none");
  const about = [t(`about_${family.kind}`), floor].join(t("space"));
  const names = heads.map((one) => t(`head_${one}`, { level }));
  return part(title, hint(about), table(t("changes_of", { name: title }), names, lines, "changes cards"),
    make("div", { className: "figure" }, hint(t("about_forest", { level })), linearBox(), forest(family)));
}

/** Return the box that makes the axes of all forest plots even. */
function linearBox() {
  const box = make("input", { type: "checkbox", checked: Boolean(STATE.linear), className: "linear" });
  box.addEventListener("change", () => {
    const place = [...document.querySelectorAll(".linear")].indexOf(box);
    STATE.linear = box.checked;
    redraw();
    document.querySelectorAll(".linear")[place].focus({ preventScroll: true });
  });
  return make("label", { className: "switch" }, box, ` ${t("linear")}`);
}

/** Return the single recordings of every family: dots, and all values as a table. */
function singles() {
  const inside = DATA.families.map((family, place) => {
    const panels = make("div", { className: "panels" }, ...family.rows.map((row) => panel(family, row)));
    const title = t(`family_${family.kind}`);
    if (!place) return make("div", {}, cell("h4", title), panels, allValues(family));
    return make("details", {}, cell("summary", title), panels, allValues(family));
  });
  const about = [t(DATA.people.length === 1 ? "about_dots" : "about_dots_people")];
  if (LETTERED) {
    const names = DATA.people.map((name, n) => t("letter", { letter: letter(n), name }));
    about.push(t("letters", { list: names.join(t("list_comma")) }));
  }
  return part(t("singles"), hint(about.join(t("space"))), ...inside);
}

function allValues(family) {
  const { levels } = unitsOf(family.kind);
  const labels = family.rows.map((row) => row.label);
  const values = (one) => labels.map((label) => levels(one.means[family.kind][label]));
  const lines = counting().map((one) => [one.name, t(`side_${one.side}`), ...values(one)]);
  const heads = [t("head_recording"), t("head_side"), ...labels.map(shortened)];
  const caption = t("values_of", { name: t(`family_${family.kind}`) });
  return make("details", {}, cell("summary", caption), table(caption, heads, lines, "values-table"));
}

/** Return the name of a column that has many beside it: of an action unit, its number. */
function shortened(label) {
  const title = labelled(label);
  return label.startsWith("au_") ? { text: title.split(" ", 2).join("\u00a0"), title } : title;
}

/** Return what is left without each single recording. */
function leftOut() {
  if (!everyRow().some(({ row }) => known(row.smallest))) return part(t("left_out"), cell("p", t("left_none")));
  const inside = DATA.families.map((family, place) => {
    const title = t(`family_${family.kind}`);
    const within = leftTable(family);
    return place ? make("details", {}, cell("summary", title), within) : make("div", {}, cell("h4", title), within);
  });
  return part(t("left_out"), hint(t("about_left_out")), ...inside);
}

function leftTable(family) {
  const { differences } = unitsOf(family.kind);
  const lines = family.rows.map((row) => [
    chip(row.label), differences(row.value), range(row.smallest, row.largest, differences),
    probability(row.p), range(row.smallest_p, row.largest_p, probability), carrying(row, differences),
  ]);
  const heads = [family.kind === "signal" ? "signal" : "label", "difference", "without", "p", "p_without", "carrier"];
  const caption = t("left_out_of", { name: t(`family_${family.kind}`) });
  return table(caption, heads.map((name) => t(`head_${name}`)), lines, "left cards");
}

function carrying(row, differences) {
  if (!known(row.carrier)) return "–";
  const small = make("small", { textContent: t("without_it", { x: differences(row.without) }) });
  const gone = row.hangs ? [make("br"), make("small", { className: "gone", textContent: t("left_gone") })] : [];
  return make("span", {}, carrier(row), make("br"), small, ...gone);
}

function recordings() {
  const named = DATA.by ? ["person"] : [];
  const lines = DATA.recordings.map((one) => [
    one.name, one.counts ? t(`side_${one.side}`) : t("not_compared", { side: t(`side_${one.side}`) }),
    ...named.map(() => one.person),
    clock(one.length_s), laneName({ name: one.lane }), `${clock(one.seen_s)} (${percent(one.coverage)})`, one.records,
    one.model ? one.model.name || one.model.digest.slice(0, 12) : "–",
  ]);
  const heads = ["recording", "side", ...named, "length", "face", "seen", "records", "model"].map((name) => t(`head_${name}`));
  return part(t("recordings"), hint(t("about_recordings")), table(t("recordings"), heads, lines, "recordings cards"));
}

const CIRCUMSTANCES = {
  face_size: "pixels", eyes: "pixels", resolution: "pixels", sharpness: "number", light: "percent", roll: "degrees",
  yaw: "degrees", pitch: "degrees", reading: "percent", speaking: "percent", coverage: "percent", length: "clock",
};

/** Return how the recordings of both sides were made, side by side. */
function circumstances() {
  const [pixels, degrees] = [(value) => `${Math.round(value)} px`, (value) => minus(`${value.toFixed(0)}°`)];
  const writers = { pixels, number, percent, degrees, clock };
  const lines = DATA.contrasts.map((one) => {
    const write = writers[CIRCUMSTANCES[one.name]];
    const side = (name) => {
      const [middle, ends] = [known(one[name]) ? write(one[name]) : "–", range(...one[`${name}_range`], write)];
      return middle === ends ? middle : `${middle} (${ends})`;
    };
    const both = known(one.before) && known(one.after);
    const word = t(one.differs ? "differs" : "alike");
    const told = both ? make("span", { className: one.differs ? "mark differs" : "", textContent: word }) : "–";
    return [t(`confound_${one.name}`), side("before"), side("after"), told, t(`confound_${one.name}_about`)];
  });
  const heads = ["confound", "before", "after", "differs", "meaning"].map((name) => t(`head_${name}`));
  return part(t("confounds"), hint(t("about_contrasts")), table(t("confounds"), heads, lines, "confounds cards"));
}

/** Return how it was done, what it cannot tell, and which model measured. */
function method() {
  const values = { level: Math.round(DATA.level * 100), draws: DATA.draws, n: DATA.arrangements };
  const list = (names) => make("ul", {}, ...names.map((name) => cell("li", t(name, values))));
  const test = DATA.single ? "method_single" : DATA.exact ? "method_test" : "method_test_drawn";
  const rest = DATA.families.some((family) => family.kind === "change") ? ["method_rest"] : [];
  const ways = ["method_share", "method_people", "method_interval", test, "method_adjusted", "method_floor", ...rest];
  const limits = ["limit_cause", "limit_camera", "limit_absence", "limit_quality", "limit_rare", "limit_people", "limit_law"];
  const emotion = make("p", {}, make("b", {}, t("emotion_head")), ` ${t("limit_emotion")}`);
  const inside = [cell("h2", t("method")), list(ways), cell("h2", t("limits")), emotion, list(limits), facts()];
  return make("section", { className: "limits" }, ...inside);
}

function facts() {
  const { model, floor } = DATA;
  const rows = [
    ["model", model ? model.name || t("model_unnamed") : "–"], ["version", model?.version || "–"],
    ["digest", model ? model.digest.slice(0, 16) : "–"],
    ["floor", floor ? `${floor.name}, ${t(`level_${floor.level}`)}` : "–"],
  ];
  const items = rows.map(([name, value]) => make("div", {}, cell("dt", t(`fact_${name}`)), cell("dd", value)));
  return make("dl", { className: "facts" }, ...items);
}
