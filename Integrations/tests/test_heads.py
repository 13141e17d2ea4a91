"""Every kind of head: its scores here are those of `bags predict`."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from safetensors.torch import load_file
from small_heads import AVERAGED, CALIBRATED, IDS, TRAINED, SmallHeads
from torch import nn

from bags_integrations.heads import HeadFile
from bags_integrations.last_layers import LastLayers
from bags_integrations.scorer import HeadScorer


@pytest.mark.parametrize("kind", TRAINED + CALIBRATED + AVERAGED)
def test_scores_are_the_programs(small_heads: SmallHeads, kind: str) -> None:
    own = HeadScorer(HeadFile.read(small_heads.run(kind)))(small_heads.features()).numpy()
    assert numpy.abs(own - small_heads.scores(kind)).max() < 1e-5


@pytest.mark.parametrize("kind", ["tau-norm", "post-hoc-adjustment", "norcal", "logn", "lws", "crt", "tail-finetune"])
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
    LastLayers([2, 1], [nn.Linear(4, 3)], None, True, (1, 1, 1, 1), "standard").write(tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="does not name its classes"):
        HeadFile.read(tmp_path / "a.safetensors")


def counting(rows: int) -> nn.Linear:
    """A layer whose rows and biases are their number."""
    layer = nn.Linear(1, rows)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(rows)[:, None])
        layer.bias.copy_(torch.arange(rows))
    return layer


def test_last_layers_are_written_by_id(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.safetensors"
    first = LastLayers([9, 2, 5], [counting(4)], counting(16), True, (0.1, 0.1, 0.2, 0.2), "standard")
    first.write(path)
    tensors = load_file(path)
    assert tensors["fc_cls.bias"].tolist() == [0, 2, 3, 1]
    assert tensors["fc_reg.background.bias"].tolist() == [0, 1, 2, 3]
    assert tensors["fc_reg.bias"].tolist() == [*range(8, 16), *range(4, 8)]
    LastLayers([9, 2, 5], [counting(4)], counting(12), False, (1, 1, 1, 1), "mmdetection2").write(path)
    tensors = load_file(path)
    assert tensors["fc_cls.bias"].tolist() == [3, 1, 2, 0]
    assert tensors["fc_reg.bias"].tolist() == [*range(4, 12), *range(4)]
    for classifier, regressor, words in ((3, None, "3 rows; 4"), (4, counting(8), "8 rows; 4, or 12")):
        with pytest.raises(ValueError, match=words):
            LastLayers([9, 2, 5], [counting(classifier)], regressor, False, (1, 1, 1, 1), "standard").write(path)


@pytest.mark.parametrize("background_first", [True, False])
def test_rows_that_are_no_category(small_heads: SmallHeads, tmp_path: Path, background_first: bool) -> None:
    """They are in no head file and no deltas, a head that is loaded leaves them, and one that scores gives them 0."""
    ids = [None, 20, 3, None, 21, 9, 4, None]
    layers = LastLayers(
        ids, [nn.Linear(12, 9)], counting(32 + 4 * background_first), background_first, (1, 1, 1, 1), "standard"
    )
    classifier = layers.classifiers[0]
    before = classifier.weight.detach().clone()
    layers.write(tmp_path / "a.safetensors")
    written = load_file(tmp_path / "a.safetensors")
    rows = [0 if background_first else 8, *(place + background_first for place in (2, 6, 5, 1, 4))]
    assert torch.equal(written["fc_cls.weight"], before[rows])
    blocks = [4 * (place + background_first) for place in (2, 6, 5, 1, 4)]
    assert written["fc_reg.bias"].reshape(5, 4)[:, 0].tolist() == blocks
    assert layers.deltas(torch.arange(32.0 + 4 * background_first)[None]).reshape(5, 4)[:, 0].tolist() == blocks

    head = HeadFile.read(small_heads.run("softmax"))
    assert layers.load(head)
    assert torch.equal(classifier.weight[rows], head.weight) and torch.equal(classifier.bias[rows], head.bias)
    others = [row for row in range(9) if row not in rows]
    assert len(others) == 3 and torch.equal(classifier.weight[others], before[others])

    x = small_heads.features()
    grouped = HeadFile.read(small_heads.run("bags"))
    scores = HeadScorer(grouped, ids)(x)
    assert torch.equal(scores[:, [2, 6, 5, 1, 4]], HeadScorer(grouped)(x)) and not scores[:, [0, 3, 7]].any()
    with pytest.raises(ValueError, match=r"only the head's: \[4\]; only the detector's: \[7\]; write None"):
        HeadScorer(head, [20, 3, 21, 9, 7])


def test_saved_weights_say_what_they_are(small_heads: SmallHeads) -> None:
    x = small_heads.features()
    ids = [20, None, 3, 21, 9, 4]
    for kind in TRAINED + CALIBRATED:
        scorer = HeadScorer(HeadFile.read(small_heads.run(kind)), ids)
        again = HeadScorer.of_weights(scorer.state_dict())
        again.load_state_dict(scorer.state_dict())
        assert torch.equal(again(x), scorer(x)), kind
    # Of the same shapes, but another layout.
    with pytest.raises(RuntimeError, match="weights of another head"):
        HeadScorer(HeadFile.read(small_heads.run("bce")), ids).load_state_dict(
            HeadScorer(HeadFile.read(small_heads.run("softmax")), ids).state_dict()
        )


def test_says_what_is_no_head(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="a dict is no head; .*`load_weights`"):
        HeadFile.read({})  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match="has no head.safetensors"):
        HeadFile.read(tmp_path)
    with pytest.raises(FileNotFoundError, match="none"):
        HeadFile.read(tmp_path / "none")
