"""The only place of the library that reads and writes pictures, sound and video files."""
