#!/usr/bin/env python3
"""tidy.py [ROOT]: the house rules that a compiler does not know, each one line of RULES.

Prints one line a rule, the offenders under it, and `N passed, N failed` at the end. The numbers are there to be
looked at when crossed, not to be gamed: split where the idea splits. Its own tests: test_tidy.py.
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import source

FUNCTION_LINES, FILE_LINES, FILE_LINES_HARD = 70, 600, 900
PUBLIC_FUNCTIONS, PROJECT_INCLUDES = 12, 8

# What may stand at the top, besides dot-files and what builds leave.
TOP = {"bus", "agents", "node-fw", "ledger", "market", "include", "tests", "configs", "docs", "debian", "CMakeLists.txt",
       "CMakePresets.json", "README.md", "CHANGELOG.md", "LICENSE", "demo", "check", "build", "node_modules"}

# Who may include whom, as docs/architecture.md says it: the longest beginning of the path counts; the own folder is always
# allowed, <busbar/…> too. A rule for `agents` holds for each of its folders.
MAY_INCLUDE = {
    "include": [],
    "node-fw": ["node-fw/card", "node-fw/node", "node-fw/link", "node-fw/dispatch"],
    "node-fw/card": ["node-fw/node", "node-fw/link", "node-fw/dispatch"],
    "node-fw/dispatch": [],
    "node-fw/link": [],
    "node-fw/node": ["node-fw/dispatch", "node-fw/link"],
    "node-fw/central": ["node-fw/dispatch"],
    "node-fw/sim": ["node-fw/dispatch", "node-fw/central"],
    "node-fw/wire": [],
    "bus/core": [],
    "bus/zmtp": [],
    "bus/client": [],
    "bus/rules": ["bus/core", "bus/client"],
    "bus/configs": [],
    "bus/durable": [],
    "bus": ["bus/core", "bus/zmtp", "bus/client", "bus/rules", "bus/configs", "bus/durable"],
    "market": [],
    "ledger/crypto": [],
    "ledger/core": ["market", "ledger/crypto"],
    "ledger/verify": ["market", "ledger/crypto", "ledger/core"],
    "ledger": ["market", "ledger/crypto", "ledger/core", "bus/client"],
    "agents": ["bus/client", "bus/core", "bus/rules", "node-fw/dispatch", "node-fw/link", "node-fw/central", "node-fw/sim", "node-fw/node",
               "market", "ledger/crypto", "ledger/core", "agents/bundle", "agents/care", "agents/views", "agents/tokens"],
    "agents/views": [],
    "agents/web/model": [],
    "agents/web": ["agents/web", "agents/web/api", "agents/web/model", "agents/views", "agents/tokens", "bus/client", "ledger/crypto"],
    "agents/tokens": ["bus/client", "ledger/crypto"],
    "tests": [""],
}

# Third-party headers and the folders that may know them.
THIRD_PARTY = {
    "zmq.h": ["bus", "tests"],
    "czmq.h": ["bus", "tests"],
    "sodium.h": ["bus/zmtp", "tests/bus/zmtp"],
    "jansson.h": ["bus", "agents", "ledger", "tests"],
    "secp256k1.h": ["ledger/crypto", "tests"],
    "secp256k1_recovery.h": ["ledger/crypto", "tests"],
    "sqlite3.h": ["ledger", "bus/configs", "bus/durable", "agents/care", "agents/historian", "agents/host", "tests"],
    "libpq-fe.h": ["agents/historian"],
    "curl/curl.h": ["agents/historian"],
    "libserialport.h": ["agents/uart", "tests"],
    "archive.h": ["agents/bundle", "tests"],
    "archive_entry.h": ["agents/bundle", "tests"],
    "mosquitto.h": ["agents/mqtt", "tests"],
    "mqtt_protocol.h": ["agents/mqtt", "tests"],
    "modbus/modbus.h": ["agents/modbus", "tests"],
    "microhttpd.h": ["agents/web"],
    "cmocka.h": ["tests"],
}

# Cores: state, command and time in, events out. No clock, randomness, allocation, printing, file or socket.
PURE = ["node-fw/dispatch", "node-fw/link", "node-fw/node", "node-fw/card", "bus/core", "bus/zmtp", "market", "agents/web/model"]
PURE_HEADERS = {"errno.h", "math.h", "stdbool.h", "stddef.h", "stdint.h", "string.h", "strings.h", "sodium.h", "inttypes.h", "limits.h", "stdarg.h", "float.h"}
PURE_BANNED = ["malloc", "calloc", "realloc", "free", "printf", "fprintf", "puts", "time", "clock_gettime", "random",
               "getrandom", "socket", "open", "fopen", "read", "write", "getenv"]

# Installed symbols carry bb_ or busbar_, also in bus/client, which implements them; all others their file's or folder's name.
PUBLIC_PREFIXES = {"include": ["bb", "busbar"], "bus/client": ["bb"]}

BANNED = ["strcpy", "strcat", "sprintf", "vsprintf", "gets", "atoi", "atol", "atof", "strtok", "rand", "srand", "system",
          "alloca"]

# (rule, path, reason): what crosses a line and is right to. One that excuses nothing is an offence itself.
EXCEPTIONS = [
    ("machine-paths", "tests/tidy/test_tidy.py", "holds an offender for this very rule"),
    ("public-functions", "tests/node-fw/dispatch/town.h", "the vocabulary of a family of tests, in one header"),
]


class Tree:
    """The files of the project: everything under root but dot-files, build/ and caches."""

    SKIP = {"build", "node_modules", "__pycache__"}

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.paths = sorted(str(p.relative_to(self.root)) for p in self.root.rglob("*")
                            if p.is_file() and self.wanted(p.relative_to(self.root).parts))
        self._texts, self._codes = {}, {}

    def wanted(self, parts):
        return not any(part in self.SKIP or (part.startswith(".") and part != ".ci") for part in parts)

    def named(self, *endings):
        return [p for p in self.paths if p.endswith(endings)]

    def text(self, path):
        if path not in self._texts:
            data = (self.root / path).read_bytes()
            self._texts[path] = None if b"\0" in data or path.startswith("tests/fuzz/corpus/") else \
                data.decode("utf-8", "replace")
        return self._texts[path]

    def code(self, path):
        """C without comments, literals and directives."""
        if path not in self._codes:
            self._codes[path] = source.without_directives(source.blanked(self.text(path)))
        return self._codes[path]

    def texts(self):
        return [(p, self.text(p)) for p in self.paths if self.text(p) is not None and p != "LICENSE"]


def folder_of(path):
    return path.rpartition("/")[0]


def inside(path, folder):
    return folder == "" or path == folder or path.startswith(folder + "/")


def row_of(path):
    """The key of MAY_INCLUDE that holds for a path."""
    return max((f for f in MAY_INCLUDE if inside(path, f)), key=len, default=None)


def header_stem(path):
    return path.rpartition("/")[2].rpartition(".")[0]


# -- the rules: each yields (path, line, what) ----------------------------------------------------------------------


def function_length(tree):
    for path in tree.named(".c", ".h"):
        for name, first, last in source.functions(tree.code(path)):
            if last - first + 1 > FUNCTION_LINES:
                yield path, first, f"{name} has {last - first + 1} lines, more than {FUNCTION_LINES}"


def file_length(tree):
    for path in tree.named(".c"):
        lines = tree.text(path).count("\n")
        if lines > FILE_LINES:
            hard = " (and the hard limit)" if lines > FILE_LINES_HARD else ""
            yield path, lines, f"{lines} lines, more than {FILE_LINES}{hard}"


def public_functions(tree):
    for path in tree.named(".h"):
        count = len(source.prototypes(tree.code(path)))
        if count > PUBLIC_FUNCTIONS:
            yield path, 1, f"{count} public functions, more than {PUBLIC_FUNCTIONS}"


def project_includes(tree):
    for path in tree.named(".c"):
        count = sum(1 for kind, _, _ in source.includes(tree.text(path)) if kind == '"')
        if count > PROJECT_INCLUDES and not path.startswith("tests/"):
            yield path, 1, f"{count} includes of modules, more than {PROJECT_INCLUDES}"


def documented(tree):
    for path in tree.named(".h"):
        lines = tree.text(path).split("\n")
        for name, line in source.prototypes(tree.code(path)):
            above = line - 2
            while above >= 0 and lines[above].strip() and not lines[above].rstrip().endswith("*/"):
                above -= 1
            if above < 0 or not lines[above].strip():
                yield path, line, f"{name} has no comment above it or its group"


def include_directions(tree):
    for path in tree.named(".c", ".h"):
        row = row_of(path)
        own = folder_of(path)
        allowed = None if row is None else [own, row if row != "agents" else own, *MAY_INCLUDE[row]]
        if row == "agents":  # an agent sees its own folder, not the other agents'
            allowed = ["/".join(path.split("/")[:2]), *MAY_INCLUDE["agents"]]
        for kind, name, line in source.includes(tree.text(path)):
            if kind != '"':
                continue
            if allowed is None:
                yield path, line, "a folder without a row in MAY_INCLUDE"
            elif row in ("bus", "node-fw") and not any(folder_of(name) == f for f in allowed):
                yield path, line, f"{row}/ may not include {name}"
            elif not any(inside(name, f) for f in allowed):
                yield path, line, f"{row} may not include {name}"


def rooted_includes(tree):
    for path in tree.named(".c", ".h"):
        for kind, name, line in source.includes(tree.text(path)):
            if ".." in name.split("/"):
                yield path, line, f"climbs: {name}"
            elif kind == '"' and not (tree.root / name).is_file():
                yield path, line, f"not rooted at the repository: {name}"


def umbrella_headers(tree):
    for path in tree.named(".h"):
        names = [name for kind, name, _ in source.includes(tree.text(path)) if kind == '"' or name.startswith("busbar/")]
        macros = re.findall(r"^#\s*define\s+\w+[ (]", source.blanked(tree.text(path)), re.MULTILINE)
        if len(names) > 1 and not tree.code(path).strip() and not macros:
            yield path, 1, "holds nothing but includes"


def third_party(tree):
    for path in tree.named(".c", ".h"):
        for _, name, line in source.includes(tree.text(path)):
            if name in THIRD_PARTY and not any(inside(path, f) for f in THIRD_PARTY[name]):
                yield path, line, f"{name} is known to {', '.join(THIRD_PARTY[name])} only"


def pure_cores(tree):
    calls = re.compile(r"(?<![\w.>])(" + "|".join(PURE_BANNED) + r")\s*\(")
    for path in tree.named(".c", ".h"):
        if not any(inside(path, f) for f in PURE):
            continue
        for kind, name, line in source.includes(tree.text(path)):
            if kind == "<" and not name.startswith("busbar/") and name not in PURE_HEADERS:
                yield path, line, f"a pure core includes <{name}>"
        for m in calls.finditer(tree.code(path)):
            yield path, source.line_of(tree.code(path), m.start()), f"a pure core calls {m[1]}"


def banned_calls(tree):
    calls = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    for path in tree.named(".c", ".h"):
        for m in calls.finditer(tree.code(path)):
            yield path, source.line_of(tree.code(path), m.start()), f"calls {m[1]}"


def own_type_names(tree):
    for path in tree.named(".c", ".h"):
        code = tree.code(path)
        for m in re.finditer(r"\b(?:struct|enum|union)\s+(\w+_t)\b(?=\s*[{;])|\btypedef\b[^;{}]*\b(\w+_t)\s*;|\}\s*(\w+_t)\s*;", code):
            yield path, source.line_of(code, m.start()), f"the type {m[1] or m[2] or m[3]} ends in _t"


def prefixes(tree):
    for path in tree.named(".h"):
        if path.startswith("tests/"):
            continue
        folder, stem = folder_of(path).rpartition("/")[2].replace("-", "_"), header_stem(path).replace("-", "_")
        for name, line in source.prototypes(tree.code(path)):
            wanted = PUBLIC_PREFIXES.get(row_of(path), [])
            if not path.startswith("include/"):
                wanted = [*wanted, stem, stem.partition("_")[0], folder]
            if not any(name == w or name.startswith(w + "_") for w in wanted):
                yield path, line, f"{name} begins with none of {', '.join(w + '_' for w in wanted)}"


def enum_switches(tree):
    own = set()
    for path in tree.named(".c", ".h"):
        own |= source.enumerators(tree.code(path))
    for path in tree.named(".c", ".h"):
        for body, line in source.switches(tree.code(path)):
            labels = set(re.findall(r"\bcase\s+([A-Za-z_]\w*)\s*:", body))
            if re.search(r"\bdefault\s*:", body) and labels & own:
                yield path, line, "a switch over an enum has a default: the compiler no longer names the missing case"


def in_cmake(name, cmake):
    """True when CMake's texts name the file, plainly or with a variable in it whose value is a word of theirs."""
    if re.search(r"(?<![\w-])" + re.escape(name) + r"\b", cmake):
        return True
    for pattern in set(re.findall(r"[\w-]*\$\{\w+\}[\w-]*\.c\b", cmake)):
        match = re.fullmatch(re.sub(r"\\\$\\\{\w+\\\}", r"([\\w-]+)", re.escape(pattern)), name)
        if match and re.search(r"(?<![\w-])" + re.escape(match[1]) + r"(?![\w-])", cmake):
            return True
    return False


