"""Which category each of a detector's classes is."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping, Sequence
from typing import Any

from .annotations import Annotations

#: The category id of each of a detector's classes, in its order and without background; `None` where a row of its
#: layers is no category, as ten of the 90 that torchvision's COCO detectors have beside background.
ClassIDs = Sequence[int | None]


def checked_ids(category_ids: Any) -> list[int | None]:
    """The list, as integers; what else people have at hand is refused by name.

    Raises:
        TypeError: If it is no list, or an entry is neither an integer nor `None`.
        ValueError: If an id stands twice, or there is none.
    """
    if isinstance(category_ids, Mapping):
        raise TypeError(
            "the category ids are a dict; give a list with the id of each class in the detector's order, such as "
            "[ids[label] for label in sorted(ids)] of a dict from labels to ids"
        )
    if isinstance(category_ids, (str, bytes, os.PathLike)):
        raise TypeError(f"the category ids are {category_ids!r}; give a list with the id of each class")
    # Arrays and tensors know how to be lists.
    entries = category_ids.tolist() if hasattr(category_ids, "tolist") else list(category_ids)
    ids: list[int | None] = []
    for place, entry in enumerate(entries):
        if isinstance(entry, str):
            raise TypeError(
                f"class {place}: its category id is the text {entry!r}; give integers, as the annotations have them, "
                "or let `annotations.category_ids(CATEGORY_IDS)` find them by these names or numbers"
            )
        try:
            ids.append(None if entry is None else operator.index(entry))
        except TypeError:
            raise TypeError(f"class {place}: its category id is {entry!r}, which is no integer") from None
    known = [entry for entry in ids if entry is not None]
    if len(set(known)) != len(known):
        twice = next(entry for entry in known if known.count(entry) > 1)
        raise ValueError(f"category id {twice} stands twice among the detector's classes")
    if not known:
        raise ValueError("none of the detector's classes has a category id")
    return ids


def order_of(category_ids: ClassIDs, annotations: Annotations | None = None) -> list[int]:
    """The places of a detector's classes by ascending category id; those that are no category are left out.

    Args:
        category_ids: The category of each of the detector's classes.
        annotations: Must be of the same categories.

    Raises:
        TypeError: As `checked_ids` does.
        ValueError: As `checked_ids` does, or if the annotations have other categories.
    """
    ids = checked_ids(category_ids)
    by_id = {category: place for place, category in enumerate(ids) if category is not None}
    if annotations is not None and by_id.keys() != annotations.categories.keys():
        only_here = sorted(by_id.keys() - annotations.categories.keys())
        only_there = sorted(annotations.categories.keys() - by_id.keys())
        remedy = (
            "; where a class of the detector is no category, write None in its place, as "
            "`annotations.category_ids(CATEGORY_IDS)` does"
        )
        raise ValueError(
            f"the detector has {len(by_id)} categories, the annotations have {len(annotations.categories)}; only the "
            f"detector's: {only_here[:5]}; only the annotations': {only_there[:5]}" + (remedy if only_here else "")
        )
    return [by_id[category] for category in sorted(by_id)]
