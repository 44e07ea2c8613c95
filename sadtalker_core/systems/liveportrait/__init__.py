"""LivePortrait: implicit keypoints of one face move another."""
