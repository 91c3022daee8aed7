#!/usr/bin/env python3
"""tally.py FOLDER: counts single test cases over all suites of one ./check.

FOLDER holds ctest's JUnit files (NAME.xml), one testcase per program, with NAME.json beside it (ctest
--show-only=json-v1: the labels), and *.count files that end in `N passed, N failed`. What a program printed says
how many cases it had: cmocka's or unittest's summary, or a line `N passed, N failed`. A program labelled `cases`
that crashed or ran none has failed; one without that label (a fuzz target, a comparison) is one case. The last
line printed is the sum.
"""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

CMOCKA_RUNNING = re.compile(r"\[=+\] (?:.*: )?Running (\d+) test\(s\)")
CMOCKA_RUN = re.compile(r"\[=+\] (?:.*: )?(\d+) test\(s\) run")
CMOCKA_PASSED = re.compile(r"\[  PASSED  \] (\d+) test\(s\)")
CMOCKA_SKIPPED = re.compile(r"\[  SKIPPED \] (\d+) test\(s\)")
CMOCKA_OK = re.compile(r"\[       OK \] ")
UNITTEST = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
UNITTEST_BAD = re.compile(r"\b(?:failures|errors|unexpected successes)=(\d+)")
UNITTEST_SKIPPED = re.compile(r"\bskipped=(\d+)")
COUNT = re.compile(r"^(\d+) passed, (\d+) failed$", re.MULTILINE)


def total(pattern, text):
    return sum(int(number) for number in pattern.findall(text))


def cases_of(output):
    """(passed, failed) as the output of one program tells them; (0, 0) when it tells nothing."""
    passed = failed = 0
    running, run = total(CMOCKA_RUNNING, output), total(CMOCKA_RUN, output)
    if running and running == run:
        passed += total(CMOCKA_PASSED, output)
        failed += run - total(CMOCKA_PASSED, output) - total(CMOCKA_SKIPPED, output)
    elif running:  # it died on the way
        passed += len(CMOCKA_OK.findall(output))
        failed += max(1, running - passed)
    ran = total(UNITTEST, output)
    if UNITTEST.search(output):
        bad = total(UNITTEST_BAD, output)
        passed += max(0, ran - bad - total(UNITTEST_SKIPPED, output))
        failed += bad
    for line in COUNT.finditer(output):
        passed, failed = passed + int(line[1]), failed + int(line[2])
    return passed, failed


def suite(case, has_cases):
    """(passed, failed) of one JUnit testcase of ctest, which is one program."""
    good = case.get("status") == "run"
    passed, failed = cases_of("".join(case.itertext()))
    if not has_cases:
        return (1, 0) if good else (0, max(1, failed))
    if passed + failed == 0 or (not good and failed == 0):
        failed += 1
    return passed, failed


def labelled(path):
    """The names of ctest's tests that are labelled `cases`."""
    names = set()
    for test in json.loads(path.read_text(encoding="utf-8"))["tests"]:
        labels = [p["value"] for p in test.get("properties", []) if p["name"] == "LABELS"]
        if labels and "cases" in labels[0]:
            names.add(test["name"])
    return names


def tally(folder):
    """Rows (suite, passed, failed) of everything in the folder."""
    rows = []
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        results = path.with_suffix(".xml")
        cases = list(ElementTree.parse(results).getroot().iter("testcase")) if results.exists() else []
        with_cases = labelled(path)
        for case in cases:
            rows.append((f"{path.stem}: {case.get('name')}", *suite(case, case.get("name") in with_cases)))
        if not cases:
            rows.append((f"{path.stem}: no test at all", 0, 1))
    for path in sorted(pathlib.Path(folder).glob("*.count")):
        passed, failed = cases_of(path.read_text(encoding="utf-8"))
        rows.append((path.stem, passed, failed if passed + failed else 1))
    return rows


def main():
    rows = tally(sys.argv[1])
    for name, passed, failed in rows:
        if failed:
            print(f"failed: {name}: {failed} of {passed + failed}")
    passed, failed = sum(row[1] for row in rows), sum(row[2] for row in rows)
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
