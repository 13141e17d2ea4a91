"""Looks for public symbols without documentation, and builds the DocC pages. Run by hand, after a build:

    swift build -c release
    python Tests/Scripts/documentation.py [--output docs] [--build .build/release]

It takes the symbols from the modules that were built, so nothing is compiled: those of every product, with the modules
that it re-exports. Each documentation catalog is converted with the toolchain's `docc`: the package depends on no plugin for it, which everyone who imports the package would have
to fetch. Exits with 1 where a public symbol has no documentation or `docc` warns."""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--build", default=".build/release", type=pathlib.Path)
parser.add_argument("--output", type=pathlib.Path, help="where the pages go, one archive a module with a catalog")
options = parser.parse_args()

manifest = json.loads(subprocess.check_output(["swift", "package", "dump-package"]))
libraries = [target for p in manifest["products"] if "library" in p["type"] for target in p["targets"]]
target = json.loads(subprocess.check_output(["swift", "-print-target-info"]))["target"]["unversionedTriple"]
maps = list(options.build.glob("*.build/module.modulemap")) + list(
    pathlib.Path(".").glob(".build/checkouts/*/Sources/**/module.modulemap")) + list(
    pathlib.Path("Sources").glob("*/module.modulemap"))
flags = [flag for path in maps for flag in ("-Xcc", f"-fmodule-map-file={path}")]
undocumented, warnings, count = [], [], 0

with tempfile.TemporaryDirectory() as name:
    graphs = pathlib.Path(name)
    for module in libraries:
        folder = graphs / module
        folder.mkdir()
        exported = [
            name for path in sorted(pathlib.Path("Sources", module).glob("*.swift"))
            for name in re.findall(r"^@_exported import (?:(?:struct|class|enum|protocol|func) )?(\w+)", path.read_text(), re.M)]
        subprocess.run(
            ["swift", "symbolgraph-extract", "-module-name", module, "-target", target, "-output-dir", folder,
             "-I", options.build / "Modules", "-minimum-access-level", "public", "-skip-synthesized-members",
             f"-experimental-allowed-reexported-modules={','.join(exported)}", *flags],
            check=True)
        for path in sorted(folder.glob("*.symbols.json")):
            for symbol in json.loads(path.read_text())["symbols"]:
                # What is declared elsewhere is documented there.
                place = symbol.get("location", {}).get("uri", "")
                if "/Sources/" not in place or "/checkouts/" in place:
                    continue
                count += 1
                if "docComment" not in symbol:
                    undocumented.append(f"{module}: {'.'.join(symbol['pathComponents'])}")
        for catalog in sorted(pathlib.Path("Sources", module).glob("*.docc")):
            archive = (options.output or graphs) / f"{module}.doccarchive"
            archive.parent.mkdir(parents=True, exist_ok=True)
            done = subprocess.run(
                ["docc", "convert", catalog, "--additional-symbol-graph-dir", folder, "--output-path", archive,
                 "--fallback-display-name", module, "--fallback-bundle-identifier", module],
                capture_output=True, text=True)
            said = done.stdout + done.stderr
            if done.returncode or "warning:" in said or "error:" in said:
                warnings.append(said)

print(*undocumented, *warnings, sep="\n")
print(f"{count} public symbols of {', '.join(libraries)}, {len(undocumented)} without documentation")
sys.exit(1 if undocumented or warnings or not count else 0)
