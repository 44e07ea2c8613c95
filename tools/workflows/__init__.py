"""The example graphs of the ComfyUI nodes: written in Python, saved as ComfyUI saves its own.

    python -m tools.workflows build        write workflows/*.json and workflows/api/*.json
    python -m tools.workflows convert A B  the UI graph A as an API prompt B
    python -m tools.workflows refresh URL  tests/nodes/object_info.json from a running server

``graphs/`` has the graphs, ``graph.py`` what they are written with, ``convert.py`` the way from a
graph of the UI to a prompt of the API, ``frontend.py`` a check of both in the real frontend.
"""
