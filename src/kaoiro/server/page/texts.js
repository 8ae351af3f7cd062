// Every visible text, in English and Japanese, and the choice between the two.

const TEXTS = {
  en: {
    other: "日本語",
    skip: "Skip to the content",
    tagline: "Measures what faces show, on this service's own machine",
    tabs: "What to measure",
    tab_photo: "Photo",
    tab_camera: "Camera",
    tab_video: "Video",
    cancel: "Cancel",
    progress: "Progress",

    anger: "Anger",
    contempt: "Contempt",
    disgust: "Disgust",
    fear: "Fear",
    happiness: "Happiness",
    neutral: "Neutral",
    sadness: "Sadness",
    surprise: "Surprise",

    face: "Face {n}",
    track: "Face #{n}",
    face_size: "Face size",
    sharpness: "Sharpness",
    roll: "Tilt",
    face_score: "Detector's confidence",
    confidence: "Confidence",
    smooth_support: "Window filled",
    valence: "Valence",
    arousal: "Arousal",
    au: "Action unit {n}",
    units: "Action units, how probably visible",
    affect_alt: "Valence {x}, arousal {y}, each from −1 to 1",
    au_01: "AU 1 Inner brow raiser",
    au_02: "AU 2 Outer brow raiser",
    au_04: "AU 4 Brow lowerer",
    au_05: "AU 5 Upper lid raiser",
    au_06: "AU 6 Cheek raiser",
    au_09: "AU 9 Nose wrinkler",
    au_12: "AU 12 Lip corner puller",
    au_15: "AU 15 Lip corner depressor",
    au_17: "AU 17 Chin raiser",
    au_20: "AU 20 Lip stretcher",
    au_25: "AU 25 Lips part",
    au_26: "AU 26 Jaw drop",
    pixels: "{x} px",
    weak_small: "Small: fewer pixels than the model looks at.",
    weak_blurred: "Blurred: fine lines are lost.",
    weak_unsure: "Not sure: no expression reaches one half.",

    photo_drop: "Drop a photo here, or choose one",
    photo_hint: "JPEG, PNG, WebP, … Pasting works too.",
    photo_working: "Measuring {name} …",
    photo_found: { 0: "No face found.", 1: "One face found.", other: "{n} faces found, the largest first." },
    photo_alt: "The photo with a box around each face. {faces}",
    photo_hidden: "This browser cannot show the picture; the boxes are where the faces are.",

    camera_on: "Turn the camera on",
    camera_off: "Turn the camera off",
    camera_which: "Camera",
    camera_whose: "Face",
    camera_largest: "largest",
    camera_hint:
      "Single pictures go to this service and are not stored. The curves look back only, and trail by 0.2 s.",
    camera_curves: "The last 30 seconds",
    camera_ago: "−{x} s",
    camera_now: "now",
    camera_nobody: "No face",
    camera_running: "The camera is on.",
    camera_alt: "Live picture with boxes around the faces",
    camera_insecure: "Browsers give out the camera only on localhost or over HTTPS.",
    camera_refused: "The browser did not give out the camera. Allow it in the address bar, then try again.",
    camera_missing: "No camera was found.",
    camera_ended: "The camera was disconnected.",
    camera_rate: "Measured",
    camera_rate_value: "{x} frames per second",
    camera_dropped: "Left out",
    camera_dropped_value: "{n} of {all} frames",
    camera_delay: "Answer after",
    camera_delay_value: "{x} ms",

    video_drop: "Drop a video here, or choose one",
    video_hint: "MP4, MOV, MKV, WebM, AVI, … whatever FFmpeg reads.",
    video_every: "Measure",
    video_every_0: "every frame",
    video_every_n: "every {x} s",
    video_busy: "One video at a time: cancel the one at work, or wait for it.",
    video_sending: "Sending {name}",
    video_waiting: "Waiting for its turn",
    video_running: "Measuring {name}",
    video_done: { 1: "Done: {name}, one face.", other: "Done: {name}, {n} faces." },
    video_failed: "{name} could not be measured. {message}",
    video_cancelled: "Cancelled.",
    video_deleted: "Deleted from the service.",
    video_broke: "The video broke off; its readable part was measured. {message}",
    video_faceless: "No face was found in this video.",
    video_delete: "Delete from the service",
    video_expires: "The service deletes this result on {date}.",
    player_choose: "Choose the video again to see it",
    player_missing: "The video itself stays on your machine; after reloading the page it has to be chosen again.",
    player_cannot:
      "This browser cannot play this format, so there is no player and no thumbnails. The curves are complete.",
    player_other: "This file lasts {x}, the measured one {y}. Is it the same video?",
    peaks: "Peaks",
    peak: "{label} {value} at {time}",
    peaks_none: "No expression but neutral reaches one half here.",
    curves_of: "Face #{n}, {from} to {to}",
    curves_time: "Time in the video",
    curves_hint: "Click to go there; drag to zoom, double-click for all.",
    curves_raw: "Single frames (pale)",
    curves_which: "Curves",
    curves_expressions: "Expressions",
    curves_affect: "Valence and arousal",
    curves_shown: "Shown curves",
    lanes: "Faces",
    lanes_hint: "One lane per face over time, coloured by its strongest expression. A click chooses its curves.",
    lane: "Face #{n}, {from} to {to}, mostly {label}",
    table: "The chosen face in numbers",
    table_label: "Expression",
    table_mean: "Mean",
    table_highest: "Highest",
    table_when: "at",
    downloads: "Download the records",

    key: "Key",
    key_title: "Key of the service",
    key_field: "Key",
    key_use: "Use this key",
    key_wanted: "This service wants a key. Its owner has it.",
    key_wrong: "The service does not know this key.",
    key_free: "Kept until this tab is closed. Leave it empty if the service has no keys.",
    key_letters: "Keys have no spaces and only letters, digits and signs of ASCII.",

    limits: "What this cannot tell you",
    limit_emotion_head: "Expression is not emotion.",
    limit_emotion:
      "A score says how a face looks to people who label photographs, not what the person feels. A smile may be politeness, a frown concentration.",
    limit_quality: "Faces that are small, blurred, covered or turned far are measured badly or missed.",
    limit_rare:
      "Disgust, fear and contempt are recognised far less often than happiness or surprise. Never rely on a single frame.",
    limit_people: "How well it works for an age, a skin tone or a culture has not been measured yet.",
    limit_law:
      "In the European Union, Article 5(1)(f) of Regulation (EU) 2024/1689 prohibits AI systems that infer emotions of people at the workplace or in education, except for medical or safety reasons. Measuring people usually needs their consent.",
    privacy: "Photos and camera pictures are never stored. A video and its result are deleted when the result expires.",
    version: "kaoiro {version}",

    error_offline: "The service does not answer. Is it still running?",
    error_401: "The service wants a valid key: press “Key” above.",
    error_403: "The service refuses requests from this page's address.",
    error_404: "The service does not have this any more.",
    error_413: "This file is too large for the service.",
    error_415: "The service cannot read this kind of file.",
    error_429: "The service has too much to do at the moment. Try again soon.",
    error_500: "The service failed at this. Its log says why.",
    error_InvalidImageSize: "This picture is too large or too small.",
    error_InvalidFaceImage: "This file is not a picture that can be read.",
    error_InvalidImage: "This file is not a picture that can be read.",
    error_other: "The service says: {message}",
  },
  ja: {
    other: "English",
    skip: "本文へ移動",
    tagline: "顔に表れたものを、このサービスのコンピューターの中だけで測定します",
    tabs: "測定するもの",
    tab_photo: "写真",
    tab_camera: "カメラ",
    tab_video: "動画",
    cancel: "キャンセル",
    progress: "進み具合",

    anger: "怒り",
    contempt: "軽蔑",
    disgust: "嫌悪",
    fear: "恐れ",
    happiness: "喜び",
    neutral: "無表情",
    sadness: "悲しみ",
    surprise: "驚き",

    face: "顔 {n}",
    track: "顔 #{n}",
    face_size: "顔の大きさ",
    sharpness: "鮮明さ",
    roll: "傾き",
    face_score: "検出の確信度",
    confidence: "確信度",
    smooth_support: "平滑化の充足度",
    valence: "快・不快",
    arousal: "覚醒度",
    au: "アクションユニット {n}",
    units: "アクションユニット（見えている確率）",
    affect_alt: "快・不快 {x}、覚醒度 {y}（どちらも −1〜1）",
    au_01: "AU 1 眉の内側を上げる",
    au_02: "AU 2 眉の外側を上げる",
    au_04: "AU 4 眉を下げる",
    au_05: "AU 5 上まぶたを上げる",
    au_06: "AU 6 頬を持ち上げる",
    au_09: "AU 9 鼻にしわを寄せる",
    au_12: "AU 12 口角を引き上げる",
    au_15: "AU 15 口角を下げる",
    au_17: "AU 17 おとがいを上げる",
    au_20: "AU 20 唇を横に引く",
    au_25: "AU 25 唇を開く",
    au_26: "AU 26 顎を下げる",
    pixels: "{x} px",
    weak_small: "小さい顔です。モデルが見る画素数に足りません。",
    weak_blurred: "ぼけています。細かな線が失われています。",
    weak_unsure: "確かではありません。どの表情も 50 % に届きません。",

    photo_drop: "写真をここにドロップ、または選択",
    photo_hint: "JPEG、PNG、WebP など。貼り付けもできます。",
    photo_working: "{name} を測定しています…",
    photo_found: {
      0: "顔は見つかりませんでした。",
      other: "{n} 人の顔が見つかりました（大きい順）。",
      1: "1 人の顔が見つかりました。",
    },
    photo_alt: "顔を枠で囲んだ写真。{faces}",
    photo_hidden: "このブラウザーでは画像を表示できません。枠は顔の位置を示しています。",

    camera_on: "カメラをオンにする",
    camera_off: "カメラをオフにする",
    camera_which: "カメラ",
    camera_whose: "対象の顔",
    camera_largest: "最も大きい顔",
    camera_hint: "静止画を 1 枚ずつこのサービスに送ります。保存はされません。曲線は過去だけを見るため 0.2 秒遅れます。",
    camera_curves: "直近 30 秒",
    camera_ago: "{x} 秒前",
    camera_now: "今",
    camera_nobody: "顔がありません",
    camera_running: "カメラはオンです。",
    camera_alt: "顔を枠で囲んだライブ映像",
    camera_insecure: "ブラウザーは localhost か HTTPS でのみカメラの使用を許します。",
    camera_refused: "カメラの使用が許可されませんでした。アドレスバーで許可してから、もう一度お試しください。",
    camera_missing: "カメラが見つかりません。",
    camera_ended: "カメラの接続が切れました。",
    camera_rate: "測定",
    camera_rate_value: "毎秒 {x} フレーム",
    camera_dropped: "省いた数",
    camera_dropped_value: "{all} フレーム中 {n}",
    camera_delay: "応答時間",
    camera_delay_value: "{x} ミリ秒",

    video_drop: "動画をここにドロップ、または選択",
    video_hint: "MP4、MOV、MKV、WebM、AVI など、FFmpeg で読めるもの。",
    video_every: "測定の間隔",
    video_every_0: "すべてのフレーム",
    video_every_n: "{x} 秒ごと",
    video_busy: "動画は一度に 1 本です。終わるのを待つか、キャンセルしてください。",
    video_sending: "{name} を送信しています",
    video_waiting: "順番を待っています",
    video_running: "{name} を測定しています",
    video_done: { other: "完了：{name}、顔 {n} 人。" },
    video_failed: "{name} は測定できませんでした。{message}",
    video_cancelled: "キャンセルしました。",
    video_deleted: "サービスから削除しました。",
    video_broke: "動画が途中で切れていました。読めた部分だけを測定しました。{message}",
    video_faceless: "この動画に顔は見つかりませんでした。",
    video_delete: "サービスから削除",
    video_expires: "この結果は {date} にサービスから削除されます。",
    player_choose: "動画をもう一度選んで表示する",
    player_missing: "動画そのものはお使いのコンピューターにあります。再読み込みの後は、もう一度選ぶ必要があります。",
    player_cannot:
      "このブラウザーではこの形式を再生できないため、プレーヤーとサムネイルはありません。曲線はすべて揃っています。",
    player_other: "このファイルの長さは {x}、測定した動画は {y} です。同じ動画ですか？",
    peaks: "ピーク",
    peak: "{label} {value}（{time}）",
    peaks_none: "無表情のほかに 50 % に届く表情はありません。",
    curves_of: "顔 #{n}（{from}〜{to}）",
    curves_time: "動画の時刻",
    curves_hint: "クリックでその時刻へ。ドラッグで拡大、ダブルクリックで全体に戻ります。",
    curves_raw: "各フレームの値（淡色）",
    curves_which: "曲線",
    curves_expressions: "表情",
    curves_affect: "快・不快と覚醒度",
    curves_shown: "表示する曲線",
    lanes: "顔の一覧",
    lanes_hint: "1 行が 1 人の顔で、色はその時に最も強い表情です。クリックするとその顔の曲線を表示します。",
    lane: "顔 #{n}、{from}〜{to}、主に{label}",
    table: "選んだ顔の数値",
    table_label: "表情",
    table_mean: "平均",
    table_highest: "最大",
    table_when: "時刻",
    downloads: "記録をダウンロード",

    key: "キー",
    key_title: "サービスのキー",
    key_field: "キー",
    key_use: "このキーを使う",
    key_wanted: "このサービスにはキーが必要です。管理者にお尋ねください。",
    key_wrong: "このキーはサービスに登録されていません。",
    key_free: "このタブを閉じるまで保存されます。キーのないサービスでは空のままにしてください。",
    key_letters: "キーに使えるのは空白を除く半角の英数字と記号だけです。",

    limits: "これでは分からないこと",
    limit_emotion_head: "表情は感情ではありません。",
    limit_emotion:
      "数値は、写真に印をつけた人たちの目に顔がどう見えたかを示すもので、本人の気持ちではありません。笑顔は礼儀かもしれず、しかめた顔は集中かもしれません。",
    limit_quality: "小さい顔、ぼけた顔、隠れた顔、大きく横を向いた顔は、正しく測れないか見落とされます。",
    limit_rare:
      "嫌悪、恐れ、軽蔑は、喜びや驚きに比べて認識される割合がずっと低くなります。1 枚のフレームだけで判断しないでください。",
    limit_people: "年齢、肌の色、文化による精度の違いは、まだ測られていません。",
    limit_law:
      "EU では、規則 (EU) 2024/1689 第 5 条 1 項 (f) により、職場と教育の場で人の感情を推定する AI システムの使用が、医療または安全上の理由を除いて禁止されています。人を測定するには、通常、本人の同意が必要です。",
    privacy: "写真とカメラの画像は保存されません。動画とその結果は、結果の期限が来ると削除されます。",
    version: "kaoiro {version}",

    error_offline: "サービスから応答がありません。動いているか確かめてください。",
    error_401: "有効なキーが必要です。上の「キー」を押してください。",
    error_403: "このページのアドレスからの要求は拒否されました。",
    error_404: "もうサービスにありません。",
    error_413: "ファイルが大きすぎます。",
    error_415: "この種類のファイルは読めません。",
    error_429: "サービスが混み合っています。しばらくしてからお試しください。",
    error_500: "サービスで失敗しました。理由はサービスのログにあります。",
    error_InvalidImageSize: "画像が大きすぎるか、小さすぎます。",
    error_InvalidFaceImage: "このファイルは画像として読めません。",
    error_InvalidImage: "このファイルは画像として読めません。",
    error_other: "サービスからの返答：{message}",
  },
};

