#!/usr/bin/env python3
"""Makes data shaped like LVIS v1 val, with nothing of LVIS in it, the same for the same seed.

At scale 1: 19,809 images, 1,203 categories, about 245 k annotations, 300 detections an image (5.94 M). Writes gt.json,
dt_bbox.json and, with --segm, dt_segm.json (compressed run lengths, no boxes).

Numbers an image follow LVIS v1: 3.4 categories present, 12.4 objects, 9.4 categories known to be absent; one image in
eight is not labelled exhaustively; 58, 30 and 12 % of the objects are small, medium and large; polygons have about 34
points. 337 categories are rare (1 to 10 training images), 461 common (to 100), 405 frequent (to 1,977). Every object has
up to three detections, shifted by more or less; the rest are random boxes, three in ten of a category that the image was
searched for. Numbers are written as the full digits of float32, as detection frameworks write them.

With --coco it is COCO val instead: 5,000 images at scale 1, 80 categories, 36,781 objects, one in a hundred a crowd,
100 to 150 detections an image, about 735,000 in all.

Needs numpy; --segm also pycocotools.
"""

import argparse
import json
import math
import os
import time

import numpy as np

SIZES = [(640, 480), (480, 640), (640, 427), (640, 426), (500, 375), (640, 640), (427, 640), (612, 612)]
CATEGORY_COUNT = 1203
DETECTIONS_PER_IMAGE = 300
COCO_OBJECT_COUNT = 36781


def make_categories(rng, count):
    """Training images and frequency of each category."""
    rare, common = round(count * 337 / 1203), round(count * 461 / 1203)
    frequent = count - rare - common

    def log_uniform(low, high, size):
        return np.floor(np.exp(rng.uniform(np.log(low), np.log(high + 1), size))).astype(int).clip(low, high)

    images = np.concatenate([log_uniform(1, 10, rare), log_uniform(11, 100, common), log_uniform(101, 1977, frequent)])
    frequencies = np.array(["r"] * rare + ["c"] * common + ["f"] * frequent)
    order = rng.permutation(count)
    return images[order], frequencies[order]


def draw_polygon(rng, x, y, width, height):
    """A blob in a box, its points rounded to hundredths."""
    count = int(np.clip(rng.lognormal(3.25, 0.7), 4, 200))
    angles = np.sort(rng.uniform(0, 2 * math.pi, count))
    radii = rng.uniform(0.82, 1.0, count)
    xs = x + width / 2 * (1 + radii * np.cos(angles))
    ys = y + height / 2 * (1 + radii * np.sin(angles))
    return np.round(np.stack([xs, ys], 1), 2)


def shoelace(polygon):
    xs, ys = polygon[:, 0], polygon[:, 1]
    return 0.5 * abs(np.dot(xs, np.roll(ys, 1)) - np.dot(ys, np.roll(xs, 1)))


def digits(value):
    """The full digits of a float32."""
    return repr(float(np.float32(value)))


class ListWriter:
    """A JSON list that is written piece by piece."""

    def __init__(self, file):
        self.file = file
        self.is_empty = True

    def write(self, items):
        if items:
            self.file.write(("" if self.is_empty else ", ") + ", ".join(items))
            self.is_empty = False


