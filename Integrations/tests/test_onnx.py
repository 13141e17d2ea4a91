"""Every kind of head as an ONNX model: onnx's checker finds nothing, and onnxruntime scores as `bags predict` does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
from conftest import bags
from small_heads import AVERAGED, CALIBRATED, DEEP, IDS, TRAINED, SmallHeads

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("kind", TRAINED + CALIBRATED + AVERAGED + DEEP)
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("fp16", 5e-3)])
def test_scores_are_the_programs(
    small_heads: SmallHeads, kind: str, precision: str, tolerance: float, tmp_path: Path
) -> None:
    path = tmp_path / "head.onnx"
    bags("export", small_heads.run(kind), "--onnx", path, "--precision", precision)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(metadata["class_names"]) == [f"c{category}" for category in IDS]
    assert json.loads(metadata["category_ids"]) == IDS
    assert [c["group"] for c in json.loads(metadata["groups"])["categories"]] == [1, 4, 2, 3, 1]

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    features = small_heads.features(kind).numpy().astype(numpy.float16 if precision == "fp16" else numpy.float32)
    (given,) = session.get_inputs()
    assert given.shape == ["N", *features.shape[1:]]
    expected = small_heads.scores(kind)
    for batch in (features, features[:1], features[:0]):
        (scores,) = session.run(["scores"], {"features": batch})
        assert scores.shape == (len(batch), len(IDS)) and scores.dtype == numpy.float32
        differences = numpy.abs(scores - expected[: len(batch)])
        assert differences.max(initial=0) < tolerance
