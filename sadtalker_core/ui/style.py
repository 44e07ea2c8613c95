"""How the page looks, as a style sheet that travels with it: hosts have sheets of their own."""

from __future__ import annotations

STYLE = """
.tp-page { max-width: 1280px; margin: 0 auto; }
.tp-page .html-container, .tp-page .prose > .padding { padding: 0 !important; }
.tp-head { padding: 4px 2px 0; }
.tp-page .tp-head h1 { font-size: 1.5rem !important; margin: 0 !important; font-weight: 650; }
.tp-page .tp-head p { margin: 2px 0 0 !important; opacity: .75; }
.tp-status { border-radius: 10px; padding: 14px 16px; border: 1px solid rgba(128,128,140,.3);
  background: rgba(128,128,140,.08); line-height: 1.45; overflow-wrap: anywhere; }
.tp-note { opacity: .9; }
.tp-page .pending { opacity: 1 !important; }
.tp-error { border-color: #d64545; background: rgba(214,69,69,.12); }
.tp-partly { border-color: #c98a1b; background: rgba(201,138,27,.1); }
.tp-cross { color: #d64545; }
.tp-example { white-space: pre-wrap; overflow-wrap: anywhere; margin: 6px 0 0; padding: 8px;
  border: 1px solid rgba(128,128,140,.3); border-radius: 6px; }
.tp-done { border-color: #2f9e5f; background: rgba(47,158,95,.12); }
.tp-line { display: flex; justify-content: space-between; gap: 12px; }
.tp-small { font-size: .85em; opacity: .75; min-height: 1.3em; margin-top: 6px; }
.tp-bar { height: 8px; border-radius: 4px; background: rgba(128,128,140,.25); overflow: hidden;
  margin-top: 8px; }
.tp-bar i { display: block; height: 100%; background: #5b6ee1; border-radius: 4px;
  transition: width .25s; }
.tp-unknown i { width: 35% !important; animation: tp-slide 1.6s ease-in-out infinite alternate; }
@keyframes tp-slide { from { margin-left: 0; } to { margin-left: 65%; } }
@media (prefers-reduced-motion: reduce) { .tp-unknown i { animation: none; } }
.tp-notes { margin: 8px 0 0 1.1em; padding: 0; font-size: .9em; opacity: .9; list-style: disc; }
.tp-part video { max-height: 260px; }
.tp-part .tp-result video { max-height: 56vh; }
.tp-frame { display: block; max-width: 100%; max-height: 360px; margin: 12px auto 0 !important;
  border-radius: 8px; }
.tp-preview { display: block; max-width: 100%; max-height: 620px; margin: 0 auto !important;
  border-radius: 8px; }
.tp-hidden { display: none !important; }
.tp-faces { position: relative; width: fit-content; max-width: 100%; margin: 10px auto 0; }
.tp-faces img { display: block; max-width: 100%; border-radius: 8px; }
.tp-faces .tp-face { position: absolute; padding: 0; cursor: pointer;
  background: transparent !important; border: 3px solid #fff !important; border-radius: 10px;
  outline: 2px solid rgba(0,0,0,.55); }
.tp-faces .tp-face span { position: absolute; left: 0; top: 0; min-width: 1.5em; padding: 0 4px;
  font-size: .85rem; line-height: 1.5; color: #fff !important; background: rgba(0,0,0,.7);
  border-radius: 0 0 8px 0; }
.tp-faces .tp-face:hover, .tp-faces .tp-face:focus-visible {
  background: rgba(255,255,255,.2) !important; }
.tp-faces .tp-face:focus-visible { outline: 3px solid #ffb020; }
.tp-faces .tp-face-chosen { border-color: #4f5fe0 !important; outline-color: #fff; }
.tp-faces .tp-face-chosen span { background: #4f5fe0; }
/* In A1111 the words about a box stand above it, and read as if they belonged to what is there. */
.tp-page .gradio-checkbox { display: flex; flex-direction: column-reverse; }
.tp-page .gradio-checkbox > div { margin: 2px 0 0; }
.tp-table { width: 100%; border-collapse: collapse; font-size: .92em; }
.tp-table, .tp-table tr { border: 0 !important; }
.tp-table th, .tp-table td { text-align: left; padding: 6px 8px; vertical-align: top;
  border: 0 !important; border-bottom: 1px solid rgba(128,128,140,.25) !important;
  overflow-wrap: break-word; }
.tp-fold { margin-top: 8px; }
.tp-fold summary { cursor: pointer; }
.tp-scroll { overflow-x: auto; }
.tp-yes { color: #2f9e5f; white-space: nowrap; }
.tp-no { opacity: .7; white-space: nowrap; }
.tp-page footer, footer .show-api { opacity: .8; }
@media (min-width: 768px) {
  .tp-result { position: sticky !important; top: 12px; align-self: flex-start; }
}
@media (max-width: 767px) {
  /* The picture stays in sight above the sliders that change it. */
  .tp-edit { flex-direction: column; }
  .tp-edit > .tp-result { display: contents; }
  .tp-edit > .tp-result > * { order: 2; width: 100%; }
  .tp-edit #tp-edit-preview { order: -1; position: sticky; top: 0; z-index: 1000;
    background: var(--body-background-fill); padding: 4px 0; }
  .tp-edit .tp-preview { max-height: 40vh; }
}
@media (max-width: 767px) {
  /* What is needed first, then the button and the result, then what is folded. */
  .tp-job { flex-direction: column; }
  .tp-job > .column:first-child, .tp-job > div:first-child { display: contents; }
  .tp-job > .tp-result { order: 1; }
  .tp-job .tp-more { order: 2; }
}
@media (max-width: 640px) {
  .tp-page .tp-head h1 { font-size: 1.25rem !important; }
  .tp-page button[role=tab] { padding-left: 9px; padding-right: 9px; }
  .tp-status { padding: 10px 12px; }
  .tp-cards tr, .tp-cards td { display: block; }
  .tp-cards th { display: none; }
  .tp-cards tr { padding: 8px 0; border-bottom: 1px solid rgba(128,128,140,.25) !important; }
  .tp-cards td { padding: 2px 0; border: 0 !important; }
}
"""


# On a page of our own: gradio hides what runs over, and nothing could stay in sight in there.
LOCAL_STYLE = """
.gradio-container { overflow: clip !important; }
.gradio-container .main.fillable { padding-top: 14px !important; }
/* White fields on white: the theme draws their edges with a faint shadow, or not at all. */
.tp-page input[type=number], .tp-page input[type=text], .tp-page textarea {
  border: 1px solid #94a3b8 !important; }
.tp-page input[type=checkbox]:not(:checked), .tp-page input[type=radio]:not(:checked) {
  border: 1.5px solid #64748b !important; }
.dark .tp-page button[role=tab].selected { color: #a5b4fc; }
"""


def style_html() -> str:
    """The sheet as an element of the page."""
    return f"<style>{STYLE}</style>"
