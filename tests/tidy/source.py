"""A light reading of C: enough for house rules, in a tree that clang-format has laid out (a function's braces
stand alone in the first column)."""
import re

KEYWORDS = {"if", "while", "for", "switch", "return", "sizeof", "defined", "__attribute__", "_Alignas", "alignas"}


def blanked(text, keep_strings=False):
    """The text with comments (and the inside of literals) turned to spaces; every line stays in its place."""
    out, i, n = [], 0, len(text)
    while i < n:
        two = text[i:i + 2]
        if two == "/*":
            end = text.find("*/", i + 2)
            end = n if end < 0 else end + 2
        elif two == "//":
            end = text.find("\n", i)
            end = n if end < 0 else end
        elif text[i] in "\"'":
            end = i + 1
            while end < n and text[end] not in (text[i], "\n"):
                end += 2 if text[end] == "\\" else 1
            end = min(end + 1, n)
            inside = text[i + 1:end - 1]
            out.append(text[i] + (inside if keep_strings else re.sub(r"[^\n]", " ", inside)) + text[end - 1])
            i = end
            continue
        else:
            out.append(text[i])
            i += 1
            continue
        out.append(re.sub(r"[^\n]", " ", text[i:end]))
        i = end
    return "".join(out)


def without_directives(code):
    """Blanked code with the preprocessor's lines, continuations included, blanked as well."""
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m[0]), code, flags=re.MULTILINE)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def functions(code):
    """(name, first line, last line) of each function body in blanked code."""
    found, lines = [], code.split("\n")
    for i, line in enumerate(lines):
        if line.rstrip() != "{" or i == 0:
            continue
        first = i - 1
        while first > 0 and lines[first - 1].strip() and not lines[first - 1].startswith(("}", "#")) \
                and not lines[first - 1].rstrip().endswith(";"):
            first -= 1
        name = re.search(r"([A-Za-z_]\w*)\s*\(", "\n".join(lines[first:i]))
        last = next((j for j in range(i, len(lines)) if lines[j].startswith("}")), len(lines) - 1)
        if name:
            found.append((name[1], first + 1, last + 1))
    return found


def statements(code):
    """(text, first line) of each statement at file level of blanked code without directives."""
    found, depth, start = [], 0, 0
    for i, c in enumerate(code):
        if c == "{":
            depth += 1
        elif c == "}":
            depth -= 1
            body = code[start:i + 1]
            if depth == 0 and re.search(r"\)\s*\{", body) and not re.match(r"\s*(typedef|enum|struct|union)\b[^()]*\{", body):
                start = i + 1  # a function ends without a semicolon
        elif c == ";" and depth == 0:
            text = code[start:i + 1]
            lead = len(text) - len(text.lstrip())
            found.append((text.strip(), line_of(code, start + lead)))
            start = i + 1
    return found


def prototypes(code):
    """(name, first line) of each prototype of a header that other files can call (static inline ones are not)."""
    found = []
    for text, line in statements(code):
        if re.match(r"(typedef|static|_Static_assert|extern\s+\"|struct\s+\w+\s*\{|enum\b[^()]*\{)", text) or "{" in text:
            continue
        for name in re.finditer(r"([A-Za-z_]\w*)\s*\(", text):
            if name[1] not in KEYWORDS:
                found.append((name[1], line))
                break
    return found


def includes(text):
    """(kind, name, line) of each include: kind is `"` or `<`."""
    return [(m[1], m[2], line_of(text, m.start()))
            for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]', text, re.MULTILINE)]


def enumerators(code):
    """The names that enums of this blanked code define."""
    names = set()
    for body in re.findall(r"\benum\b[^{};()]*\{([^}]*)\}", code):
        names.update(re.findall(r"(?:^|,)\s*([A-Za-z_]\w*)", body))
    return names


def switches(code):
    """(body, line) of each switch of blanked code."""
    found = []
    for m in re.finditer(r"\bswitch\s*\([^{]*\{", code):
        depth, i = 1, m.end()
        while i < len(code) and depth:
            depth += {"{": 1, "}": -1}.get(code[i], 0)
            i += 1
        found.append((code[m.end():i], line_of(code, m.start())))
    return found
