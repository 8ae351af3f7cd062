// The parts of a recording's section: shares, episodes, confounds, transcript; its summary is in summary.js.

/** Return a bar with its interval, for a cell of a table. */
function bar(row, low, high) {
  const [wide, tall] = [180, 18];
  const x = (value) => ((Math.min(high, Math.max(low, value)) - low) / (high - low)) * wide;
  const picture = draw("svg", { class: "bar", preserveAspectRatio: "none", viewBox: `0 0 ${wide} ${tall}`, "aria-hidden": "true" });
  picture.append(draw("line", { class: "grid", x1: x(0), x2: x(0), y1: 0, y2: tall }));
  if (!known(row.mean)) return picture;
  const from = Math.min(x(0), x(row.mean));
  const fill = `fill: var(--${row.label}, var(--accent))`;
  picture.append(draw("rect", { x: from, y: 4, width: Math.max(1, Math.abs(x(row.mean) - x(0))), height: tall - 8, rx: 2, style: fill }));
  if (telling(row.low, row.high)) {
    picture.append(draw("line", { class: "whisker", x1: x(row.low), x2: x(row.high), y1: tall / 2, y2: tall / 2 }));
    for (const end of [row.low, row.high]) picture.append(draw("line", { class: "whisker", x1: x(end), x2: x(end), y1: 5, y2: tall - 5 }));
  }
  return picture;
}

function drawnWords(lane, kind) {
  const drawn = lane.drawn[kind];
  if (!drawn) return t("drawn_none");
  if (!drawn.enough) return t("drawn_short");
  const values = { block: drawn.block_s, draws: DATA.draws, level: Math.round(DATA.level * 100), wished: seconds(drawn.wished_s) };
  return t(!drawn.cut ? "drawn" : muchCut(drawn) ? "drawn_cut_much" : "drawn_cut", values);
}

const LEVEL = { level: Math.round(DATA.level * 100) };
const named = (heads, values = LEVEL) => heads.map((name) => t(`head_${name}`, values));

/** Return the columns in which a table says what each row is worth: none where the table was not held against anything. */
function worthOf(rows, words) {
  if (!rows.some((row) => known(row.rest_low))) return { heads: [], cells: () => [] };
  return { heads: ["rest", "verdict"], cells: (row) => [range(row.rest_low, row.rest_high, words), mark(row)] };
}

function shareTable(lane, kind) {
  const rows = lane.tables[kind];
  const most = Math.max(0.01, ...rows.flatMap((row) => [row.mean, row.high]).filter(known));
  const worth = worthOf(rows, percent);
  const lines = rows.map((row) => [
    chip(row.label), bar(row, 0, most), percent(row.mean), interval(row.low, row.high, percent), ...worth.cells(row),
    withInterval(row.top, row.top_low, row.top_high), withInterval(row.above, row.above_low, row.above_high),
    withInterval(row.episodes, row.episodes_low, row.episodes_high),
  ]);
  const heads = ["label", "chart", "share", "interval", ...worth.heads, "top", "above", "in_episodes"];
  return table(t(`kind_${kind}`), named(heads, { ...LEVEL, x: percent(DATA.threshold) }), lines, "shares cards");
}

const withInterval = (value, low, high) => {
  const small = telling(low, high) ? [make("br"), make("small", { textContent: interval(low, high, percent) })] : [];
  return make("span", {}, percent(value), ...small);
};

function changeTable(lane) {
  const rows = lane.tables.change;
  const most = Math.max(0.01, ...rows.flatMap((row) => [row.mean, row.low, row.high]).filter(known).map(Math.abs));
  const lines = rows.map((row) => [
    chip(row.label), bar(row, -most, most), points(row.mean), pointsInterval(row.low, row.high), extent(row.floor), mark(row),
    extent(row.sd),
  ]);
  const heads = ["label", "chart", "change", "interval", "floor", "verdict", "sd"];
  return table(t("kind_change"), named(heads), lines, "shares cards");
}

function signalTable(lane) {
  const rows = lane.tables.signal;
  const worth = worthOf(rows, number);
  const lines = rows.map((row) => [
    labelled(row.label), bar(row, row.label.startsWith("au_") ? 0 : -1, 1), number(row.mean),
    interval(row.low, row.high, number), ...worth.cells(row), number(row.sd),
    withInterval(row.above, row.above_low, row.above_high), percent(row.coverage),
  ]);
  const heads = ["signal", "chart", "mean", "interval", ...worth.heads, "sd", "visible", "coverage"];
  return table(t("kind_signal"), named(heads), lines, "shares cards");
}

/** Return what a table shows and what its rows are held against. */
function aboutOf(lane, kind) {
  const rows = lane.tables[kind];
  const about = kind === "signal" ? [] : [t(`about_${kind}`)];
  if (kind === "change") about.push(rows.some((row) => known(row.floor)) ? floorWords("floor_some", DATA.floor) : t("floor_none"));
  else if (rows.some((row) => known(row.rest_low))) about.push(t("rest_some", { level: t(`level_${DATA.floor}`) }));
  return about.length ? cell("p", about.join(t("space")), { className: "hint" }) : null;
}

