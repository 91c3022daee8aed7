/* The topics as a tree of their parts, and what of it is open. Pure. */

/* topics: [{topic, rate, messages, bytes, last_ms, …}] → the root {name, path, topic, rate, messages, last_ms, count, children}: a node's
 * rate and messages are those of all topics below it; `topic` is null where none ends. */
export function treeOf(topics) {
    const root = node("", "");
    for (const topic of topics) {
        const parts = topic.topic.split("/");
        let at = root;
        grow(at, topic);
        parts.forEach((part, i) => {
            const path = parts.slice(0, i + 1).join("/") + (i + 1 < parts.length ? "/" : "");
            if (!at.children.has(path)) at.children.set(path, node(part, path));
            at = at.children.get(path);
            grow(at, topic);
        });
        at.topic = topic;
    }
    return root;
}

const node = (name, path) => ({ name, path, topic: null, rate: 0, messages: 0, last_ms: 0, count: 0, children: new Map() });

function grow(at, topic) {
    at.rate += topic.rate;
    at.messages += topic.messages;
    at.last_ms = Math.max(at.last_ms, topic.last_ms);
    at.count++;
}

/* The rows that are seen: [{node, depth, open}], those of open nodes with their children, in the order of their names. */
export function rowsOf(root, isOpen) {
    const rows = [];
    const visit = (at, depth) => {
        const sorted = [...at.children.values()].sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
        for (const child of sorted) {
            const open = child.children.size > 0 && isOpen(child.path);
            rows.push({ node: child, depth, open });
            if (open) visit(child, depth + 1);
        }
    };
    visit(root, 0);
    return rows;
}
