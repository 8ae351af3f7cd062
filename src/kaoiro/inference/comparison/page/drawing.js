// Drawing: differences with their noise floors, and the single recordings on both sides.

const TICKS = [1, 0.5, 0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.0025, 0.001, 0.0005];
const APART = 11; // per cent of the width between two numbers of an axis
const [WIDE, TALL, TOP, BOTTOM, LEFT] = [220, 150, 12, 128, 54]; // of a panel of dots
const SPOTS = { before: 98, after: 176 }; // across a panel
const STEM = 22; // across, within which the dots of a side lie
const FEW = 8; // people that are named by letters
const LINE = 11; // down, from one letter to the next
const LETTERED = DATA.people.length > 1 && DATA.people.length <= FEW;
const letter = (n) => String.fromCharCode(65 + n);

/** Return how differences lie across a forest plot, in per cent of its width: evenly, or compressed towards the ends. */
function axisOf(rows, linear) {
  const ends = rows.flatMap((row) => [row.value, row.low, row.high, linear ? null : row.floor]).filter(known).map(Math.abs);
  const most = Math.min(Math.max(0.001, ...ends) * 1.05, 2);
  const across = (value) => {
    const share = Math.min(1, Math.abs(value) / most);
    return 50 + 50 * Math.sign(value) * (linear ? share : Math.sqrt(share));
  };
  const ticks = [0];
  for (const tick of TICKS) {
    const at = across(tick);
    const room = [100 + APART / 2, ...ticks.slice(1).map(across)].every((other) => Math.abs(other - at) >= APART);
    if (tick <= most && room && at - 50 >= APART) ticks.push(tick);
  }
  return { across, ticks: [...ticks.slice(1).map((tick) => -tick), ...ticks] };
}

const share = (value) => `${value.toFixed(2)}%`;
const upright = (x, y1, y2, name) => draw("line", { class: name, x1: share(x), x2: share(x), y1, y2 });

/** Return a line of a forest plot: floor, interval, difference. */
function lane(row, axis) {
  const [tall, middle] = [28, 14];
  const picture = draw("svg", { class: "lane", width: "100%", height: tall, "aria-hidden": "true" });
  if (known(row.floor)) {
    const [from, to] = [axis.across(-row.floor), axis.across(row.floor)];
    picture.append(draw("rect", { class: "noise", x: share(from), y: 2, width: share(to - from), height: tall - 4 }));
  }
  for (const tick of axis.ticks) picture.append(upright(axis.across(tick), 0, tall, tick ? "grid" : "zero"));
  if (!known(row.value)) return picture;
  const own = draw("g", { style: `--own: var(--${row.label}, var(--accent))` });
  if (telling(row.low, row.high)) {
    const [from, to] = [axis.across(row.low), axis.across(row.high)];
    own.append(draw("line", { class: "reach", x1: share(from), x2: share(to), y1: middle, y2: middle }));
    for (const end of [from, to]) if (end > 0 && end < 100) own.append(upright(end, middle - 5, middle + 5, "reach"));
  }
  own.append(draw("circle", { class: "point", cx: share(axis.across(row.value)), cy: middle, r: 5.5 }));
  picture.append(own);
  return picture;
}

function scaleOf(axis, words) {
  const picture = draw("svg", { class: "lane", width: "100%", height: 20, "aria-hidden": "true" });
  for (const tick of axis.ticks) {
    const text = draw("text", { class: "tick", x: share(axis.across(tick)), y: 14, "text-anchor": "middle" });
    text.textContent = words(tick);
    picture.append(text);
  }
  return picture;
}

/** Return the forest plot of a family. */
function forest(family) {
  const axis = axisOf(family.rows, STATE.linear);
  const digits = family.kind === "signal" ? 1 : 100;
  const words = (tick) => `${tick > 0 ? "+" : tick < 0 ? "−" : ""}${+(Math.abs(tick) * digits).toPrecision(3)}`;
  const lines = family.rows.flatMap((row) => [make("span", { className: "lane-name" }, chip(row.label)), lane(row, axis)]);
  const whole = make("div", { className: "forest", role: "img" }, ...lines, make("span"), scaleOf(axis, words));
  whole.setAttribute("aria-label", t("forest_alt", { name: t(`family_${family.kind}`) }));
  return whole;
}

