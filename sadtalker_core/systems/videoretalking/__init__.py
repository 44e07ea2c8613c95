"""VideoReTalking (Cheng et al. 2022): new lips for a video, to the sound of speech."""
