"""Small heads of every kind that the program writes, and what `bags predict` scores with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy
import torch
from compare import read_results
from conftest import bags
from safetensors.torch import load_file

from bags_integrations.features import FeatureSetWriter

IDS = [3, 4, 9, 20, 21]
COUNTS = [5, 5000, 50, 300, 7]
IMAGES = 40
#: RoIs of an image.
ROIS = 5

#: What `bags train --method` takes, with options.
TRAINED = [
    "softmax",
    "bags",
    "bags --g0 official",
    "bags --g0 none",
    "bags --others no",
    "bags --g0 official --others no",
    "reweight",
    "effective-number",
    "balanced-softmax",
    "logit-adjustment",
    "ldam",
    "loce",
    "seesaw",
    "disalign",
    "bce",
    "balanced-bce",
    "focal",
    "ghm",
    "eql",
    "eqlv2",
    "acsl",
    "federated",
    "iif",
    "efl",
    "ecm",
    "gol",
    "bacl",
    "softmax --normed 20",
    "seesaw --normed 20",
    "bags --normed 20",
]
#: What `bags calibrate --method` takes, for the softmax head; `competition` is for one with a sigmoid for each class.
CALIBRATED = ["tau-norm", "tau-norm-select", "post-hoc-adjustment", "norcal", "logn", "ncm", "lws", "crt", "tail-finetune", "competition"]
#: Heads that `bags average` makes of others.
AVERAGED = ["softmax++bags", "seesaw++bags --groups 100++loce++focal"]
#: Heads of more than one layer or classifier.
DEEP = ["bags --hidden 10", "softmax --hidden 16,10", "bags --stages 3", "softmax --stages 3", "focal --stages 3"]


@dataclass(frozen=True)
class SmallHeads:
    """Heads for a set of 40 images with 5 RoIs each, every box unlike the others; each is trained when asked for."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> SmallHeads:
        generator = torch.Generator().manual_seed(0)
        prototypes = torch.randn((6, 12), generator=generator)
        with (
            FeatureSetWriter(folder / "set", torch.float32) as plain,
            FeatureSetWriter(folder / "stages", torch.float32) as staged,
        ):
            for image_id in range(IMAGES):
                classes = torch.randint(0, 6, (ROIS,), generator=generator)
                features = prototypes[classes] + torch.randn((ROIS, 12), generator=generator)
                x = torch.arange(float(ROIS))[:, None]
                columns = {
                    "boxes": torch.cat([x, torch.zeros(ROIS, 1), x + 1, torch.ones(ROIS, 1)], 1),
                    "labels": torch.tensor([-1, *IDS])[classes],
                }
                plain.append(image_id, features, **columns)
                later = [features + torch.randn((ROIS, 12), generator=generator) for _ in range(2)]
                staged.append(image_id, torch.stack([features, *later], 1), **columns)
        categories = [
            {"id": category, "name": f"c{category}", "instance_count": count, "image_count": min(count, IMAGES)}
            for category, count in zip(IDS, COUNTS, strict=True)
        ]
        (folder / "train.json").write_text(json.dumps({"images": [], "annotations": [], "categories": categories}))
        bags("group", folder / "train.json", "--output", folder / "groups.json")
        return cls(folder)

    def set_of(self, kind: str) -> Path:
        """The feature set that a head of this kind is for."""
        return self.folder / ("stages" if "--stages" in kind else "set")

    def features(self, kind: str = "") -> torch.Tensor:
        """[200, 12], or [200, 3, 12]."""
        return load_file(self.set_of(kind) / "shard-00000.safetensors")["features"]

    @cache
    def run(self, kind: str) -> Path:
        """The run of a head: one of `TRAINED`, `CALIBRATED` or `DEEP`."""
        run = self.folder / kind.replace(" ", "_")
        if kind in CALIBRATED:
            inputs = ["--features", self.set_of(kind)]
            bags("calibrate", self.run("focal" if kind == "competition" else "softmax"), "--method", kind, *inputs, "--output", run)
            return run
        if kind in AVERAGED:
            bags("average", *(self.run(part) for part in kind.split("++")), "--output", run)
            return run
        method, *options = kind.split()
        inputs = ["--features", self.set_of(kind)]
        if "--groups" in options:
            place = options.index("--groups") + 1
            groups = self.folder / f"groups-{options[place]}.json"
            bags("group", self.folder / "train.json", "--boundaries", options[place], "--output", groups)
            options[place] = str(groups)
        else:
            inputs += ["--groups", self.folder / "groups.json"]
        start = ["--init", self.run("softmax")] if method == "disalign" else []
        recipe = ["--epochs", 3, "--images-per-batch", 8, "--learning-rate", 0.1]
        bags("train", *inputs, "--method", method, *options, *start, *recipe, "--output", run)
        return run

    @cache
    def scores(self, kind: str) -> numpy.ndarray:
        """[200, 5]: `bags predict`'s score of every class and RoI, which is known by its image and its box."""
        run = self.run(kind)
        everything = ["--score-threshold", 0, "--nms-iou", 1, "--max-detections", 1000]
        bags("predict", run, "--features", self.set_of(kind), *everything, "--output", run / "results.json")
        scores = numpy.zeros((IMAGES * ROIS, len(IDS)))
        for image_id, found in read_results(run / "results.json").items():
            for box, score, category in zip(found.boxes, found.scores, found.categories, strict=True):
                scores[ROIS * image_id + int(box[0]), IDS.index(int(category))] = float(score)
        assert scores.max() > 0.1
        return scores
