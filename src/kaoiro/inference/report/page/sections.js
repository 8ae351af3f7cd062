// The parts of a recording's section: summary, shares, moment, episodes, confounds, transcript.

/** Return the lines of plain words that say what was found. */
function summary(recording, lane) {
  const lines = [];
  const speaker = recording.lanes[0] === lane ? "sum_speaker" : "sum_lane";
  const values = { name: laneName(lane), seen: percent(lane.coverage), length: clock(recording.length_s) };
  lines.push(t(speaker, values));
  if (recording.choice && recording.lanes[0] === lane) lines.push(chosen(recording.choice));
  const rows = [...lane.tables.raw].filter((row) => known(row.mean));
  rows.sort((one, other) => other.mean - one.mean);
  if (rows.length) {
    const words = (row) =>
      t(known(row.low) ? "sum_share_interval" : "sum_share", {
        label: labelled(row.label), share: percent(row.mean), low: percent(row.low), high: percent(row.high),
      });
    lines.push(t("sum_shares", { list: rows.slice(0, 3).map(words).join(t("list_comma")) }));
  }
  const counts = new Map();
  for (const one of lane.episodes) counts.set(one.label, (counts.get(one.label) ?? 0) + 1);
  const list = [...counts].sort((one, other) => other[1] - one[1]).map(([label, n]) => `${labelled(label)} ${n}`);
  lines.push(list.length ? t("sum_episodes", { n: lane.episode_count, list: list.join(t("list_comma")) }) : t("sum_no_episodes"));
  const changes = [...(lane.tables.change ?? [])].filter((row) => known(row.mean));
  changes.sort((one, other) => Math.abs(other.mean) - Math.abs(one.mean));
  if (changes.length) {
    const [most] = changes;
    lines.push(t("sum_change", { label: labelled(most.label), change: points(most.mean), verdict: verdict(most) }));
  }
  return lines;
}

/** Return how the speaker was found by a photo. */
function chosen(choice) {
  const similarity = choice.least < choice.similarity ? interval(choice.least, choice.similarity, number) : number(choice.similarity);
  const values = { similarity, next: number(choice.next), from: number(choice.same_from, 3), recogniser: choice.recogniser };
  return t(known(choice.next) ? "sum_chosen" : "sum_chosen_alone", values);
}

/** Return the sentences that must not be overlooked. */
function warnings(recording, lane) {
  const found = recording.notes.map((name) => t(`note_${name}`));
  if (recording.note) found.push(t("note_analysis", { text: recording.note }));
  if (!recording.model) found.push(t("note_model_unknown"));
  if (lane.coverage < 0.5) found.push(t("note_coverage", { share: percent(lane.coverage) }));
  const byPhoto = recording.choice && recording.lanes[0] === lane;
  if (byPhoto) found.push(t("note_chosen"), ...recording.choice.beside.map((n) => t("note_beside", { name: t("track", { n }) })));
  else if (recording.tracks > 1 && lane.name !== "largest") found.push(t("note_tracks", { n: recording.tracks }));
  if (lane.name === "largest") found.push(t("note_largest"));
  const drawn = Object.values(lane.drawn);
  if (drawn.some((one) => !one.enough)) found.push(t("note_short"));
  if (drawn.some((one) => one.enough && one.cut)) found.push(t("note_cut"));
  if (!drawn.length) found.push(t("note_points"));
  return found;
}

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
  if (known(row.low)) {
    picture.append(draw("line", { class: "whisker", x1: x(row.low), x2: x(row.high), y1: tall / 2, y2: tall / 2 }));
    for (const end of [row.low, row.high]) picture.append(draw("line", { class: "whisker", x1: x(end), x2: x(end), y1: 5, y2: tall - 5 }));
  }
  return picture;
}

function drawnWords(lane, kind) {
  const drawn = lane.drawn[kind];
  if (!drawn) return t("drawn_none");
  if (!drawn.enough) return t("drawn_short");
  return t(drawn.cut ? "drawn_cut" : "drawn", { block: drawn.block_s, draws: DATA.draws, level: Math.round(DATA.level * 100) });
}

