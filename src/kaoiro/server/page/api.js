// Requests to the service. A missing or wrong key is asked for, and the request goes out again.

import { has, t } from "./language.js";

const STORE = "kaoiro.key";
let key = sessionStorage.getItem(STORE) ?? "";
let ask = async () => false; // answered by the dialog of app.js
let asking = null; // one question for all requests that wait for it

/** A request that did not succeed. `status` is 0 if the service did not answer. */
export class Refusal extends Error {
  constructor(status, body = {}, wait = 1) {
    super(body.error?.message ?? body.message ?? "");
    this.status = status;
    this.code = body.error?.code ?? "";
    this.wait = wait;
  }
}

/** Return what went wrong, in plain words of the page's language. */
export function explain(error) {
  if (!(error instanceof Refusal)) return String(error?.message ?? error);
  if (error.status === 0) return t("error_offline");
  const name = [`error_${error.code}`, `error_${error.status}`].find(has);
  if (name) return t(name);
  return error.status < 500 && error.message ? t("error_other", { message: error.message }) : t("error_500");
}

export const hasKey = () => key !== "";

export function setKey(value) {
  key = value;
  sessionStorage.setItem(STORE, value);
}

export function onKeyWanted(dialog) {
  ask = dialog;
}

const headers = (type) => ({ ...(key && { "Ocp-Apim-Subscription-Key": key }), ...(type && { "Content-Type": type }) });

/** Send until the key is right; `send` gives {status, body, wait} and rejects where nothing answers. */
async function withKey(send) {
  for (;;) {
    const used = key;
    const answer = await send();
    if (answer.status < 400) return answer;
    if (answer.status !== 401) throw new Refusal(answer.status, answer.body, answer.wait);
    if (key !== used) continue; // another request has asked meanwhile
    asking ??= ask(used ? "key_wrong" : "key_wanted").finally(() => (asking = null));
    if (!(await asking)) throw new Refusal(401);
  }
}

async function request(path, { method = "GET", body, type, signal, as = "json" } = {}) {
  return withKey(async () => {
    let response;
    try {
      response = await fetch(path, { method, body, signal, headers: headers(type) });
    } catch (error) {
      throw error.name === "AbortError" ? error : new Refusal(0);
    }
    const wait = Number(response.headers.get("Retry-After")) || 1;
    const empty = response.status === 204;
    const read = response.ok ? !empty && (await response[as]()) : await response.json().catch(() => ({}));
    return { status: response.status, body: read, wait };
  }).then((answer) => answer.body);
}

/** Send a file and report the share that is sent; fetch cannot tell it, XMLHttpRequest can. */
function send(path, file, { onProgress, signal }) {
  return withKey(
    () =>
      new Promise((resolve, reject) => {
        const sending = new XMLHttpRequest();
        sending.open("POST", path);
        for (const [name, value] of Object.entries(headers("application/octet-stream")))
          sending.setRequestHeader(name, value);
        sending.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
        sending.onload = () => resolve({ status: sending.status, body: parsed(sending.responseText) });
        sending.onerror = () => reject(new Refusal(0));
        sending.onabort = () => reject(new DOMException("cancelled", "AbortError"));
        signal.addEventListener("abort", () => sending.abort());
        sending.send(file);
      }),
  ).then((answer) => answer.body);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

const jpeg = "image/jpeg";
/** Return options as the end of an address; nothing if there are none. */
function query(options, sign = "?") {
  const text = String(new URLSearchParams(options));
  return text && sign + text;
}

const video = (id) => `v1/videos/${encodeURIComponent(id)}`;

export const health = () => request("healthz");
export const models = () => request("v1/models");
export const words = (options) => request(`v1/words${query(options)}`);
export const analyze = (file, options, signal) =>
  request(`v1/analyze${query(options)}`, { method: "POST", body: file, type: "application/octet-stream", signal });
export const live = (session, time, options, body) =>
  request(`v1/live/${session}?time_s=${time.toFixed(3)}${query(options, "&")}`, { method: "POST", body, type: jpeg });
export const job = (id) => request(video(id));
export const timeline = (id) => request(`${video(id)}/timeline?points=2000`);
export const report = (id, options, signal) =>
  request(`${video(id)}/report?${new URLSearchParams(options)}`, { as: "text", signal });
export const remove = (id) => request(video(id), { method: "DELETE" });
export const recordsAddress = (id, format) => `${video(id)}/records?format=${format}`;
export const records = (id, format) => request(recordsAddress(id, format), { as: "blob" });

export async function upload(file, every, words, options) {
  await models(); // asks for the key before a long upload, not after it
  const query = new URLSearchParams({ name: file.name, ...(every && { every }), ...words });
  return send(`v1/videos?${query}`, file, options);
}
