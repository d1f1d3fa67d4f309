#!/usr/bin/env bash
# The lint step of action.yml: annotations to stdout, SARIF and a comment's text to files, and lint's
# exit code. Takes the action's inputs as variables and needs what a runner sets: RUNNER_TEMP, GITHUB_*.
set -efo pipefail

squall="$RUNNER_TEMP/squall/bin/squall"
work="$(mktemp -d "$RUNNER_TEMP/squall-lint.XXXXXX")"

# Annotations need paths below the repository, and so does a look at its base.
paths=()
while read -r path; do
  path="${path#"$GITHUB_WORKSPACE"/}"
  case "$path" in
    "") ;;
    /* | .. | ../*) echo "::error title=squall lint::'$path' is outside of the repository" && exit 2 ;;
    *) paths+=("$path") ;;
  esac
done <<< "$PATHS"

codes=()
for code in ${SELECT//,/ }; do codes+=(--select "$code"); done
for code in ${IGNORE//,/ }; do codes+=(--ignore "$code"); done
strict=()
if [ "$STRICT" = true ]; then strict=(--strict); fi

lint() { "$squall" lint "${codes[@]}" "$@" -- "${paths[@]}"; }

known=()
if [ "$CHANGED_ONLY" = true ] && [ -n "$BASE" ]; then
  if base="$(git rev-parse --quiet --verify --end-of-options "$BASE^{commit}")" &&
    base="$(git merge-base HEAD "$base")"; then
    mkdir "$work/base"
    git archive "$base" | tar -x -C "$work/base"
    (cd "$work/base" && lint --format json > "$work/base.json" 2> "$work/said") || true
    if [ -s "$work/base.json" ]; then known=(--baseline "$work/base.json"); fi
  else
    echo "::notice title=squall lint::the base is not in this clone, so everything is said;" \
      "give actions/checkout 'fetch-depth: 0'"
  fi
fi

status=0
lint --format github "${strict[@]}" "${known[@]}" > "$work/annotations" 2> "$work/said" || status=$?
cat "$work/annotations"
# A runner obeys lines that look like its commands: this one may quote the name of somebody's file.
sed -e 's/##\[/## [/g' -e 's/^/squall: /' "$work/said"
echo "findings=$(grep -cE '^::(error|warning) ' "$work/annotations" || true)" >> "$GITHUB_OUTPUT"

# Code scanning compares with the base itself, so it is told of everything but what a comment in the
# playbook suppresses: it would show that as well.
if [ -n "$SARIF" ]; then
  lint --format sarif > "$work/all.sarif" 2> "$work/said" || true
fi
if [ -s "$work/all.sarif" ]; then
  "$RUNNER_TEMP/squall/bin/python" -I - "$work/all.sarif" > "$SARIF" << 'END'
import json, sys
log = json.load(open(sys.argv[1], encoding="utf-8"))
for run in log["runs"]:
    run["results"] = [each for each in run["results"] if not each.get("suppressions")]
json.dump(log, sys.stdout)
END
  echo "sarif=$SARIF" >> "$GITHUB_OUTPUT"
fi
if [ "$COMMENT" = true ]; then
  lint --format markdown "${known[@]}" > "$work/comment.md" 2> "$work/said" || true
  cat "$work/comment.md" >> "$GITHUB_STEP_SUMMARY"
  echo "comment=$work/comment.md" >> "$GITHUB_OUTPUT"
fi
exit "$status"
