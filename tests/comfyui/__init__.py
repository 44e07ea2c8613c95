"""The nodes in a real ComfyUI server and its frontend (``make test-comfyui``)."""
