"""Wav2Lip: the lower half of every face of a video painted anew for other speech."""