/** Return the recordings of a label that count, with their values. */
const cases = (kind, label) =>
  DATA.recordings.filter((one) => one.counts && known(one.means[kind]?.[label])).map((one) => ({ ...one, value: one.means[kind][label] }));

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Return a panel with the single recordings of a label: hollow before, filled after, lines between means of people. */
function panel(family, row) {
  const { levels } = unitsOf(family.kind);
  const found = cases(family.kind, row.label);
  const values = found.map((one) => one.value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const pad = Math.max((most - least) * 0.25, 1e-4);
  const down = (value) => BOTTOM - ((value - least + pad) / (most - least + 2 * pad)) * (BOTTOM - TOP);
  const own = `--own: var(--${row.label}, var(--accent))`;
  const picture = draw("svg", { class: "panel", viewBox: `0 0 ${WIDE} ${TALL}`, role: "img", style: own });
  picture.setAttribute("aria-label", t("dots_alt", { label: labelled(row.label), before: levels(row.before), after: levels(row.after) }));
  if (known(row.floor) && DATA.people.length === 1) {
    const [top, bottom] = [1, -1].map((sign) => Math.min(BOTTOM, Math.max(TOP, down(row.before + sign * row.floor))));
    picture.append(draw("rect", { class: "noise", x: LEFT, y: top, width: WIDE - LEFT, height: bottom - top }));
  }
  for (const value of [least, most]) {
    picture.append(draw("line", { class: "grid", x1: LEFT, x2: WIDE, y1: down(value), y2: down(value) }));
    picture.append(words(levels(value), LEFT - 5, down(value) + 4, "end"));
    if (least === most) break;
  }
  const ends = DATA.people.map((person, place) => tie(picture, found, place, down, levels));
  if (LETTERED) letters(picture, ends);
  for (const side of ["before", "after"]) {
    const part = found.filter((one) => one.side === side);
    part.forEach((one, n) => picture.append(dot(one, asideOf(one.person, n, part.length), down, levels)));
    picture.append(words(t(`side_${side}`), SPOTS[side], TALL - 6, "middle"));
  }
  return make("figure", { className: "dots" }, make("figcaption", {}, chip(row.label)), picture);
}

/** Return how far aside a dot lies, -0.5 to 0.5: of several people by person, of one by recording. */
function asideOf(person, n, count) {
  const people = DATA.people.length;
  if (people > 1) return DATA.people.indexOf(person) / (people - 1) - 0.5;
  return count > 1 ? n / (count - 1) - 0.5 : 0;
}

/** Draw the line between a person's means, and return where it ends. */
function tie(picture, found, place, down, levels) {
  const person = DATA.people[place];
  const means = ["before", "after"].map((side) =>
    mean(found.filter((one) => one.person === person && one.side === side).map((one) => one.value)),
  );
  const [before, after] = means.map(levels);
  const title = draw("title");
  title.textContent = person ? t("tie", { person, before, after }) : `${before} → ${after}`;
  const aside = asideOf(person, 0, 1) * STEM;
  const [y1, y2] = means.map(down);
  picture.append(draw("line", { class: "tie", x1: SPOTS.before + aside, x2: SPOTS.after + aside, y1, y2 }, title));
  return { place, x: SPOTS.after + aside, y: y2 };
}

/** Draw the letters of few people at the right, each as high as the person's line ends, as far as there is room. */
function letters(picture, ends) {
  const sorted = [...ends].sort((one, other) => one.y - other.y);
  const heights = sorted.map(({ y }) => y);
  for (let n = 1; n < heights.length; n += 1) heights[n] = Math.max(heights[n], heights[n - 1] + LINE);
  const over = Math.max(0, heights.at(-1) - BOTTOM);
  for (let n = heights.length - 1, last = BOTTOM; over && n >= 0; n -= 1, last -= LINE) heights[n] = Math.min(heights[n], last);
  sorted.forEach(({ place, x, y }, n) => {
    picture.append(draw("line", { class: "thread", x1: x + 5, x2: WIDE - 11, y1: y, y2: heights[n] }));
    picture.append(words(letter(place), WIDE, heights[n] + 4, "end"));
  });
}

function dot(one, aside, down, levels) {
  const title = draw("title");
  title.textContent = [one.name, DATA.by ? one.person : "", levels(one.value)].filter(Boolean).join(", ");
  return draw("circle", { class: `case ${one.side}`, cx: SPOTS[one.side] + aside * STEM, cy: down(one.value), r: 4.5 }, title);
}

function words(text, x, y, anchor) {
  const element = draw("text", { class: "tick", x, y, "text-anchor": anchor });
  element.textContent = text;
  return element;
}
