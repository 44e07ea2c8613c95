"""Networks of Wav2Lip."""
