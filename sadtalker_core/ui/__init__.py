"""The page with controls: the tab of A1111 and Forge, and the local page.

gradio is imported when a page is built, so importing this package needs nothing and does nothing.
A host (``host.UiHost``) says where results go and whose turn it is; everything else is the same in
all of them.
"""
