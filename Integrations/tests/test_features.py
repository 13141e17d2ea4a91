from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import bags
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from bags_integrations.features import FeatureSetWriter
from bags_integrations.files import write_safetensors


def rois(image_id: int, count: int = 3) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(image_id)
    corners = torch.rand((count, 2), generator=generator) * 50
    return {
        "features": torch.randn((count, 4), generator=generator),
        "boxes": torch.cat([corners, corners + 10], 1),
        "labels": torch.tensor([1, -1, 2][:count]),
    }


def write(folder: Path, images: range, **options: object) -> None:
    with FeatureSetWriter(folder, rows_per_shard=6, **options) as writer:  # type: ignore[arg-type]
        for image_id in images:
            if writer.last_image_id is None or image_id > writer.last_image_id:
                writer.append(image_id, **rois(image_id))


def test_writes_shards_of_whole_images(tmp_path: Path) -> None:
    write(tmp_path, range(5))
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"shard-{n:05d}.safetensors" for n in range(3)]
    first = load_file(tmp_path / "shard-00000.safetensors")
    assert first["image_ids"].tolist() == [0, 0, 0, 1, 1, 1]
    assert first["features"].dtype == torch.float16 and first["boxes"].dtype == torch.float32
    assert torch.equal(first["features"][:3], rois(0)["features"].half())
    assert first["labels"].tolist() == [1, -1, 2] * 2


def test_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    write(tmp_path / "whole", range(7))
    writer = FeatureSetWriter(tmp_path / "cut", rows_per_shard=6)
    for image_id in range(3):
        writer.append(image_id, **rois(image_id))
    # Cut off: image 2 is in no shard yet.
    del writer
    write(tmp_path / "cut", range(7))
    for shard in (tmp_path / "whole").iterdir():
        assert shard.read_bytes() == (tmp_path / "cut" / shard.name).read_bytes()


def test_the_program_reads_it(tmp_path: Path) -> None:
    write(tmp_path / "set", range(5))
    (tmp_path / "train.json").write_text(
        '{"images":[%s],"annotations":[],"categories":[{"id":1,"name":"a","instance_count":9,"image_count":3},'
        '{"id":2,"name":"b","instance_count":20,"image_count":3}]}' % ",".join(f'{{"id":{n}}}' for n in range(5))
    )
    arguments = ["--annotations", tmp_path / "train.json", "--output", tmp_path / "run", "--format", "json"]
    assert '"run"' in bags("train", "--features", tmp_path / "set", *arguments)


def test_refuses_what_does_not_fit(tmp_path: Path) -> None:
    writer = FeatureSetWriter(tmp_path)
    writer.append(4, **rois(4))
    with pytest.raises(ValueError, match="image 4 stands behind image 4"):
        writer.append(4, **rois(4))
    with pytest.raises(ValueError, match="2 rows of boxes for 3 RoIs"):
        writer.append(5, **{**rois(5), "boxes": rois(5)["boxes"][:2]})
    with pytest.raises(ValueError, match="columns"):
        writer.append(5, rois(5)["features"], labels=rois(5)["labels"])
    with pytest.raises(ValueError, match="columns"):
        writer.append(5, **rois(5), scores=torch.ones(3))
    with pytest.raises(ValueError, match="not finite as torch.float16"):
        writer.append(5, **{**rois(5), "features": torch.full((3, 4), 1e6)})
    with pytest.raises(ValueError, match="its columns"):
        writer.append(5, **{name: tensor for name, tensor in rois(5).items() if name != "labels"})
    with pytest.raises(ValueError, match="float16, bfloat16 or float32"):
        FeatureSetWriter(tmp_path, torch.float64)
    writer.append(5, **rois(5))
    writer.close()
    with pytest.raises(ValueError, match="other settings"):
        FeatureSetWriter(tmp_path, torch.float32)
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="not this writer's shards"):
        FeatureSetWriter(tmp_path)


def test_a_failed_export_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), FeatureSetWriter(tmp_path / "a" / "b") as writer:
        writer.append(1, **rois(1))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    # Nor where the file itself cannot be written; what was there before stays.
    (tmp_path / "there").mkdir()
    no_text: Any = {"key": 1}
    for folder in ("a/b", "there"):
        with pytest.raises(TypeError):
            write_safetensors({"x": torch.ones(1)}, no_text, tmp_path / folder / "x.safetensors")
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]
    # What is wrong with the folder is said before anything is run.
    (tmp_path / "file").touch()
    for folder in ("file", "file/a"):
        with pytest.raises(NotADirectoryError, match="file: is a file"):
            FeatureSetWriter(tmp_path / folder)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o007, 0o660)])
def test_files_have_the_permissions_of_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write(tmp_path / "set", range(2))
        write_safetensors({"x": torch.ones(1)}, {}, tmp_path / "head.safetensors")
    finally:
        os.umask(before)
    for name in ("set/shard-00000.safetensors", "head.safetensors"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["head.safetensors", "set"]


def test_an_error_writes_no_half_shard(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), FeatureSetWriter(tmp_path, metadata={"detector": "a"}) as writer:
        writer.append(1, **rois(1))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with FeatureSetWriter(tmp_path, metadata={"detector": "a"}) as writer:
        writer.append(1, **rois(1))
    with safe_open(tmp_path / "shard-00000.safetensors", framework="pt") as shard:
        assert shard.metadata() == {"detector": "a"}