def dead_files(tree):
    cmake = "\n".join(tree.text(p) for p in tree.named("CMakeLists.txt", ".cmake"))
    included = {name for p in tree.named(".c", ".h") for _, name, _ in source.includes(tree.text(p))}
    for path in tree.named(".c"):
        if not in_cmake(path.rpartition("/")[2], cmake):
            yield path, 1, "is in no CMakeLists.txt"
    for path in tree.named(".h"):
        if path not in included and path.replace("include/", "", 1) not in included:
            yield path, 1, "is included by nobody"


def no_leftovers(tree):
    # The words are put together here so that this file does not hold them.
    words = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b|^\s*#\s*if\s+0\b", re.MULTILINE)
    for path, text in tree.texts():
        for m in words.finditer(text):
            yield path, source.line_of(text, m.start()), f"holds {m[0].strip()}"


def machine_paths(tree):
    paths = re.compile(r"(?<![\w.~$}/-])/(?:work|root|Users|home/[a-z]\w*)/")
    for path, text in tree.texts():
        for m in paths.finditer(text):
            yield path, source.line_of(text, m.start()), f"an absolute path of somebody's machine: {m[0]}"


def top_entries(tree):
    for entry in sorted(tree.root.iterdir()):
        if entry.name not in TOP and not entry.name.startswith("."):
            yield entry.name, 1, "does not belong at the top"