function shares(recording, lane) {
  const children = [];
  const kinds = ["raw", "smooth"].filter((kind) => lane.tables[kind]);
  for (const kind of kinds) {
    const inside = [aboutOf(lane, kind), shareTable(lane, kind), cell("p", drawnWords(lane, kind), { className: "hint" })];
    if (kind === kinds[0]) children.push(cell("h4", t(`kind_${kind}`)), ...inside);
    else children.push(make("details", {}, cell("summary", t(`kind_${kind}`)), ...inside));
  }
  if (lane.tables.change) {
    children.push(cell("h4", t("kind_change")), aboutOf(lane, "change"), changeTable(lane));
    children.push(cell("p", drawnWords(lane, "change"), { className: "hint" }));
  } else if (!recording.notes.includes("no_rest")) children.push(cell("p", t("no_baseline"), { className: "hint" }));
  return part(t("shares"), ...children);
}

function affect(lane) {
  if (!lane.tables.signal) return null;
  const picture = circumplex(lane);
  const words = [aboutOf(lane, "signal"), signalTable(lane), cell("p", drawnWords(lane, "signal"), { className: "hint" })];
  const caption = () => make("figcaption", { className: "hint", textContent: t("circumplex") });
  const figure = picture ? make("figure", { className: "way" }, picture, caption()) : null;
  return part(t("signals"), ...words.filter(known), figure);
}

function episodes(lane, seek) {
  if (!lane.episodes.length) return part(t("episodes"), cell("p", t("sum_no_episodes")));
  const items = lane.episodes.map((one) => {
    const words = t("episode", { from: clock(one.a), to: clock(one.b), length: number(one.b - one.a, 1), peak: percent(one.peak) });
    const face = one.face ? make("img", { src: one.face, alt: "", loading: "lazy" }) : null;
    const text = make("span", {}, make("b", {}, labelled(one.label)), make("br"), words);
    const button = make("button", { type: "button", className: "episode-card" }, face, text);
    button.style.borderLeftColor = `var(--${one.label})`;
    button.addEventListener("click", () => seek(one.peak_s));
    return make("li", {}, button);
  });
  const rule = { ...DATA.rule, on: percent(DATA.rule.on), off: percent(DATA.rule.off) };
  const [n, all] = [lane.episodes.length, lane.episode_count];
  const hidden = all > n ? cell("p", t("episodes_more", { n, all })) : null;
  const about = cell("p", t("about_episodes", rule), { className: "hint" });
  return part(t("episodes"), about, hidden, make("ol", { className: "found" }, ...items));
}

function confounds(recording) {
  const { resolution, ...known } = recording.confounds;
  const spread = (one, words) => (one ? `${words(one.median)} (${range(one.low, one.high, words)})` : "–");
  const pixels = (value) => `${Math.round(value)} px`;
  const degrees = (value) => minus(`${value.toFixed(0)}°`);
  const rows = [
    ["resolution", resolution ? `${resolution[0]} × ${resolution[1]} px` : "–"],
    ["face_size", spread(known.face_size, pixels)], ["eyes", spread(known.eyes, pixels)],
    ["sharpness", spread(known.sharpness, number)], ["light", spread(known.light, percent)],
    ["roll", spread(known.roll, degrees)], ["yaw", spread(known.yaw, degrees)], ["pitch", spread(known.pitch, degrees)],
    ["reading", percent(known.reading)], ["speaking", percent(known.speaking)],
    ["any_face", percent(known.any_face)], ["missing", percent(known.missing)],
  ];
  const lines = rows.map(([name, value]) => [t(`confound_${name}`), value, t(`confound_${name}_about`)]);
  const heads = [t("head_confound"), t("head_value"), t("head_meaning")];
  const about = cell("p", t("about_confounds"), { className: "hint" });
  return part(t("confounds"), about, table(t("confounds"), heads, lines, "confounds cards"));
}

function transcript(recording, seek) {
  if (!recording.cues.length) return null;
  const lines = recording.cues.map((cue) => {
    const button = make("button", { type: "button", className: "quiet", textContent: clock(cue.a) });
    button.addEventListener("click", () => seek(cue.a));
    const ranked = LABELS.map((label, n) => [label, cue.shares[n]]).filter(([, value]) => known(value));
    ranked.sort((one, other) => other[1] - one[1]);
    const words = ranked.slice(0, 2).map(([label, value]) => `${labelled(label)} ${percent(value)}`).join(t("list_comma"));
    return [button, cue.text, words || "–"];
  });
  const heads = [t("head_when"), t("head_said"), t("head_showed")];
  const opener = cell("summary", t("transcript_open", { n: lines.length }));
  return part(t("transcript"), make("details", {}, opener, table(t("transcript"), heads, lines, "transcript")));
}
