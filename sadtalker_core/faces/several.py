"""Several faces followed through video, each keeping its number, by place and appearance.

Each face is followed as ``track`` follows one. The detector looks for lost and new faces: at once
where one was lost or two became one, and every so often otherwise. Who is who is told by place
where a face was just seen, and by appearance where it jumped or returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .appearance import (
    CLEARLY,
    DOUBT,
    alike,
    appearance,
    claim,
    learned,
    nearness,
)
from .crop import Image, to_image
from .detect import overlap
from .face import Face
from .find import find_in_image
from .landmarks import faces_from_meshes, find_meshes, square_of_mesh
from .networks import FaceNets
from .options import FaceOptions
from .track import TrackedFace, distance_in_sizes

_JUMP = 0.3  # a mesh that overlaps its predecessor less is not the same face
_ONE = 0.5  # two that overlap more are one
_LOOK = 12  # frames between looks for new faces
_LOOK_LOST = 4  # the same while someone is lost ...
_AT_ONCE = 6  # ... for longer than this; before, every frame
_CLOSE_LOOK = 60  # frames between looks as close as the options allow
_AROUND = 1.0  # face sizes from where someone was lost, and 0.1 more each frame: maybe half of them
_PATIENCE = 30  # frames for which that is so


@dataclass
class _Person:
    """One face as last seen."""

    face: Face
    look: Tensor
    lost_for: int = 0


class SeveralTracker:
    """Follows up to ``most`` faces, frame by frame. ``track_several`` is the plain way to use it.

    Faces are numbered as they are first seen, the largest of a frame first.
    """

    def __init__(self, nets: FaceNets, options: FaceOptions | None = None, most: int = 8) -> None:
        self._nets = nets
        self._options = options or FaceOptions()
        self._most = most
        self._people: list[_Person] = []
        self._frame = -1

    def update(self, rgb: Tensor) -> list[TrackedFace]:
        """The faces in the next frame (3, H, W) uint8, by number; one that is not seen is held
        where it was and not valid. The list grows when someone new is seen."""
        self._frame += 1
        with torch.no_grad():
            image = to_image(rgb)
            found = self._followed(rgb, image)
            if self._wants_look(found):
                self._look(rgb, image, found)
        for number, person in enumerate(self._people):
            face = found.get(number)
            if face is None:
                person.lost_for += 1
                continue
            look = appearance(rgb, face)
            person.face, person.look, person.lost_for = face, learned(person.look, look), 0
        return [TrackedFace(person.face, person.lost_for == 0) for person in self._people]

    def _followed(self, rgb: Tensor, image: Image) -> dict[int, Face]:
        """Faces near their last places, without the detector, each place once."""
        present = [i for i, person in enumerate(self._people) if person.lost_for == 0]
        squares = [square_of_mesh(self._people[i].face.mesh_px) for i in present]
        meshes, presence = find_meshes(self._nets, image, squares, refinements=1 if present else 0)
        kept: list[int] = []
        for row, number in enumerate(present):
            last = self._people[number].face.box_px
            near = float(overlap(last, _box(meshes[row])[None])[0]) > _JUMP
            if near and float(presence[row]) > self._options.presence_threshold:
                kept.append(row)
        scores = [self._people[present[row]].face.score for row in kept]
        faces = faces_from_meshes(self._nets, image, meshes[kept], presence[kept], scores)
        found: dict[int, Face] = {}
        # one after another by likeness: who looks less like it leaves the place to the other
        known = [self._likeness(rgb, face, present[row]) for row, face in zip(kept, faces)]
        for likeness, row, face in sorted(zip(known, kept, faces), key=lambda item: -item[0]):
            taken = any(_same_place(face, other) for other in found.values())
            if not taken and likeness > DOUBT:
                found[present[row]] = face
        return found

    def _wants_look(self, found: dict[int, Face]) -> bool:
        """Whether it is time for the detector: it takes several times as long as following."""
        away = [p.lost_for for number, p in enumerate(self._people) if number not in found]
        if not self._people or any(frames < _AT_ONCE for frames in away):
            return True
        return self._frame % (_LOOK_LOST if away else _LOOK) == 0

    def _likeness(self, rgb: Tensor, face: Face, number: int) -> float:
        """How much a face looks like a person; -1 when it looks clearly more like another."""
        look = appearance(rgb, face)
        each = [alike(person.look, look) for person in self._people]
        return each[number] if each[number] > max(each) - CLEARLY else -1.0

    def _look(self, rgb: Tensor, image: Image, found: dict[int, Face]) -> None:
        """Adds lost and new faces to ``found``, by the detector."""
        options = self._options
        if self._frame % _CLOSE_LOOK:  # a close look at each frame would take long
            options = replace(options, face_search="fast")
        seen = [
            face
            for face in find_in_image(self._nets, image, options)
            if not any(_same_place(face, other) for other in found.values())
        ]
        looks = [appearance(rgb, face) for face in seen]
        pairs: list[tuple[float, int, int]] = []
        for number, person in enumerate(self._people):
            if number in found:
                continue
            for i, face in enumerate(seen):
                near = nearness(distance_in_sizes(person.face, face), person.lost_for)
                worth = claim(alike(person.look, looks[i]), near)
                if worth is not None:
                    pairs.append((worth, number, i))
        taken: set[int] = set()
        for _, number, i in sorted(pairs, reverse=True):
            if number not in found and i not in taken:
                found[number] = seen[i]
                taken.add(i)
        for i, face in enumerate(seen):
            if (
                i not in taken
                and len(self._people) < self._most
                and not self._may_be_lost(face, found)
            ):
                found[len(self._people)] = face
                self._people.append(_Person(face, looks[i]))

    def _may_be_lost(self, face: Face, found: dict[int, Face]) -> bool:
        """Whether it may be half of someone who was just hidden there: no one new, then."""
        return any(
            number not in found
            and person.lost_for < _PATIENCE
            and distance_in_sizes(person.face, face) < _AROUND + 0.1 * person.lost_for
            for number, person in enumerate(self._people)
        )


def track_several(
    nets: FaceNets, frames: Iterable[Tensor], options: FaceOptions | None = None, most: int = 8
) -> Iterator[list[TrackedFace]]:
    """The faces of each frame, by number: see ``SeveralTracker.update``.

    Args:
        nets: the face nets.
        frames: chunks (N, 3, H, W) uint8, in order.
        options: how hard to look; which face is meant plays no part.
        most: people that are followed; the largest faces of the first frames come first.
    """
    tracker = SeveralTracker(nets, options, most)
    for chunk in frames:
        for rgb in chunk:
            yield tracker.update(rgb)


def _box(mesh: Tensor) -> Tensor:
    points = mesh[:, :2]
    return torch.cat((points.amin(0), points.amax(0)))


def _same_place(first: Face, second: Face) -> bool:
    return float(overlap(first.box_px, second.box_px[None])[0]) > _ONE
