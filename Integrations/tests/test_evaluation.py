"""`bags_integrations.evaluation` against lvis-api and pycocotools, on the sets that bags itself is held against."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

evaluation = pytest.importorskip("bags_integrations.evaluation")
try:
    evaluation.library.library()
except evaluation.EvaluationError as missing:
    pytest.skip(str(missing), allow_module_level=True)

GOLDEN = Path(__file__).resolve().parents[2] / "Tests" / "TestSupport" / "Golden"
EDGE, COCO_SET = GOLDEN / "evaluation", GOLDEN / "coco"


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def close(a: Any, b: Any) -> bool:
    return bool(np.allclose(np.asarray(a, float), np.asarray(b, float), rtol=0, atol=1e-12))


def lvis_reference(truth: Any, results: Any, iou_type: str, change: Any = None) -> Any:
    lvis = pytest.importorskip("lvis")
    np.float = float  # type: ignore[attr-defined]  # lvis 0.5.3 asks for it
    held = lvis.LVIS(str(truth))
    reference = lvis.LVISEval(held, lvis.LVISResults(held, copy.deepcopy(results)), iou_type)
    if change:
        change(reference.params)
    reference.run()
    return reference


@pytest.mark.parametrize(
    "file, iou_type", [("edge_dt_bbox", "bbox"), ("edge_dt_segm", "segm"), ("edge_dt_both", "segm")])
def test_lvis_eval_equals_lvis_api(file: str, iou_type: str) -> None:
    path = EDGE / f"{file}.json"
    reference = lvis_reference(EDGE / "edge_gt.json", read(path), iou_type)
    truth = evaluation.LVIS(EDGE / "edge_gt.json")
    for gt, dt in [
        (truth, evaluation.LVISResults(truth, path)), (truth, path), (truth.dataset, read(path)),
        (evaluation.LVIS(read(EDGE / "edge_gt.json")), evaluation.LVISResults(None, read(path)))]:
        own = evaluation.LVISEval(gt, dt, iou_type)
        own.run()
        assert list(own.results) == list(reference.results)
        assert close(list(own.results.values()), list(reference.results.values()))
        assert close(own.eval["precision"], reference.eval["precision"])
        assert close(own.eval["recall"], reference.eval["recall"])
        assert own.eval["counts"] == reference.eval["counts"]
        assert own.freq_groups == reference.freq_groups
        assert own.params.cat_ids == reference.params.cat_ids and own.params.img_ids == reference.params.img_ids
    printed = [io.StringIO(), io.StringIO()]
    for evaluator, text in zip((own, reference), printed):
        with contextlib.redirect_stdout(text):
            evaluator.print_results()
    assert len(printed[0].getvalue().splitlines()) == 13
    assert [line[-5:] for line in printed[0].getvalue().splitlines()] == [
        line[-5:] for line in printed[1].getvalue().splitlines()]


def test_lvis_eval_takes_parameters() -> None:
    results = read(EDGE / "edge_dt_bbox.json")

    def change(params: Any) -> None:
        params.cat_ids = params.cat_ids[1::2]
        params.img_ids = params.img_ids[:40]
        params.iou_thrs = np.array([0.5, 0.6, 0.75])

    reference = lvis_reference(EDGE / "edge_gt.json", results, "bbox", change)
    own = evaluation.LVISEval(EDGE / "edge_gt.json", EDGE / "edge_dt_bbox.json", "bbox")
    change(own.params)
    own.run()
    assert close(own.eval["precision"], reference.eval["precision"])
    assert close(list(own.results.values()), list(reference.results.values()))


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_coco_eval_equals_pycocotools(iou_type: str) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    truth, results = COCO_SET / "coco_gt.json", COCO_SET / f"coco_dt_{iou_type}.json"
    with contextlib.redirect_stdout(io.StringIO()) as expected:
        held = coco.COCO(str(truth))
        detections = held.loadRes(str(results))
        reference = cocoeval.COCOeval(held, detections, iou_type)
        reference.evaluate()
        reference.accumulate()
        expected.truncate(0)
        expected.seek(0)
        reference.summarize()
    own_truth = evaluation.COCO(truth)
    given = read(results)
    pairs = [(own_truth, own_truth.loadRes(results)), (held, given), (read(truth), given)]
    if iou_type == "bbox":
        rows = [[d["image_id"], *d["bbox"], d["score"], d["category_id"]] for d in given]
        pairs += [(own_truth, own_truth.loadRes(np.array(rows)))]
    for gt, dt in pairs:
        own = evaluation.COCOeval(gt, dt, iou_type)
        own.evaluate()
        own.accumulate()
        with contextlib.redirect_stdout(io.StringIO()) as text:
            own.summarize()
        assert close(own.stats, reference.stats)
        for name in ("precision", "recall", "scores"):
            assert close(own.eval[name], reference.eval[name]), name
        assert text.getvalue() == expected.getvalue()


def test_a_metric_is_updated_and_merged() -> None:
    results = read(EDGE / "edge_dt_bbox.json")
    expected = read(EDGE / "expected_edge_bboxfile_bbox.json")["metrics"]
    columns = [
        np.array([record[key] for record in results]) for key in ("image_id", "category_id", "bbox", "score")]
    whole = evaluation.DetectionMetric(EDGE / "edge_gt.json")
    first, second = (evaluation.DetectionMetric(EDGE / "edge_gt.json") for _ in range(2))
    for metric, part in [(first, slice(0, 1000)), (first, slice(1000, 1500)), (second, slice(1500, None))]:
        metric.update(*(column[part] for column in columns))
    assert set(whole.compute()) == set(expected) and whole.compute()["AP"] == 0
    merged = whole.merge(first, pickle.loads(pickle.dumps(second.state))).compute()
    assert merged.keys() == expected.keys()
    assert close([merged[name] for name in expected], list(expected.values()))
    whole.reset()
    corners = columns[2].astype(float).copy()
    corners[:, 2:] += corners[:, :2]
    whole.update(columns[0], columns[1], corners, columns[3], corners=True)
    assert abs(whole.compute()["AP"] - expected["AP"]) < 1e-6


def test_faults_are_said() -> None:
    with pytest.raises(evaluation.EvaluationError, match="cannot open"):
        evaluation.LVISEval("nowhere.json", [], "bbox")
    metric = evaluation.DetectionMetric(EDGE / "edge_gt.json")
    metric.update(-5, [1], [[0, 0, 1, 1]], [0.5])
    with pytest.raises(evaluation.EvaluationError, match="not the id of an image"):
        metric.compute()
    with pytest.raises(ValueError, match="one length"):
        metric.update([1, 2], [1], [[0, 0, 1, 1]], [0.5])
    with pytest.raises(ValueError, match="keypoints"):
        evaluation.COCOeval({}, [], "keypoints")


@pytest.mark.parametrize("kind, name", [("COCOeval", "evalImgs"), ("COCOeval", "ious"), ("LVISEval", "eval_imgs")])
def test_what_is_not_kept_names_a_way_out(kind: str, name: str) -> None:
    own = getattr(evaluation, kind)(EDGE / "edge_gt.json", EDGE / "edge_dt_bbox.json", "bbox")
    assert not hasattr(own, name)
    with pytest.raises(AttributeError, match=f"{name} is not kept here.*DetectionMetric.merge"):
        getattr(own, name)


def test_metrics_are_the_means_of_the_cells() -> None:
    """Where parameters are the benchmark's, the library says the metrics; else they are computed from the arrays."""
    own = evaluation.LVISEval(EDGE / "edge_gt.json", EDGE / "edge_dt_bbox.json", "bbox")
    own.run()
    said = dict(own.results)
    own._is_standard = False
    own.summarize()
    assert own.results.keys() == said.keys()
    assert close(list(own.results.values()), list(said.values()))


def test_summaries_follow_eval() -> None:
    """As the references do, what is summarised is `eval` as it is, not what the library scored."""
    own = evaluation.LVISEval(EDGE / "edge_gt.json", EDGE / "edge_dt_bbox.json", "bbox")
    own.run()
    before = own.results["AP"]
    with pytest.raises(ValueError, match="read-only"):
        own.eval["precision"][...] = 0
    own.eval["precision"] = np.where(own.eval["precision"] > -1, 0.25, -1)
    own.summarize()
    assert before != 0.25 and own.results["AP"] == pytest.approx(0.25, abs=1e-12)
    own.run()
    own.freq_groups[0] = own.freq_groups[2]
    own.summarize()
    assert own.results["APr"] == pytest.approx(own.results["APf"], abs=1e-12)
    with pytest.raises(AttributeError, match="dt_pointers is not kept"):
        own.eval["dt_pointers"]
