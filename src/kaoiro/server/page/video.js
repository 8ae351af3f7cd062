// The video tab: a file goes up, a job is watched, and its timeline is shown. The job survives a reload.

import * as api from "./api.js";
import { fillSelect, make } from "./faces.js";
import { Report } from "./report.js";
import { locale, onLanguage, percent, t } from "./language.js";
import { Timeline } from "./timeline.js";
import { wanted } from "./words.js";

const STORE = "kaoiro.video"; // the id of the last job
const STEPS = [0, 0.1, 0.2, 0.5, 1]; // seconds between measured frames; 0: every frame
const FORMATS = { csv: "CSV", parquet: "Parquet", json: "JSON" };
const AT_WORK = ["sending", "waiting", "running"];
const $ = (name) => document.getElementById(`video-${name}`);
const state = { phase: null, name: "", share: 0, job: null, data: null, error: null, file: null, every: 0 };
const timeline = new Timeline();
const report = new Report(() => timeline.playableFile());
let watching = new AbortController();

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

function change(values) {
  Object.assign(state, values);
  render();
}

/** Begin a new piece of work; the earlier one, if any, is no longer watched. */
function renew() {
  watching.abort();
  watching = new AbortController();
  return watching.signal;
}

/** Send a video and watch its job. */
export async function openVideo(file) {
  if (AT_WORK.includes(state.phase)) return change({ error: new Error(t("video_busy")) });
  const signal = renew();
  change({ phase: "sending", name: file.name, share: 0, job: null, data: null, error: null, file });
  try {
    const onProgress = (share) => !signal.aborted && change({ share });
    const job = await api.upload(file, state.every, wanted(), { onProgress, signal });
    localStorage.setItem(STORE, job.id);
    await watch(job, signal);
  } catch (error) {
    if (!signal.aborted) change({ phase: null, error });
  }
}

/** Ask for a job until it is finished. */
async function watch(job, signal) {
  for (let wait = 0.3; !signal.aborted; wait = Math.min(2, wait * 1.2)) {
    change({ phase: job.status, name: job.name, share: job.progress, job });
    if (!AT_WORK.includes(job.status)) break;
    await pause(wait);
    if (signal.aborted) return;
    job = await asked(job, signal);
  }
  if (signal.aborted || job.status !== "done") return;
  const data = await api.timeline(job.id);
  if (!signal.aborted) change({ data, error: null });
}

/** Return the job as it is now, or as it was where the service does not answer for a moment. */
async function asked(job, signal) {
  try {
    const found = await api.job(job.id);
    if (state.error?.status != null && !signal.aborted) change({ error: null });
    return found;
  } catch (error) {
    if (error.status !== 0 && error.status !== 429) throw error;
    if (!signal.aborted) change({ error });
    return job;
  }
}

/** Find the job of an earlier visit again. */
async function resume() {
  const id = localStorage.getItem(STORE);
  if (!id) return;
  const signal = renew();
  try {
    await watch(await api.job(id), signal);
  } catch (error) {
    if (error.status === 404) localStorage.removeItem(STORE);
    if (!signal.aborted && error.status !== 404) change({ phase: null, error });
  }
}

/** Cancel what is at work, or delete what is done. */
async function cancel() {
  const done = !AT_WORK.includes(state.phase);
  const { job } = state;
  renew();
  localStorage.removeItem(STORE);
  change({ phase: done ? "deleted" : "cancelled", job: null, data: null, error: null });
  if (!job) return;
  await api.remove(job.id).catch((error) => error.status !== 404 && change({ error }));
}

function words() {
  const { phase, name, job, data } = state;
  const message = job?.message ?? "";
  if (phase === "done" && !data) return t("video_running", { name }); // the result is still on its way
  if (phase !== "done") return phase ? t(`video_${phase}`, { name, message }) : "";
  const found = data.tracks.length ? t("video_done", { n: data.tracks.length, name }) : t("video_faceless");
  return message ? `${found} ${t("video_broke", { message })}` : found;
}

function render() {
  const { phase, share, job, data, error } = state;
  const busy = AT_WORK.includes(phase);
  const text = words();
  if ($("status").textContent !== text) $("status").textContent = text; // screen readers hear changes only
  $("error").textContent = error ? api.explain(error) : "";
  $("job").hidden = !busy;
  $("options").hidden = busy;
  $("drop").disabled = busy;
  $("name").textContent = state.name;
  $("share").textContent = phase === "waiting" ? t("video_waiting") : percent(share);
  $("progress").value = share;
  $("cancel").textContent = t("cancel");
  $("result").hidden = !data;
  if (!data) {
    report.clear();
    return timeline.clear();
  }
  timeline.show(data, job, state.file);
  report.show(job, data.tracks);
  showDownloads(job);
}

function showDownloads(job) {
  const links = Object.entries(FORMATS).map(([format, name]) => {
    const href = api.recordsAddress(job.id, format);
    const link = make("a", { className: "button", href, download: "", textContent: name });
    link.addEventListener("click", (event) => api.hasKey() && fetchRecords(event, job, format));
    return link;
  });
  const remove = make("button", { type: "button", className: "quiet", textContent: t("video_delete") });
  remove.addEventListener("click", cancel);
  $("downloads").replaceChildren(...links, remove);
  const style = { dateStyle: "medium", timeStyle: "short" };
  const date = job.expires && new Date(job.expires).toLocaleString(locale(), style);
  $("expires").textContent = date ? t("video_expires", { date }) : "";
}

/** Download with the key, which a plain link cannot carry. */
async function fetchRecords(event, job, format) {
  event.preventDefault();
  try {
    const address = URL.createObjectURL(await api.records(job.id, format));
    make("a", { href: address, download: `${job.name}.${format}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  } catch (error) {
    change({ error });
  }
}

function showSteps() {
  const steps = STEPS.map((x) => [String(x), t(x ? "video_every_n" : "video_every_0", { x })]);
  fillSelect($("every"), steps, String(state.every));
}

export function startVideo() {
  $("drop").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    if ($("file").files[0]) openVideo($("file").files[0]);
    $("file").value = "";
  });
  $("every").addEventListener("change", () => (state.every = Number($("every").value)));
  $("cancel").addEventListener("click", cancel);
  timeline.onFile = (file) => (state.file = file);
  onLanguage(() => {
    showSteps();
    timeline.clear();
    render();
  });
  resume();
}