function shareTable(lane, kind) {
  const rows = lane.tables[kind];
  const most = Math.max(0.01, ...rows.flatMap((row) => [row.mean, row.high]).filter(known));
  const lines = rows.map((row) => [
    chip(row.label), bar(row, 0, most), percent(row.mean), interval(row.low, row.high, percent),
    withInterval(row.top, row.top_low, row.top_high), withInterval(row.above, row.above_low, row.above_high), percent(row.episodes),
  ]);
  const heads = ["label", "chart", "share", "interval", "top", "above", "in_episodes"];
  const names = heads.map((name) => t(`head_${name}`, { x: percent(DATA.threshold), level: Math.round(DATA.level * 100) }));
  return table(t(`kind_${kind}`), names, lines, "shares");
}

const withInterval = (value, low, high) => {
  const small = known(low) ? [make("br"), make("small", { textContent: interval(low, high, percent) })] : [];
  return make("span", {}, percent(value), ...small);
};

function changeTable(lane) {
  const rows = lane.tables.change;
  const most = Math.max(0.01, ...rows.flatMap((row) => [row.mean, row.low, row.high]).filter(known).map(Math.abs));
  const lines = rows.map((row) => [
    chip(row.label), bar(row, -most, most), points(row.mean), interval(row.low, row.high, points), points(row.sd).replace("+", ""), points(row.floor).replace("+", ""), verdict(row),
  ]);
  const heads = ["label", "chart", "change", "interval", "sd", "floor", "verdict"];
  return table(t("kind_change"), heads.map((name) => t(`head_${name}`, { level: Math.round(DATA.level * 100) })), lines, "shares");
}

function signalTable(lane) {
  const lines = lane.tables.signal.map((row) => [
    labelled(row.label), bar(row, row.label.startsWith("au_") ? 0 : -1, 1), number(row.mean),
    interval(row.low, row.high, number), number(row.sd), percent(row.above), percent(row.coverage),
  ]);
  const heads = ["signal", "chart", "mean", "interval", "sd", "visible", "coverage"];
  return table(t("kind_signal"), heads.map((name) => t(`head_${name}`, { level: Math.round(DATA.level * 100) })), lines, "shares");
}

function shares(recording, lane) {
  const children = [];
  const kinds = ["raw", "smooth"].filter((kind) => lane.tables[kind]);
  for (const kind of kinds) {
    const inside = [cell("p", t(`about_${kind}`), { className: "hint" }), shareTable(lane, kind), cell("p", drawnWords(lane, kind), { className: "hint" })];
    if (kind === kinds[0]) children.push(cell("h4", t(`kind_${kind}`)), ...inside);
    else children.push(make("details", {}, cell("summary", t(`kind_${kind}`)), ...inside));
  }
  if (lane.tables.change) {
    const measured = lane.tables.change.some((row) => known(row.floor));
    const floor = measured ? t("floor_some", { level: t(`level_${DATA.floor}`) }) : t("floor_none");
    children.push(cell("h4", t("kind_change")), cell("p", `${t("about_change")} ${floor}`, { className: "hint" }), changeTable(lane));
    children.push(cell("p", drawnWords(lane, "change"), { className: "hint" }));
  } else if (!recording.notes.includes("no_rest")) children.push(cell("p", t("no_baseline"), { className: "hint" }));
  return part(t("shares"), ...children);
}

function affect(lane) {
  if (!lane.tables.signal) return null;
  const picture = circumplex(lane);
  const words = [signalTable(lane), cell("p", drawnWords(lane, "signal"), { className: "hint" })];
  const beside = make("div", {}, ...words);
  if (!picture) return part(t("signals"), beside);
  const figure = make("figure", {}, picture, make("figcaption", { className: "hint", textContent: t("circumplex") }));
  return part(t("signals"), make("div", { className: "beside" }, beside, figure));
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
  const hidden = lane.episode_count > lane.episodes.length ? [cell("p", t("episodes_more", { n: lane.episodes.length, all: lane.episode_count }))] : [];
  return part(t("episodes"), cell("p", t("about_episodes", rule), { className: "hint" }), ...hidden, make("ol", { className: "cards" }, ...items));
}

function confounds(recording) {
  const { resolution, ...known } = recording.confounds;
  const spread = (one, words) => (one ? `${words(one.median)} (${words(one.low)} – ${words(one.high)})` : "–");
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
  return part(t("confounds"), cell("p", t("about_confounds"), { className: "hint" }), table(t("confounds"), heads, lines, "confounds"));
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
  return part(t("transcript"), make("details", {}, cell("summary", t("transcript_open", { n: lines.length })), table(t("transcript"), heads, lines, "transcript")));
}
