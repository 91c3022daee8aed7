import { Empty } from "/ui.js";
import { html } from "/view.js";

export default function Chain() {
    return html`<${Empty} title="Not built yet">The page Chain has not landed.<//>`;
}
