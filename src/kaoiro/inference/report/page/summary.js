// What was found in a recording, in plain words, and what must not be overlooked about it.

const seconds = (value) => (known(value) ? number(value, value < 10 ? 1 : 0) : "–");

/** Whether blocks were so much too short that intervals are of little use. */
const muchCut = (drawn) => drawn.cut && drawn.wished_s >= 3 * drawn.block_s; // cut blocks are the longest allowed

/** Return the lines of plain words that say what was found. */
function summary(recording, lane) {
  const lines = [];
  const speaker = recording.lanes[0] === lane ? "sum_speaker" : "sum_lane";
  const values = { name: laneName(lane), seen: percent(lane.coverage), length: clock(recording.length_s) };
  lines.push(t(speaker, values));
  if (recording.choice && recording.lanes[0] === lane) lines.push(chosen(recording.choice));
  lines.push(...shown(lane), counted(lane), ...worthWords(lane));
  return lines;
}

/** Return how the speaker was found by a photo. */
function chosen(choice) {
  const [least, middle] = [number(choice.least), number(choice.similarity)];
  const similarity = choice.least < choice.similarity ? `${least} – ${middle}` : middle;
  const values = { similarity, next: number(choice.next), from: number(choice.same_from, 3), recogniser: choice.recogniser };
  return t(known(choice.next) ? "sum_chosen" : "sum_chosen_alone", values);
}

/** Return the greatest shares. */
function shown(lane) {
  const rows = [...lane.tables.raw].filter((row) => known(row.mean)).sort((one, other) => other.mean - one.mean);
  if (!rows.length) return [];
  const words = (row) =>
    t(telling(row.low, row.high) ? "sum_share_interval" : "sum_share", {
      label: labelled(row.label), share: percent(row.mean), low: percent(row.low), high: percent(row.high),
    });
  return [t("sum_shares", { list: rows.slice(0, 3).map(words).join(t("list_comma")) })];
}

/** Return how many episodes there are of which expression: of all, not only of those that are shown. */
function counted(lane) {
  const counts = Object.entries(lane.episode_counts).sort((one, other) => other[1] - one[1]);
  if (!counts.length) return t("sum_no_episodes");
  const list = counts.map(([label, n]) => (lane.episode_count === 1 ? labelled(label) : `${labelled(label)} ${n}`));
  return t("sum_episodes", { n: lane.episode_count, list: list.join(t("list_comma")) });
}

/** Return what is a signal, table by table; where nothing is, that, and what moved most from rest. */
function worthWords(lane) {
  const judged = WORTHS.flatMap(({ kind }) => judgedOf(lane, kind));
  const lines = WORTHS.flatMap((one) => signalWords(lane, one));
  if (judged.length && !lines.length) lines.push(t("sum_no_signal"));
  if (!judgedOf(lane, "change").some((row) => row.verdict === "signal")) lines.push(...movedMost(lane));
  if (judged.length) lines.push(t("sum_level", { level: t(`level_${DATA.floor}`) }));
  return lines;
}

const JUDGED = ["signal", "uncertain", "below the noise floor"];
const WORTHS = [
  { kind: "raw", far: (row) => Math.abs(row.mean - (row.rest_low + row.rest_high) / 2), words: [percent, interval] },
  { kind: "change", far: (row) => Math.abs(row.mean), words: [points, pointsInterval] },
  { kind: "signal", far: (row) => Math.abs(row.mean - (row.rest_low + row.rest_high) / 2), words: [number, interval] },
];
const judgedOf = (lane, kind) => (lane.tables[kind] ?? []).filter((row) => known(row.mean) && JUDGED.includes(row.verdict));

function signalWords(lane, { kind, far, words: [write, ends] }) {
  const rows = judgedOf(lane, kind).filter((row) => row.verdict === "signal");
  if (!rows.length) return [];
  rows.sort((one, other) => far(other) - far(one));
  const words = (row) => {
    const values = { label: labelled(row.label), value: write(row.mean), range: ends(row.low, row.high, write) };
    const floor = kind === "change" ? extent(row.floor) : range(row.rest_low, row.rest_high, write);
    return t(kind === "change" ? "sum_signal_change" : "sum_signal_rest", { ...values, floor });
  };
  return [t(`sum_signals_${kind}`, { list: rows.map(words).join(t("list_semicolon")) })];
}

function movedMost(lane) {
  const rows = (lane.tables.change ?? []).filter((row) => known(row.mean));
  if (!rows.length) return [];
  const most = rows.reduce((best, row) => (Math.abs(row.mean) > Math.abs(best.mean) ? row : best));
  const values = { label: labelled(most.label), change: points(most.mean) };
  return [most.verdict ? t("sum_change", { ...values, verdict: verdict(most) }) : t("sum_change_only", values)];
}

/** Return the sentences that must not be overlooked. */
function warnings(recording, lane) {
  const found = recording.notes.map((name) => t(`note_${name}`));
  for (const [name, n] of Object.entries(recording.outside)) if (n) found.push(t(`note_${name}_outside`, { n }));
  if (recording.note) found.push(t("note_analysis", { text: recording.note }));
  if (!recording.model) found.push(t("note_model_unknown"));
  if (lane.coverage < 0.5) found.push(t("note_coverage", { share: percent(lane.coverage) }));
  found.push(...aboutFace(recording, lane), ...aboutIntervals(lane));
  if (known(DATA.floor) && DATA.floor !== "own" && heldAgainst(lane)) found.push(t("note_floor_rendered"));
  return found;
}

const heldAgainst = (lane) => Object.values(lane.tables).flat().some((row) => known(row.floor) || known(row.rest_low));

function aboutFace(recording, lane) {
  if (lane.name === "largest") return [t("note_largest")];
  if (recording.choice && recording.lanes[0] === lane) {
    return [t("note_chosen"), ...recording.choice.beside.map((n) => t("note_beside", { name: t("track", { n }) }))];
  }
  return recording.tracks > 1 ? [t("note_tracks", { n: recording.tracks })] : [];
}

function aboutIntervals(lane) {
  const drawn = Object.values(lane.drawn);
  if (!drawn.length) return [t("note_points")];
  const found = drawn.some((one) => !one.enough) ? [t("note_short")] : [];
  const cut = drawn.filter((one) => one.enough && one.cut);
  if (!cut.length) return found;
  const worst = cut.reduce((most, one) => (one.wished_s > most.wished_s ? one : most));
  const values = { wished: seconds(worst.wished_s), longest: worst.block_s };
  return [...found, t(muchCut(worst) ? "note_cut_much" : "note_cut", values)];
}