class Image:
    """One image: the categories that it was searched for, its objects and the detections on it."""

    def __init__(self, rng, identifier, weights, detection_weights, is_coco, object_limit):
        self.rng = rng
        self.id = identifier
        self.is_coco = is_coco
        self.object_limit = object_limit
        # 147 on average: most images of COCO val fill a detector's limit, some stay below it.
        self.detection_count = round(100 + 50 * rng.random() ** (1 / 16)) if is_coco else DETECTIONS_PER_IMAGE
        self.width, self.height = SIZES[int(rng.integers(len(SIZES)))]
        self.draw_labels(weights)
        self.draw_objects()
        self.draw_detections(detection_weights)

    def draw_labels(self, weights):
        rng, count = self.rng, len(weights)
        self.positive = np.unique(rng.choice(count, min(count, 1 + rng.poisson(2.0 if self.is_coco else 2.4)), p=weights))
        negative_count = min(count - len(self.positive), rng.poisson(9.4))
        negative = np.setdiff1d(rng.choice(count, negative_count + 6), self.positive)
        rng.shuffle(negative)
        self.negative = negative[:negative_count]
        self.not_exhaustive = np.array([], int)
        if not self.is_coco and rng.random() < 0.13:
            size = 1 if rng.random() < 0.7 else min(2, len(self.positive))
            self.not_exhaustive = rng.choice(self.positive, size, replace=False)

    def draw_objects(self):
        rng, (width, height) = self.rng, (self.width, self.height)
        categories = []
        for category in self.positive:
            categories += [category] * int(min(1 + np.floor(rng.pareto(1.16)), 14 if self.is_coco else 60))
        self.object_categories = np.array(categories[:self.object_limit], int)
        count = len(self.object_categories)
        areas = np.exp(rng.normal(math.log(700), 1.9, count)).clip(12, 0.8 * width * height)
        aspects = np.exp(rng.normal(0, 0.5, count))
        self.w = np.sqrt(areas / 0.72 * aspects).clip(3, width - 1)
        self.h = np.sqrt(areas / 0.72 / aspects).clip(3, height - 1)
        self.x = rng.uniform(0, width - self.w)
        self.y = rng.uniform(0, height - self.h)
        self.polygons = []
        for index in range(count):
            polygon = draw_polygon(rng, self.x[index], self.y[index], self.w[index], self.h[index])
            # The box is that of the polygon.
            (left, top), (right, bottom) = polygon.min(0), polygon.max(0)
            self.x[index], self.y[index] = left, top
            self.w[index], self.h[index] = max(right - left, 0.5), max(bottom - top, 0.5)
            self.polygons.append(polygon)

    def draw_detections(self, weights):
        rng, total, objects = self.rng, self.detection_count, len(self.object_categories)
        repeats = rng.choice([0, 1, 1, 2, 3], objects)
        self.found = np.repeat(np.arange(objects), repeats)[:total]
        near = len(self.found)
        rest = total - near
        spread = rng.choice([0.02, 0.05, 0.1, 0.2], near)
        x, y, w, h = (np.zeros(total) for _ in range(4))
        x[:near] = self.x[self.found] + self.w[self.found] * spread * rng.normal(size=near)
        y[:near] = self.y[self.found] + self.h[self.found] * spread * rng.normal(size=near)
        stretch_x, stretch_y = np.exp(spread * rng.normal(size=near)), np.exp(spread * rng.normal(size=near))
        w[:near], h[:near] = self.w[self.found] * stretch_x, self.h[self.found] * stretch_y
        categories, scores = np.empty(total, int), np.empty(total)
        categories[:near] = self.object_categories[self.found]
        scores[:near] = (0.7 - 1.5 * spread + 0.2 * rng.normal(size=near)).clip(0.02, 0.999)
        searched = np.concatenate([self.positive, self.negative, self.not_exhaustive]).astype(int)
        is_searched = rng.random(rest) < 0.30
        categories[near:] = np.where(
            is_searched, searched[rng.integers(0, len(searched), rest)], rng.choice(len(weights), rest, p=weights))
        scores[near:] = rng.beta(0.35, 3.5, rest).clip(1e-4, 0.999)
        w[near:] = self.width * np.exp(rng.uniform(-4.5, -0.3, rest))
        h[near:] = self.height * np.exp(rng.uniform(-4.5, -0.3, rest))
        x[near:] = rng.uniform(0, self.width - w[near:])
        y[near:] = rng.uniform(0, self.height - h[near:])
        x, y = x.clip(0, self.width - 2), y.clip(0, self.height - 2)
        w, h = np.minimum(w, self.width - x).clip(1), np.minimum(h, self.height - y).clip(1)
        self.boxes, self.categories, self.scores = (x, y, w, h), categories, scores

    def record(self):
        record = {
            "id": self.id, "width": self.width, "height": self.height, "license": 1,
            "coco_url": f"http://synthetic/val2017/{self.id:012d}.jpg", "flickr_url": "", "date_captured": ""}
        if self.is_coco:
            return {**record, "file_name": f"{self.id:012d}.jpg"}
        return {
            **record,
            "neg_category_ids": [int(category) + 1 for category in self.negative],
            "not_exhaustive_category_ids": [int(category) + 1 for category in self.not_exhaustive]}

    def annotations(self, first_id):
        items = []
        for index, polygon in enumerate(self.polygons):
            box = [round(float(side[index]), 2) for side in (self.x, self.y, self.w, self.h)]
            items.append(
                '{"id": %d, "image_id": %d, "category_id": %d, "area": %r, "bbox": [%r, %r, %r, %r], "segmentation": [%s]%s}' % (
                    first_id + index, self.id, int(self.object_categories[index]) + 1,
                    round(float(max(shoelace(polygon), 1.0)), 2), *box,
                    "[" + ", ".join(map(repr, polygon.ravel().tolist())) + "]", self.crowd_field(first_id + index)))
        return items

    def crowd_field(self, identifier):
        return ', "iscrowd": %d' % (identifier % 100 == 0) if self.is_coco else ""

    def by_score(self):
        return np.argsort(-self.scores, kind="stable")

    def boxed_detections(self):
        return [
            '{"image_id": %d, "category_id": %d, "bbox": [%s, %s, %s, %s], "score": %s}' % (
                self.id, self.categories[index] + 1, *(digits(side[index]) for side in self.boxes),
                digits(self.scores[index])) for index in self.by_score()]

    def masked_detections(self, mask_utils):
        return [
            '{"image_id": %d, "category_id": %d, "segmentation": {"size": [%d, %d], "counts": %s}, "score": %s}' % (
                self.id, self.categories[index] + 1, self.height, self.width,
                json.dumps(mask_utils.frPyObjects([self.outline(index)], self.height, self.width)[0]["counts"].decode()),
                digits(self.scores[index])) for index in self.by_score()]

    def outline(self, index):
        """The polygon of the object that a detection was made from, moved into its box; else an ellipse."""
        x, y, w, h = (side[index] for side in self.boxes)
        if index >= len(self.found):
            angles = np.linspace(0, 2 * math.pi, 24, endpoint=False)
            return np.stack([x + w / 2 * (1 + np.cos(angles)), y + h / 2 * (1 + np.sin(angles))], 1).ravel().tolist()
        found = self.found[index]
        polygon = self.polygons[found]
        moved = np.empty_like(polygon)
        moved[:, 0] = (polygon[:, 0] - self.x[found]) / self.w[found] * w + x
        moved[:, 1] = (polygon[:, 1] - self.y[found]) / self.h[found] * h + y
        return moved.ravel().tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--segm", action="store_true")
    parser.add_argument("--coco", action="store_true")
    arguments = parser.parse_args()
    mask_utils = None
    if arguments.segm:
        import pycocotools.mask as mask_utils
    os.makedirs(arguments.out, exist_ok=True)
    start = time.time()
    rng = np.random.default_rng(arguments.seed)
    image_count = round((5000 if arguments.coco else 19809) * arguments.scale)
    category_count = 80 if arguments.coco else CATEGORY_COUNT
    counts, frequencies = make_categories(rng, category_count)
    weights = counts / counts.sum()
    detection_weights = np.sqrt(counts) / np.sqrt(counts).sum()
    categories = [
        {
            "id": index + 1, "name": f"cat_{index + 1:04d}", "synset": f"cat_{index + 1:04d}.n.01",
            "synonyms": [f"cat_{index + 1:04d}"], "def": "synthetic category", "image_count": int(counts[index]),
            "instance_count": int(counts[index] * 3.6), "frequency": str(frequencies[index])}
        for index in range(category_count)]
    ids = np.sort(rng.choice(np.arange(1, max(600000, 4 * image_count)), image_count, replace=False))
    info = {"description": "synthetic LVIS-shaped data", "version": "v1", "seed": arguments.seed}

    def open_output(name):
        return open(os.path.join(arguments.out, name), "w")

    truth, boxed = open_output("gt.json"), open_output("dt_bbox.json")
    masked = open_output("dt_segm.json") if arguments.segm else None
    truth.write('{"info": %s, "licenses": [], "categories": %s, "annotations": [' % (json.dumps(info), json.dumps(categories)))
    annotation_list, boxed_list = ListWriter(truth), ListWriter(boxed)
    masked_list = ListWriter(masked) if masked else None
    for file in (boxed, masked):
        if file:
            file.write("[")
    records, annotation_count, detection_count = [], 0, 0
    for place in rng.permutation(image_count):
        # The rate is a little high, and the last images go without.
        limit = round(COCO_OBJECT_COUNT * arguments.scale) - annotation_count if arguments.coco else None
        image = Image(rng, int(ids[place]), weights, detection_weights, arguments.coco, limit)
        records.append(image.record())
        annotation_list.write(image.annotations(annotation_count + 1))
        annotation_count += len(image.polygons)
        detection_count += image.detection_count
        boxed_list.write(image.boxed_detections())
        if masked_list:
            masked_list.write(image.masked_detections(mask_utils))
    truth.write('], "images": ' + json.dumps(records) + "}")
    for file in (boxed, masked):
        if file:
            file.write("]")
            file.close()
    truth.close()
    print(json.dumps({
        "images": image_count, "annotations": annotation_count, "detections": detection_count,
        "seconds": round(time.time() - start, 1)}))


if __name__ == "__main__":
    main()
