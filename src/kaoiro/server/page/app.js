// The page as a whole: tabs, language, key, and files that are dropped or pasted anywhere.

import * as api from "./api.js";
import { leaveCamera, startCamera } from "./camera.js";
import { openPhoto, startPhoto } from "./photo.js";
import { onLanguage, switchLanguage, t } from "./language.js";
import { openVideo, startVideo } from "./video.js";
import { startWords } from "./words.js";

const NAMES = ["photo", "camera", "video"];
const $ = (id) => document.getElementById(id);

// ---- tabs: the ARIA pattern, arrow keys move and choose

function choose(name, focus = false) {
  for (const other of NAMES) {
    const tab = $(`tab-${other}`);
    tab.ariaSelected = String(other === name);
    tab.tabIndex = other === name ? 0 : -1;
    $(other).hidden = other !== name;
  }
  if (focus) $(`tab-${name}`).focus();
  if (name !== "camera") leaveCamera();
  if (name !== "video") $("player").pause();
  if (location.hash !== `#${name}`) history.replaceState(null, "", `#${name}`);
}

const named = () => (NAMES.includes(location.hash.slice(1)) ? location.hash.slice(1) : NAMES[0]);

function moveByKey(event, place) {
  const last = NAMES.length - 1;
  const goals = {
    ArrowRight: place === last ? 0 : place + 1,
    ArrowLeft: place === 0 ? last : place - 1,
    Home: 0,
    End: last,
  };
  if (!(event.key in goals)) return;
  event.preventDefault();
  choose(NAMES[goals[event.key]], true);
}

function startTabs() {
  for (const [place, name] of NAMES.entries()) {
    $(`tab-${name}`).addEventListener("click", () => choose(name));
    $(`tab-${name}`).addEventListener("keydown", (event) => moveByKey(event, place));
  }
  addEventListener("hashchange", () => choose(named()));
  choose(named());
}

// ---- files from outside

const isVideo = (file) =>
  file.type.startsWith("video/") || /\.(mp4|m4v|mov|mkv|avi|webm|ts|mts|wmv|flv|mpe?g)$/i.test(file.name);

function receive(file) {
  if (!file) return;
  choose(isVideo(file) ? "video" : "photo");
  (isVideo(file) ? openVideo : openPhoto)(file);
}

function startReceiving() {
  const mark = (on) => document.body.classList.toggle("dragging", on);
  addEventListener("dragover", (event) => (event.preventDefault(), mark(true)));
  addEventListener("dragleave", (event) => event.relatedTarget || mark(false));
  addEventListener("drop", (event) => {
    event.preventDefault(); // or the browser would leave the page and open the file
    mark(false);
    receive(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => receive(event.clipboardData.files[0]));
}

// ---- the key

/** Ask for the key; answers whether there is one to try. */
function askForKey(reason) {
  const [dialog, field] = [$("key-dialog"), $("key-field")];
  $("key-reason").textContent = t(reason);
  field.value = "";
  dialog.returnValue = "";
  if (!dialog.open) dialog.showModal();
  field.focus();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "use"), { once: true }),
  );
}

function startKey() {
  $("key-button").addEventListener("click", () => askForKey("key_free"));
  $("key-cancel").addEventListener("click", () => $("key-dialog").close("cancel"));
  $("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const key = $("key-field").value.trim();
    if (/[^\x21-\x7e]/.test(key)) return void ($("key-reason").textContent = t("key_letters"));
    api.setKey(key);
    $("key-dialog").close("use");
  });
  api.onKeyWanted(askForKey);
}

async function startVersion() {
  const { version } = await api.health().catch(() => ({}));
  onLanguage(() => ($("version").textContent = version ? t("version", { version }) : ""));
}

$("language").addEventListener("click", switchLanguage);
onLanguage(() => {
  $("language").textContent = t("other");
  $("language").lang = document.documentElement.lang === "en" ? "ja" : "en";
});
startTabs();
startReceiving();
startKey();
startWords();
startPhoto();
startCamera();
startVideo();
startVersion();
