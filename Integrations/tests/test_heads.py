"""Every kind of head: its scores here are those of `bags predict`."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from small_heads import CALIBRATED, IDS, TRAINED, SmallHeads

from bags_integrations.heads import HeadFile, HeadScorer, write_head


@pytest.mark.parametrize("kind", TRAINED + CALIBRATED)
def test_scores_are_the_programs(small_heads: SmallHeads, kind: str) -> None:
    own = HeadScorer(HeadFile.read(small_heads.run(kind)))(small_heads.features()).numpy()
    assert numpy.abs(own - small_heads.scores(kind)).max() < 1e-5


@pytest.mark.parametrize("kind", ["tau-norm", "norcal", "lws", "crt", "tail-finetune"])
def test_heads_that_stay_an_ordinary_layer(small_heads: SmallHeads, kind: str) -> None:
    assert HeadFile.read(small_heads.run(kind)).is_softmax


def test_stages(small_heads: SmallHeads) -> None:
    stages = HeadFile.read_stages(small_heads.run("bags --stages 3"))
    scorers = [HeadScorer(stage) for stage in stages]
    features = small_heads.features("bags --stages 3")
    logits = torch.stack([scorer.logits(features[:, stage]) for stage, scorer in enumerate(scorers)])
    own = scorers[0].scores(logits.mean(0)).numpy()
    assert numpy.abs(own - small_heads.scores("bags --stages 3")).max() < 1e-5


def test_other_orders_of_classes(small_heads: SmallHeads) -> None:
    head = HeadFile.read(small_heads.run("softmax"))
    assert head.is_softmax and head.names == [f"c{category}" for category in IDS]
    x = small_heads.features()
    order = [20, 3, 21, 9, 4]
    expected = HeadScorer(head)(x)[:, [IDS.index(category) for category in order]]
    assert torch.equal(HeadScorer(head, order)(x), expected)
    with pytest.raises(ValueError, match="5 categories that are not the detector's 4"):
        HeadScorer(head, order[:4])


def test_refuses_heads_that_it_does_not_know(small_heads: SmallHeads, tmp_path: Path) -> None:
    head = HeadFile.read(small_heads.run("softmax"))
    with pytest.raises(ValueError, match="takes 12 features, the detector has 9"):
        HeadScorer(head, inputs=9)
    head.layout = "cubic"
    with pytest.raises(ValueError, match="cubic"):
        HeadScorer(head)(small_heads.features())
    head.layout = "grouped-sigmoid"
    with pytest.raises(ValueError, match="6 rows; 10 are expected"):
        HeadScorer(head)
    with pytest.raises(ValueError, match="classifiers of 3 stages; the detector has one"):
        HeadFile.read(small_heads.run("bags --stages 3"))
    with pytest.raises(ValueError, match="hidden layers"):
        HeadFile.read(small_heads.run("bags --hidden 10"))
    (tmp_path / "cut.safetensors").write_bytes(b"abc")
    with pytest.raises(ValueError, match="cut.safetensors: .*header"):
        HeadFile.read(tmp_path / "cut.safetensors")
    layer = (torch.zeros(3, 4), torch.zeros(3))
    write_head(tmp_path / "a.safetensors", [2, 1], [layer], None, True, True, (1, 1, 1, 1), "standard")
    with pytest.raises(ValueError, match="does not name its classes"):
        HeadFile.read(tmp_path / "a.safetensors")


def test_write_head_orders_rows(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    def rows(count: int, first: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        values = torch.arange(first, first + count, dtype=torch.float32)
        return values[:, None], values

    path = tmp_path / "new" / "a.safetensors"
    write_head(path, [9, 2, 5], [rows(4)], rows(16), True, True, (0.1, 0.1, 0.2, 0.2), "standard")
    tensors = load_file(path)
    assert tensors["fc_cls.bias"].tolist() == [0, 2, 3, 1]
    assert tensors["fc_reg.background.bias"].tolist() == [0, 1, 2, 3]
    assert tensors["fc_reg.bias"].tolist() == [*range(8, 16), *range(4, 8)]
    write_head(path, [9, 2, 5], [rows(4)], rows(12), False, False, (0.1, 0.1, 0.2, 0.2), "mmdetection2")
    tensors = load_file(path)
    assert tensors["fc_cls.bias"].tolist() == [3, 1, 2, 0]
    assert tensors["fc_reg.bias"].tolist() == [*range(4, 12), *range(4)]
    for classifier, regressor, words in ((rows(3), None, "3 rows; 4"), (rows(4), rows(8), "8 rows; 4, or 12")):
        with pytest.raises(ValueError, match=words):
            write_head(path, [9, 2, 5], [classifier], regressor, False, False, (1, 1, 1, 1), "standard")
    with pytest.raises(ValueError, match="twice"):
        write_head(path, [9, 9, 5], [rows(4)], None, False, False, (1, 1, 1, 1), "standard")
