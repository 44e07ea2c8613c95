"""Which published files a job needs."""

from __future__ import annotations

from ...weights import published, published_enhance, published_retalking, published_wav2lip
from ...weights.catalog import WeightFile
from .config import VideoReTalkingOptions


def needed_files(options: VideoReTalkingOptions) -> tuple[WeightFile, ...]:
    """The published files that these options need."""
    files = [*published_retalking.NEEDED, published_enhance.PARSENET]
    if options.reference_enhancer == "gpen":
        files.append(published_enhance.GPEN_512)
    if options.mouth_enhancer == "gfpgan":
        files.append(published_enhance.GFPGAN_13)
    if options.up_face != "original":
        files.append(published_retalking.EMOTION)
    if options.finder == "original":
        files += [published_wav2lip.S3FD, published_wav2lip.LANDMARKS_68, published.RETINAFACE]
    return tuple(files)
