// The report of a measured video: the service makes it, a frame with an origin of its own shows it.

import * as api from "./api.js";
import { fillSelect, make } from "./faces.js";
import { locale, t } from "./language.js";

const SHELL = "page/report.html"; // takes the report over from here; an address of the service could not carry the key
const $ = (name) => document.getElementById(`report-${name}`);

export class Report {
  /** @param localFile returns the video's file, if it is at hand and can be played */
  constructor(localFile) {
    Object.assign(this, { localFile, job: null, html: null, phase: "closed", error: null, speaker: "auto" });
    this.waiting = new Map(); // windows that have not got their report yet
    this.making = new AbortController();
    $("switch").addEventListener("click", () => (this.phase === "closed" ? this.open() : this.close()));
    $("tab").addEventListener("click", () => this.inTab());
    $("save").addEventListener("click", () => this.save());
    $("speaker").addEventListener("change", () => this.choose($("speaker").value));
    for (const name of ["numbers", "rest", "hide"]) $(name).addEventListener("change", () => this.renew());
    addEventListener("message", (event) => this.handOver(event));
  }

  /** Offer the report of a job with these tracks; another job closes what was open. */
  show(job, tracks) {
    if (job.id !== this.job?.id) {
      this.close();
      Object.assign(this, { job, speaker: "auto" });
    }
    this.tracks = tracks;
    if (this.phase !== "closed" && this.language !== locale()) this.open();
    this.render();
  }

  /** Forget the job. */
  clear() {
    this.close();
    this.job = null;
  }

  close() {
    this.making.abort();
    this.change({ phase: "closed", html: null, error: null });
  }

  choose(speaker) {
    this.speaker = speaker;
    this.render();
    if (speaker === "several") $("numbers").focus();
    else this.renew();
  }

  /** Make what is open anew, with other options. */
  renew() {
    if (this.phase !== "closed") this.open();
  }

  change(values) {
    Object.assign(this, values);
    this.render();
  }

  async open() {
    this.making.abort();
    this.making = new AbortController();
    const { signal } = this.making;
    this.language = locale();
    this.change({ phase: "making", html: null, error: null });
    try {
      const html = await api.report(this.job.id, this.options(), signal);
      if (signal.aborted) return;
      this.change({ phase: "open", html });
      this.load();
    } catch (error) {
      if (!signal.aborted) this.change({ phase: "closed", error });
    }
  }

  options() {
    const { speaker, language } = this;
    const joined = $("numbers").value.match(/\d+/g)?.join(",") ?? "auto";
    const whose = speaker === "largest" ? { largest: true } : { track: speaker === "several" ? joined : speaker };
    return { language, ...whose, ...($("rest").checked && { baseline: "auto" }), blur_faces: $("hide").checked };
  }

  render() {
    const { phase, error, tracks } = this;
    $("part").hidden = !tracks?.length;
    if (!tracks?.length) return;
    const faces = tracks.map(({ track }) => [String(track), t("track", { n: track })]);
    const others = ["auto", "largest", "several"].map((name) => [name, t(`report_${name}`)]);
    fillSelect($("speaker"), [...others, ...faces], this.speaker);
    $("joined").hidden = this.speaker !== "several";
    $("switch").textContent = t(phase === "closed" ? "report_show" : phase === "making" ? "cancel" : "report_close");
    $("switch").ariaExpanded = String(phase === "open");
    const said = { closed: "", making: t("report_making"), open: t("report_open") }[phase];
    if ($("status").textContent !== said) $("status").textContent = said; // screen readers hear changes only
    $("error").textContent = error ? api.explain(error) : "";
    for (const name of ["tab", "save", "body"]) $(name).hidden = phase !== "open";
    if (phase !== "open") $("body").replaceChildren();
  }

  // ---- handing over: a window says that it is there, and gets its report, once

  load() {
    const frame = make("iframe", { title: t("report_frame", { name: this.job.name }), src: SHELL });
    frame.sandbox.add("allow-scripts", "allow-downloads", "allow-modals");
    $("body").replaceChildren(frame);
    this.expect(frame.contentWindow);
    frame.scrollIntoView({ block: "nearest" });
  }

  inTab() {
    const opened = window.open(SHELL, "_blank");
    if (opened) this.expect(opened);
    else this.change({ error: new Error(t("report_blocked")) });
  }

  expect(target) {
    this.waiting.set(target, { html: this.html, file: $("hide").checked ? null : this.localFile() });
  }

  handOver({ source, data }) {
    const report = this.waiting.get(source);
    if (!report || data !== "kaoiro-report") return;
    this.waiting.delete(source); // whatever is opened there later gets nothing
    source.postMessage(report, "*"); // its origin has no name
  }

  save() {
    const address = URL.createObjectURL(new Blob([this.html], { type: "text/html" }));
    make("a", { href: address, download: `${this.job.name}.html` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }
}
