"""How a lesson looks on the page and on paper, as style sheets."""

LOOKS = """<style>
.claim { display: inline-block; font-size: .78em; line-height: 1.3; padding: .1em .5em; border-radius: .5em;
  background: color-mix(in srgb, currentColor 7%, transparent); border-left: 3px solid #8a8f98; }
.claim.holds { border-color: #2e8b57; }
.claim.depends { border-color: #c98a00; }
.claim.fails { border-color: #d0342c; }
.stVerticalBlock.st-key-lesson_words {
  height: calc(100vh - 17rem); overflow-y: auto; scrollbar-width: thin; padding-right: .4rem; flex: none;
}
:is(.st-key-lesson_words, .st-key-lesson_paper) code { white-space: pre-wrap !important; word-break: normal; }
.st-key-lesson_head { flex-wrap: nowrap; }
.st-key-lesson_question p { font-size: 1.2rem; }
.st-key-lesson_words pre code { font-size: .72rem; }
.st-key-lesson_words p, .st-key-lesson_words li { line-height: 1.45; }
.stMain :has(> .st-key-lesson_paper) { display: none; }
.stMain :has(> .st-key-lesson_opening:not(:has(.stProgress))) { display: none; }
@media print {
  :is(.stAppHeader, .stSidebar, .st-key-lesson_left, .st-key-lesson_predict) { display: none !important; }
  .stMain :has(> .st-key-lesson_paper) { display: flex; }
  .stHorizontalBlock:has(.st-key-lesson_left) { display: block; }
  .stHorizontalBlock:has(.st-key-lesson_left) > .stColumn { width: 100%; }
}
</style>"""
LARGE_TYPE = """<style>
:is(.st-key-lesson_words, .st-key-lesson_predict) :is(p, li, label p) { font-size: 1.3rem; }
</style>"""
NO_MENU = "<style>.stAppHeader, .stSidebar { display: none; } .stMainBlockContainer { padding-top: .5rem; }</style>"
