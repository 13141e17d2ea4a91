#!/usr/bin/env bash
# Extracts the Swift code of the README and of the guides into the package Tests/LibraryPackage, which uses the library
# from outside, builds it, and runs it on a small synthetic set. Anything that does not compile or does not hold ends it
# with an error.
#
#   Tests/Scripts/library-package.sh [scratch folder]     Tests/LibraryPackage/.build unless given
#
# The scratch folder keeps what was built, the library included, for the next run.
set -euo pipefail
cd "$(dirname "$0")/../.."
package=Tests/LibraryPackage
scratch=${1:-$package/.build}
guides=$package/Sources/Guides
mkdir -p "$guides"

# Every ```swift block of a file: declarations stand as they are; statements, of all its blocks, become one function.
extract() {
  awk -v name="$1" '
    /^```swift$/ { inside = 1; count = 0; isStatements = 0; next }
    /^```$/ && inside {
      inside = 0
      for (i = 1; i <= count; i++) {
        if (isStatements) statements[++last] = lines[i]; else declarations = declarations lines[i] "\n"
      }
      if (isStatements) statements[++last] = ""
      next
    }
    inside && /^import / { if (!seen[$0]++) imports = imports $0 "\n"; next }
    inside {
      if (/^(let|var|try|for|if|guard|print|_)[ (]/) isStatements = 1
      # No blank lines where an import stood.
      if (count || $0 != "") lines[++count] = $0
    }
    END {
      printf "// Extracted from %s by Tests/Scripts/library-package.sh.\n%s", FILENAME, imports
      if (declarations != "") printf "\n%s", declarations
      printf "\n/// The statements of the guide.\npublic enum %sExample {\n  /// Runs them.\n  public static func run() throws {\n", name
      while (last && statements[last] == "") last--
      for (i = 1; i <= last; i++) print (statements[i] == "" ? "" : "    " statements[i])
      print "  }\n}"
    }' "$2" > "$guides/$1.swift.new"
  # An unchanged file is not compiled again.
  if cmp -s "$guides/$1.swift.new" "$guides/$1.swift"; then rm "$guides/$1.swift.new"; else
    mv "$guides/$1.swift.new" "$guides/$1.swift"
  fi
}
extract Readme README.md
for guide in Sources/BalancedGroupSoftmax/BalancedGroupSoftmax.docc/*.md; do
  if grep -q '^```swift$' "$guide"; then extract "$(basename "$guide" .md)" "$guide"; fi
done

# The lines of Package.swift that the README gives, but for the path.
for file in README.md Sources/BalancedGroupSoftmax/BalancedGroupSoftmax.docc/GettingStarted.md; do
  line=$(grep -m 1 '^\.product(' "$file")
  grep -qF "${line%,}" "$package/Package.swift" || {
    echo "library-package.sh: $file says $line, which is not what $package/Package.swift says" >&2
    exit 1
  }
done

# SwiftPM plans anew where files of this package come or go, not where those of the library do; and it takes what imports
# a module that only re-exports others for up to date when these change. So its plan and this package's modules go first.
rm -rf "$scratch/debug.yaml" "$scratch"/debug/{Guides,EvaluationAlone,library_package}.build
swift build --package-path "$package" --scratch-path "$scratch" --product library-package
program=$(swift build --package-path "$package" --scratch-path "$scratch" --show-bin-path)/library-package
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$program" "$work" > "$work/output.txt" || { cat "$work/output.txt"; echo "library-package.sh: failed" >&2; exit 1; }
echo "library-package.sh: the code of README and guides runs; $(tail -n 1 "$work/output.txt")"
