"""What is written from the nodes is the newest: run ``python -m tools.node_pages`` if not."""

from __future__ import annotations

from tools.node_pages import Texts, made, stale_pages
from tools.node_schemas import node_infos


def test_every_generated_file_is_up_to_date() -> None:
    texts = Texts()
    files = made(node_infos(), texts)
    old = [
        str(path)
        for path, text in files.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    assert old == []
    assert stale_pages(files) == []
    assert texts.missing == [], "not translated: add them to tools/node_texts/zh.json"


def test_every_text_of_ours_is_used() -> None:
    texts = Texts()
    infos = node_infos()
    made(infos, texts)
    assert set(texts.chinese) == texts.used
    assert set(texts.tips) <= set(infos)
    assert all(len(each["en"]) == len(each["zh"]) for each in texts.tips.values())
