/** Words on our buttons in the frontend's language; locales/ has no place for buttons. */

import { app } from "../../../scripts/app.js";

const WORDS = {
  zh: {
    "show advanced": "显示高级选项",
    "hide advanced": "隐藏高级选项",
    "reset sliders": "重置滑块",
  },
};

/** A text in the language that is set now; in English where there is none. */
export function word(text) {
  const settings = app.extensionManager?.setting ?? app.ui?.settings;
  const get = settings?.get ?? settings?.getSettingValue;
  const locale = String(get?.call(settings, "Comfy.Locale") ?? "en");
  return WORDS[locale.split("-")[0]]?.[text] ?? text;
}