def plain_lines(tree):
    for path, text in tree.texts():
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip(" \t\r"):
                yield path, number, "white space at the end of the line"
            elif "\t" in line and path.endswith((".c", ".h", ".py")):
                yield path, number, "a tab"
        if text and not text.endswith("\n"):
            yield path, text.count("\n") + 1, "no newline at the end"


def anchors(text):
    """The anchors that GitHub makes of a Markdown text's headings."""
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
            for heading in re.findall(r"^#+\s+(.*)$", text, re.MULTILINE)}


def markdown_links(tree):
    for path in tree.named(".md"):
        text = re.sub(r"```.*?```", lambda m: re.sub(r"[^\n]", " ", m[0]), tree.text(path), flags=re.DOTALL)
        for m in re.finditer(r"\]\(([^)\s]+)\)", text):
            target, _, anchor = m[1].partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            file = (tree.root / path).parent / target if target else tree.root / path
            if not file.exists():
                yield path, source.line_of(text, m.start()), f"leads nowhere: {m[1]}"
            elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8")):
                yield path, source.line_of(text, m.start()), f"no such heading: {m[1]}"


RULES = [
    ("function-length", f"a function has at most {FUNCTION_LINES} lines", function_length),
    ("file-length", f"a source file has at most {FILE_LINES} lines", file_length),
    ("public-functions", f"a header offers at most {PUBLIC_FUNCTIONS} functions", public_functions),
    ("project-includes", f"a source file includes at most {PROJECT_INCLUDES} headers of modules (the vocabulary is free)", project_includes),
    ("documented", "every prototype in a header has a comment above it or its group", documented),
    ("include-directions", "a folder includes only what docs/architecture.md allows it", include_directions),
    ("rooted-includes", "includes are rooted at the repository", rooted_includes),
    ("umbrella-headers", "no header holds nothing but includes", umbrella_headers),
    ("third-party", "each third-party header is known to its folders only", third_party),
    ("pure-cores", "a core has no clock, randomness, allocation, printing or I/O", pure_cores),
    ("banned-calls", "no banned calls", banned_calls),
    ("type-names", "no type of our own ends in _t", own_type_names),
    ("prefixes", "a public function begins with its module's name", prefixes),
    ("enum-switches", "a switch over an enum has no default", enum_switches),
    ("dead-files", "every source is built and every header included", dead_files),
    ("leftovers", "no notes to self, no code switched off", no_leftovers),
    ("machine-paths", "no path of somebody's machine", machine_paths),
    ("top-entries", "only the agreed entries at the top", top_entries),
    ("plain-lines", "no trailing white space, no tabs in sources, a newline at the end", plain_lines),
    ("markdown-links", "links in Markdown lead somewhere", markdown_links),
]


def run(root, exceptions=None, rules=None):
    """The offences of each rule: [(name, sentence, ["path:line: what", …])…]."""
    tree = Tree(root)
    exceptions = EXCEPTIONS if exceptions is None else exceptions
    used, results = set(), []
    for name, sentence, rule in rules or RULES:
        offences = []
        for path, line, what in rule(tree):
            excuse = next((e for e in exceptions if e[0] == name and e[1] == path), None)
            if excuse is None or "hard limit" in what:
                offences.append(f"{path}:{line}: {what}")
            else:
                used.add(excuse)
        results.append((name, sentence, offences))
    unused = [f"{e[1]}: {e[0]} has nothing to excuse" for e in exceptions if e not in used]
    results.append(("exceptions", "every exception is still needed", unused))
    return results


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2]
    results = run(root)
    for name, sentence, offences in results:
        print(f"{'FAIL' if offences else 'ok  '} {name}: {sentence}")
        for offence in offences:
            print(f"       {offence}")
    bad = sum(1 for result in results if result[2])
    print(f"{len(results) - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
