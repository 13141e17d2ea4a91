import TestSupport
import Testing

/// Mistakes as people make them, at every command.
@Suite struct MistypedWordsTests {
  @Test(arguments: [
    ("trian", "there is no command 'trian'; did you mean train?"),
    ("frobnicate", "the commands are check, group, train"),
    ("train --lr 1", "Unknown option '--lr'. Did you mean '--learning-rate'?"),
    ("train --wd 1", "Did you mean '--weight-decay'?"),
    ("train --batch-size 8", "Did you mean '--images-per-batch'?"),
    ("train --learning_rate 8", "Did you mean '--learning-rate'?"),
    ("train --xyzzy 8", "Unknown option '--xyzzy'. `bags methods bags` lists the method's own."),
    ("train --learning-rate -1", "--learning-rate must be above 0"),
    ("train --resume a --config b", "--resume takes inputs and settings from the run; --config cannot be given"),
    ("train --resume a --sampler rfs", "--sampler cannot be given with it"),
    ("train --mining=ohem --resume=a", "--mining cannot be given with it"),
    ("train --resume a --epochs 12", "--epochs cannot be given with it"),
    ("train --resume a --others-ratio 3", "--others-ratio cannot be given with it"),
    ("evaluate --annotation x --results y", "Unknown option '--annotation'. Did you mean '--annotations'?"),
    ("evaluate --annotations x --results y --max-detections -2", "--max-detections must be positive, or -1 for no cap"),
    ("predict --feature x", "Unknown option '--feature'. Did you mean '--features'?"),
    ("predict --features x --threshold 1", "Did you mean '--score-threshold'?"),
    ("group a.json --boundarys 1", "Did you mean '--boundaries'?"),
    ("methods bgas", "did you mean bags?"),
    ("report weightnorms --ouput x", "Did you mean '--output'?"),
    ("runs --fromat json", "Did you mean '--format'?"),
    ("show --jsno", "Unknown option '--jsno'"),
    ("demo --sed 3", "Did you mean '--seed'?"),
    ("compare --tune --epoch 3", "Did you mean '--epochs'?"),
    ("compare --tune --unheard 3", "Unknown option '--unheard'"),
    ("compare --methods bags --tune gamma --tune-epoch 3", "Did you mean '--tune-epochs'?"),
  ])
  func isAnsweredWithWhatWasMeant(line: String, message: String) throws {
    try withTemporaryFolder { folder in
      let run = try runBags(line.split(separator: " ").map(String.init), in: folder)
      #expect(run.status == 64 && run.output.isEmpty, "\(run.error)")
      #expect(run.error.hasPrefix("Error: ") && run.error.contains(message), "\(run.error)")
      #expect(run.error.contains("Usage: bags"), "\(run.error)")
    }
  }

  @Test func emptyGroups() throws {
    try withTemporaryFolder { folder in
      let run = try runBags(["train", "--groups", ""], in: folder)
      #expect(
        run.status == 64 && run.error.contains("--groups needs a file, boundaries such as 10,100,1000, or auto:4"))
    }
  }

  @Test func figureTakenForARun() throws {
    try withTemporaryFolder { folder in
      let run = try runBags(["report", "weightnorm"], in: folder)
      #expect(run.status == 1 && run.error.contains("did you mean `bags report weightnorms`?"), "\(run.error)")
    }
  }

  @Test func negativeNumbersFollowTheirOption() throws {
    try withTemporaryFolder { folder in
      let run = try runBags(
        ["evaluate", "--annotations", "x.json", "--results", "y.json", "--max-detections", "-1"], in: folder)
      #expect(run.status == 1 && run.error.contains("x.json"), "\(run.error)")
    }
  }
}
