#!/usr/bin/env python3
"""Tests of tally.py: what counts as a case, and that nothing that did not run counts as passed."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tally

CMOCKA_MIXED = """[==========] Running 3 test(s).
[ RUN      ] a
[       OK ] a
[ RUN      ] b
[  FAILED  ] b
[  SKIPPED ] c
[==========] 3 test(s) run.
[  PASSED  ] 1 test(s).
[  SKIPPED ] 1 test(s), listed below:
[  FAILED  ] 1 test(s), listed below:
"""
CMOCKA_CRASH = "[==========] Running 3 test(s).\n[ RUN      ] a\n[       OK ] a\n[ RUN      ] b\n"
UNITTEST_GOOD = "Ran 4 tests in 0.1s\n\nOK (skipped=1)\n"
UNITTEST_BAD = "Ran 4 tests in 0.1s\n\nFAILED (failures=1, errors=1)\n"


class CasesOf(unittest.TestCase):
    def test_cmocka(self):
        self.assertEqual(tally.cases_of(CMOCKA_MIXED), (1, 1))

    def test_cmocka_that_died_on_the_way(self):
        self.assertEqual(tally.cases_of(CMOCKA_CRASH), (1, 2))

    def test_two_groups_add_up(self):
        self.assertEqual(tally.cases_of(CMOCKA_MIXED + CMOCKA_MIXED), (2, 2))

    def test_unittest(self):
        self.assertEqual(tally.cases_of(UNITTEST_GOOD), (3, 0))
        self.assertEqual(tally.cases_of(UNITTEST_BAD), (2, 2))

    def test_a_count_line(self):
        self.assertEqual(tally.cases_of("ok this\n18 passed, 2 failed\n"), (18, 2))

    def test_nothing(self):
        self.assertEqual(tally.cases_of("hello"), (0, 0))


class Tally(unittest.TestCase):
    def rows(self, output, status, labels):
        with tempfile.TemporaryDirectory() as folder:
            base = pathlib.Path(folder)
            base.joinpath("t.xml").write_text(
                f'<testsuite><testcase name="x" status="{status}"><system-out>{output}</system-out></testcase>'
                "</testsuite>", encoding="utf-8")
            properties = [{"name": "LABELS", "value": labels}]
            base.joinpath("t.json").write_text(json.dumps({"tests": [{"name": "x", "properties": properties}]}))
            return [row[1:] for row in tally.tally(folder)]

    def test_a_suite_without_cases_has_failed(self):
        self.assertEqual(self.rows("nothing here", "run", ["cases"]), [(0, 1)])

    def test_a_suite_that_crashed_at_its_end_has_failed(self):
        self.assertEqual(self.rows(UNITTEST_GOOD, "fail", ["cases"]), [(3, 1)])

    def test_a_fuzz_target_is_one_case(self):
        self.assertEqual(self.rows("INFO: seed 1", "run", ["fuzz"]), [(1, 0)])
        self.assertEqual(self.rows("INFO: seed 1", "fail", ["fuzz"]), [(0, 1)])

    def test_a_run_without_results_has_failed(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "t.json").write_text('{"tests":[]}')
            pathlib.Path(folder, "u.count").write_text("")
            self.assertEqual([row[1:] for row in tally.tally(folder)], [(0, 1), (0, 1)])


if __name__ == "__main__":
    unittest.main()
