"""Sound to features: pure maths on streams of samples."""
