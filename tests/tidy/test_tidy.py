#!/usr/bin/env python3
"""Tests of the house rules: each rule finds its offence in a small tree, and leaves the tidy twin alone."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import source
import tidy

LONG = "int f(void)\n{\n" + "    g();\n" * 70 + "}\n"
SHORT = "int f(void)\n{\n" + "    g();\n" * 60 + "}\n"
ENUM = "enum colour { RED, BLUE = 2 };\n"
NOTE = "TO" + "DO"

# rule: (an offending tree, a tidy one, a word of the finding)
CASES = {
    "function-length": ({"bus/a.c": LONG}, {"bus/a.c": SHORT}, "f has 73 lines"),
    "file-length": ({"bus/a.c": "int x;\n" * 601}, {"bus/a.c": "int x;\n" * 600}, "601 lines"),
    "public-functions": ({"bus/a.h": "".join(f"int a_{i}(int x);\n" for i in range(13))},
                         {"bus/a.h": "".join(f"static inline int a_{i}(int x)\n{{\n    return x;\n}}\n" for i in range(13))},
                         "13 public functions"),
    "project-includes": ({"bus/a.c": "".join(f'#include "bus/h{i}.h"\n' for i in range(9))},
                         {"bus/a.c": "".join(f'#include "bus/h{i}.h"\n' for i in range(8))}, "9 includes"),
    "documented": ({"bus/a.h": "/* About it. */\n\nint a_b(int x);\n"},
                   {"bus/a.h": "/* About both\n * of them. */\nint a_b(int x);\nint a_c(struct a *a,\n        int y);\n"},
                   "a_b has no comment"),
    "include-directions": ({"bus/core/a.c": '#include "node-fw/link/session.h"\n'},
                           {"bus/core/a.c": '#include "bus/core/b.h"\n', "agents/x/a.c": '#include "bus/client/b.h"\n'},
                           "bus/core may not include"),
    "rooted-includes": ({"bus/a.c": '#include "a.h"\n', "bus/a.h": "\n"},
                        {"bus/a.c": '#include "bus/a.h"\n', "bus/a.h": "\n"}, "not rooted"),
    "umbrella-headers": ({"bus/all.h": '#include "bus/a.h"\n#include "bus/b.h"\n'},
                         {"bus/all.h": '#include "bus/a.h"\n#include "bus/b.h"\nstruct all;\n'}, "nothing but includes"),
    "third-party": ({"node-fw/a.c": "#include <jansson.h>\n"}, {"agents/x/a.c": "#include <jansson.h>\n"}, "jansson.h"),
    "pure-cores": ({"bus/core/a.c": "#include <time.h>\nint now(void)\n{\n    return time(0);\n}\n"},
                   {"bus/core/a.c": "#include <string.h>\n/* time(0) */\n", "bus/a.c": "#include <time.h>\n"}, "calls time"),
    "banned-calls": ({"bus/a.c": "void f(char *x)\n{\n    strcpy(x, y);\n}\n"},
                     {"bus/a.c": 'void f(char *x)\n{\n    puts("strcpy(x)"); /* strcpy(x) */\n    my_strcpy(x);\n}\n'},
                     "calls strcpy"),
    "type-names": ({"bus/a.h": "typedef struct thing thing_t;\n"}, {"bus/a.h": "typedef void thing(uint8_t x);\n"}, "thing_t"),
    "prefixes": ({"bus/door.h": "int open_it(void);\n"}, {"bus/door.h": "int door_open(void);\n"}, "open_it begins"),
    "enum-switches": ({"bus/a.c": ENUM + "void f(void)\n{\n    switch (x) {\n    case RED:\n    default:\n        g();\n    }\n}\n"},
                      {"bus/a.c": ENUM + "void f(void)\n{\n    switch (x) {\n    case 'q':\n    default:\n        g();\n    }\n}\n"},
                      "has a default"),
    "dead-files": ({"bus/a.c": "int x;\n", "bus/CMakeLists.txt": "add(aa.c)\n"},
                   {"bus/a.c": "int x;\n", "bus/test_b.c": "int x;\n",
                    "bus/CMakeLists.txt": "add(a.c)\nforeach(n b)\nadd(test_${n}.c)\n"}, "in no CMakeLists"),
    "leftovers": ({"docs/a.md": f"{NOTE}: this\n"}, {"docs/a.md": f"X{NOTE}S and XXXXXX\n"}, NOTE),
    "machine-paths": ({"docs/a.md": "see /home/someone/busbar\n"}, {"docs/a.md": "see ~/work/x and /etc/busbar\n"}, "/home/someone/"),
    "top-entries": ({"notes.md": "x\n"}, {"docs/notes.md": "x\n", ".gitignore": "x\n"}, "does not belong"),
    "plain-lines": ({"docs/a.md": "x \n"}, {"docs/a.md": "x\n"}, "white space"),
    "markdown-links": ({"docs/a.md": "[x](b.md) [y](#no)\n"},
                       {"docs/a.md": "# On it\n[x](../docs/a.md#on-it) [y](https://example.org/b.md)\n```\n[z](b.md)\n```\n"},
                       "leads nowhere: b.md"),
}


class Rules(unittest.TestCase):
    def offences(self, rule, files, exceptions=()):
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                file = pathlib.Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            rules = [r for r in tidy.RULES if r[0] == rule]
            return {name: found for name, _, found in tidy.run(folder, list(exceptions), rules)}

    def test_every_rule_has_a_case(self):
        self.assertEqual(sorted(CASES), sorted(name for name, _, _ in tidy.RULES))

    def test_an_exception_excuses(self):
        bad, _, _ = CASES["banned-calls"]
        found = self.offences("banned-calls", bad, [("banned-calls", "bus/a.c", "because")])
        self.assertEqual(found, {"banned-calls": [], "exceptions": []})

    def test_an_exception_that_excuses_nothing_is_an_offence(self):
        _, good, _ = CASES["banned-calls"]
        found = self.offences("banned-calls", good, [("banned-calls", "bus/a.c", "because")])
        self.assertEqual(len(found["exceptions"]), 1)

    def test_the_hard_limit_knows_no_exception(self):
        found = self.offences("file-length", {"bus/a.c": "int x;\n" * 901}, [("file-length", "bus/a.c", "because")])
        self.assertEqual(len(found["file-length"]), 1)


def add_case(rule, bad, good, word):
    def test(self):
        found = self.offences(rule, bad)[rule]
        self.assertTrue(found, "the offence was not found")
        self.assertIn(word, "\n".join(found))
        self.assertEqual(self.offences(rule, good)[rule], [])

    setattr(Rules, "test_" + rule.replace("-", "_"), test)


for name, case in CASES.items():
    add_case(name, *case)


class Source(unittest.TestCase):
    def test_blanked_keeps_lines(self):
        text = 'a /* b\n c */ d "e\\"f" // g\nh\n'
        self.assertEqual(source.blanked(text).count("\n"), text.count("\n"))
        self.assertNotIn("g", source.blanked(text))
        self.assertEqual(source.blanked(text).split(), ["a", "d", '"', '"', "h"])

    def test_prototypes(self):
        code = "struct a {\n    int x;\n};\ntypedef void a_f(int);\nMUST int *a_g(int x,\n  int y);\nint v;\nstatic int a_h(int);\n"
        self.assertEqual(source.prototypes(code), [("a_g", 5)])

    def test_functions(self):
        code = "static int\nf(int a,\n  int b)\n{\n    if (x) {\n    }\n}\n\nstruct s {\n    int a;\n};\n"
        self.assertEqual(source.functions(code), [("f", 1, 7)])


if __name__ == "__main__":
    unittest.main()