const STORE = "kaoiro.language";
const listeners = [];
let language = localStorage.getItem(STORE) ?? (navigator.language.startsWith("ja") ? "ja" : "en");
if (!(language in TEXTS)) language = "en";

/** Return the text of a name, with {values} put in; a text with several numbers is chosen by values.n. */
export function t(name, values = {}) {
  let text = TEXTS[language][name];
  if (typeof text === "object") text = text[values.n] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

/** Return the text of a name that may be unknown, such as a label of a later model. */
export const named = (name) => (name in TEXTS.en ? t(name) : name.replaceAll("_", " "));

export const has = (name) => name in TEXTS.en;

export const locale = () => language;

/** Return a share; only what is exactly 0 or 1 is called so. */
export function percent(value) {
  if (value > 0 && value < 0.005) return "<1 %";
  return value >= 0.995 && value < 1 ? ">99 %" : `${Math.round(value * 100)} %`;
}

/** Return a time in the video, such as 1:02.5 (or 1:02, without tenths). */
export function clock(seconds, exact = true) {
  const tenths = Math.round(Math.abs(seconds) * 10);
  const [hours, minutes, rest] = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60, (tenths % 600) / 10];
  const tail = exact ? rest.toFixed(1).padStart(4, "0") : String(Math.floor(rest)).padStart(2, "0");
  const head = hours ? `${hours}:${String(minutes).padStart(2, "0")}` : String(minutes);
  return `${seconds < 0 && tenths ? "−" : ""}${head}:${tail}`;
}

/** Call `render` now and whenever the language changes. */
export function onLanguage(render) {
  listeners.push(render);
  render();
}

function fillDocument() {
  document.documentElement.lang = language;
  for (const item of document.querySelectorAll("[data-t]")) item.textContent = t(item.dataset.t);
  for (const item of document.querySelectorAll("[data-t-label]"))
    item.setAttribute("aria-label", t(item.dataset.tLabel));
}

export function switchLanguage() {
  language = language === "en" ? "ja" : "en";
  localStorage.setItem(STORE, language);
  for (const render of listeners) render();
}

onLanguage(fillDocument);
